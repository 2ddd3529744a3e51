"""``cutlayer compare``: two schedulers of a results file, paired."""

from __future__ import annotations

import argparse

HELP = "compare two schedulers of a results file, pair by pair"
DESCRIPTION = """\
Compare two schedulers of a results file on the runs that share scenario and seed: every summary number of both, and the
difference A - B with its 95 % interval. Where that lies on both sides of 0, no difference is shown."""
EXAMPLE = "cutlayer compare sweep.db price offline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="FILE.db", help="results of 'cutlayer sweep' or 'cutlayer run'")
    parser.add_argument("first", metavar="A", help="a scheduler as the results call it, such as 'fixed(cut=3)'")
    parser.add_argument("second", metavar="B", help="another one")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Compare and print."""
    from cutlayer.experiments.records.compare import as_json, as_text, compare
    from cutlayer.simulator.results.file import Results

    with Results(arguments.results, must_exist=True) as results:
        found, alone = compare(results, arguments.first, arguments.second)
    show = as_json if arguments.json else as_text
    print(show(found, arguments.first, arguments.second, alone))
    return 0
