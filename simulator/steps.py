"""Piecewise constant functions of time, which capacities, loads and outages are; and their integrals, clocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray

Intervals = Sequence[tuple[float, float]]
"""Outages: (down, up) in seconds, down included, up excluded."""


def first_fault(times_s: ArrayLike, values: ArrayLike) -> tuple[int, str] | None:
    """Return the index of the first entry that no trace may hold and what is wrong with it, or None.

    Readers turn the index into a line. Times must rise from 0 s or before (what comes before the first
    entry would be a gap); values are 0 or more, and finite (an empty field, NaN, is a gap).
    """
    times, numbers = np.asarray(times_s, dtype=float), np.asarray(values, dtype=float)
    if times.ndim != 1 or times.shape != numbers.shape:
        return 0, f"{times.shape} times for {numbers.shape} values"
    if len(times) == 0:
        return 0, "no entry; allowed: 1 or more"
    bad_time = ~np.isfinite(times)
    bad_time[1:] |= ~(times[1:] > times[:-1])
    bad_time[0] |= times[0] > 0
    bad = bad_time | ~((numbers >= 0) & np.isfinite(numbers))
    if not bad.any():
        return None
    at = int(bad.argmax())
    time, value = float(times[at]), float(numbers[at])
    if not bad_time[at]:
        return at, f"value {value!r} at {time!r} s; allowed: 0 or more, finite"
    if not math.isfinite(time):
        return at, f"time is {time!r}; allowed: finite"
    if at == 0:
        return at, f"the first time is {time!r} s, a gap before it; allowed: a first time of 0 s"
    if time == times[at - 1]:
        return at, f"duplicate time {time!r} s; allowed: times that rise"
    return at, f"time goes back from {float(times[at - 1])!r} to {time!r} s; allowed: times that rise"


@dataclass(frozen=True, eq=False)
class Steps:
    """A quantity that is constant between changes: ``values[n]`` from ``times_s[n]`` to the next time.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        When it changes [s]: rising, the first 0 or before.
    values : array_like, shape (n,)
        What it is from then on: 0 or more, finite. The last one stays for ever.
    what : str
        What it is, for messages.

    Raises
    ------
    InputError
        At the first entry that is wrong, naming its index and time.

    Examples
    --------
    >>> Steps([0, 10, 15], [8e6, 2e6, 8e6]).at([9.9, 10.0, 99.0]).tolist()
    [8000000.0, 2000000.0, 8000000.0]
    """

    times_s: FloatArray
    values: FloatArray

    def __init__(self, times_s: ArrayLike, values: ArrayLike, what: str = "trace") -> None:
        if (fault := first_fault(times_s, values)) is not None:
            raise InputError(f"{what}: entry {fault[0]}: {fault[1]}")
        object.__setattr__(self, "times_s", np.array(times_s, dtype=float))
        object.__setattr__(self, "values", np.array(values, dtype=float))

    @classmethod
    def sound(cls, times_s: FloatArray, values: FloatArray) -> Steps:
        """Return the steps of entries that are known to be right, unchecked and not copied."""
        steps = object.__new__(cls)
        object.__setattr__(steps, "times_s", times_s)
        object.__setattr__(steps, "values", values)
        return steps

    def at(self, time_s: ArrayLike) -> FloatArray:
        """Return the value at these times; before the first entry, that of the first."""
        if len(self.values) == 1:
            return np.full(np.shape(time_s), self.values[0])
        index = np.searchsorted(self.times_s, np.asarray(time_s, dtype=float), side="right") - 1
        value: FloatArray = self.values[np.maximum(index, 0)]
        return value

    def mean(self, start_s: ArrayLike, end_s: ArrayLike) -> FloatArray:
        """Return the mean over each interval; where it is empty, the value at its start."""
        if len(self.values) == 1:
            return self.at(start_s)
        clock = Clock(self)
        start, end = np.asarray(start_s, dtype=float), np.asarray(end_s, dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (clock.at(end) - clock.at(start)) / (end - start)
        return np.where(end > start, mean, self.at(start))


def constant(value: float) -> Steps:
    """Return the quantity that is always `value`."""
    return Steps.sound(np.zeros(1), np.array([value], dtype=float))


FULL = constant(1.0)
"""The speed of what nothing slows down."""


def combine(rule: Callable[..., Any], *steps: Steps) -> Steps:
    """Return ``rule(values of the first, values of the second, ...)`` over time, without idle changes."""
    if all(len(s.values) == 1 for s in steps):
        return Steps.sound(np.zeros(1), np.asarray(rule(*(s.values for s in steps)), dtype=float))
    times = np.unique(np.concatenate([np.maximum(s.times_s, 0.0) for s in steps]))
    values = np.asarray(rule(*(s.at(times) for s in steps)), dtype=float)
    changes = np.concatenate([[True], values[1:] != values[:-1]])
    return Steps.sound(times[changes], values[changes])


def merged(outages: Intervals, what: str = "outage") -> list[tuple[float, float]]:
    """Return the same outages in order, those that touch joined.

    Raises
    ------
    InputError
        If one does not end after it begins, or begins before 0 s.
    """
    joined: list[tuple[float, float]] = []
    for down, up in outages:
        if not 0 <= down < up:
            raise InputError(f"{what}: from {down!r} to {up!r} s; allowed: 0 <= begin < end")
    for down, up in sorted(outages):
        if joined and down <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(up, joined[-1][1])
        else:
            joined.append((down, up))
    return joined


def available(outages: Intervals) -> Steps:
    """Return 1 while up and 0 during outages."""
    if not outages:
        return FULL
    times, values = [0.0], [1.0]
    for down, up in merged(outages):
        if down == 0:
            times, values = [], []
        times.append(down)
        values.append(0.0)
        if up < math.inf:
            times.append(up)
            values.append(1.0)
    return Steps(times, values)


def held(start_s: ArrayLike, end_s: ArrayLike, amount: ArrayLike) -> Steps:
    """Return the sum of what is held: ``amount[n]`` from ``start_s[n]`` to ``end_s[n]`` (excluded).

    With no holder the sum is exactly 0, so that rounding does not accumulate.
    """
    starts, ends, amounts = (np.asarray(values, dtype=float) for values in (start_s, end_s, amount))
    times = np.concatenate([starts, ends])
    order = np.argsort(times, kind="stable")
    total = np.cumsum(np.concatenate([amounts, -amounts])[order])
    holders = np.cumsum(np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])[order])
    times = times[order]
    last = np.concatenate([times[1:] != times[:-1], [True]]) if len(times) else np.zeros(0, dtype=bool)
    last &= np.isfinite(times)
    times, values = times[last], np.where(holders[last] > 0, np.maximum(total[last], 0.0), 0.0)
    if len(times) == 0 or times[0] > 0:
        times, values = np.concatenate([[0.0], times]), np.concatenate([[0.0], values])
    return Steps.sound(times, values)


@dataclass(frozen=True, eq=False)
class Clock:
    """The integral of a speed over time, from 0 s on: piecewise linear, never going back.

    Parameters
    ----------
    speed : Steps

    Examples
    --------
    >>> clock = Clock(Steps([0, 2, 3], [1.0, 0.0, 0.5]))
    >>> clock.at([1.0, 2.5, 5.0]).tolist(), clock.when([1.0, 2.0, 3.0]).tolist()
    ([1.0, 2.0, 3.0], [1.0, 2.0, 5.0])
    """

    speed: Steps

    @cached_property
    def times_s(self) -> FloatArray:
        """When the speed changes [s]; the first is 0."""
        return np.maximum(self.speed.times_s, 0.0)[self._first :]

    @cached_property
    def speeds(self) -> FloatArray:
        """The speed from each of those times on."""
        return self.speed.values[self._first :]

    @cached_property
    def values(self) -> FloatArray:
        """What the clock shows at each of those times."""
        return np.concatenate([[0.0], np.cumsum(np.diff(self.times_s) * self.speeds[:-1])])

    @cached_property
    def _first(self) -> int:
        return max(int(np.searchsorted(self.speed.times_s, 0.0, side="right")) - 1, 0)

    def at(self, time_s: ArrayLike) -> FloatArray:
        """Return what the clock shows at these times, 0 s or later."""
        time = np.asarray(time_s, dtype=float)
        index = np.searchsorted(self.times_s, time, side="right") - 1
        with np.errstate(invalid="ignore"):
            passed = np.where(self.speeds[index] > 0, (time - self.times_s[index]) * self.speeds[index], 0.0)
        shown: FloatArray = self.values[index] + passed
        return shown

    def when(self, value: ArrayLike) -> FloatArray:
        """Return the first time the clock shows each of these values; infinite where it never does."""
        wanted = np.asarray(value, dtype=float)
        index = np.maximum(np.searchsorted(self.values, wanted, side="left") - 1, 0)
        ahead = wanted - self.values[index]
        with np.errstate(divide="ignore", invalid="ignore"):
            time = self.times_s[index] + np.where(ahead > 0, ahead / self.speeds[index], 0.0)
        following = np.append(self.times_s, math.inf)[index + 1]
        first: FloatArray = np.minimum(time, following)
        return first
