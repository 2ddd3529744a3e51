"""``cutlayer check``: check a scheduler against the contract."""

from __future__ import annotations

import argparse

HELP = "check a scheduler against the contract"
DESCRIPTION = """\
Check that a scheduler keeps the contract every scheduler must keep: the same answers twice, nothing over capacity and
so on. A failure says in which line of your file and at which task, where that can be told; the exit status is 2."""
EXAMPLE = "cutlayer check mine.py:MyScheduler"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scheduler", metavar="NAME", help="a registered name, or path/to/mine.py:Class")


def call(arguments: argparse.Namespace) -> int:
    """Check and say so."""
    from experiments.plugin import scheduler_class
    from simulator.checks import check_scheduler
    from simulator.errors import ContractError

    try:
        check_scheduler(scheduler_class(arguments.scheduler))
    except ContractError as fault:
        print(fault)
        return 2
    print(f"{arguments.scheduler} keeps the contract")
    return 0
