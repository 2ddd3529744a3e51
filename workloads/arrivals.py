"""Arrivals drawn at random, piece by piece: Poisson, MMPP-2, diurnal, flash crowd, and at even intervals.

Exact, by inversion: with unit exponentials E and the cumulative rate L, the arrivals are L^-1(E_1), L^-1(E_1 + E_2),
... (Cinlar, Introduction to Stochastic Processes, 1975). Every random quantity has a stream of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulator.errors import InputError
from simulator.registry import Registry
from simulator.rng import stream
from simulator.types import FloatArray
from simulator.units import parse
from workloads.distributions import check_parameters, described
from workloads.trace import ROWS, Chunk, Trace, streamed

DRAWS = 4096
"""Drawn at once, whoever asks for how many: where a sum is rounded must not depend on that."""

DAY_S = 86400.0
_FEWEST = 1e-3
"""Arrivals in a calm and a busy time: with fewer, an arrival takes thousands of changes of state to draw."""

_HALVINGS = 64
"""Of an interval, until it is as short as doubles tell."""

_LATEST_S = 1e15
"""Up to here a double tells arrivals a second apart."""


class Process:
    """A point process on the time from 0 on."""

    units: ClassVar[dict[str, str]] = {}
    """The units of its parameters, for those who read text."""

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the times of arrival [s], rising, without end or to its end, some at a time."""
        raise NotImplementedError


PROCESSES: Registry[type[Process]] = Registry("arrivals")


def generated(process: Process, seed: int, *, tasks: int | None = None, until_s: float | None = None) -> Trace:
    """Return the arrivals of `process` as a trace that is drawn as it is read.

    Parameters
    ----------
    process : Process
    seed : int
    tasks : int, optional
        How many arrivals there are.
    until_s : float, optional
        No arrival at this time or later [s]. One of the two, or both: whichever comes first.

    Raises
    ------
    InputError
        If neither is given, or no task arrives.
    """
    if tasks is None and until_s is None:
        raise InputError("arrivals without an end; allowed: a number of tasks, a time, or both")
    if tasks is not None and tasks < 1:
        raise InputError(f"tasks is {tasks}; allowed: 1 or more")
    if until_s is not None and not 0 < until_s < math.inf:
        raise InputError(f"until_s is {until_s!r}; allowed: above 0, finite")
    provenance: dict[str, Any] = {"generator": described(process, PROCESSES), "seed": seed}
    provenance |= {name: value for name, value in (("tasks", tasks), ("until_s", until_s)) if value is not None}
    return streamed(("arrival_s",), provenance, lambda: _chunks(process, seed, tasks, until_s))


def _chunks(process: Process, seed: int, tasks: int | None, until_s: float | None) -> Iterator[Chunk]:
    left = math.inf if tasks is None else tasks
    held: list[FloatArray] = []
    last_s = 0.0
    for times_s in process.blocks(seed):
        block = np.maximum.accumulate(np.maximum(times_s, last_s))  # where the clock all but stands, rounding shows
        last_s = float(block[-1]) if len(block) else last_s
        found = block if until_s is None else block[block < until_s]
        found = found[: int(min(left, len(found)))]
        if len(found) and not found[-1] <= _LATEST_S:
            raise InputError(f"tasks arrive after {_LATEST_S:g} s; allowed: fewer tasks, or a higher rate")
        left -= len(found)
        held.append(found)
        done = left == 0 or len(found) < len(block)
        if done or sum(map(len, held)) >= ROWS:
            yield {"arrival_s": np.concatenate(held)}
            held = []
        if done:
            return
    if held:
        yield {"arrival_s": np.concatenate(held)}


def _rate(value: Any, what: str, *, zero: bool = False) -> None:
    least = 0.0 if zero else 1e-12
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1e12:
        raise InputError(f"{what} is {value!r}; allowed: from {'0' if zero else '1e-12'} to 1e12")


def _sums(rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield the sums of unit exponentials: a Poisson process of rate 1."""
    last = 0.0
    while True:
        block: FloatArray = np.add(last, np.cumsum(rng.standard_exponential(DRAWS)))
        last = float(block[-1])
        yield block


def _merged(one: Iterator[FloatArray], other: Iterator[FloatArray]) -> Iterator[FloatArray]:
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


@PROCESSES.register("periodic")
@dataclass(frozen=True, slots=True)
class Periodic(Process):
    """One arrival every `interval_s`, the first at 0: the paper's."""

    units: ClassVar[dict[str, str]] = {"interval_s": "s"}
    interval_s: float = 1.0

    def __post_init__(self) -> None:
        _rate(self.interval_s, "interval_s", zero=True)

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
        _rate(self.rate_hz, "rate_hz")

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield sums of exponential gaps."""
        return (block / self.rate_hz for block in _sums(stream(seed, "arrivals", "gap")))


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
        _rate(self.calm_hz, "calm_hz", zero=True)
        for name in ("busy_hz", "mean_calm_s", "mean_busy_s"):
            _rate(getattr(self, name), name)
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
        limit = 2 * (self.calm_hz - self.busy_hz) ** 2 * p * q / (
            (p + q) ** 2 * (self.calm_hz * q + self.busy_hz * p)
        )
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
        for block in _sums(stream(seed, "arrivals", "gap")):
            while ends[-1] < block[-1]:
                lengths_s = sojourns.standard_exponential(DRAWS) * means[states]
                ends_s = np.append(ends_s, ends_s[-1] + np.cumsum(lengths_s))
                ends = np.append(ends, ends[-1] + np.cumsum(lengths_s * rates[states]))
                if not ends_s[-1] <= _LATEST_S:
                    raise InputError(f"tasks arrive after {_LATEST_S:g} s; allowed: fewer tasks, or a higher rate")
            yield np.interp(block, ends, ends_s)
            past = max(int(np.searchsorted(ends, block[-1], side="right")) - 1, 0)
            ends_s, ends = ends_s[past:], ends[past:]


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
        _rate(self.mean_hz, "mean_hz")
        _rate(self.peak_s, "peak_s", zero=True)
        _rate(self.period_s, "period_s")
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
        for block in _sums(stream(seed, "arrivals", "gap")):
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
            _rate(rate_hz, "one of rates_hz", zero=True)
        _rate(self.period_s, "period_s")
        _rate(sum(self.rates_hz), "the sum of rates_hz")

    @property
    def rate_hz(self) -> float:
        """Arrivals a second over a period."""
        return math.fsum(self.rates_hz) / len(self.rates_hz)

    def blocks(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals of a Poisson process of rate 1, on the clock that the rate drives."""
        parts = len(self.rates_hz)
        ends = np.concatenate([[0.0], np.cumsum(np.array(self.rates_hz) * self.period_s / parts)])
        ends_s = np.arange(parts + 1) * (self.period_s / parts)
        for block in _sums(stream(seed, "arrivals", "gap")):
            periods = np.floor(block / ends[-1])
            yield periods * self.period_s + np.interp(block - periods * ends[-1], ends, ends_s)


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
            _rate(getattr(self, name), name, zero=name == "rise_s")
        _rate(self.start_s, "start_s", zero=True)
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
        return _merged(Poisson(self.base_hz).blocks(seed), self._crowd(seed))

    def _crowd(self, seed: int) -> Iterator[FloatArray]:
        """Yield the arrivals beyond the base, by inversion of their expected number; none is left over at the end."""
        extra_hz = self.peak_hz - self.base_hz
        risen = extra_hz * self.rise_s / 2
        for block in _sums(stream(seed, "arrivals", "crowd")):
            there = block[block < self.crowd]
            rising_s = np.sqrt(2 * self.rise_s * np.minimum(there, risen) / extra_hz)
            falling_s = -self.decay_s * np.log1p(-np.maximum(there - risen, 0) / (extra_hz * self.decay_s))
            if len(there):
                yield self.start_s + np.where(there < risen, rising_s, self.rise_s + falling_s)
            if len(there) < len(block):
                return


def process_of(name: str, parameters: dict[str, Any]) -> Process:
    """Return the process of that name; text among the parameters is read with its unit.

    Raises
    ------
    InputError
        If a parameter is unknown, missing or out of range.

    Examples
    --------
    >>> process_of("poisson", {"rate_hz": "3 Hz"})
    Poisson(rate_hz=3.0)
    """
    kind = PROCESSES[name]
    check_parameters(kind, name, parameters)

    def read(parameter: str, value: Any) -> Any:
        if isinstance(value, str) and parameter in kind.units:
            return parse(value, kind.units[parameter])
        if isinstance(value, list | tuple):
            return tuple(read(parameter, one) for one in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{parameter} is {value!r}; allowed: a number")
        return float(value)

    return kind(**{parameter: read(parameter, value) for parameter, value in parameters.items()})
