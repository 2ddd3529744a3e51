"""Ties within rounding: which times are one instant, and which numbers are equal."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from cutlayer.simulator.frozen import FloatArray, IntArray

INSTANT_ULP = 4
"""Two times are one instant if they differ by at most so many ulp of the later one: 0.1 + 0.2 and 0.3."""

TIE = 1e-12
"""Numbers that differ by at most this share are equal: another order of adding up changes nothing."""


def is_by(time_s: float, now_s: float) -> bool:
    """Return whether what happens at `time_s` has happened by `now_s`, one instant included.

    Examples
    --------
    >>> is_by(0.1 + 0.2, 0.3), is_by(0.3, 0.1 + 0.2), is_by(0.31, 0.3), is_by(math.inf, 0.3)
    (True, True, False, False)
    """
    return time_s <= now_s or time_s - now_s <= INSTANT_ULP * math.ulp(time_s) < math.inf


def last_of_instant(time_s: ArrayLike) -> FloatArray:
    """Return the last time that is one instant with each of these; infinite ones stay."""
    time = np.asarray(time_s, dtype=float)
    return np.where(np.isfinite(time), time + INSTANT_ULP * np.spacing(time), time)


def first_of_instant(time_s: ArrayLike) -> FloatArray:
    """Return the first time that is one instant with each of these; infinite ones stay."""
    time = np.asarray(time_s, dtype=float)
    return np.where(np.isfinite(time), time - INSTANT_ULP * np.spacing(time), time)


def ordered(values: FloatArray) -> IntArray:
    """Return the indices of `values`, smallest value first; equal ones (see `TIE`) in their own order.

    Examples
    --------
    >>> ordered(np.array([0.3, 0.1 + 0.2, 0.1, 0.3])).tolist()
    [2, 0, 1, 3]
    """
    order: IntArray = values.argsort(kind="stable")
    rising = values[order]
    apart = rising[1:] > rising[:-1] + TIE * np.abs(rising[1:])
    if apart.all():
        return order
    group = np.concatenate([[0], apart.cumsum()])
    return order[np.lexsort((order, group))]
