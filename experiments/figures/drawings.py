"""Draws panels, heat maps and maps with matplotlib, in the style of `cutlayer.experiments.figures.style`."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from cutlayer.experiments.console import printable
from cutlayer.experiments.figures.map_labels import label_map, node_size
from cutlayer.experiments.figures.map_places import line_between
from cutlayer.experiments.figures.panels import PAPER_POINTS, Curve, HeatMap, Map, Panel, step_values, thinned
from cutlayer.experiments.figures.style import COLOURS, COLUMN_IN, PAGE_IN, look

COLOUR_MAP = "YlGnBu"
"""Falls evenly in lightness, so it reads the same in grey and to the colour-blind; more is darker."""
_REFERENCE: dict[str, Any] = {"color": "#444444", "linewidth": 0.9, "linestyle": (0, (2, 2)), "zorder": 1.5}
_ROWS_NAMED = 30
MOST_INSIDE = 4
"""A longer legend has no room in a panel of one column."""
_HALO = [withStroke(linewidth=2, foreground="white")]
"""Words stay legible where curves cross them."""


def draw_panels(panels: Sequence[Panel], paper: bool, size: tuple[float, float] | None = None) -> Figure:
    """Return one figure with the panels side by side and one legend for all.

    On paper the notes are left to the caption, and a short legend lies in the panel where it hides least.
    """
    n = len(panels)
    width, height = (
        ((COLUMN_IN, 2.3) if n == 1 else (PAGE_IN, 2.4)) if paper else ((6.4, 4.0) if n == 1 else (9.6, 3.8))
    )
    width = size[0] if size else width
    letters = int(width * (14.5 if paper else 15))  # that fit in a line of the legend
    labels = dict.fromkeys(printable(curve.label) for panel in panels for curve in panel.curves)
    columns = max(1, min(len(labels), letters // (max(map(len, labels), default=0) + 10)))
    notes = [] if paper else list(dict.fromkeys(panel.note for panel in panels if panel.note))
    told = [line for note in notes for line in textwrap.wrap(printable(note[:1].upper() + note[1:]), letters)]
    inside = paper and n == 1 and len(labels) <= MOST_INSIDE
    lines = len(told) + (math.ceil(len(labels) / columns) if len(labels) > 1 and not inside else 0)
    drawn = Figure(figsize=size or (width, height + (0.14 if paper else 0.18) * lines))
    handles: dict[str, Any] = {}
    all_axes = drawn.subplots(1, n, squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        handles |= draw_panel(axes, panel)
    if len(handles) == 1:  # the title says whose curve it is
        handles = {}
    if handles or told:
        options: dict[str, Any] = {"loc": "outside lower center", "ncols": columns, "columnspacing": 1.4}
        legend = (all_axes[0] if inside else drawn).legend(
            handles.values(), handles.keys(),
            # two dashes long on both sides of the marker, so that they are seen
            handlelength=4.6, title="\n".join(told) or None, title_fontsize="small",
            **({"loc": "best"} if inside else options),
        )  # fmt: skip
        legend.get_title().set_color("#444444")
    return drawn


def draw_panel(axes: Axes, panel: Panel) -> dict[str, Any]:
    """Draw the curves of a panel, its lines and its labels, and return the curves by what a legend calls them."""
    alone = len(panel.curves) == 1
    handles = {
        printable(curve.label): _draw_curve(axes, thinned(curve, PAPER_POINTS), index, alone, panel.upper_line)
        for index, curve in enumerate(panel.curves)
    }
    axes.set_xlabel(printable(panel.x_label))
    axes.set_ylabel(_lines(panel.y_label, axes.bbox.height / axes.figure.dpi))
    axes.set_title(_lines(panel.heading, axes.bbox.width / axes.figure.dpi), loc="left")
    x = np.concatenate([*(curve.x for curve in panel.curves), [value for _, value in panel.x_lines]])
    if panel.x_log and (x > 0).any():
        axes.set_xscale("log")
    elif panel.x_whole:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    if panel.y_log and panel.curves:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, _top(panel) or 1)
    if panel.nothing:
        axes.set_yticks([0])
        if not panel.curves:
            axes.set_xticks([])
        axes.text(
            0.5, 0.5, textwrap.fill(panel.nothing, 45), transform=axes.transAxes, ha="center", va="center",
            color="#333333",
        )  # fmt: skip
    if len(x) and not panel.x_log and x.max() > x.min():
        inside = all(curve.steps or len(curve.x) > 100 for curve in panel.curves) and not panel.x_lines
        pad = 0.0 if inside else 0.03 * float(np.ptp(x))
        axes.set_xlim(float(x.min()) - pad, float(x.max()) + pad)
    elif len(x) and not panel.x_log:  # one moment or one value
        axes.set_xlim(float(x[0]) - (0.0 if x[0] == 0 else 1.0), float(x[0]) + 1.0)
    words: dict[str, Any] = {"textcoords": "offset points", "va": "bottom", "color": "#444444", "fontsize": "small"}
    width_in = 1.1 * axes.bbox.width / axes.figure.dpi
    for label, value in panel.lines:
        axes.axhline(value, **_REFERENCE)
        left = _nearest(panel, value, 0.0) > _nearest(panel, value, 2 / 3)
        at, shift, side = (0.0, 2, "left") if left else (1.0, -2, "right")
        axes.annotate(
            _lines(label, width_in), (at, value), xycoords=("axes fraction", "data"), xytext=(shift, 2), ha=side,
            path_effects=_HALO, **words,
        )  # fmt: skip
    for label, value in panel.ends:
        mark_end(axes, value)
        axes.annotate(
            _lines(label, width_in), (1.0, value), xycoords=("axes fraction", "data"), xytext=(-2, 2), ha="right",
            path_effects=_HALO, **words,
        )  # fmt: skip
    for label, value in panel.x_lines:
        axes.axvline(value, **_REFERENCE)
        axes.annotate(
            printable(label), (value, 0.0), xycoords=("data", "axes fraction"), xytext=(-3, 4), ha="right", rotation=90,
            **words,
        )  # fmt: skip
    return handles


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


def _draw_curve(axes: Axes, curve: Curve, index: int, alone: bool, upper_line: bool) -> Any:
    """Draw a curve with its band, and return its line."""
    where: dict[str, Any] = {"drawstyle": "steps-post"} if curve.steps else {}
    if curve.plain:
        return axes.plot(curve.x, curve.y, color="black", linewidth=1.0, label=curve.label, **where)[0]
    few = (len(curve.x) <= 20 and not curve.steps) or len(set(curve.x.tolist())) == 1
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
    return axes.plot(curve.x, curve.y, label=curve.label, **looks, **where)[0]


def _top(panel: Panel) -> float:
    """Return the upper end of a linear axis that begins at 0: room for all curves, bands and lines."""
    edges = [edge for curve in panel.curves for edge in (curve.y, curve.high) if edge is not None]
    highest = [float(edge[np.isfinite(edge)].max()) for edge in edges if np.isfinite(edge).any()]
    return 1.06 * max([*highest, *(value for _, value in (*panel.lines, *panel.ends))], default=0.0)


def draw_heat_maps(maps: Sequence[HeatMap], paper: bool, size: tuple[float, float] | None = None) -> Figure:
    """Return one figure with the heat maps below each other, time along the bottom."""
    rows = [_rows_in(one, paper) for one in maps]
    drawn = Figure(figsize=size or (PAGE_IN if paper else 8.4, sum(rows) + 0.75 * len(maps)))
    all_axes = drawn.subplots(len(maps), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": rows})[:, 0]
    for axes, one in zip(all_axes, maps, strict=True):
        draw_heat_map(axes, one)
    for axes in all_axes[:-1]:
        axes.set_xlabel("")
    return drawn


def _rows_in(one: HeatMap, paper: bool = False) -> float:
    return min(max(len(one.names) * 0.16, 1.1), 2.6 if paper else 4.0)


def draw_heat_map(axes: Axes, one: HeatMap) -> None:
    """Draw a heat map with its colour bar."""
    if not one.names:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color="#333333")
    mesh = axes.pcolormesh(
        one.edges, np.arange(len(one.names) + 1), one.values, cmap=COLOUR_MAP, vmin=0, vmax=one.top, rasterized=True
    )
    axes.grid(False)
    axes.invert_yaxis()
    every = math.ceil(len(one.names) / _ROWS_NAMED) or 1
    axes.set_yticks(np.arange(0, len(one.names), every) + 0.5, [short(name) for name in one.names[::every]])
    axes.tick_params(axis="y", length=0, labelsize="small")
    axes.set_title(_lines(one.heading, axes.bbox.width / axes.figure.dpi), loc="left")
    axes.set_xlabel(one.x_label)
    axes.figure.colorbar(mesh, ax=axes, label=one.value_label, pad=0.01, aspect=12 * _rows_in(one))


def _lines(text: str, length_in: float) -> str:
    """Return text in lines that are no longer than a side of the axes, about."""
    return textwrap.fill(printable(text), max(int(14 * length_in), 10))


def short(name: str) -> str:
    """Return the name, cut where it is too long for a figure."""
    name = printable(name)
    return name if len(name) <= 18 else name[:17] + "…"


def draw_maps(maps: Sequence[Map], paper: bool, size: tuple[float, float] | None = None) -> Figure:
    """Return one figure with a map."""
    (one,) = maps
    width = COLUMN_IN if paper else 6.4
    drawn = Figure(figsize=size or (width, width * 0.86))
    draw_one_map(drawn.subplots(), one)
    return drawn


def draw_one_map(axes: Axes, one: Map) -> None:
    """Draw a map with its colour bar, and names where there is room for them."""
    mesh = draw_map(axes, one.positions, one.edges, one.values, one.largest)
    lines = [_lines(text, axes.bbox.width / axes.figure.dpi) for text in (one.heading, one.note) if text]
    axes.set_title("\n".join(lines), loc="left")
    axes.figure.colorbar(mesh, ax=axes, label=one.value_label, shrink=0.7, pad=0.02)
    if len(one.positions) <= 60:
        texts = {name: short(name) for name in sorted(one.positions, key=lambda name: name not in one.values)}
        label_map(axes, one.positions, one.edges, texts, node_size(len(texts)))


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
    colours = colormaps[COLOUR_MAP]
    scale = Normalize(0, largest)
    grey = (0.75, 0.75, 0.75, 1.0)

    def colour(of: Any) -> Any:
        return colours(scale(values[of])) if of in values else grey

    under = [line_between(positions, a, b) for a, b in edges]
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
    mesh = ScalarMappable(norm=scale, cmap=colours)
    mesh.set_array(np.zeros(1))
    return mesh
