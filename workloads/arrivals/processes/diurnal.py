"""Arrivals by the time of day: along a cosine, or at given rates by the hour."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.process import DAY_S, PROCESSES, Process, check_rate, sums

_HALVINGS = 64
"""Of an interval, until it is as short as doubles tell."""


@PROCESSES.register("diurnal")
@dataclass(frozen=True, slots=True)
class Diurnal(Process):
    """Poisson arrivals at mean_hz * (1 + swing * cos(2 pi (t - peak_s) / period_s)): highest at `peak_s`."""

    units: ClassVar[dict[str, str]] = {"mean_hz": "Hz", "peak_s": "s", "period_s": "s"}
    mean_hz: float
    swing: float
    peak_s: float = 0.0
    period_s: float = DAY_S

    def __post_init__(self) -> None:
        check_rate(self.mean_hz, "mean_hz")
        check_rate(self.peak_s, "peak_s", zero=True)
        check_rate(self.period_s, "period_s")
        if not 0 <= self.swing <= 1:
            raise InputError(f"swing is {self.swing!r}; allowed: 0 to 1")

    def rates_hz(self, times_s: FloatArray) -> FloatArray:
        """Return the rate at each of some times [Hz]."""
        turns = (times_s - self.peak_s) / self.period_s
        rates: FloatArray = self.mean_hz * (1 + self.swing * np.cos(2 * math.pi * turns))
        return rates

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals of a Poisson process of rate 1, on the clock that the rate drives."""
        turn = self.period_s / (2 * math.pi)
        began = math.sin(self.peak_s / turn)
        for block in sums(stream(seed, "arrivals", "gap")):
            low = np.maximum(block / self.mean_hz - 2 * self.swing * turn, 0.0)
            high = block / self.mean_hz + 2 * self.swing * turn
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                expected = self.mean_hz * (middle + self.swing * turn * (np.sin((middle - self.peak_s) / turn) + began))
                early = expected < block
                low, high = np.where(early, middle, low), np.where(early, high, middle)
            yield (low + high) / 2


@PROCESSES.register("hourly")
@dataclass(frozen=True, slots=True)
class Hourly(Process):
    """Poisson arrivals at given rates, each for an equal part of the period, again and again: 24 make a day.

    Attributes
    ----------
    rates_hz : tuple of float
        Arrivals a second in each part [Hz], not all 0.
    period_s : float
        What they are parts of [s]: a day.
    """

    units: ClassVar[dict[str, str]] = {"rates_hz": "Hz", "period_s": "s"}
    rates_hz: tuple[float, ...]
    period_s: float = DAY_S

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates_hz", tuple(self.rates_hz))
        if not 1 <= len(self.rates_hz) <= 10_000:
            raise InputError(f"{len(self.rates_hz)} rates_hz; allowed: 1 to 10000")
        for rate_hz in self.rates_hz:
            check_rate(rate_hz, "one of rates_hz", zero=True)
        check_rate(self.period_s, "period_s")
        check_rate(sum(self.rates_hz), "the sum of rates_hz")

    @property
    def rate_hz(self) -> float:
        """Arrivals a second over a period."""
        return math.fsum(self.rates_hz) / len(self.rates_hz)

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals of a Poisson process of rate 1, on the clock that the rate drives."""
        parts = len(self.rates_hz)
        ends = np.concatenate([[0.0], np.cumsum(np.array(self.rates_hz) * self.period_s / parts)])
        ends_s = np.arange(parts + 1) * (self.period_s / parts)
        for block in sums(stream(seed, "arrivals", "gap")):
            periods = np.floor(block / ends[-1])
            yield periods * self.period_s + np.interp(block - periods * ends[-1], ends, ends_s)
