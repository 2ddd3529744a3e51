"""``cutlayer sweep``: from its arguments to the runs."""

from __future__ import annotations

import argparse
import os

from cutlayer.experiments.console import log
from cutlayer.experiments.progress import progress
from cutlayer.experiments.sweeps.grid import grid_of
from cutlayer.experiments.sweeps.sweep import engine_of, sweep
from cutlayer.experiments.sweeps.until import sweep_until, wish_of
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results

MOST_SEEDS = 1000
SOME_FAILED = 3
"""Exit status where runs have failed."""


def run_sweep(arguments: argparse.Namespace) -> int:
    """Check everything, do the runs that are missing, say how it went."""
    wish = None if arguments.until is None else wish_of(arguments.until)
    if wish is None and arguments.most_seeds is not None:
        raise InputError("--most-seeds without --until; allowed: both or none")
    if wish is not None and arguments.seeds is not None:
        raise InputError("--seeds and --until; allowed: one of them")
    keep = [name.strip() for name in arguments.keep.split(",")] if arguments.keep else []
    grid = grid_of(arguments.scenario, arguments.set, arguments.vary, keep)
    seeds = arguments.most_seeds or MOST_SEEDS if wish else grid.seeds if arguments.seeds is None else arguments.seeds
    if seeds < 1:
        raise InputError(f"seeds is {seeds}; allowed: 1 or more")
    if not grid.random:
        if arguments.seeds not in (None, 1) or wish:
            raise InputError("nothing in this scenario is drawn, so every seed does the same; allowed: --seeds 1")
        seeds = 1
    made = engine_of(arguments.jobs, arguments.cluster)  # what is wrong with it is said before anything else
    with Results(os.path.abspath(arguments.out)) as results, made as engine:
        if wish is None:
            log.info("%s", grid.size(seeds))
            total = len(grid.points) * len(grid.schedulers) * seeds
            with progress("sweep", total) as done:
                tally = sweep(
                    results,
                    grid.cells(range(seeds)),
                    done,
                    engine=engine,
                    retry_failed=arguments.retry_failed,
                )
        else:
            log.info("%s at most", grid.size(seeds))
            with progress("sweep", None) as done:
                tally, wide = sweep_until(
                    results,
                    grid,
                    wish,
                    seeds,
                    engine,
                    done,
                    retry_failed=arguments.retry_failed,
                )
            for name, interval in wide.items():
                found = "no run was done" if interval is None else f"{interval:.4g} after {interval.n} seeds"
                print(f"not as narrow as {arguments.until}: {name}: {found}")
    print(tally)
    if tally.first_error:
        print(f"the first that failed: {tally.first_error}")
    print(arguments.out)
    return 0 if tally.all_done else SOME_FAILED
