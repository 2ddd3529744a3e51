"""Kinds of workload on which bounds and price schedulers are judged: each drawn from a seed, none like another.

What the paper draws is one kind among them. A scheduler that is within a percent of the optimum there may be far from
it where tasks are equal, few, fed by one server, or leave again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cutlayer.profiles.store import paper
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray, IntArray, Network, Profile, Task

Kind = Callable[[int], tuple[list[Task], Network]]
"""Returns the tasks, in order of arrival, and the network for a seed."""

KINDS: Registry[Kind] = Registry("kind of workload")

Rng = np.random.Generator
Draw = Callable[[Rng, int], FloatArray]


def _uniform(low: float, high: float) -> Draw:
    return lambda rng, n: rng.uniform(low, high, n)


FRAME_BYTES = _uniform(100e3, 1e6)
UPLINK_BPS = (10e6, 1e9)
CAPACITY_FLOP_PER_S = 290e9


def star(
    rng: Rng, servers: int, *, capacity: float = CAPACITY_FLOP_PER_S, uplink: tuple[float, float] = UPLINK_BPS
) -> Network:
    """Return servers of one capacity, with uplinks drawn from a range [bit/s]; four fifths may be reserved."""
    return Network(np.full(servers, capacity), rng.uniform(*uplink, servers), usable_share=0.8)


def tree(rng: Rng, depth: int, branches: int, *, uplink: tuple[float, float] = UPLINK_BPS) -> Network:
    """Return servers at the leaves of a tree whose links carry all below them; the cloud is its root."""
    servers = branches**depth
    routes = np.concatenate(
        [np.kron(np.eye(branches**level), np.ones(servers // branches**level)) for level in range(1, depth + 1)]
    )
    below = routes.sum(axis=1)
    speeds = rng.uniform(*uplink, len(routes)) * np.sqrt(below)
    return Network(np.full(servers, CAPACITY_FLOP_PER_S), speeds, routes=routes, usable_share=0.8)


def mesh(rng: Rng, servers: int, links: int) -> Network:
    """Return servers each of whose traffic crosses some of a number of shared links."""
    routes = (rng.random((links, servers)) < 3 / links).astype(float)
    routes[rng.integers(links, size=servers), np.arange(servers)] = 1
    routes = routes[routes.any(axis=1)]
    speeds = rng.uniform(*UPLINK_BPS, len(routes)) * np.sqrt(routes.sum(axis=1))
    return Network(np.full(servers, CAPACITY_FLOP_PER_S), speeds, routes=routes, usable_share=0.8)


def tasks_on(
    rng: Rng,
    network: Network,
    count: int,
    *,
    fed: int | None = None,
    frame_bytes: Draw = FRAME_BYTES,
    profiles: Sequence[Profile] | None = None,
    rates_hz: Sequence[float] = (5.0,),
    deadlines_s: Sequence[float] = (0.2,),
    lifetime_s: float = math.inf,
    arrivals_s: FloatArray | None = None,
) -> list[Task]:
    """Return tasks that arrive a second apart, each fed by all servers, or by `fed` of them."""
    choice = list(paper().values()) if profiles is None else list(profiles)
    sizes = frame_bytes(rng, count)
    lifetimes = rng.exponential(lifetime_s, count) if math.isfinite(lifetime_s) else np.full(count, math.inf)
    times = np.arange(count, dtype=float) if arrivals_s is None else arrivals_s
    tasks = []
    for j in range(count):
        servers = _fed(rng, len(network.servers), fed)
        weights = rng.uniform(0.5, 1.5, len(servers))
        tasks.append(
            Task(
                name=f"t{j}",
                arrival_s=float(times[j]),
                profile=choice[rng.integers(len(choice))],
                frame_rate_hz=float(rng.choice(rates_hz)),
                deadline_s=float(rng.choice(deadlines_s)),
                servers=servers,
                input_bytes=sizes[j] * weights / weights.sum(),
                lifetime_s=float(lifetimes[j]),
            )
        )
    return tasks


def _fed(rng: Rng, servers: int, fed: int | None) -> IntArray:
    return np.arange(servers) if fed is None else np.sort(rng.choice(servers, fed, replace=False))


def _add(name: str, make: Callable[[Rng], tuple[list[Task], Network]]) -> None:
    @KINDS.register(name)
    def kind(seed: int) -> tuple[list[Task], Network]:
        return make(stream(seed, "kind of workload", name))


def _in_star(name: str, servers: int = 50, count: int = 1000, network: Any = None, **options: Any) -> None:
    def make(rng: Rng) -> tuple[list[Task], Network]:
        there = star(rng, servers, **(network or {}))
        return tasks_on(rng, there, count, **options), there

    _add(name, make)


def _on(name: str, network: Callable[[Rng], Network], count: int = 1000, **options: Any) -> None:
    def make(rng: Rng) -> tuple[list[Task], Network]:
        there = network(rng)
        return tasks_on(rng, there, count, **options), there

    _add(name, make)


def _pareto(rng: Rng, n: int) -> FloatArray:
    return np.asarray(np.minimum(300e3 * (1 + rng.pareto(1.1, n)), 50e6))


def _ten_sizes(rng: Rng, n: int) -> FloatArray:
    return np.asarray(1e5 * rng.integers(1, 11, n))


def _one_huge(rng: Rng, n: int) -> FloatArray:
    sizes = rng.uniform(100e3, 1e6, n)
    sizes[n // 3] = 100e6
    return sizes


def _bursts(rng: Rng, n: int) -> FloatArray:
    gaps = rng.exponential(1.0, n) * np.where(rng.random(n) < 0.05, 18.0, 0.1)
    return np.cumsum(gaps)


def _flash_crowd(rng: Rng, n: int) -> FloatArray:
    return np.sort(np.concatenate([rng.uniform(0, n, n - n // 2), rng.uniform(0.6 * n, 0.65 * n, n // 2)]))


for _servers in (20, 50, 90):
    _in_star(f"paper, {_servers} servers", _servers)
_in_star("one server a task", 20, fed=1)
_in_star("three servers a task", 20, fed=3)
_on("shared tree", lambda rng: tree(rng, 3, 4), fed=2)
_on("deep tree", lambda rng: tree(rng, 6, 2), fed=1)
_on("shared mesh", lambda rng: mesh(rng, 50, 15))
_in_star("Pareto sizes, one server", 20, fed=1, frame_bytes=_pareto)
_in_star("ten sizes", 20, fed=1, frame_bytes=_ten_sizes)
_in_star("one huge task", 20, fed=3, frame_bytes=_one_huge)
_in_star("tiny, two of five servers", 5, 60, {"capacity": 100e9, "uplink": (5e6, 60e6)}, fed=2)
_in_star("tiny, all of four servers", 4, 60, {"capacity": 100e9, "uplink": (5e6, 60e6)})
_in_star("rising sizes", frame_bytes=lambda rng, n: np.sort(FRAME_BYTES(rng, n)))
_in_star("falling sizes", frame_bytes=lambda rng, n: np.sort(FRAME_BYTES(rng, n))[::-1])
_in_star("mixed rates and deadlines", rates_hz=(1.0, 5.0, 15.0, 30.0), deadlines_s=(0.05, 0.2, 1.0))
_in_star("bandwidth only", 10, network={"capacity": 1e16})
_in_star("compute only", 20, network={"capacity": 30e9, "uplink": (1e13, 2e13)})
_in_star("departures, all servers", lifetime_s=300.0)
_in_star("departures, one server", 20, fed=1, lifetime_s=300.0)
_in_star("5,000 tasks, one of 40", 40, 5000, fed=1)
_in_star("5,000 tasks, three of 100", 100, 5000, fed=3)


def _arriving(name: str, times: Draw, **options: Any) -> None:
    def make(rng: Rng) -> tuple[list[Task], Network]:
        there = star(rng, 15)
        return tasks_on(rng, there, 1000, arrivals_s=times(rng, 1000), **options), there

    _add(name, make)


_arriving("bursts", _bursts, fed=2, lifetime_s=300.0)
_arriving("flash crowd", _flash_crowd, fed=3, lifetime_s=200.0)


@KINDS.register("one profile")
def _one_profile(seed: int) -> tuple[list[Task], Network]:
    rng = stream(seed, "kind of workload", "one profile")
    network, profiles = star(rng, 50), list(paper().values())
    return tasks_on(rng, network, 1000, profiles=[profiles[seed % len(profiles)]]), network


def _identical(count: int, servers: int, fed: int | None) -> Callable[[Rng, Profile], tuple[list[Task], Network]]:
    def make(rng: Rng, profile: Profile) -> tuple[list[Task], Network]:
        network = star(rng, servers, uplink=(100e6, 1e9))
        places = _fed(rng, servers, fed)
        size = float(rng.uniform(100e3, 1e6))
        tasks = [
            Task(f"t{j}", float(j), profile, 5.0, 0.2, places, np.full(len(places), size / len(places)))
            for j in range(count)
        ]
        return tasks, network

    return make


def _equal_kind(name: str, make: Callable[[Rng, Profile], tuple[list[Task], Network]]) -> None:
    @KINDS.register(name)
    def kind(seed: int) -> tuple[list[Task], Network]:
        rng = stream(seed, "kind of workload", name)
        profiles = list(paper().values())
        return make(rng, profiles[int(rng.integers(len(profiles)))])


_equal_kind("identical tasks, one server", _identical(200, 1, None))
_equal_kind("identical tasks, ten servers", _identical(2000, 10, None))


@KINDS.register("two profiles, one server a task")
def _two_profiles(seed: int) -> tuple[list[Task], Network]:
    rng = stream(seed, "kind of workload", "two profiles")
    network, profiles = star(rng, 8), list(paper().values())
    chosen = [profiles[i] for i in rng.choice(len(profiles), 2, replace=False)]
    return tasks_on(rng, network, 400, fed=1, profiles=chosen), network
