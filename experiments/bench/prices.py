"""How near bounds and price schedulers come to the optimum, on every kind of workload of `kinds`.

The reference shares no code with them: the linear relaxation, or where few tasks fit the exact optimum, written from
the problem statement and solved by HiGHS. Run with ``make bench`` or ``python -m cutlayer.experiments.bench.prices
[--seeds N] [--kinds "NAME;NAME"]``; shares are means over seeds, with the worst seed behind the stroke.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import optimize, sparse

from cutlayer.experiments.bench.kinds import KINDS
from cutlayer.simulator.bounds.bounds import certificate, hindsight
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.frames.spans import SpanRecorder
from cutlayer.simulator.policy import Decision, Deploy, OnlineScheduler, Reject, Scheduler, View
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

FEW = 200
"""Where fewer tasks than this fit, the exact optimum is the reference, as far as it is found in a minute."""
EXACT_S = 60.0


def relaxation(tasks: Sequence[Task], network: Network, *, whole: bool = False) -> float:
    """Return how many tasks can be deployed at once: of the linear relaxation, or with `whole` exactly.

    Written from the problem statement: a variable a task and cut (1 to N), a row a task, link and server.
    """
    routes = np.eye(len(network.servers)) if network.routes is None else network.routes.toarray()
    rows: list[Any] = []
    columns: list[Any] = []
    values: list[Any] = []
    column = 0
    for j, task in enumerate(tasks):
        through = routes[:, task.servers] @ task.input_bytes
        links = np.flatnonzero(through)
        rate = max(task.frame_rate_hz, 1 / task.deadline_s)
        ratio = np.array([layer.output_bytes for layer in task.profile.layers]) / task.profile.input_bytes
        work = np.cumsum([layer.flop for layer in task.profile.layers]) / task.profile.input_bytes
        for k in range(len(ratio)):
            need_bps = (1 + network.reservation_margin) * 8 * ratio[k] * rate * through[links]
            need_flop = work[k] * task.frame_rate_hz * task.input_bytes
            rows += [[j], len(tasks) + links, len(tasks) + len(network.links) + task.servers]
            capacity = network.usable_share * network.link_bps[links]
            values += [[1.0], need_bps / capacity, need_flop / network.capacity_flop_per_s[task.servers]]
            columns.append(np.full(1 + len(links) + len(task.servers), column))
            column += 1
    size = (len(tasks) + len(network.links) + len(network.servers), column)
    matrix = sparse.csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=size)
    if not whole:
        found = optimize.linprog(-np.ones(column), A_ub=matrix, b_ub=np.ones(size[0]), method="highs")
        return float(-found.fun)
    found = optimize.milp(
        -np.ones(column),
        integrality=np.ones(column),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(matrix, ub=np.ones(size[0])),
        options={"time_limit": EXACT_S},
    )
    return float(-found.fun) if found.status == 0 else -float(found.mip_dual_bound)


class WhateverFits(OnlineScheduler):
    """Deploys every task that fits at any cut: what a price must beat."""

    def decide(self, task: Task, view: View) -> Decision:
        cut = view.first_fit(task, balanced)
        return Reject("no cut fits") if cut is None else Deploy(cut)


def over_time(tasks: Sequence[Task], network: Network, scheduler: Scheduler) -> tuple[float, float]:
    """Return how many tasks are deployed at the last arrival, and on average over the time until then."""
    spans = SpanRecorder()
    outcome = simulate(network, tasks, scheduler, listeners=[spans])
    held_s = math.fsum(min(span.end_s, outcome.end_s) - span.start_s for span in spans.spans())
    return float(len(outcome.deployed)), held_s / outcome.end_s


def average_bound(tasks: Sequence[Task], network: Network, moments: int = 20) -> float:
    """Return the bound on the tasks deployed at once, over those alive, on average over some moments."""
    at = np.linspace(0, len(tasks) - 1, moments + 1).astype(int)[1:]
    return float(np.mean(hindsight(tasks, network, [int(n) + 1 for n in at], first_cut=1)))


def measured(name: str, seed: int) -> dict[str, float]:
    """Return the row of one kind and seed: shares of the reference, in percent."""
    tasks, network = KINDS[name](seed)
    end_s = tasks[-1].arrival_s
    alive = [task for task in tasks if task.arrival_s + task.lifetime_s > end_s]
    leave = len(alive) < len(tasks)
    best = linear = relaxation(tasks, network)
    if linear < FEW:
        best = relaxation(tasks, network, whole=True)
    planned = len(SCHEDULERS["price"]().plan(tasks, network))  # type: ignore[attr-defined]
    others = float(len(SCHEDULERS["offline"]().plan(tasks, network)))  # type: ignore[attr-defined]
    staying = [dataclasses.replace(task, lifetime_s=math.inf) for task in tasks]
    others = max(others, *(over_time(staying, network, make())[0] for make in (SCHEDULERS["fifo"], WhateverFits)))
    row = {
        "LP": linear,
        "price": planned / best,
        "over others": planned - others,
        "dual bound": certificate(tasks, network, first_cut=1).tasks / linear,
    }
    at_end = relaxation(alive, network) if leave else linear
    average = average_bound(tasks, network)
    _, greedy = over_time(tasks, network, WhateverFits())
    for scheduler, options in (("price-online", {"expected_tasks": len(tasks)}), ("price-evict", {})):
        end, mean = over_time(tasks, network, SCHEDULERS[scheduler](**options))
        row |= {f"{scheduler} end": end / at_end, f"{scheduler} mean": mean / average}
        if scheduler == "price-online":
            row["online over greedy"] = mean / greedy
    return row


def main(arguments: list[str]) -> int:
    """Measure all kinds and print the table."""
    parser = argparse.ArgumentParser(prog="python -m cutlayer.experiments.bench.prices")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", help="of all kinds, separated by semicolons")
    chosen = parser.parse_args(arguments)
    names = list(KINDS) if chosen.kinds is None else chosen.kinds.split(";")
    head: list[str] = []
    for name in names:
        start = time.perf_counter()
        rows = [measured(name, seed) for seed in range(chosen.seeds)]
        if not head:
            head = list(rows[0])
            print(f"{'kind':34s}" + "".join(f"{column:>20s}" for column in head))
        print(f"{name:34s}" + "".join(_cell(column, [row[column] for row in rows]) for column in head), end="")
        print(f"  {time.perf_counter() - start:5.0f} s", flush=True)
    return 0


def _cell(column: str, values: list[float]) -> str:
    if column == "LP":
        return f"{np.mean(values):20.1f}"
    if column == "over others":
        return f"{min(values):20.0f}"
    if column == "dual bound":
        return f"{np.mean(values):12.4f} /{max(values):7.4f}"[:20].rjust(20)
    return f"{100 * np.mean(values):.1f} / {100 * min(values):.1f}".rjust(20)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
