"""``cutlayer replay``: what a trace of arrivals does to a network."""

from __future__ import annotations

import argparse

HELP = "replay a trace of arrivals and draw what it does over time"
DESCRIPTION = """\
Replay a trace of arrivals: deployed tasks, use of compute and uplink, violations and latency over time, as one figure
and in a results file. What the trace does not say of its tasks is drawn as the scenario says."""
EXAMPLE = "cutlayer replay AzureLLMInferenceTrace_conv.csv --scenario mine.toml --out conv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("traces", nargs="+", metavar="TRACE", help="a trace; several arrive together")
    parser.add_argument("--format", metavar="FORMAT", help="of the traces; without it, the files tell")
    parser.add_argument(
        "--scenario", default="replay", metavar="FILE.toml", help="all but the arrivals (default: one of ours, replay)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario, as network.servers=30"
    )
    parser.add_argument("--scheduler", metavar="NAME", help="instead of those of the scenario")
    parser.add_argument(
        "--out", metavar="OUT", help="a folder for replay.db and the figures, or FILE.db with figures beside it"
    )


def call(arguments: argparse.Namespace) -> int:
    """Replay and print where the results are."""
    from cutlayer.experiments.replay import replay

    print("\n".join(replay(arguments)))
    return 0
