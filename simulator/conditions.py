"""Capacity over time, and the clocks it makes: links that change, loads, outages.

What links can carry and what is reserved on them gives the speed of all slices at a server, s(t); its integral
S(t) is one clock for all of them (`simulator.steps.Clock`): what needs w seconds of its slice leaves when S has
advanced by w. S is piecewise linear, so nothing is stepped.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.steps import FULL, Clock, Intervals, Steps, available, combine, constant, merged
from cutlayer.simulator.types import FloatArray, Network

_CHANGES = 1024
"""Changes of conditions that are made at a time."""

MOST_CHANGES = 100_000
"""Most changes of a load drawn for one link; more indicate a time in the wrong unit."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """Time-varying capacity, load and outages; links and servers not listed keep their nominal values.

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
        """Refuse names that `network` does not have, and outages that do not end after they begin.

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

    def link_down(self, network: Network, link: int) -> list[tuple[float, float]]:
        """Return when a link is down, as (down, up) [s]: in outages, and while its trace or load leaves 0 bit/s."""
        capacity = self.link_capacity(network, link)
        times = np.append(np.maximum(capacity.times_s, 0.0), math.inf).tolist()
        nothing = np.flatnonzero(capacity.values <= 0).tolist()
        return merged([(times[n], times[n + 1]) for n in nothing if times[n] < times[n + 1]])

    def changes(self, network: Network) -> Iterator[tuple[float, FloatArray, NDArray[np.bool_]]]:
        """Yield the state of links and servers at 0 s and after every change.

        Yields
        ------
        (time_s, link_capacity_bps, server_up)
            What is left for tasks on every link [bit/s], shape (M,), and which servers are up, shape (E,).

        Notes
        -----
        Each state covers all links, and traces of many links change often: states are computed on demand, in
        batches.
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
        """Return the clock of a server's compute, which stops during outages."""
        return Clock(available(self.server_outages.get(network.servers[server], ())))


def links_of(network: Network, server: int) -> list[int]:
    """Return the links that a server's traffic crosses."""
    crossed: list[int] = network.links_from(server).tolist()
    return crossed


def slice_speed(capacity_bps: Steps, reserved_bps: Steps) -> Steps:
    """Return how fast slices run on one link: min(1, capacity / reserved), and 0 where it carries nothing.

    A reservation may exceed the capacity by `cutlayer.simulator.demand.SLACK` and still be served at full speed.
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


def markov_load(rng: np.random.Generator, levels: Sequence[float], rates_hz: ArrayLike, end_s: float) -> Steps:
    """Return a load that jumps between levels as a Markov chain in continuous time, stationary from 0 s on.

    Parameters
    ----------
    rng : numpy.random.Generator
        Its stream, e.g. ``cutlayer.simulator.rng.stream(seed, "interaction", link)``.
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


def on_off_load(rng: np.random.Generator, on_bps: float, mean_on_s: float, mean_off_s: float, end_s: float) -> Steps:
    """Return a load of `on_bps` for exponential times of mean `mean_on_s`, and of 0 between; see `markov_load`."""
    for what, value in (("mean_on_s", mean_on_s), ("mean_off_s", mean_off_s)):
        if not 0 < value < math.inf:
            raise InputError(f"{what} is {value!r}; allowed: above 0, finite")
    return markov_load(rng, [0.0, on_bps], [[0.0, 1 / mean_off_s], [1 / mean_on_s, 0.0]], end_s)
