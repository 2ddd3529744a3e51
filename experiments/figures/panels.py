"""What a figure shows, before anything draws it: curves over an axis, heat maps, and notes on what is missing.

Both the figures on paper and those of the report are made of these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cutlayer.experiments.records.varied import title_of, unit_of
from cutlayer.simulator.types import FloatArray

PAPER_POINTS = 4000
"""More points than this no figure on paper can tell apart."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A line, with a band around it where there is one.

    Attributes
    ----------
    label : str
    x, y : ndarray, shape (n,)
        In the units of the panel.
    low, high : ndarray, shape (n,), optional
        The band.
    steps : bool
        Whether `y` holds from its `x` to the next.
    plain : bool
        A reference such as a bound, drawn black and thin.
    """

    label: str
    x: FloatArray
    y: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None
    steps: bool = False
    plain: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves over one pair of axes.

    Attributes
    ----------
    name : str
        For file names: small letters.
    title : str
        What is seen, and what the band is.
    x_label, y_label : str
        With units.
    curves : tuple of Curve
    lines, x_lines : tuple of (str, float)
        Horizontal and vertical lines with what they mean: a deadline, a capacity.
    x_log, y_log : bool
    note : str
        What a reader must know to read it right.
    upper_line : bool
        Draw the upper end of the bands as thin lines, not the bands.
    ends : tuple of (str, float)
        Limits that hold at the right end alone.
    x_whole : bool
        Whether only whole numbers have a meaning along the axis: servers, seeds.
    nothing : str
        What to say in place of curves that are 0 all along: an axis would have no scale.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    lines: tuple[tuple[str, float], ...] = ()
    x_lines: tuple[tuple[str, float], ...] = ()
    x_log: bool = False
    y_log: bool = False
    note: str = ""
    upper_line: bool = False
    ends: tuple[tuple[str, float], ...] = ()
    nothing: str = ""
    x_whole: bool = False

    @property
    def heading(self) -> str:
        """The title, with the name of the only curve before it where there is one only."""
        if len(self.curves) != 1 or not self.title or not self.curves[0].label:
            return self.title
        return f"{self.curves[0].label}: {self.title[:1].lower()}{self.title[1:]}"


class _Labelled:
    """What belongs to one line of other figures."""

    label: str
    title: str

    @property
    def heading(self) -> str:
        """The title, after the name of the runs it shows."""
        return f"{self.label}: {self.title}" if self.title else ""


@dataclass(frozen=True, eq=False)
class HeatMap(_Labelled):
    """One value for every name and every interval of time.

    Attributes
    ----------
    name, label, title, x_label, value_label : str
    names : tuple of str
        Of the rows.
    edges : ndarray, shape (n + 1,)
        Where the intervals begin and end.
    values : ndarray, shape (names, n)
    largest : float or None
        The end of the colour scale; None: the largest value.
    """

    name: str
    label: str
    title: str
    x_label: str
    value_label: str
    names: tuple[str, ...]
    edges: FloatArray
    values: FloatArray
    largest: float | None = None

    @property
    def top(self) -> float:
        """The end of the colour scale; 1 where everything is 0."""
        return self.largest or float(self.values.max(initial=0.0)) or 1.0


@dataclass(frozen=True, eq=False)
class Map(_Labelled):
    """Nodes and edges in the plane with a load each.

    Attributes
    ----------
    name, label, title, value_label : str
    positions : dict of str to (float, float)
    edges : list of (str, str)
    values : dict
        The load of a node by its name, of an edge by its pair of names; what has none is drawn grey.
    largest : float
        The end of the colour scale.
    note : str
        What a reader must know to read it right.
    """

    name: str
    label: str
    title: str
    value_label: str
    positions: dict[str, tuple[float, float]]
    edges: list[tuple[str, str]]
    values: dict[Any, float] = field(default_factory=dict)
    largest: float = 100.0
    note: str = ""


def time_unit(end_s: float) -> tuple[float, str]:
    """Return the seconds in the unit of time that reads best up to `end_s`, and the label of its axis.

    Examples
    --------
    >>> time_unit(300.0), time_unit(86400.0)
    ((1.0, 'time [s]'), (3600.0, 'time [h]'))
    """
    if end_s > 4 * 86400:
        return 86400.0, "time [d]"
    return (3600.0, "time [h]") if end_s > 7200 else (1.0, "time [s]")


def step_values(x: FloatArray, y: FloatArray, at: FloatArray) -> FloatArray:
    """Return the values of a step function at `at`; 0 before its first step.

    Examples
    --------
    >>> step_values(np.array([1.0, 2.0]), np.array([5.0, 7.0]), np.array([0.0, 1.0, 1.5, 9.0])).tolist()
    [0.0, 5.0, 5.0, 7.0]
    """
    index = np.searchsorted(x, at, side="right")
    return np.concatenate([[0.0], y])[index]


def step_means(x: FloatArray, y: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the means of a step function over the intervals between `edges`; 0 before its first step.

    Examples
    --------
    >>> step_means(np.array([1.0]), np.array([4.0]), np.array([0.0, 2.0, 3.0])).tolist()
    [2.0, 4.0]
    """
    if len(x) == 0:
        return np.zeros(len(edges) - 1)
    area = np.concatenate([[0.0], np.cumsum(y[:-1] * np.diff(x))])
    index = np.searchsorted(x, edges, side="right") - 1
    before = np.where(index < 0, 0.0, area[index] + y[index] * (edges - x[index]))
    return np.asarray(np.diff(before) / np.diff(edges))


def thinned(curve: Curve, points: int) -> Curve:
    """Return the curve with at most about `points` points: of every stretch the first, lowest, highest and last.

    What leaps out of a stretch is still seen; only what no screen could show is left out.
    """
    n = len(curve.x)
    if n <= points:
        return curve
    ends = np.linspace(0, n, max(points // 4, 1) + 1).astype(int)
    outer = curve.y if curve.high is None else curve.high
    keep = {n - 1}
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        if end > start:
            stretch = outer[start:end]
            if np.isnan(stretch).all():
                keep.add(start)
            else:
                keep |= {start, start + int(np.nanargmin(stretch)), start + int(np.nanargmax(stretch)), end - 1}
    index = np.array(sorted(keep))
    low, high = (None if edge is None else edge[index] for edge in (curve.low, curve.high))
    return replace(curve, x=curve.x[index], y=curve.y[index], low=low, high=high)


def axis_label(name: str) -> str:
    """Return the label of an axis for a parameter of a scenario, with its unit.

    Examples
    --------
    >>> axis_label("frames.deadline_s"), axis_label("network.servers"), axis_label("network.uplink")
    ('deadline [s]', 'servers', 'uplink [bit/s]')
    """
    unit = unit_of(name).replace("B", "byte")
    return f"{title_of(name)} [{unit}]" if unit else title_of(name)


def latency_unit(values: Sequence[FloatArray]) -> tuple[float, str]:
    """Return the seconds in the unit that reads best for these latencies, and its name."""
    largest = max((float(np.nanmax(v)) for v in values if len(v) and not np.isnan(v).all()), default=math.nan)
    return (1.0, "s") if largest >= 10 else (1e-3, "ms")
