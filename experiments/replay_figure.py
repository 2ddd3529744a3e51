"""The figure of a replay: arrivals, deployed tasks, use of compute and uplink, violations and latency over one time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.drawings import COLOUR_MAP, draw_map
from experiments.inputs import Inputs
from experiments.panels import latency_unit, step_means, time_unit
from experiments.plots import COLOURS
from simulator.results import Results
from simulator.types import FloatArray
from simulator.uplink import Clock
from workloads.topology import Topology

INTERVALS = 240
"""Of time, over which use is averaged."""
LINKS = 16
"""So many have room to be named."""


@dataclass(frozen=True, eq=False)
class Use:
    """The use of a resource over time, in percent of what all there is of it has.

    Attributes
    ----------
    reserved : ndarray, shape (n,)
        In all.
    each : ndarray, shape (resources, n)
        Of every server or link by itself; no rows where the results do not say.
    available : ndarray, shape (n,)
        What there is meanwhile.
    usable : float
        What tasks may reserve.
    """

    reserved: FloatArray
    each: FloatArray
    available: FloatArray
    usable: float


@dataclass(frozen=True, eq=False)
class History:
    """What a run did over time.

    Attributes
    ----------
    row : mapping
        Of ``runs``.
    edges : ndarray, shape (n + 1,)
        Of the intervals of time [s].
    arrived, rejected, evicted : ndarray, shape (n,)
        Tasks a second.
    times_s, deployed : ndarray
        Deployed tasks from each time on.
    compute, uplink : Use
    names : tuple of tuple of str
        The servers, the links.
    windows : mapping of str to ndarray
        The columns of ``frame_series``; empty without frames.
    deadline_s : float
        Of all tasks; NaN where they differ.
    """

    row: Mapping[str, Any]
    edges: FloatArray
    arrived: FloatArray
    rejected: FloatArray
    evicted: FloatArray
    times_s: FloatArray
    deployed: FloatArray
    compute: Use
    uplink: Use
    names: tuple[tuple[str, ...], tuple[str, ...]]
    windows: Mapping[str, FloatArray]
    deadline_s: float


def history(results: Results, row: Mapping[str, Any], inputs: Inputs) -> History:
    """Return what the run of that row did over time."""
    network = inputs.network
    end_s = float(row["end_s"]) or 1.0
    edges = np.linspace(0.0, end_s, INTERVALS + 1)
    series = columns(
        results, "series", row["key"], "time_s", "arrived_tasks", "deployed_tasks", "rejected_tasks", "evicted_tasks",
        "reserved_bps", "reserved_flop_per_s",
    )  # fmt: skip
    times = series["time_s"]
    width = edges[1] - edges[0]

    def rate(name: str) -> FloatArray:
        steps = np.diff(series[name], prepend=0.0)
        counts: FloatArray = np.histogram(times, edges, weights=steps)[0]
        return counts / float(width)

    each: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in results.rows("series_by", row["key"]):
        kind = entry["resource"]
        value = entry["reserved_bps" if kind == "link" else "reserved_flop_per_s"]
        each.setdefault((kind, entry["resource_name"]), []).append((entry["time_s"], value))

    def use(kind: str, name: str, names: tuple[str, ...], capacity: FloatArray, usable: float) -> Use:
        rows = []
        for one, own in zip(names, capacity, strict=True):
            changes = np.array(each.get((kind, one), [(0.0, 0.0)]))
            rows.append(_means(changes[:, 0], changes[:, 1], edges) / own)
        total = float(capacity.sum())
        return Use(
            100 * _means(times, series[name], edges) / total,
            100 * np.array(rows if each else []).reshape(-1, INTERVALS),
            100 * _available(kind, inputs, edges) / total,
            100 * usable,
        )

    windows = columns(
        results, "frame_series", row["key"], "time_s", "delivered", "violations", "transfer_mean_s", "transfer_max_s"
    )
    deadlines = {task["deadline_s"] for task in results.rows("tasks", row["key"])}
    return History(
        row,
        edges,
        rate("arrived_tasks"),
        rate("rejected_tasks"),
        rate("evicted_tasks"),
        np.append(times, end_s),
        np.append(series["deployed_tasks"], series["deployed_tasks"][-1:] if len(times) else 0.0),
        use("server", "reserved_flop_per_s", network.servers, network.capacity_flop_per_s, 1.0),
        use("link", "reserved_bps", network.links, network.link_bps, network.usable_share),
        (network.servers, network.links),
        windows if len(windows["time_s"]) else {},
        deadlines.pop() if len(deadlines) == 1 else math.nan,
    )


def columns(results: Results, table: str, key: str, *names: str) -> dict[str, FloatArray]:
    """Return columns of a table of one run; NaN where a value is missing."""
    found = {name: array("d") for name in names}
    for row in results.rows(table, key):
        for name, values in found.items():
            values.append(math.nan if row[name] is None else row[name])
    return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


def _means(times: FloatArray, values: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the means over the intervals of what changes at some times; of several changes at one, the last holds."""
    last = np.append(times[1:] > times[:-1], np.ones(min(len(times), 1), dtype=bool))
    return step_means(times[last], values[last], edges)


def _available(kind: str, inputs: Inputs, edges: FloatArray) -> FloatArray:
    """Return what all servers or links have over time [FLOP/s or bit/s], outages and other traffic taken off."""
    network, conditions = inputs.network, inputs.conditions
    capacity = network.link_bps if kind == "link" else network.capacity_flop_per_s
    if conditions is None:
        return np.full(len(edges) - 1, float(capacity.sum()))
    total = np.zeros(len(edges) - 1)
    for index in range(len(capacity)):
        if kind == "link":
            clock = Clock(conditions.link_capacity(network, index))
            total += np.diff(clock.at(edges)) / np.diff(edges)
        else:
            up = conditions.compute_clock(network, index)
            total += float(capacity[index]) * np.diff(up.at(edges)) / np.diff(edges)
    return total


def replay_figure(seen: History, topology: Topology | None) -> Figure:
    """Return the figure: panels over one axis of time, and beside them a map where there is one."""
    scale, x_label = time_unit(float(seen.edges[-1]))
    panels = [_draw_arrivals, _draw_deployed, _draw_compute, _draw_uplink]
    if seen.windows:
        panels += [_draw_violations, _draw_latency]
    places = {} if topology is None else _places(topology)
    width = 7.6 if not places else 12.6
    drawn = plt.figure(figsize=(width, 0.7 + 1.5 * len(panels)))
    left: Any = drawn
    if places:
        both: Any = drawn.subfigures(1, 2, width_ratios=(7.2, 5.4))
        left, right = both
    all_axes = left.subplots(len(panels), 1, sharex=True)
    for axes, draw_one in zip(all_axes, panels, strict=True):
        draw_one(axes, seen, scale)
        axes.set_xlim(0, seen.edges[-1] / scale)
        axes.margins(x=0)
    all_axes[-1].set_xlabel(x_label)
    left.align_ylabels(all_axes)
    row = seen.row
    left.suptitle(
        f"{row['scheduler']}: {row['arrived_tasks']:,} tasks, {row['rejected_tasks']:,} rejected, "
        f"{row['evicted_tasks']:,} evicted",
        x=0.01, ha="left", fontsize="large",
    )  # fmt: skip
    if places:
        assert topology is not None
        _draw_topology(right, seen, topology, places)
    return drawn


def _draw_arrivals(axes: Axes, seen: History, scale: float) -> None:
    x = seen.edges / scale
    axes.stairs(seen.arrived, x, fill=True, color=COLOURS[5], alpha=0.75, label="arrived")
    for rate, name, colour in ((seen.rejected, "rejected", COLOURS[1]), (seen.evicted, "evicted", COLOURS[3])):
        if rate.any():
            axes.stairs(rate, x, color=colour, linewidth=1.1, label=name)
    axes.set_ylabel("tasks [1/s]")
    axes.set_ylim(bottom=0)
    _legend(axes)


def _draw_deployed(axes: Axes, seen: History, scale: float) -> None:
    axes.step(seen.times_s / scale, seen.deployed, where="post", color=COLOURS[0], linewidth=1.2)
    axes.set_ylabel("deployed tasks")
    axes.set_ylim(bottom=0)


def _draw_compute(axes: Axes, seen: History, scale: float) -> None:
    _draw_use(axes, seen.compute, seen.edges / scale, "compute", "servers")


def _draw_uplink(axes: Axes, seen: History, scale: float) -> None:
    _draw_use(axes, seen.uplink, seen.edges / scale, "uplink", "links")


def _draw_use(axes: Axes, use: Use, x: FloatArray, what: str, ones: str) -> None:
    colour = COLOURS[2]
    top = max(float(use.reserved.max()), float(use.available.min() if np.ptp(use.available) else 0.0))
    if len(use.each) > 1:
        low, quarter, three, high = np.quantile(use.each, [0, 0.25, 0.75, 1], axis=0)
        for bottom, upper, alpha, label in ((low, high, 0.16, f"all {ones}"), (quarter, three, 0.28, "middle half")):
            axes.fill_between(
                x, _closed(bottom), _closed(upper), step="post", color=colour, alpha=alpha, linewidth=0, label=label
            )
        top = max(top, float(high.max()))
    axes.stairs(use.reserved, x, color=colour, linewidth=1.5, label="in all", baseline=None)
    if np.ptp(use.available) > 0 or use.available[0] < 99.999:
        axes.stairs(use.available, x, color="#444444", linewidth=0.9, label="available", baseline=None)
        top = max(top, float(use.available.max()))
    if use.usable < 100:
        _line(axes, use.usable, "usable")
        top = max(top, 1.05 * use.usable)
    axes.set_ylabel(f"{what}\nreserved [%]")
    axes.set_ylim(0, 1.05 * top if top > 0 else 1)
    _legend(axes)


def _draw_violations(axes: Axes, seen: History, scale: float) -> None:
    x, delivered = _window_edges(seen) / scale, seen.windows["delivered"]
    with np.errstate(invalid="ignore", divide="ignore"):
        late = np.where(delivered > 0, 100 * seen.windows["violations"] / delivered, math.nan)
    axes.stairs(late, x, fill=True, color=COLOURS[1], alpha=0.35)
    axes.stairs(late, x, color=COLOURS[1], linewidth=1.1)
    axes.set_ylabel("late frames\n[% of delivered]")
    axes.set_ylim(0, max(1.05 * float(np.nanmax(late, initial=0.0)), 1.0))


def _draw_latency(axes: Axes, seen: History, scale: float) -> None:
    x = _window_edges(seen) / scale
    mean, largest = seen.windows["transfer_mean_s"], seen.windows["transfer_max_s"]
    factor, unit = latency_unit([largest])
    axes.stairs(largest / factor, x, color=COLOURS[0], linewidth=0.8, alpha=0.6, label="largest", baseline=None)
    axes.stairs(mean / factor, x, color=COLOURS[0], linewidth=1.5, label="mean", baseline=None)
    if not math.isnan(seen.deadline_s):
        _line(axes, seen.deadline_s / factor, "deadline")
    shown = largest[np.isfinite(largest) & (largest > 0)]
    if len(shown) and shown.max() > 20 * max(float(np.nanmin(mean)), 1e-9):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel(f"transfer\nlatency [{unit}]")
    _legend(axes)


def _line(axes: Axes, value: float, label: str) -> None:
    """Draw a limit, named where it meets the right edge."""
    axes.axhline(value, color="#444444", linewidth=0.9, linestyle=(0, (2, 2)))
    axes.annotate(
        label, (1.0, value), xycoords=("axes fraction", "data"), xytext=(-3, 3), textcoords="offset points",
        ha="right", va="bottom", color="#444444", fontsize="small",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
    )  # fmt: skip


def _window_edges(seen: History) -> FloatArray:
    times = seen.windows["time_s"]
    width = times[1] - times[0] if len(times) > 1 else seen.edges[-1]
    return np.append(times, max(min(times[-1] + width, seen.edges[-1]), np.nextafter(times[-1], math.inf)))


def _closed(values: FloatArray) -> FloatArray:
    return np.append(values, values[-1:])


def _legend(axes: Axes) -> None:
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", handlelength=1.4)


def _places(topology: Topology) -> dict[str, tuple[float, float]]:
    """Return where nodes are drawn: east to the right, north up, at the scale of their mean latitude."""
    placed = {node.name: node.position for node in topology.nodes if node.position is not None}
    if len(placed) < 2:
        return {}
    shrink = math.cos(math.radians(sum(latitude for latitude, _ in placed.values()) / len(placed)))
    return {name: (shrink * longitude, latitude) for name, (latitude, longitude) in placed.items()}


def _draw_topology(part: Any, seen: History, topology: Topology, places: Mapping[str, tuple[float, float]]) -> None:
    """Draw the map: nodes and links coloured by the largest share of them that was reserved, and links over time."""
    many = len(seen.uplink.each) > 0
    rows = part.subplots(2 if many else 1, 1, height_ratios=(1.3, 1) if many else None, squeeze=False)
    axes = rows[0, 0]
    values: dict[Any, float] = {}
    if many:
        peak = dict(zip(seen.names[1], seen.uplink.each.max(axis=1).tolist(), strict=True))
        values |= {edge.ends: peak[edge.link] for edge in topology.edges if edge.link in peak}
        values |= dict(zip(seen.names[0], seen.compute.each.max(axis=1).tolist(), strict=True))
    edges = [edge.ends for edge in topology.edges if set(edge.ends) <= set(places)]
    mesh = draw_map(axes, places, edges, values)
    x, y = places.get(topology.cloud, (math.nan, math.nan))
    axes.plot([x], [y], marker="*", markersize=15, color=COLOURS[1], markeredgecolor="black", zorder=4)
    axes.margins(0.08)
    axes.set_title(f"most reserved at one time (star: the cloud, {topology.cloud})", loc="left")
    if many:
        _draw_links(rows[1, 0], seen)
    part.colorbar(mesh, ax=rows[:, 0], label="reserved [%]", orientation="horizontal", shrink=0.6, pad=0.02, aspect=40)


def _draw_links(axes: Axes, seen: History) -> None:
    """Draw the links that are used most over time."""
    scale, x_label = time_unit(float(seen.edges[-1]))
    means = seen.uplink.each.mean(axis=1)
    most = np.argsort(-means, kind="stable")[:LINKS]
    most = most[means[most] > 0]
    axes.pcolormesh(
        seen.edges / scale, np.arange(len(most) + 1), seen.uplink.each[most], cmap=COLOUR_MAP, vmin=0, vmax=100,
        rasterized=True,
    )  # fmt: skip
    axes.grid(False)
    axes.invert_yaxis()
    names = [seen.names[1][link] for link in most]
    axes.set_yticks(np.arange(len(most)) + 0.5, [name if len(name) < 25 else f"{name[:24]}…" for name in names])
    axes.tick_params(axis="y", length=0, labelsize="small")
    axes.set_xlabel(x_label)
    axes.set_title("the links used most" if len(most) < len(means) else "the links", loc="left")
