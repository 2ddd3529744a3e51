"""``cutlayer results``: what is in a results file."""

from __future__ import annotations

import argparse

HELP = "list what is in a results file"
DESCRIPTION = "List the runs of a results file by scenario and scheduler; also while a sweep is writing it."
EXAMPLE = "cutlayer results sweep.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="FILE.db", help="results of 'cutlayer run' or 'cutlayer sweep'")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """List."""
    import json

    from cutlayer.experiments.records.store import as_text, listed
    from cutlayer.simulator.results.file import Results

    with Results(arguments.results, must_exist=True) as results:
        found = listed(results)
    print(json.dumps({"groups": found}) if arguments.json else as_text(found))
    return 0
