"""The figure of a replay: arrivals, deployed tasks, use of compute and uplink, outages and latency over one time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cutlayer.experiments.figures.drawings import mark_end, short
from cutlayer.experiments.figures.map_places import places_of
from cutlayer.experiments.figures.panels import latency_unit, time_unit
from cutlayer.experiments.figures.replay_history import History, Use
from cutlayer.experiments.figures.replay_map import draw_network
from cutlayer.experiments.figures.style import COLOURS
from cutlayer.experiments.lateness import late_shares, none_late
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.topology.build import Topology

ROWS = 12
"""So many servers and links have room for their outages; of more, the number that is down is drawn."""
FULLEST = 1000.0
"""Where the axis of use ends at the latest [%]: a link in a dead spot has many times too much reserved."""
PARTS = (240, 120, 60, 40, 30, 24, 20, 15, 12, 10)
TASKS_IN_PART = 2
_DARK, _SKY = "#333333", "#56B4E9"


def replay_figure(seen: History, topology: Topology | None, title: str = "") -> Figure:
    """Return the figure: panels over one axis of time, and beside them a map where there is one.

    Parameters
    ----------
    seen : History
    topology : Topology, optional
        Where servers stand.
    title : str
        What was replayed: the traces and the scenario.
    """
    scale, x_label = time_unit(float(seen.edges[-1]))
    panels = [_draw_arrivals, _draw_deployed, _draw_compute, _draw_uplink]
    heights = [1.0] * len(panels)
    if any(seen.down):
        panels.append(_draw_outages)
        rows = sum(map(len, seen.down))
        heights.append(0.25 + 0.11 * rows if rows <= ROWS else 0.9)
    if seen.windows:
        panels += [_draw_late, _draw_latency]
        heights += [1.0, 1.2]
    places = {} if topology is None else places_of(topology)
    width = 8.2 if not places else 14.2
    drawn = Figure(figsize=(width, 1.0 + 1.45 * sum(heights)))
    left: Any = drawn
    if places:
        both: Any = drawn.subfigures(1, 2, width_ratios=(8.0, 6.2))
        left, right = both
    all_axes = left.subplots(len(panels), 1, sharex=True, height_ratios=heights)
    for axes, draw_one in zip(all_axes, panels, strict=True):
        axes.set_xlim(0, seen.edges[-1] / scale)
        axes.margins(x=0)
        draw_one(axes, seen, scale)
    all_axes[-1].set_xlabel(x_label)
    left.align_ylabels(all_axes)
    row = seen.row
    counts = [f"{row['arrived_tasks']:,} tasks"]
    counts += [f"{row[f'{what}_tasks']:,} {what}" for what in ("rejected", "evicted")]
    if seen.windows:
        counts.append(f"{row['violations']:,} of {row['delivered']:,} frames late")
    lines = [title, f"scheduler {row['scheduler']}: {', '.join(counts)}"]
    drawn.suptitle("\n".join(lines).strip(), x=0.01, ha="left", fontsize="large")
    if places:
        assert topology is not None
        draw_network(right, seen, topology, places)
    return drawn


def _draw_arrivals(axes: Axes, seen: History, scale: float) -> None:
    """Draw rates over parts of time in which there is more than one task: of single ones there is no rate to see."""
    tasks = float(seen.arrived.sum() * (seen.edges[1] - seen.edges[0]))
    parts = [n for n in PARTS if len(seen.arrived) % n == 0]
    part = len(seen.arrived) // max([n for n in parts if n * TASKS_IN_PART <= tasks], default=min(parts, default=1))
    x = seen.edges[::part] / scale

    def over_parts(rate: FloatArray) -> FloatArray:
        means: FloatArray = rate.reshape(-1, part).mean(axis=1)
        return means

    axes.stairs(over_parts(seen.arrived), x, fill=True, color=_SKY, alpha=0.75, label="arrived")
    for rate, name, colour in ((seen.rejected, "rejected", COLOURS[1]), (seen.evicted, "evicted", _DARK)):
        if rate.any():
            axes.stairs(over_parts(rate), x, color=colour, linewidth=0.9, label=name)
    axes.set_ylabel("tasks\n[1/s]")
    axes.set_ylim(bottom=0)
    _legend(axes)


def _draw_deployed(axes: Axes, seen: History, scale: float) -> None:
    # means over intervals, and at last what is there at the end: the task that arrives then counts too
    there = np.append(seen.deployed, seen.row["deployed_tasks"])
    axes.step(seen.edges / scale, there, where="post", color=COLOURS[0], linewidth=1.2, label="deployed")
    bound = seen.row.get("bound_tasks")
    if bound is not None and bound > 0:
        mark_end(axes, bound, f"bound at the end, {bound:,.4g}")
    axes.set_ylabel("deployed\ntasks")
    axes.set_ylim(bottom=0)
    _legend(axes)


def _draw_compute(axes: Axes, seen: History, scale: float) -> None:
    _draw_use(axes, seen.compute, seen.edges / scale, "compute", "server")


def _draw_uplink(axes: Axes, seen: History, scale: float) -> None:
    _draw_use(axes, seen.uplink, seen.edges / scale, "uplink", "link")


def _draw_use(axes: Axes, use: Use, x: FloatArray, what: str, one: str) -> None:
    """Draw what is reserved of what there is meanwhile: of every server or link, or of all where no more is known."""
    colour = COLOURS[2]
    each = use.of_available
    if len(each) > 1:
        # what is down has nothing to reserve of; where all are, nothing is drawn
        known = np.where(np.isnan(each).all(axis=0), 0.0, each)
        low, quarter, middle, three, high = np.nanquantile(known, [0, 0.25, 0.5, 0.75, 1], axis=0)
        axes.stairs(
            high, x, baseline=low, fill=True, color=colour, alpha=0.16, linewidth=0, label=f"all {len(each)} {one}s"
        )
        axes.stairs(three, x, baseline=quarter, fill=True, color=colour, alpha=0.34, linewidth=0, label="middle half")
        axes.stairs(high, x, color=_DARK, linewidth=0.8, label=f"fullest {one}", baseline=None)
        axes.stairs(middle, x, color=colour, linewidth=1.5, label=f"median {one}", baseline=None)
        top = float(high.max())
    else:
        values = each[0] if len(each) else use.all_of_available
        name = one if len(each) else f"all {one}s together"
        axes.stairs(values, x, color=colour, linewidth=1.5, label=name, baseline=None)
        top = float(np.nanmax(values, initial=0.0))
    limits = [(use.usable, f"usable, {use.usable:.4g} %")] if use.usable < 100 else []
    if top > 100:  # reservations stay when bandwidth falls: then everything on that link runs late
        limits.append((100.0, "full, 100 %"))
    end = min(1.08 * top, FULLEST) if top > 0 else 1.0
    if limits and end > 0.35 * limits[0][0]:
        end = max(end, 1.2 * limits[-1][0])
    typical = float(middle[middle > 0].mean()) if len(each) > 1 and middle.any() else end
    if end > 20 * typical:  # few are much fuller than most
        axes.set_yscale("log")
        axes.set_ylim(max(typical / 10, end / 1e5), end)
        limits = limits[:1]  # more are too close together
    else:
        axes.set_ylim(0, end)
    for value, label in limits:
        if value < end:
            _line(axes, value, label)
    axes.set_ylabel(f"{what} reserved\n[% of available]")
    _legend(axes, f"{one}s at most:\n{top:,.0f} %" if top > end else "")


def _draw_outages(axes: Axes, seen: History, scale: float) -> None:
    """Draw when which server and link is down; of many, how many are."""
    looks = ((seen.down[0], "server", _DARK, ""), (seen.down[1], "link", "#d9a27a", "////"))
    if sum(map(len, seen.down)) > ROWS:
        for index, (down, kind, _, _) in enumerate(looks):
            if down:
                all_spans = np.array([span for spans in down.values() for span in spans])
                times = np.concatenate([all_spans[:, 0], all_spans[:, 1]])
                change = np.repeat([1.0, -1.0], len(all_spans))
                order = np.argsort(times, kind="stable")
                x, y = np.append([0.0], times[order]), np.append([0.0], np.cumsum(change[order]))
                axes.step(
                    x / scale, y, where="post", color=(_DARK, COLOURS[1])[index], linewidth=1.0,
                    linestyle=("-", "--")[index], label=f"{kind}s, of {len(seen.names[index])}",
                )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylabel("down")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", handlelength=1.6)
        return
    names: list[str] = []
    for down, kind, colour, hatch in looks:
        for number, (name, spans) in enumerate(down.items()):
            bars = [(begin / scale, (end - begin) / scale) for begin, end in spans]
            axes.broken_barh(
                bars, (len(names) + 0.12, 0.76), facecolor=colour, edgecolor=_DARK, linewidth=0.5, hatch=hatch,
                label=kind if number == 0 else None,
            )  # fmt: skip
            names.append(name)
    axes.set_ylim(len(names), 0)
    axes.set_yticks(np.arange(len(names)) + 0.5, [short(name) for name in names], fontsize="small")
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_ylabel("down")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", handlelength=1.4)


def _draw_late(axes: Axes, seen: History, scale: float) -> None:
    x, delivered, lost = seen.windows["edges_s"] / scale, seen.windows["delivered"], seen.windows["lost"]
    late, gone = 100 * late_shares(seen.windows["violations"], delivered), 100 * late_shares(lost, delivered + lost)
    axes.stairs(late, x, fill=True, color=COLOURS[1], alpha=0.35)
    axes.stairs(late, x, color=COLOURS[1], linewidth=1.1, label="late, of delivered")
    if lost.any():
        axes.stairs(gone, x, color=_DARK, linewidth=1.0, linestyle="--", label="lost, of all")
    top = max(float(np.nanmax(late, initial=0.0)), float(np.nanmax(gone, initial=0.0)))
    axes.set_ylabel("frames late\n[% of delivered]" if not lost.any() else "frames\n[%]")
    axes.set_ylim(0, 1.08 * top if top > 0 else 1)
    if top == 0:
        axes.set_yticks([0])
        axes.text(
            0.5, 0.5, none_late(int(delivered.sum())), transform=axes.transAxes,
            ha="center", va="center", color=_DARK,
        )  # fmt: skip
    _legend(axes)


def _draw_latency(axes: Axes, seen: History, scale: float) -> None:
    """Draw mean and largest against the deadline, over a range that holds all of these and nothing else."""
    x = seen.windows["edges_s"] / scale
    mean, largest = seen.windows["transfer_mean_s"], seen.windows["transfer_max_s"]
    deadlines = [value for value in dict.fromkeys(seen.deadlines_s) if math.isfinite(value)]
    shown = np.concatenate([mean, largest, deadlines])
    shown = shown[np.isfinite(shown) & (shown > 0)]
    factor, unit = latency_unit([shown])
    axes.stairs(largest / factor, x, color=_DARK, linewidth=0.8, label="largest", baseline=None)
    axes.stairs(mean / factor, x, color=COLOURS[0], linewidth=1.6, label="mean", baseline=None)
    names = ("deadline",) if len(deadlines) == 1 else ("shortest deadline", "longest deadline")
    for value, label in zip(deadlines, names, strict=False):
        _line(axes, value / factor, f"{label}, {value / factor:.4g} {unit}")
    if len(shown):
        low, high = float(shown.min()) / factor, float(shown.max()) / factor
        if high > 8 * low:
            axes.set_yscale("log")
            axes.set_ylim(low / 1.25, high * 1.4)
        else:
            room = max(high - low, 0.05 * high)
            axes.set_ylim(max(low - 0.1 * room, 0.0), high + 0.15 * room)
    axes.set_ylabel(f"transfer\nlatency [{unit}]")
    _legend(axes)


def _line(axes: Axes, value: float, label: str) -> None:
    """Draw a limit."""
    axes.axhline(value, color=_DARK, linewidth=0.9, linestyle=(0, (2, 2)), label=label)


def _legend(axes: Axes, title: str = "") -> None:
    """Name the lines, right of the panel."""
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(
            loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", handlelength=1.6, title=title or None,
            title_fontsize="small", alignment="left",
        )  # fmt: skip
