"""Sweeps, timed: speed-up on two cores, what a run costs beside itself, what the coordinator's memory does.

Run with ``make bench`` or ``python -m cutlayer.experiments.bench.sweep``; ``--grid N`` also times the paper's grid,
8 numbers of servers x 10 schedulers x N seeds, in one sweep on all cores.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cutlayer.experiments.paper.optimality import SCHEDULERS, SERVERS
from cutlayer.experiments.runs.cell import Cell, run_cell
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.experiments.sweeps.pool import Pool, default_workers
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.results.file import Results

LEAST_SPEED_UP = 1.8
MOST_OVERHEAD_S = 5e-3
MOST_GROWTH_BYTES = 4e6
"""From 100 to 2,000 runs; the allocator's own ups and downs are about that much."""
FEW, MANY = 100, 2000
TINY = load("paper", ["network.servers=2", "workload.tasks=2"])
SECOND = load("paper", ["workload.tasks=1500"])
RUNS = 16


def tiny(n: int) -> Iterator[Cell]:
    """Yield cells that take about a millisecond each, four to a workload."""
    for number in range(n):
        yield Cell(TINY, ("offline", "fifo", "lbf", "threshold")[number % 4], number // 4, bound="none")


def timed_sweep(cells: Iterable[Cell], jobs: int, after: Callable[[Results], Any] = lambda results: None) -> Any:
    """Return the wall time of a sweep into a new file [s], and what `after` finds there."""
    with tempfile.TemporaryDirectory() as folder, Results(Path(folder) / "bench.db") as results:
        start = time.perf_counter()
        tally = sweep(results, cells, engine=Pool(jobs))
        took_s = time.perf_counter() - start
        assert tally.all_done, tally.first_error
        return took_s, after(results)


def speed_up() -> float:
    """Return how much faster two processes are than one, for runs of about a second."""
    cells = [Cell(SECOND, "lbf", seed, bound="none") for seed in range(RUNS)]
    timed_sweep(cells[:2], 2)  # the fork server starts here

    def mean_run_s(results: Results) -> float:
        return float(sum(row["wall_s"] for row in results.rows("runs"))) / RUNS

    (one_s, run_s), (two_s, _) = (timed_sweep(cells, jobs, mean_run_s) for jobs in (1, 2))
    print(f"{RUNS} runs of {run_s:.2f} s: {one_s:.1f} s with -j 1, {two_s:.1f} s with -j 2: {one_s / two_s:.2f} times")
    return float(one_s / two_s)


def overhead_s() -> float:
    """Return what a run costs beside itself with one process [s]: the slope over the number of runs."""
    few_s, many_s = (timed_sweep(tiny(n), 1)[0] for n in (FEW, MANY))
    start = time.perf_counter()
    for cell in tiny(MANY - FEW):
        run_cell(cell)
    alone_s = (time.perf_counter() - start) / (MANY - FEW)
    each_s = (many_s - few_s) / (MANY - FEW)
    print(f"a tiny run takes {1e3 * alone_s:.2f} ms alone, {1e3 * each_s:.2f} ms in a sweep with -j 1")
    return float(each_s - alone_s)


def peak_bytes(n: int) -> int:
    """Return the peak memory of a coordinator of `n` tiny runs, in a process of its own [byte]."""
    code = f"import cutlayer.experiments.bench.sweep as bench; bench.print_peak({n})"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(json.loads(found.stdout))


def print_peak(n: int) -> None:
    """Sweep and print the peak memory of this process [byte]."""
    timed_sweep(tiny(n), default_workers())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def paper_grid(seeds: int) -> None:
    """Time the paper's grid."""
    scenarios = [load("paper", [f"network.servers={n}"]) for n in SERVERS]
    cells = (
        Cell(scenario, name, seed, options)
        for scenario in scenarios
        for seed in range(seeds)
        for name, options in SCHEDULERS
    )
    took_s, _ = timed_sweep(cells, default_workers())
    runs = len(scenarios) * len(SCHEDULERS) * seeds
    cores = default_workers()
    print(f"the paper's grid: {runs:,} runs in {took_s:.0f} s on {cores} cores, {took_s / runs:.3f} s a run")


def main(argv: list[str]) -> int:
    """Measure, print, and say with the exit status whether it is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m cutlayer.experiments.bench.sweep")
    parser.add_argument("--grid", type=int, default=0, metavar="SEEDS", help="also time the paper's grid")
    arguments = parser.parse_args(argv)
    gained, extra_s = speed_up(), overhead_s()
    few, many = (peak_bytes(n) for n in (FEW, MANY))
    print(
        f"speed-up {gained:.2f} (at least {LEAST_SPEED_UP}); overhead {1e3 * extra_s:.2f} ms a run (at most "
        f"{1e3 * MOST_OVERHEAD_S:g}); coordinator {few / 1e6:.1f} MB at {FEW} runs, {many / 1e6:.1f} MB at {MANY:,}"
    )
    if arguments.grid:
        paper_grid(arguments.grid)
    enough = default_workers() < 2 or gained >= LEAST_SPEED_UP
    return int(not enough or extra_s > MOST_OVERHEAD_S or many - few > MOST_GROWTH_BYTES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
