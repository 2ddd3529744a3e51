"""Draws panels, heat maps and maps with matplotlib, in the style of `cutlayer.experiments.figures.style`."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cutlayer.experiments.figures.map_labels import label_map, node_size
from cutlayer.experiments.figures.panels import PAPER_POINTS, Curve, HeatMap, Map, Panel, step_values, thinned
from cutlayer.experiments.figures.style import COLOURS, COLUMN_IN, PAGE_IN, look

COLOUR_MAP = "YlGnBu"
"""Falls evenly in lightness, so it reads the same in grey and to the colour-blind; more is darker."""
_REFERENCE: dict[str, Any] = {"color": "#444444", "linewidth": 0.9, "linestyle": (0, (2, 2)), "zorder": 1.5}
_ROWS_NAMED = 30
_HALO = [withStroke(linewidth=2, foreground="white")]
"""Words stay legible where curves cross them."""


def draw_panels(panels: Sequence[Panel], paper: bool) -> Figure:
    """Return one figure with the panels side by side and one legend for all."""
    n = len(panels)
    width = (COLUMN_IN if n == 1 else PAGE_IN) if paper else (6.4 if n == 1 else 9.6)
    height = (2.5 if n == 1 else 2.6) if paper else (4.0 if n == 1 else 3.8)
    labels = dict.fromkeys(curve.label for panel in panels for curve in panel.curves)
    letters = (50 if n == 1 else 104) if paper else (96 if n == 1 else 140)  # that fit in a line of the legend
    columns = max(1, min(len(labels), letters // (max(map(len, labels)) + 10)))
    notes = dict.fromkeys(panel.note for panel in panels if panel.note)
    told = [line for note in notes for line in textwrap.wrap(note[:1].upper() + note[1:], letters)]
    lines = len(told) + (math.ceil(len(labels) / columns) if len(labels) > 1 else 0)
    height += (0.14 if paper else 0.18) * lines
    drawn, all_axes = plt.subplots(1, n, figsize=(width, height), squeeze=False)
    for axes, panel in zip(all_axes[0], panels, strict=True):
        draw_panel(axes, panel)
    handles = {
        label: handle for axes in all_axes[0] for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if len(handles) > 1 or told:
        if len(handles) == 1:  # the title says whose curve it is
            handles = {}
        legend = drawn.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=columns,
            # two dashes long on both sides of the marker, so that they are seen
            handlelength=4.6, columnspacing=1.4, title="\n".join(told) or None, title_fontsize="small",
        )  # fmt: skip
        legend.get_title().set_color("#444444")
    return drawn


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw the curves of a panel, its lines and its labels."""
    alone = len(panel.curves) == 1
    for index, curve in enumerate(panel.curves):
        _draw_curve(axes, thinned(curve, PAPER_POINTS), index, alone, panel.upper_line)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    title = f"{panel.curves[0].label}: {panel.title[:1].lower()}{panel.title[1:]}" if alone else panel.title
    axes.set_title(title, loc="left")
    if panel.x_log:
        axes.set_xscale("log")
        _plain_log(axes.xaxis)
    elif panel.x_whole:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    if panel.y_log:
        axes.set_yscale("log")
        _plain_log(axes.yaxis)
    else:
        top = _top(panel)
        axes.set_ylim(0, top if top > 0 else 1)
    if panel.nothing:
        axes.set_yticks([0])
        axes.text(0.5, 0.5, panel.nothing, transform=axes.transAxes, ha="center", va="center", color="#333333")
    x = np.concatenate([*(curve.x for curve in panel.curves), [value for _, value in panel.x_lines]])
    if len(x) and not panel.x_log and x.max() > x.min():
        inside = all(curve.steps or len(curve.x) > 100 for curve in panel.curves) and not panel.x_lines
        pad = 0.0 if inside else 0.03 * float(np.ptp(x))
        axes.set_xlim(float(x.min()) - pad, float(x.max()) + pad)
    for label, value in panel.lines:
        axes.axhline(value, **_REFERENCE)
        left = _nearest(panel, value, 0.0) > _nearest(panel, value, 2 / 3)
        axes.annotate(
            label, (0.0 if left else 1.0, value), xycoords=("axes fraction", "data"), xytext=(2 if left else -2, 2),
            textcoords="offset points", ha="left" if left else "right", va="bottom", color="#444444", fontsize="small",
            path_effects=_HALO,
        )  # fmt: skip
    for label, value in panel.ends:
        mark_end(axes, value)
        axes.annotate(
            label, (1.0, value), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
            ha="right", va="bottom", color="#444444", fontsize="small", path_effects=_HALO,
        )  # fmt: skip
    for label, value in panel.x_lines:
        axes.axvline(value, **_REFERENCE)
        axes.annotate(
            label, (value, 0.0), xycoords=("data", "axes fraction"), xytext=(-3, 4), textcoords="offset points",
            ha="right", va="bottom", rotation=90, color="#444444", fontsize="small",
        )  # fmt: skip


def mark_end(axes: Axes, value: float, label: str = "") -> None:
    """Point at a value that holds at the right end of the axis alone, from outside: no curve is above or below it."""
    axes.plot(
        [1.0], [value], transform=axes.get_yaxis_transform(), marker=CARETLEFT, markersize=7, color="black",
        linestyle="", clip_on=False, zorder=3, label=label or "_",
    )  # fmt: skip


def _nearest(panel: Panel, value: float, begin: float) -> float:
    """Return how far the nearest curve is from `value` over the third of the axis that begins at a share of it."""
    ends = [(curve.x.min(), curve.x.max()) for curve in panel.curves if len(curve.x)]
    if not ends:
        return math.inf
    low, high = float(min(a for a, _ in ends)), float(max(b for _, b in ends))
    at = np.linspace(low + begin * (high - low), low + (begin + 1 / 3) * (high - low), 7)
    found = [np.abs(step_values(curve.x, curve.y, at) - value).min() for curve in panel.curves if len(curve.x)]
    return float(np.nanmin([one if math.isfinite(one) else math.inf for one in found]))


def _draw_curve(axes: Axes, curve: Curve, index: int, alone: bool, upper_line: bool) -> None:
    where: dict[str, Any] = {"drawstyle": "steps-post"} if curve.steps else {}
    if curve.plain:
        axes.plot(curve.x, curve.y, color="black", linewidth=1.0, label=curve.label, **where)
        return
    few = len(curve.x) <= 20 and not curve.steps
    looks = look(index) if few else look(index, every=0) if alone else look(index)
    if not (few or alone):  # the same marker at the same few places of the axes, not on every point
        looks |= {"markevery": (0.02 + 0.025 * index, 0.2)}
    if upper_line and curve.high is not None:
        axes.plot(curve.x, curve.high, **{**looks, "marker": ""}, **where, linewidth=0.7)
    elif curve.low is not None and curve.high is not None and not np.isnan(curve.low).all():
        step: Any = "post" if curve.steps else None
        axes.fill_between(
            curve.x, curve.low, curve.high, step=step, color=COLOURS[index % len(COLOURS)], alpha=0.18, linewidth=0
        )
    axes.plot(curve.x, curve.y, label=curve.label, **looks, **where)


def _top(panel: Panel) -> float:
    """Return the upper end of a linear axis that begins at 0: room for all lines, and for bands that are not absurd."""
    lines = [float(np.nanmax(curve.y)) for curve in panel.curves if not np.isnan(curve.y).all()]
    highs = [
        float(np.nanmax(curve.high)) for curve in panel.curves
        if curve.high is not None and not np.isnan(curve.high).all()
    ]  # fmt: skip
    top = max([*lines, *(value for _, value in (*panel.lines, *panel.ends))], default=1.0)
    return 1.06 * max([top, *(high if panel.upper_line else min(high, 1.2 * top) for high in highs)])


def _plain_log(axis: Any) -> None:
    """Label a log axis with plain numbers, more of them where it spans little."""
    low, high = axis.get_view_interval()
    decades = math.log10(high / low) if low > 0 else 10.0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=12))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def _plain(value: float) -> str:
    """Write a number without an exponent where people read it so."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.10f}".rstrip("0") if value >= 1e-6 else f"{value:g}"


def draw_heat_maps(maps: Sequence[HeatMap], paper: bool) -> Figure:
    """Return one figure with the heat maps below each other, time along the bottom."""
    rows = [min(max(len(one.names) * 0.16, 1.1), 4.0 if not paper else 2.6) for one in maps]
    width = PAGE_IN if paper else 8.4
    drawn, all_axes = plt.subplots(
        len(maps), 1, figsize=(width, sum(rows) + 0.75 * len(maps)), squeeze=False, sharex=True,
        gridspec_kw={"height_ratios": rows},
    )  # fmt: skip
    for axes, one in zip(all_axes[:, 0], maps, strict=True):
        largest = one.largest or max(float(one.values.max(initial=0.0)), 1e-12)
        mesh = axes.pcolormesh(
            one.edges, np.arange(len(one.names) + 1), one.values, cmap=COLOUR_MAP, vmin=0, vmax=largest, rasterized=True
        )
        axes.grid(False)
        axes.invert_yaxis()
        every = math.ceil(len(one.names) / _ROWS_NAMED)
        axes.set_yticks(np.arange(0, len(one.names), every) + 0.5, [short(name) for name in one.names[::every]])
        axes.tick_params(axis="y", length=0, labelsize="small")
        axes.set_title(one.title, loc="left")
        drawn.colorbar(mesh, ax=axes, label=one.value_label, pad=0.01, aspect=12 * rows[0])
    all_axes[-1, 0].set_xlabel(maps[-1].x_label)
    return drawn


def short(name: str) -> str:
    """Return the name, cut where it is too long for a figure."""
    return name if len(name) <= 18 else name[:17] + "…"


def draw_maps(maps: Sequence[Map], paper: bool) -> Figure:
    """Return one figure with a map."""
    (one,) = maps
    width = COLUMN_IN if paper else 6.4
    drawn, axes = plt.subplots(figsize=(width, width * 0.86))
    mesh = draw_map(axes, one.positions, one.edges, one.values, one.largest)
    axes.set_title(one.title, loc="left")
    drawn.colorbar(mesh, ax=axes, label=one.value_label, shrink=0.7, pad=0.02)
    if one.note:
        axes.set_title(f"{one.title}\n{textwrap.fill(one.note, 45 if paper else 75)}", loc="left")
    if len(one.positions) <= 60:
        texts = {name: short(name) for name in sorted(one.positions, key=lambda name: name not in one.values)}
        label_map(axes, one.positions, one.edges, texts, node_size(len(texts)))
    return drawn


def draw_map(
    axes: Axes,
    positions: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    values: Mapping[Any, float],
    largest: float = 100.0,
) -> Any:
    """Draw nodes and edges coloured by their values, without names, and return what a colour bar is made of.

    Parameters
    ----------
    axes : Axes
    positions : mapping of str to (float, float)
    edges : sequence of (str, str)
        Pairs of names in `positions`.
    values : mapping
        By node name and by pair of names; what has none is grey. The more, the darker and thicker.
    largest : float
        The end of the colour scale.
    """
    colours = plt.get_cmap(COLOUR_MAP)
    scale = Normalize(0, largest)
    grey = (0.75, 0.75, 0.75, 1.0)

    def colour(of: Any) -> Any:
        return colours(scale(values[of])) if of in values else grey

    under = [[positions[a], positions[b]] for a, b in edges]
    widths = np.array([1.0 + 4.0 * min(values.get(edge, 0.0) / largest, 1.0) for edge in edges])
    axes.add_collection(LineCollection(under, colors="#999999", linewidths=widths + 1.0, zorder=0.9, capstyle="round"))
    lines = LineCollection(
        under,
        colors=[colour(edge) for edge in edges],
        linewidths=widths,
        zorder=1, capstyle="round",
    )  # fmt: skip
    axes.add_collection(lines)
    names = list(positions)
    x, y = np.array([positions[name] for name in names]).T
    size = node_size(len(names))
    axes.scatter(x, y, s=size, c=[colour(name) for name in names], edgecolors="#333333", linewidths=0.6, zorder=2)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.2)
    axes.set_axis_off()
    mesh = plt.cm.ScalarMappable(norm=scale, cmap=colours)
    mesh.set_array(np.zeros(1))
    return mesh
