"""``cutlayer report``: write a results file as one page of HTML."""

from __future__ import annotations

import argparse

HELP = "write a results file as one page of HTML"
DESCRIPTION = """\
Write one HTML file that opens in any browser without a network: schedulers compared, claims, interactive figures,
every decision with its reason, and what is needed to reproduce the numbers."""
EXAMPLE = "cutlayer report run.db -o report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument("-o", "--out", metavar="FILE.html", help="page (default: RESULTS.html beside the results)")
    parser.add_argument("--runs", nargs="+", default=[], metavar="RUN", help="schedulers or keys of runs (all)")


def call(arguments: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from cutlayer.experiments.cli.verbs.plot import listed
    from cutlayer.experiments.report.page import report

    print(report(arguments.results, listed(arguments.runs), arguments.out))
    return 0
