"""Admission and the engine, timed: ratios against a reference measured in the same run.

Run with ``make bench`` or ``python -m cutlayer.experiments.bench.admission``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, cast

import simpy

from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.demand import SLACK, balanced, demand_of
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Decision, OnlineScheduler, View
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task
from cutlayer.simulator.units import bits

SERVERS = (50, 90, 500, 5000)
REPEATS = 7


def seconds(function: Callable[[], object], *, least_s: float = 0.05) -> float:
    """Return the least time of a call over some repeats: what else the machine does only adds."""
    function()
    calls, spent = 1, 0.0
    while spent < least_s:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        spent = time.perf_counter() - start
        calls = calls if spent >= least_s else 2 * calls
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        times.append((time.perf_counter() - start) / calls)
    return min(times)


def instance(n_servers: int) -> tuple[Network, Task]:
    """Return a network and a task of ten layers fed by all its servers."""
    settings = [f"network.servers={n_servers}", "workload.tasks=1", "workload.profiles=['squeezenet-1-1']"]
    inputs = load("paper", settings).inputs(0)
    return inputs.network, next(iter(inputs.tasks))


def _crowd(n_servers: int) -> list[Task]:
    return list(load("paper", [f"network.servers={n_servers}", f"workload.tasks={n_servers * 4}"]).inputs(1).tasks)


def loop_over_servers_and_cuts(ledger: Ledger, task: Task) -> list[int]:
    """Return the cuts that fit, trying every server and cut in a loop, as the paper describes it."""
    network = ledger.network
    free_bps = (ledger.free_bps + SLACK * network.usable_bps).tolist()
    free_flop_per_s = (ledger.free_flop_per_s + SLACK * network.capacity_flop_per_s).tolist()
    input_bytes = task.input_bytes.tolist()
    ratio, flop_per_byte = task.profile.ratio.tolist(), task.profile.flop_per_byte.tolist()
    per_s = max(1 / task.deadline_s, task.frame_rate_hz)
    fits = []
    for k in range(len(ratio)):
        good = True
        for i in range(len(input_bytes)):
            need_bps = bits(input_bytes[i] * ratio[k]) * per_s
            need_flop_per_s = input_bytes[i] * flop_per_byte[k] * task.frame_rate_hz
            if need_bps > free_bps[i] or need_flop_per_s > free_flop_per_s[i]:
                good = False  # the paper looks at all servers; so do we
        if good:
            fits.append(k + 1)
    return fits


def bench_admission() -> None:
    """Print how the time of one admission test grows with the number of servers, and what a loop needs."""
    print("one admission test, 10 layers (which cuts fit everywhere, best first)")
    base = None
    for n_servers in SERVERS:
        network, task = instance(n_servers)
        ledger = Ledger(network)
        view = View(ledger, {})
        for other in _crowd(n_servers):  # a busy network: some cuts fit, some do not
            if (cut := view.first_fit(other, balanced)) is not None:
                ledger.reserve(view.demand(other), cut)
        demand = demand_of(task, network)
        assert loop_over_servers_and_cuts(ledger, task) == [k for k in view.fitting(task) if k]
        ours = seconds(partial(view.first_fit, task, balanced))
        test = seconds(partial(ledger.fitting, demand))
        loop = seconds(partial(loop_over_servers_and_cuts, ledger, task))
        base = base or (ours, n_servers)
        print(
            f"  E = {n_servers:5}: test {test * 1e6:8.1f} us, test and order {ours * 1e6:8.1f} us; loop / test "
            f"{loop / test:6.1f} (with order {loop / ours:6.1f}); time x{ours / base[0]:.2f} for servers "
            f"x{n_servers / base[1]:g}"
        )


class _Counting(OnlineScheduler):
    """Plays another scheduler and adds up the time its decisions take."""

    def __init__(self, inner: OnlineScheduler) -> None:
        self.inner, self.spent_s = inner, 0.0

    def decide(self, task: Task, view: View) -> Decision:
        start = time.perf_counter()
        try:
            return self.inner.decide(task, view)
        finally:
            self.spent_s += time.perf_counter() - start


def bare_simpy(times: list[float]) -> None:
    """Run a SimPy process that waits as many timeouts as there are arrivals, and nothing else."""
    environment = simpy.Environment()

    def wait() -> Generator[simpy.Event, Any, None]:
        for at in times:
            yield environment.timeout(at - environment.now)

    environment.process(wait())
    environment.run()


def bench_engine() -> None:
    """Print what the engine adds to bare SimPy and the decisions alone."""
    inputs = load("paper").inputs(0)
    network, tasks = inputs.network, list(inputs.tasks)
    bare = seconds(lambda: bare_simpy([task.arrival_s for task in tasks]))
    print(f"the engine, {len(tasks)} tasks on {len(network.servers)} servers: engine / (bare SimPy + decisions alone)")
    for name in ("fifo", "lbf", "threshold", "cloud"):
        whole, decisions = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            outcome = simulate(network, tasks, _Counting(cast(OnlineScheduler, SCHEDULERS[name]())))
            whole.append(time.perf_counter() - start)
            decisions.append(cast(_Counting, outcome.scheduler).spent_s)
        ratio = min(whole) / (bare + min(decisions))
        print(f"  {name:10} {ratio:5.2f}   ({min(whole) * 1e3:.1f} ms, bare SimPy {bare * 1e3:.2f} ms)")


def main() -> int:
    """Run all benchmarks of this module."""
    bench_admission()
    bench_engine()
    return 0


if __name__ == "__main__":
    sys.exit(main())
