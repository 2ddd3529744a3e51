"""A measurement of bandwidth from 0 s to an end, which can be cut, looped and scaled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.steps import Steps, first_fault
from cutlayer.simulator.types import FloatArray

MOST_STEPS = 10_000_000
"""Changes of a looped trace; more is a length in the wrong unit."""


@dataclass(frozen=True, eq=False)
class BandwidthTrace:
    """What a link could carry, measured from 0 s to an end.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        When it changes [s]: rising from 0.
    bps : array_like, shape (n,)
        What it is from then on [bit/s]: 0 or more, finite.
    end_s : float
        When the measurement ends [s], after the last change.
    format, notes : str, sequence of str
        How it was read, and what of its file was left out or assumed.

    Raises
    ------
    InputError
        At the first entry that is wrong.

    Examples
    --------
    >>> trace = BandwidthTrace([0, 1], [4e6, 2e6], 4)
    >>> trace.mean_bps
    2500000.0
    >>> trace.cut(0.5, 2).looped(4).steps().times_s.tolist()
    [0.0, 0.5, 1.5, 2.0, 3.0, 3.5]
    """

    times_s: FloatArray
    bps: FloatArray
    end_s: float
    format: str
    notes: tuple[str, ...]

    def __init__(
        self, times_s: ArrayLike, bps: ArrayLike, end_s: float, format: str = "", notes: Sequence[str] = ()
    ) -> None:
        times, values = np.array(times_s, dtype=float), np.array(bps, dtype=float)
        if (fault := first_fault(times, values)) is not None:
            raise InputError(f"bandwidth trace: entry {fault[0]}: {fault[1]}")
        if times[0] != 0:
            raise InputError(f"bandwidth trace: begins at {times[0]!r} s; allowed: 0")
        if not times[-1] < end_s < math.inf:
            raise InputError(f"bandwidth trace: ends at {end_s!r} s; allowed: after {float(times[-1])!r} s, finite")
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "bps", values)
        object.__setattr__(self, "end_s", float(end_s))
        object.__setattr__(self, "format", format)
        object.__setattr__(self, "notes", tuple(notes))

    @property
    def mean_bps(self) -> float:
        """The mean over time [bit/s]: values weighted with how long they hold."""
        return math.fsum((self.bps * np.diff(self.times_s, append=self.end_s)).tolist()) / self.end_s

    def steps(self) -> Steps:
        """Return it as a capacity over time, without idle changes; the last value stays."""
        changes = np.concatenate([[True], self.bps[1:] != self.bps[:-1]])
        return Steps(self.times_s[changes], self.bps[changes])

    def cut(self, from_s: float, to_s: float) -> BandwidthTrace:
        """Return the part from `from_s` (included) to `to_s` (excluded), moved to 0 s.

        Raises
        ------
        InputError
            Unless 0 <= from < to <= end.
        """
        if not 0 <= from_s < to_s <= self.end_s:
            raise InputError(f"cut from {from_s!r} to {to_s!r} s; allowed: 0 <= from < to <= {self.end_s!r}")
        inside = (self.times_s > from_s) & (self.times_s < to_s)
        times = np.concatenate([[0.0], self.times_s[inside] - from_s])
        values = np.concatenate([self.steps().at([from_s]), self.bps[inside]])
        part = _rising(times, values, to_s - from_s)
        cut = f"cut from {from_s:g} to {to_s:g} s"
        return BandwidthTrace(part.times_s, part.bps, part.end_s, self.format, (*self.notes, cut))

    def looped(self, length_s: float, offset_s: float = 0.0) -> BandwidthTrace:
        """Return `length_s` of the trace, begun anew whenever it ends.

        Parameters
        ----------
        length_s : float
            Above 0 [s].
        offset_s : float
            Where in the trace to begin [s]: 0 or more, before its end.

        Raises
        ------
        InputError
            If one of them is out of range, or the result had more than `MOST_STEPS` changes.
        """
        if not 0 < length_s < math.inf:
            raise InputError(f"loop to {length_s!r} s; allowed: above 0, finite")
        if not 0 <= offset_s < self.end_s:
            raise InputError(f"offset of {offset_s!r} s; allowed: 0 or more, below {self.end_s!r}")
        if (self.bps == self.bps[0]).all():  # such as Mahimahi's file of one packet a millisecond, for hours
            return BandwidthTrace([0.0], self.bps[:1], length_s)
        if length_s / self.end_s * len(self.times_s) > MOST_STEPS:
            raise InputError(
                f"loop of {self.end_s!r} s to {length_s!r} s has more than {MOST_STEPS} changes; allowed: fewer"
            )
        rounds = math.ceil((offset_s + length_s) / self.end_s)
        times = (np.arange(rounds)[:, None] * self.end_s + self.times_s).ravel() - offset_s
        values = np.tile(self.bps, rounds)
        inside = (times > 0) & (times < length_s)
        first = self.steps().at([offset_s])
        return _rising(np.concatenate([[0.0], times[inside]]), np.concatenate([first, values[inside]]), length_s)

    def scaled(self, mean_bps: float) -> BandwidthTrace:
        """Return it in proportion, with that mean over time [bit/s].

        Raises
        ------
        InputError
            If the mean asked for is not above 0 and finite, or the trace is 0 throughout.
        """
        if not 0 < mean_bps < math.inf:
            raise InputError(f"mean of {mean_bps!r} bit/s; allowed: above 0, finite")
        mean = self.mean_bps
        if mean == 0:
            raise InputError("a bandwidth trace that is 0 throughout cannot be scaled to a mean")
        notes = (*self.notes, f"scaled by {mean_bps / mean:.4g}")
        return BandwidthTrace(self.times_s, self.bps * (mean_bps / mean), self.end_s, self.format, notes)


def up_to(times_s: Sequence[float], bps: Sequence[float]) -> BandwidthTrace:
    """Return the trace of values that hold from the time before up to their own; the first is of no known length."""
    return BandwidthTrace(times_s[:-1], bps[1:], times_s[-1])


def lasting(times_s: Sequence[float]) -> float:
    """Return the end of a trace whose file gives none: the last value holds as long as the one before.

    A single value holds for 1 s.
    """
    return times_s[-1] + (times_s[-1] - times_s[-2] if len(times_s) > 1 else 1.0)


def _rising(times: FloatArray, values: FloatArray, end_s: float) -> BandwidthTrace:
    """Return the trace without entries that rounding has moved onto the next: they last for no time."""
    lasts = np.append(times[1:], end_s) > times
    return BandwidthTrace(times[lasts], values[lasts], end_s)
