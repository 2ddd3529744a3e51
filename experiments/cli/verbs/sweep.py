"""``cutlayer sweep``: a grid of scenarios, schedulers and seeds."""

from __future__ import annotations

import argparse

HELP = "run a scenario over a grid of settings, schedulers and seeds"
DESCRIPTION = """\
Run a scenario over a grid of settings, schedulers and seeds, on all cores or on a Dask cluster. Run the same
command again to resume. A run that fails is a row with its error; the exit status is 3 then."""
MOST_SEEDS = 1000
SOME_FAILED = 3
"""Exit status where runs have failed."""
EXAMPLE = "cutlayer sweep paper --vary network.servers=20:90:10 --vary scheduler=offline,price --seeds 30 --out s.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario file, or the name of one of ours (paper)")
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="KEY=VALUES",
        help="a list with commas or a range FIRST:LAST:STEP; the key 'scheduler' takes names, as fixed(cut=3)",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of the scenario")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N - 1 (default: run.seeds, 10)")
    parser.add_argument(
        "--until",
        metavar="WISH",
        help="add seeds until every confidence interval is at most this wide: 'deployed_tasks +-1%%'",
    )
    parser.add_argument("--most-seeds", type=int, metavar="N", help="maximum number of seeds per point (default: 1000)")
    parser.add_argument(
        "--keep", default="", metavar="TABLES", help="tables to keep beside runs: tasks,decisions,series,..."
    )
    parser.add_argument("--retry-failed", action="store_true", help="rerun failed runs")
    add_engine_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE.db", help="results file (SQLite); runs are added to it")


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what does the runs."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="processes (default: one for every core)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster, such as tcp://host:8786")


def call(arguments: argparse.Namespace) -> int:
    """Check everything, do the runs that are missing, say how it went."""
    import os

    from cutlayer.experiments.console import log, progress
    from cutlayer.experiments.sweeps.grid import grid_of
    from cutlayer.experiments.sweeps.sweep import engine_of, sweep
    from cutlayer.experiments.sweeps.until import sweep_until, wish_of
    from cutlayer.simulator.errors import InputError
    from cutlayer.simulator.results.file import Results

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
