"""Confidence intervals over replications, how many of them are enough, and where the warm-up of a series ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special


class Interval(NamedTuple):
    """A mean over replications with its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        `low` and `high` are NaN where a single replication allows no interval.
    n : int
        Number of replications.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def measure(self) -> tuple[float, float | None, float | None, int]:
        """Value, low, high and replications, as the table ``measures`` keeps them."""
        return (self.mean, None, None, self.n) if math.isnan(self.low) else (self.mean, self.low, self.high, self.n)

    @property
    def plain(self) -> dict[str, float | int | None]:
        """The same as a mapping, for JSON: ends that are not there are None."""
        return dict(zip(("mean", "low", "high", "n"), self.measure, strict=True))

    def clipped(self, least: float = 0.0, most: float = math.inf) -> Interval:
        """Return the interval without what is impossible: no count is below 0, no share above 1.

        Student's interval knows nothing of that. Cut off, it holds the mean as often as before.

        Examples
        --------
        >>> Interval(0.75, 0.25, 1.25, 10).clipped(0.0, 1.0)
        Interval(mean=0.75, low=0.25, high=1.0, n=10)
        """
        if math.isnan(self.low):
            return self
        return self._replace(low=min(max(self.low, least), most), high=min(max(self.high, least), most))

    def __format__(self, spec: str) -> str:
        spec = spec or ".1f"
        if math.isnan(self.low):
            return f"{self.mean:{spec}} (one run, no interval)"
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Return the mean of independent replications and its Student interval.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a replication.
    level : float
        Confidence level, between 0 and 1.

    Raises
    ------
    ValueError
        If there is no value or the level is out of range.

    References
    ----------
    Law, "Simulation Modeling and Analysis", 5th ed., section 4.5.

    Examples
    --------
    >>> f"{mean_interval([1, 2, 3]):.2f}"
    '2.00 [-0.48, 4.48]'
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0:
        raise ValueError(f"values of shape {sample.shape}; allowed: one axis, 1 or more values")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; allowed: between 0 and 1")
    n, mean = len(sample), float(sample.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1)
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * sample.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def paired_interval(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray, level: float = 0.95
) -> Interval:
    """Return the mean of `first` - `second`, replication by replication, with its Student interval.

    Both were run on the same random numbers, so what they share cancels out.

    Raises
    ------
    ValueError
        If the two have not the same length.

    References
    ----------
    Law, "Simulation Modeling and Analysis", 5th ed., section 10.2.1.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} replications against {len(second)}; allowed: pairs")
    return mean_interval(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), level)


FIRST = 10
"""So many replications come before the first look at how narrow their interval is."""


class Precision(NamedTuple):
    """How narrow an interval is to be.

    Attributes
    ----------
    width : float
        Half the width at most: a share of the mean, or a number in the unit of the mean.
    relative : bool
        Whether it is a share.

    Notes
    -----
    Replications are added until the interval is narrow enough: Law, section 9.4.1, after Chow and Robbins (1965). An
    interval that is narrow by chance stops the procedure early, so its coverage is a little below the level; `FIRST`
    keeps that small. A relative width g is asked of the estimated mean as g / (1 + g): that makes it g of the true one.
    """

    width: float
    relative: bool

    def met(self, interval: Interval) -> bool:
        """Return whether the interval is of `FIRST` replications or more, and narrow enough."""
        if interval.n < FIRST:
            return False
        allowed = abs(interval.mean) * self.width / (1 + self.width) if self.relative else self.width
        return interval.half_width <= allowed


def more_replications(n: int) -> int:
    """Return how many replications there are to be after `n` were not enough: a fifth more, at least one."""
    return n + max(1, n // 5)


def warm_up(windows: Sequence[float] | np.ndarray, batch: int = 5) -> int | None:
    """Return how many windows at the begin of a series to leave out of a steady-state mean, by MSER-5.

    Parameters
    ----------
    windows : array_like, shape (n,)
        Means of the series over windows of equal length; see `window_means`.
    batch : int
        Windows are first averaged in batches of so many.

    Returns
    -------
    int or None
        A multiple of `batch`. None where the least variance is reached only with more than half of the series left
        out: it is too short to say.

    Raises
    ------
    ValueError
        If there are fewer than two batches.

    References
    ----------
    White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6), 1997;
    White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics", WSC 2000 (batches of five).

    Examples
    --------
    >>> warm_up([9.0] * 5 + [1.0, 2.0] * 20)
    5
    """
    values = np.asarray(windows, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 * batch:
        raise ValueError(f"windows of shape {values.shape}; allowed: one axis, {2 * batch} or more")
    means = values[: len(values) // batch * batch].reshape(-1, batch).mean(axis=1)
    n = len(means)
    left = n - np.arange(n - 1)  # batches kept, two at least: one has no spread
    sums = np.cumsum(means[::-1])[::-1][: n - 1]
    squares = np.cumsum((means**2)[::-1])[::-1][: n - 1]
    best = int(np.argmin((squares - sums**2 / left) / left**2))
    return best * batch if best <= n // 2 else None


def window_means(
    time_s: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray, end_s: float, n: int
) -> np.ndarray:
    """Return the means over time of a series that changes in steps, over `n` windows of equal length.

    Parameters
    ----------
    time_s : array_like, shape (m,)
        When it changes [s], not falling; windows begin at the first.
    values : array_like, shape (m,)
        What it is from then on.
    end_s : float
        Where the last window ends [s].
    n : int

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> window_means([0.0, 1.0, 3.0], [0.0, 4.0, 2.0], 4.0, 2).tolist()
    [2.0, 3.0]
    """
    times, steps = np.asarray(time_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(times) == 0 or len(times) != len(steps) or n < 1 or not end_s > times[0] or (np.diff(times) < 0).any():
        raise ValueError(
            f"{len(times)} times, {len(steps)} values, {n} windows to {end_s}; allowed: rising times, then an end"
        )
    edges = np.linspace(times[0], end_s, n + 1)
    at = np.concatenate([[0.0], np.cumsum(steps[:-1] * np.diff(times))])  # the integral up to each change
    last = np.searchsorted(times, edges, side="right") - 1
    integral = at[last] + steps[last] * (edges - times[last])
    return np.diff(integral) / np.diff(edges)
