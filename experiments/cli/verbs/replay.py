"""``cutlayer replay``: simulate a trace of arrivals and plot the run."""

from __future__ import annotations

import argparse

from cutlayer.experiments.cli.verbs.trace import add_format_arguments

HELP = "simulate a trace of arrivals and plot the run over time"
DESCRIPTION = """\
Simulate a trace of arrivals and plot deployed tasks, use of compute and uplinks, late frames and latency over time, in
one figure and a results file. What the trace does not specify is taken or drawn from the scenario. By default, the run
ends with the last arrival."""
EXAMPLE = "cutlayer replay AzureLLMInferenceTrace_conv.csv --scenario mine.toml --out conv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("traces", nargs="+", metavar="TRACE", help="a trace; the tasks of several arrive together")
    parser.add_argument(
        "--scenario",
        default="replay",
        metavar="FILE.toml",
        help="everything but the arrivals (default: the built-in replay)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a key of the scenario, such as network.servers=30",
    )
    parser.add_argument("--scheduler", metavar="NAME", help="use this scheduler instead of the scenario's")
    parser.add_argument(
        "--out", metavar="OUT", help="a folder for replay.db and the figures, or FILE.db with figures beside it"
    )
    add_format_arguments(parser)


def call(arguments: argparse.Namespace) -> int:
    """Replay and print where the results are."""
    from cutlayer.experiments.cli.replay import replay

    print("\n".join(replay(arguments)))
    return 0
