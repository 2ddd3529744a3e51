"""``cutlayer timeline``: write a run as a trace for Perfetto."""

from __future__ import annotations

import argparse

HELP = "write a run as a trace for Perfetto (ui.perfetto.dev)"
DESCRIPTION = """\
Write one run as a trace (Chrome's JSON trace events): tasks from deployed to ended, free capacity of servers and
links, and every delivered frame where frames were kept. Open it in Perfetto (ui.perfetto.dev) or chrome://tracing."""
EXAMPLE = "cutlayer timeline run.db --run fifo -o trace.json.gz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument(
        "-o", "--out", metavar="FILE.json.gz", help="trace (default: RESULTS.trace.json.gz beside the results)"
    )
    parser.add_argument(
        "--run", metavar="RUN", help="a scheduler as the results call it, or a run's key (default: the newest)"
    )


def call(arguments: argparse.Namespace) -> int:
    """Write the trace and print where it is."""
    from cutlayer.experiments.console import log
    from cutlayer.experiments.records.timeline import timeline

    print(timeline(arguments.results, arguments.run, arguments.out, say=log.info))
    return 0
