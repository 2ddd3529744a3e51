"""Capacity over time, and the clocks it makes: links that change, loads, outages.

Everything is piecewise constant (`Steps`). What links can carry and what is reserved on them gives the
speed of all slices at a server, s(t); its integral S(t) is one clock for all of them (`Clock`): what needs
w seconds of its slice leaves when S has advanced by w. S is piecewise linear, so nothing is stepped.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.demand import SLACK
from simulator.errors import InputError, UnknownNameError
from simulator.types import FloatArray, Network

_CHANGES = 1024
"""Changes of conditions that are made at a time."""

MOST_CHANGES = 100_000
"""Of a load that is drawn for one link; more is a time in the wrong unit."""

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
        return at, f"time {time!r} s is there already; allowed: every time once, one after the other"
    return at, f"time goes back from {float(times[at - 1])!r} to {time!r} s; allowed: one time after the other"


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

    Where nobody holds anything the sum is 0 exactly: rounding does not pile up.
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


@dataclass(frozen=True, eq=False)
class Conditions:
    """What befalls links and servers during a run; everything not mentioned is as in the network.

    Parameters
    ----------
    capacity_bps : mapping of str to Steps
        What a link can carry, by its name [bit/s]; its bandwidth by default.
    load_bps : mapping of str to Steps
        Interaction traffic on a link, which goes first [bit/s].
    link_outages, server_outages : mapping of str to sequence of (down, up)
        When a link carries nothing, or a server computes nothing [s].
    """

    capacity_bps: Mapping[str, Steps] = field(default_factory=dict)
    load_bps: Mapping[str, Steps] = field(default_factory=dict)
    link_outages: Mapping[str, Intervals] = field(default_factory=dict)
    server_outages: Mapping[str, Intervals] = field(default_factory=dict)

    def check(self, network: Network) -> None:
        """Refuse names that `network` does not have and outages that are none.

        Raises
        ------
        InputError
            Naming the link or server.
        """
        for what, names, known in (
            ("link", [*self.capacity_bps, *self.load_bps, *self.link_outages], network.links),
            ("server", [*self.server_outages], network.servers),
        ):
            for name in names:
                if name not in known:
                    raise UnknownNameError(what, name, known)
        for what, outages in (("link", self.link_outages), ("server", self.server_outages)):
            for name, intervals in outages.items():
                merged(intervals, f"outage of {what} {name!r}")

    def link_capacity(self, network: Network, link: int) -> Steps:
        """Return what is left for tasks on a link over time [bit/s]: capacity - load, 0 in outages."""
        name = network.links[link]
        capacity = self.capacity_bps.get(name, constant(float(network.link_bps[link])))
        if name in self.load_bps:
            capacity = combine(lambda has, load: np.maximum(has - load, 0.0), capacity, self.load_bps[name])
        if self.link_outages.get(name):
            capacity = combine(np.multiply, capacity, available(self.link_outages[name]))
        return capacity

    def changes(self, network: Network) -> Iterator[tuple[float, FloatArray, NDArray[np.bool_]]]:
        """Yield, for 0 s and every later instant at which something changes, how things are from then on.

        Yields
        ------
        (time_s, link_capacity_bps, server_up)
            What is left for tasks on every link [bit/s], shape (M,), and which servers are up, shape (E,).

        Notes
        -----
        Traces of many links change at many instants, and each is a state of all links: they are made as they
        are asked for, some at a time.
        """
        links = [self.link_capacity(network, link) for link in range(len(network.links))]
        servers = [available(self.server_outages.get(name, ())) for name in network.servers]
        times = np.unique(np.concatenate([np.maximum(steps.times_s, 0.0) for steps in (*links, *servers)]))
        for first in range(0, len(times), _CHANGES):
            some = times[first : first + _CHANGES]
            capacity, up = np.array([s.at(some) for s in links]), np.array([s.at(some) > 0 for s in servers])
            for n, time in enumerate(some.tolist()):
                yield time, capacity[:, n].copy(), up[:, n].copy()

    def compute_clock(self, network: Network, server: int) -> Clock:
        """Return the clock of a server's compute: it stands still in outages."""
        return Clock(available(self.server_outages.get(network.servers[server], ())))


def links_of(network: Network, server: int) -> list[int]:
    """Return the links that a server's traffic crosses."""
    crossed: list[int] = network.links_from(server).tolist()
    return crossed


def slice_speed(capacity_bps: Steps, reserved_bps: Steps) -> Steps:
    """Return how fast slices run on one link: min(1, capacity / reserved), and 0 where it carries nothing.

    A reservation may exceed the capacity by `simulator.demand.SLACK` and still be served at full speed.
    """

    def speed(capacity: FloatArray, reserved: FloatArray) -> Any:
        full = (capacity > 0) & (reserved <= capacity * (1 + SLACK))
        return np.where(full, 1.0, capacity / np.where(reserved > 0, reserved, 1.0))

    return combine(speed, capacity_bps, reserved_bps)


def server_clock(speeds: Sequence[Steps]) -> Clock:
    """Return the clock of the slices at a server, given the speeds on its links; without links, time itself."""
    if len(speeds) < 2:
        return Clock(speeds[0] if speeds else FULL)
    return Clock(combine(lambda *values: np.minimum.reduce(values), *speeds))


def markov_load(
    rng: np.random.Generator, levels: Sequence[float], rates_hz: ArrayLike, end_s: float
) -> Steps:
    """Return a load that jumps between levels as a Markov chain in continuous time, stationary from 0 s on.

    Parameters
    ----------
    rng : numpy.random.Generator
        Its stream, e.g. ``simulator.rng.stream(seed, "interaction", link)``.
    levels : sequence of float, length n
        The load in each state [bit/s].
    rates_hz : array_like, shape (n, n)
        Entry (i, j) is how often it jumps from i to j while in i [1/s]; the diagonal is not read. Every
        state must be reachable from every other.
    end_s : float
        Up to when to draw; the last level stays.

    Raises
    ------
    InputError
        If a rate is negative, a state cannot be left, the shapes disagree, or there are more than `MOST_CHANGES`.
    """
    rates = np.array(rates_hz, dtype=float)
    if rates.shape != (len(levels), len(levels)):
        raise InputError(f"rates of shape {rates.shape} for {len(levels)} levels of load")
    np.fill_diagonal(rates, 0.0)
    leaving = rates.sum(axis=1)
    if not ((rates >= 0).all() and np.isfinite(rates).all() and (leaving > 0).all()):
        raise InputError("rates between levels of load; allowed: 0 or more, finite, and every level can be left")
    balance = np.vstack([(rates - np.diag(leaving)).T, np.ones(len(levels))])
    share = np.linalg.lstsq(balance, np.append(np.zeros(len(levels)), 1.0), rcond=None)[0]
    share = np.maximum(share, 0.0) / np.maximum(share, 0.0).sum()
    state = int(rng.choice(len(levels), p=share))
    times, values, now = [0.0], [float(levels[state])], 0.0
    shares = rates / leaving[:, None]
    ways = [(row / row[-1]).tolist() for row in shares.cumsum(axis=1)]
    while (now := now + float(rng.exponential(1 / leaving[state]))) < end_s:
        if len(times) > MOST_CHANGES:
            stays = " and ".join(f"{1 / rate:g} s" for rate in leaving.tolist())
            raise InputError(
                f"more than {MOST_CHANGES} changes of interaction load on a link in {end_s:g} s at {stays} on average "
                "at each level; allowed: fewer"
            )
        state = bisect_right(ways[state], rng.random())  # as rng.choice does, and as it draws
        times.append(now)
        values.append(float(levels[state]))
    return Steps(times, values, "load")


def on_off_load(
    rng: np.random.Generator, on_bps: float, mean_on_s: float, mean_off_s: float, end_s: float
) -> Steps:
    """Return a load of `on_bps` for exponential times of mean `mean_on_s`, and of 0 between; see `markov_load`."""
    for what, value in (("mean_on_s", mean_on_s), ("mean_off_s", mean_off_s)):
        if not 0 < value < math.inf:
            raise InputError(f"{what} is {value!r}; allowed: above 0, finite")
    return markov_load(rng, [0.0, on_bps], [[0.0, 1 / mean_off_s], [1 / mean_on_s, 0.0]], end_s)
