"""``cutlayer plot``: draw the figures of a results file."""

from __future__ import annotations

import argparse

HELP = "draw the figures of a results file"
DESCRIPTION = """\
Draw what is in a results file: tasks deployed, capacity reserved and used, late frames and latency over time;
the tail of the latency; heat maps and maps of servers and links; what came out over a parameter that was varied."""
EXAMPLE = "cutlayer plot run.db --what deployed,latency --format png,pdf --paper"
WHAT = "deployed, reserved, used, violations, latency, cdf, heatmap, sweep, map"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument(
        "--runs", nargs="+", default=[], metavar="RUN", help="schedulers as the results call them, or runs' keys (all)"
    )
    parser.add_argument("--what", default="", metavar="LIST", help=f"of {WHAT} (default: all that is there)")
    parser.add_argument("--out", metavar="DIR", help="folder (default: RESULTS-figures beside the results)")
    parser.add_argument("--format", default="png", metavar="LIST", help="of png, svg, pdf (default: png)")
    parser.add_argument("--paper", action="store_true", help="sized for a page of two columns: 3.5 in or 7.16 in, 8 pt")


def call(arguments: argparse.Namespace) -> int:
    """Draw, and print the files."""
    from cutlayer.experiments.console import log
    from cutlayer.experiments.figures.plot import plot

    paths = plot(
        arguments.results,
        arguments.runs,
        _words(arguments.what),
        arguments.out,
        _words(arguments.format),
        arguments.paper,
        say=log.info,
    )
    for path in paths:
        print(path)
    return 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
