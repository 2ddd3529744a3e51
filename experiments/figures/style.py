"""Figures, in one style: legible in grey and to the colour-blind, a unit on every axis; PNG, SVG, PDF."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, LogLocator, NullFormatter

from cutlayer.experiments.console import log
from cutlayer.experiments.figures.names import fonts_with, say_missing
from cutlayer.experiments.stats import Interval
from cutlayer.simulator.files import whole

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A89F00", "#5B2A86", "#000000", "#8C8C8C"]
"""Okabe and Ito's palette, told apart by the colour-blind; line style and marker tell them apart in grey.

In place of its second blue and its orange, olive and violet: two blues in one figure are taken for one.
"""
DASHES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (6, 3))]
MARKERS = "osD^vPX*"

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "svg.hashsalt": "cutlayer",
    "pdf.fonttype": 42,
    "figure.constrained_layout.use": True,
    "text.parse_math": False,  # names are text: $x$ in one is no formula
}
PAPER_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.2,
}
"""What differs where a figure is to stand in a page of two columns."""
COLUMN_IN, PAGE_IN = 3.5, 7.16
"""Widths of one column and of both [in]."""

FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200, "metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
"""Files a figure is written to; without dates, so that the same numbers give the same bytes."""


def draw(
    stem: Path,
    function: Callable[..., Figure],
    *what: Any,
    formats: Sequence[str] = ("png", "svg"),
    paper: bool = False,
) -> list[Path]:
    """Draw a figure in the common style and write it in all `formats`, each whole or not at all.

    Parameters
    ----------
    stem : path
        Folder and name, without ending.
    function : callable
        Returns the figure, given `what`.
    formats : sequence of str
        Keys of `FORMATS`.
    paper : bool
        In the small print of a page of two columns.
    """
    style = STYLE | PAPER_STYLE if paper else STYLE
    paths, missing = _written(stem, function, what, formats, style, paper)
    if missing:
        fonts, without = fonts_with(frozenset(missing))
        if without:
            say_missing("".join(sorted(without)))
        if fonts:
            style = style | {"font.family": ["DejaVu Sans", *fonts]}
            paths, _ = _written(stem, function, what, formats, style, paper)
    return paths


def _written(
    stem: Path,
    function: Callable[..., Figure],
    what: Sequence[Any],
    formats: Sequence[str],
    style: Any,
    paper: bool,
) -> tuple[list[Path], set[str]]:
    """Write a figure and return its files, and the characters that the fonts of the style do not have."""
    paths = []
    with mpl.rc_context(style), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawn = function(*what)
        for axes in drawn.axes:
            plain_logs(axes)
        for ending in formats:
            options = FORMATS[ending] | ({"dpi": 300} if paper and ending == "png" else {})
            path = stem.with_name(f"{stem.name}.{ending}")
            with whole(path) as draft:
                drawn.savefig(draft, format=ending, **options)
            paths.append(path)
    glyphs = [re.match(r"Glyph (\d+) ", str(warning.message)) for warning in caught]
    for warning, glyph in zip(caught, glyphs, strict=True):
        if "axes sizes collapsed" in str(warning.message):
            log.warning("%s: too small for its labels; a larger --size has room for them", stem.name)
        elif glyph is None:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return paths, {chr(int(glyph[1])) for glyph in glyphs if glyph is not None}


def plain_logs(axes: Axes) -> None:
    """Label log axes with plain numbers, more of them where they span little; what has labels of its own keeps them."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log" and isinstance(axis.get_major_formatter(), LogFormatter):
            low, high = axis.get_view_interval()
            decades = math.log10(high / low) if low > 0 else 10.0
            axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=12))
            axis.set_minor_formatter(NullFormatter())
            axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def plain(value: float) -> str:
    """Write a number without an exponent where people read it so.

    Examples
    --------
    >>> plain(2e3), plain(0.05), plain(1e-9)
    ('2,000', '0.05', '1e-09')
    """
    return f"{value:,.0f}" if value >= 1 else f"{value:.10f}".rstrip("0") if value >= 1e-6 else f"{value:g}"


def subplots(*grid: int, figsize: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """Return a new figure and its axes, as pyplot does, but without a window and whatever backend is chosen."""
    figure = Figure(figsize=figsize)
    return figure, figure.subplots(*grid, **options)


def look(index: int, every: int | None = None) -> dict[str, Any]:
    """Return colour, dash and marker of the line with that index."""
    again = index // len(COLOURS)  # a colour that comes again has another dash and marker
    marker: dict[str, Any] = {} if every == 0 else {"marker": MARKERS[(index + 3 * again) % len(MARKERS)]}
    if every:
        marker |= {"markevery": every}
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[(index + 3 * again) % len(DASHES)], **marker}


def band(
    axes: Axes, x: Sequence[float] | np.ndarray, intervals: Sequence[Interval], index: int, label: str, **options: Any
) -> None:
    """Draw means as a line and their confidence intervals as a band around it."""
    axes.plot(x, [i.mean for i in intervals], label=label, **look(index, **options))
    if not any(math.isnan(i.low) for i in intervals):
        low, high = [i.low for i in intervals], [i.high for i in intervals]
        axes.fill_between(x, low, high, color=COLOURS[index % len(COLOURS)], alpha=0.18, linewidth=0)
