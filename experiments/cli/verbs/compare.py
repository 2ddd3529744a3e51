"""``cutlayer compare``: schedulers of a results file, pair by pair."""

from __future__ import annotations

import argparse

HELP = "compare schedulers of a results file, pair by pair"
DESCRIPTION = """\
Compare the first of several schedulers with each of the others (--all: every two of them), on the runs that share
scenario and seed: every summary number of both, and the difference A - B with its interval. The intervals of several
pairs hold together at 95 % (Bonferroni). Where one lies on both sides of 0, no difference is shown."""
EXAMPLE = "cutlayer compare sweep.db price offline fifo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="FILE.db", help="results of 'cutlayer sweep' or 'cutlayer run'")
    parser.add_argument(
        "schedulers", nargs="*", metavar="A", help="schedulers as the results call them, such as 'fixed(cut=3)' (all)"
    )
    parser.add_argument("--all", action="store_true", help="compare every two, not only the first with the others")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Compare and print."""
    from cutlayer.experiments.records.compare import as_json, as_text, compare
    from cutlayer.simulator.results.file import Results

    with Results(arguments.results, must_exist=True) as results:
        pairs = compare(results, arguments.schedulers, every_pair=arguments.all)
    print(as_json(pairs) if arguments.json else as_text(pairs))
    return 0
