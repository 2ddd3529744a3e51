"""``cutlayer plan``: how much is enough."""

from __future__ import annotations

import argparse

from cutlayer.experiments.cli.verbs.sweep import add_engine_arguments

HELP = "find the fewest servers, smallest uplink or largest usable share that is enough"
DESCRIPTION = """\
Find the smallest value of a key of the scenario (of network.usable_share: the largest) at which enough tasks are
deployed and few enough frames are late, by bisection with intervals. The same command again goes on where it was.
Deployed is a task that stayed to the end of its life or of the run, over all that arrived: (deployed + departed) /
arrived; one that was rejected or evicted is not. Late is a frame delivered after its deadline, over all delivered."""
EXAMPLE = "cutlayer plan paper --find network.servers=1:200 --deployed 95% --scheduler offline --out plan.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario file, or the name of one of ours (paper)")
    parser.add_argument("--find", required=True, metavar="KEY=RANGE", help="FIRST:LAST or FIRST:LAST:STEP")
    parser.add_argument("--deployed", required=True, metavar="X%", help="at least so many of the tasks are deployed")
    parser.add_argument("--violations", metavar="Y%", help="at most so many of the frames are late")
    parser.add_argument("--scheduler", metavar="NAME", help="which scheduler (default: the scenario's own)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of the scenario")
    parser.add_argument(
        "--seeds", type=int, default=10, metavar="N", help="seeds to begin with (default: 10; fewer may mislead)"
    )
    parser.add_argument(
        "--most-seeds", type=int, default=100, metavar="N", help="no more than that where it is unclear (default: 100)"
    )
    parser.add_argument("--retry-failed", action="store_true", help="do those again that have failed")
    add_engine_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE.db", help="results file (SQLite); runs are added to it")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Look for the answer and print it."""
    from cutlayer.experiments.sweeps.plan_command import run_plan

    return run_plan(arguments)
