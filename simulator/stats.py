"""Confidence intervals over replications."""

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
