"""A crowd that comes at once and goes slowly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.process import PROCESSES, Process, check_rate, merged, sums
from cutlayer.workloads.arrivals.processes.steady import Poisson


@PROCESSES.register("flash-crowd")
@dataclass(frozen=True, slots=True)
class FlashCrowd(Process):
    """Poisson arrivals at `base_hz` that rise to `peak_hz` and die away.

    The rate rises on a straight line from `start_s` for `rise_s`; what exceeds the base then falls by a factor of e
    every `decay_s`. The crowd has streams of its own: the others are those of `base_hz` alone.
    """

    units: ClassVar[dict[str, str]] = {"base_hz": "Hz", "peak_hz": "Hz", "start_s": "s", "rise_s": "s", "decay_s": "s"}
    base_hz: float
    peak_hz: float
    start_s: float
    rise_s: float
    decay_s: float

    def __post_init__(self) -> None:
        for name in ("base_hz", "peak_hz", "rise_s", "decay_s"):
            check_rate(getattr(self, name), name, zero=name == "rise_s")
        check_rate(self.start_s, "start_s", zero=True)
        if self.peak_hz <= self.base_hz:
            raise InputError(f"peak_hz is {self.peak_hz!r}; allowed: above base_hz, {self.base_hz!r}")

    @property
    def crowd(self) -> float:
        """Arrivals expected beyond the base, from start to end."""
        return (self.peak_hz - self.base_hz) * (self.rise_s / 2 + self.decay_s)

    def rates_hz(self, times_s: FloatArray) -> FloatArray:
        """Return the rate at each of some times [Hz]."""
        since_s = times_s - self.start_s
        rising = np.clip(since_s / self.rise_s, 0, 1) if self.rise_s > 0 else np.where(since_s < 0, 0.0, 1.0)
        falling = np.exp(-np.maximum(since_s - self.rise_s, 0) / self.decay_s)
        rates: FloatArray = self.base_hz + (self.peak_hz - self.base_hz) * rising * falling
        return rates

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield base and crowd, merged."""
        return merged(Poisson(self.base_hz).blocks(seed), self._crowd(seed))

    def _crowd(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals beyond the base, by inversion of their expected number; none is left over at the end."""
        extra_hz = self.peak_hz - self.base_hz
        risen = extra_hz * self.rise_s / 2
        for block in sums(stream(seed, "arrivals", "crowd")):
            there = block[block < self.crowd]
            rising_s = np.sqrt(2 * self.rise_s * np.minimum(there, risen) / extra_hz)
            falling_s = -self.decay_s * np.log1p(-np.maximum(there - risen, 0) / (extra_hz * self.decay_s))
            if len(there):
                yield self.start_s + np.where(there < risen, rising_s, self.rise_s + falling_s)
            if len(there) < len(block):
                return
