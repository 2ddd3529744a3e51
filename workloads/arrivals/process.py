"""Point processes: what a generator of arrivals is, and what all of them are made of.

Exact, by inversion: with unit exponentials E and the cumulative rate L, the arrivals are L^-1(E_1), L^-1(E_1 + E_2),
... (Cinlar, Introduction to Stochastic Processes, 1975). Every random quantity has a stream of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.types import FloatArray

DRAWS = 4096
"""Drawn at once, whoever asks for how many: where a sum is rounded must not depend on that."""

DAY_S = 86400.0
LATEST_S = 1e15
"""Up to here a double tells arrivals a second apart."""


class Process:
    """A point process on the time from 0 on."""

    units: ClassVar[dict[str, str]] = {}
    """The units of its parameters, for those who read text."""

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the times of arrival [s], rising, without end or to its end, some at a time."""
        raise NotImplementedError


PROCESSES: Registry[type[Process]] = Registry("arrivals")


def check_rate(value: Any, what: str, *, zero: bool = False) -> None:
    """Check a rate or a length of time: in a range whose products and quotients stay finite."""
    least = 0.0 if zero else 1e-12
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1e12:
        raise InputError(f"{what} is {value!r}; allowed: from {'0' if zero else '1e-12'} to 1e12")


def sums(rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield the sums of unit exponentials: a Poisson process of rate 1."""
    last = 0.0
    while True:
        block: FloatArray = np.add(last, np.cumsum(rng.standard_exponential(DRAWS)))
        last = float(block[-1])
        yield block


def merged(one: Iterator[FloatArray], other: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """Yield the times of both, in order."""
    a, b = next(one, None), next(other, None)
    while a is not None and b is not None:
        end = min(float(a[-1]), float(b[-1]))
        i, j = int(np.searchsorted(a, end, side="right")), int(np.searchsorted(b, end, side="right"))
        both = np.concatenate([a[:i], b[:j]])
        both.sort(kind="stable")
        yield both
        a = a[i:] if i < len(a) else next(one, None)
        b = b[j:] if j < len(b) else next(other, None)
    yield from (rest for rest in (a, b) if rest is not None)
    yield from one
    yield from other
