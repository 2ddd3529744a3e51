"""Arrivals at one rate: at even intervals, or without memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.process import DRAWS, PROCESSES, Process, check_rate, sums


@PROCESSES.register("periodic")
@dataclass(frozen=True, slots=True)
class Periodic(Process):
    """One arrival every `interval_s`, the first at 0: the paper's."""

    units: ClassVar[dict[str, str]] = {"interval_s": "s"}
    interval_s: float = 1.0

    def __post_init__(self) -> None:
        check_rate(self.interval_s, "interval_s", zero=True)

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield multiples of the interval."""
        for first in itertools.count(0, DRAWS):
            yield np.multiply(np.arange(first, first + DRAWS), self.interval_s)


@PROCESSES.register("poisson")
@dataclass(frozen=True, slots=True)
class Poisson(Process):
    """Arrivals without memory, `rate_hz` a second."""

    units: ClassVar[dict[str, str]] = {"rate_hz": "Hz"}
    rate_hz: float

    def __post_init__(self) -> None:
        check_rate(self.rate_hz, "rate_hz")

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield sums of exponential gaps."""
        return (block / self.rate_hz for block in sums(stream(seed, "arrivals", "gap")))
