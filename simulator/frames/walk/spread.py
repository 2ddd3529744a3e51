"""Work spread over the windows of time in which it is done."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.walk.stage import Course
from cutlayer.simulator.types import FloatArray

FLOP, BITS = 0, 1
"""Columns of what a server got done in a window."""

_ROUNDING = 4 * 2.0**-52
"""Shorter times than this share of when they are come from rounding: they are in no window of their own."""


class Done(NamedTuple):
    """What is done at one server, window by window.

    Attributes
    ----------
    amounts : ndarray, shape (windows, 2)
    width, end : float
        Width of a window, and the end of the run, after which nothing counts [s].
    """

    amounts: FloatArray
    width: float
    end: float


@compiled
def spread(done: Done, column: int, rate: float, begin: float, end: float) -> None:
    """Add what is done at a constant rate from `begin` to `end` to the windows in which it is done."""
    amounts, width = done.amounts, done.width
    at, end = begin, min(end, done.end)
    window, last = min(int(begin / width), len(amounts) - 1), len(amounts) - 1
    while end - at > _ROUNDING * end:
        upto = end if window == last else min(end, (window + 1) * width)
        if upto - at > _ROUNDING * upto:
            amounts[window, column] += rate * (upto - at)
            at = upto
        window += 1


@compiled
def spread_course(done: Done, column: int, rate: float, course: Course, begin: float, end: float) -> None:
    """Add what is done at a rate times the speed of a course."""
    end = min(end, done.end)
    if len(course.speeds) == 1:
        spread(done, column, rate * course.speeds[0], begin, end)
        return
    segment = np.searchsorted(course.times, begin, side="right") - 1
    while begin < end:
        upto = min(end, course.times[segment + 1])
        if course.speeds[segment] > 0.0:
            spread(done, column, rate * course.speeds[segment], begin, upto)
        begin = upto
        segment += 1
