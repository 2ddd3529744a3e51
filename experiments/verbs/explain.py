"""``cutlayer explain``: say why a task was deployed, rejected or evicted."""

from __future__ import annotations

import argparse

HELP = "say why a task was deployed, rejected or evicted"
DESCRIPTION = "Say in words what happened to a task: when it came, what was tried, what was short."
EXAMPLE = "cutlayer explain run.db door"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument("task", metavar="TASK", help="the name of the task")
    parser.add_argument("--run", metavar="RUN", help="a scheduler as the results call it, or a run's key")


def call(arguments: argparse.Namespace) -> int:
    """Print the explanation."""
    from experiments.records.explain import explain

    print(explain(arguments.results, arguments.task, arguments.run))
    return 0
