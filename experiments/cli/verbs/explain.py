"""``cutlayer explain``: why a task was deployed, rejected or evicted."""

from __future__ import annotations

import argparse

HELP = "explain why a task was deployed, rejected or evicted"
DESCRIPTION = """\
Explain in words what happened to a task: when it arrived, what every cut needed of its tightest link and server, which
resource was short, who may send raw input. The newest run comes first; runs are labelled by what sets them apart."""
EXAMPLE = "cutlayer explain run.db door"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument("task", metavar="TASK", help="the name of the task")
    parser.add_argument("--run", metavar="RUN", help="a scheduler as the results call it, or a run's key")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Print the explanation."""
    import json

    from cutlayer.experiments.records.explain import as_text, explain

    stories = explain(arguments.results, arguments.task, arguments.run)
    print(json.dumps({"runs": stories}, allow_nan=False) if arguments.json else as_text(stories))
    return 0
