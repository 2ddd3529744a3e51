"""Bounds and prices, timed: does time grow with the non-zero inputs, and how near the bound is the plan?

Tasks are fed by 5 servers each out of 1000. Run with ``make bench`` or ``python -m cutlayer.experiments.bench.bounds``;
arguments are the numbers of tasks, rising.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import NamedTuple

import numpy as np

from cutlayer.profiles.store import paper
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.policy import OfflineScheduler
from cutlayer.simulator.rng import stream
from cutlayer.simulator.schedulers.price import Price
from cutlayer.simulator.types import Network, Task

TASKS = (10_000, 30_000, 100_000)
SERVERS, FED = 1000, 5
WITHIN = 1.5
"""Time per non-zero may vary by this factor: caches are smaller than the largest instance."""


class Measured(NamedTuple):
    tasks: int
    non_zeros: int
    plan_s: float
    deployed: int
    bound: float
    gap: float


def instance(n_tasks: int, seed: int = 0) -> tuple[list[Task], Network]:
    """Return tasks of the paper's sizes, each fed by a few of many servers, and these servers."""
    rng = stream(seed, "bench bounds")
    profiles = list(paper().values())
    network = Network(np.full(SERVERS, 290e9), rng.uniform(10e6, 1e9, SERVERS), usable_share=0.8)
    tasks = []
    for j in range(n_tasks):
        weights = rng.uniform(0.5, 1.5, FED)
        tasks.append(
            Task(
                name=f"t{j}",
                arrival_s=float(j),
                profile=profiles[rng.integers(len(profiles))],
                frame_rate_hz=5.0,
                deadline_s=0.2,
                servers=np.sort(rng.choice(SERVERS, FED, replace=False)),
                input_bytes=rng.uniform(100e3, 1e6) * weights / weights.sum(),
            )
        )
    return tasks, network


def measure(n_tasks: int) -> Measured:
    """Plan once, certificate included, and play the plan: the ledger checks it."""
    tasks, network = instance(n_tasks)
    scheduler = Price()
    start = time.perf_counter()
    plan = scheduler.plan(tasks, network)
    plan_s = time.perf_counter() - start
    certificate = scheduler.certificate
    assert certificate is not None
    played = simulate(network, tasks, _Planned(plan))
    assert len(played.deployed) == len(plan) == certificate.deployed
    non_zeros = sum(len(task.servers) for task in tasks)
    return Measured(n_tasks, non_zeros, plan_s, len(plan), certificate.bound.tasks, certificate.gap)


class _Planned(OfflineScheduler):
    """Returns a plan that is already there."""

    def __init__(self, made: dict[str, int]) -> None:
        self.made = made

    def plan(self, tasks: object, network: object) -> dict[str, int]:
        return self.made


def main(arguments: list[str]) -> int:
    """Measure, print, and say with the exit status whether time grew no faster than the non-zeros."""
    sizes = [int(argument) for argument in arguments] or list(TASKS)
    print(f"price: tasks fed by {FED} of {SERVERS} servers")
    print("   tasks  non-zeros   plan [s]  per non-zero [us]  deployed      bound    gap")
    rows = []
    for size in sizes:
        row = measure(size)
        rows.append(row)
        print(
            f"{row.tasks:8d} {row.non_zeros:10d} {row.plan_s:10.2f} {1e6 * row.plan_s / row.non_zeros:18.1f}"
            f" {row.deployed:9d} {row.bound:10.1f} {row.gap:6.2%}"
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    growth = (rows[-1].plan_s / rows[-1].non_zeros) / (rows[0].plan_s / rows[0].non_zeros)
    print(f"time per non-zero, largest over smallest: {growth:.2f} (at most {WITHIN}); peak memory {memory:.2f} GB")
    return int(growth > WITHIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
