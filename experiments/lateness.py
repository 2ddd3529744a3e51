"""The share of frames that are late: one rule for a run, for windows of time, for means over runs, and for words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cutlayer.experiments.stats import Interval, mean_interval
from cutlayer.simulator.types import FloatArray

NONE_DELIVERED = "no frame was delivered"


def late_share(row: Mapping[str, Any]) -> float | None:
    """Return which share of the delivered frames of a run, or of a part of one, is late.

    Parameters
    ----------
    row : mapping
        With ``violations`` and ``delivered``.

    Returns
    -------
    float or None
        None where no frame was delivered: then none is late, and none is in time. Lost frames count as neither.

    Examples
    --------
    >>> late_share({"violations": 1, "delivered": 4}), late_share({"violations": 0, "delivered": 0})
    (0.25, None)
    """
    return row["violations"] / row["delivered"] if row["delivered"] else None


def late_shares(violations: FloatArray, delivered: FloatArray) -> FloatArray:
    """Return the same of many at once; NaN where no frame was delivered."""
    shares = np.full(len(delivered), math.nan)
    np.divide(violations, delivered, out=shares, where=delivered > 0)
    return shares


def late_of_runs(rows: Iterable[Mapping[str, Any]]) -> FloatArray:
    """Return the share of every run; NaN where no frame was delivered."""
    return np.array([late_share(row) for row in rows], dtype=np.float64)


def mean_late_share(rows: Iterable[Mapping[str, Any]], level: float = 0.95) -> Interval:
    """Return the mean share over the runs that delivered a frame, with its interval; NaN over 0 runs where none did."""
    shares = late_of_runs(rows)
    shares = shares[~np.isnan(shares)]
    return mean_interval(shares, level) if len(shares) else Interval(math.nan, math.nan, math.nan, 0)


def none_late(delivered: int) -> str:
    """Return in words that no frame is late.

    Examples
    --------
    >>> none_late(1200), none_late(0)
    ('none of 1,200 delivered frames is late', 'no frame was delivered')
    """
    return f"none of {delivered:,} delivered frames is late" if delivered else NONE_DELIVERED
