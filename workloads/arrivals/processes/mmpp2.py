"""Arrivals in bursts: a Poisson process whose rate changes between two values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.process import DRAWS, LATEST_S, PROCESSES, Process, check_rate, sums

_FEWEST = 1e-3
"""Arrivals in a calm and a busy time: with fewer, an arrival takes thousands of changes of state to draw."""


@PROCESSES.register("mmpp2")
@dataclass(frozen=True, slots=True)
class MMPP2(Process):
    """Poisson arrivals whose rate is `calm_hz` and `busy_hz` in turns, for exponential times with those means.

    It begins in either state with the probability that it has in the long run.

    Notes
    -----
    With rates a, b and mean times 1/p, 1/q, the index of dispersion of the arrivals counted in a window of t seconds
    (variance / mean) is (Fischer and Meier-Hellstern, "The MMPP cookbook", Performance Evaluation 18(2), 1993)

        1 + 2 (a - b)^2 p q / ((p + q)^2 (a q + b p)) * (1 - (1 - exp(-(p + q) t)) / ((p + q) t))
    """

    units: ClassVar[dict[str, str]] = {"calm_hz": "Hz", "busy_hz": "Hz", "mean_calm_s": "s", "mean_busy_s": "s"}
    calm_hz: float
    busy_hz: float
    mean_calm_s: float
    mean_busy_s: float

    def __post_init__(self) -> None:
        check_rate(self.calm_hz, "calm_hz", zero=True)
        for name in ("busy_hz", "mean_calm_s", "mean_busy_s"):
            check_rate(getattr(self, name), name)
        if self.rate_hz * (self.mean_calm_s + self.mean_busy_s) < _FEWEST:
            raise InputError(f"fewer than {_FEWEST:g} arrivals in a calm and a busy time; allowed: more")

    @property
    def busy_share(self) -> float:
        """Share of the time that is busy."""
        return self.mean_busy_s / (self.mean_calm_s + self.mean_busy_s)

    @property
    def rate_hz(self) -> float:
        """Arrivals a second in the long run."""
        return self.calm_hz * (1 - self.busy_share) + self.busy_hz * self.busy_share

    def dispersion(self, window_s: float) -> float:
        """Return variance / mean of the arrivals in a window of that length (infinite: the limit)."""
        p, q = 1 / self.mean_calm_s, 1 / self.mean_busy_s
        limit = 2 * (self.calm_hz - self.busy_hz) ** 2 * p * q / ((p + q) ** 2 * (self.calm_hz * q + self.busy_hz * p))
        scaled = (p + q) * window_s
        return 1 + limit * (1 + math.expm1(-scaled) / scaled if scaled < math.inf else 1)

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals of a Poisson process of rate 1, on the clock that the rate drives."""
        busy = bool(stream(seed, "arrivals", "first state").random() < self.busy_share)
        rates = np.array([self.calm_hz, self.busy_hz])
        means = np.array([self.mean_calm_s, self.mean_busy_s])
        states = (np.arange(DRAWS) + busy) % 2  # DRAWS is even: every block begins alike
        sojourns = stream(seed, "arrivals", "state")
        ends_s, ends = np.zeros(1), np.zeros(1)  # of sojourns: time, and expected arrivals by then
        for block in sums(stream(seed, "arrivals", "gap")):
            while ends[-1] < block[-1]:
                lengths_s = sojourns.standard_exponential(DRAWS) * means[states]
                ends_s = np.append(ends_s, ends_s[-1] + np.cumsum(lengths_s))
                ends = np.append(ends, ends[-1] + np.cumsum(lengths_s * rates[states]))
                if not ends_s[-1] <= LATEST_S:
                    raise InputError(f"tasks arrive after {LATEST_S:g} s; allowed: fewer tasks, or a higher rate")
            yield np.interp(block, ends, ends_s)
            past = max(int(np.searchsorted(ends, block[-1], side="right")) - 1, 0)
            ends_s, ends = ends_s[past:], ends[past:]
