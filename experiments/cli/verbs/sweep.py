"""``cutlayer sweep``: a grid of scenarios, schedulers and seeds."""

from __future__ import annotations

import argparse

HELP = "run a scenario over a grid of settings, schedulers and seeds"
DESCRIPTION = """\
Run a scenario over a grid of settings, schedulers and seeds, on all cores or on a Dask cluster. The same command again
does only what is missing. A run that fails is a row with its error; the exit status is 3 then."""
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
        "--until", metavar="WISH", help="add seeds until every interval is so narrow: 'deployed_tasks +-1%%'"
    )
    parser.add_argument("--most-seeds", type=int, metavar="N", help="but no more than that (default: 1000)")
    parser.add_argument(
        "--keep", default="", metavar="TABLES", help="tables to keep beside runs: tasks,decisions,series,..."
    )
    parser.add_argument("--retry-failed", action="store_true", help="do those again that have failed")
    add_engine_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE.db", help="results file (SQLite); runs are added to it")


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what does the runs."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="processes (default: one for every core)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster, such as tcp://host:8786")


def call(arguments: argparse.Namespace) -> int:
    """Do the runs that are missing."""
    from cutlayer.experiments.sweeps.sweep_command import run_sweep

    return run_sweep(arguments)
