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
    parser.add_argument("scheduler", metavar="NAME", help="a name from 'cutlayer schedulers', or path/to/mine.py:Class")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Check and say so."""
    import contextlib
    import json
    import sys

    from cutlayer.experiments.scenarios.plugin import build_scheduler, scheduler_class, scheduler_of
    from cutlayer.simulator.checks.contract import check_scheduler
    from cutlayer.simulator.errors import ContractError

    said, status = f"{arguments.scheduler} keeps the contract", 0
    with contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext():
        try:
            name, options = scheduler_of(arguments.scheduler)
            examples = [options] if options else scheduler_class(name).examples
            for one in examples:
                check_scheduler(build_scheduler(name, one))
        except ContractError as fault:
            said, status = str(fault), 2
    found = {"scheduler": arguments.scheduler, "keeps_the_contract": status == 0, "fault": said if status else None}
    print(json.dumps(found) if arguments.json else said)
    return status
