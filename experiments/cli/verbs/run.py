"""``cutlayer run``: simulate your own servers and tasks."""

from __future__ import annotations

import argparse

HELP = "simulate a scenario, or your own servers and tasks"
DESCRIPTION = """\
Simulate a scenario (see 'cutlayer scenario') or your own servers and tasks, and keep every decision. Every option
is a key of the scenario and goes before what the file says."""
EXAMPLE = "cutlayer run --network servers.csv --tasks tasks.csv --scheduler fifo --out run.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO.toml", help="a file, or one of ours: paper")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario, as workload.tasks=2000"
    )
    parser.add_argument("--network", metavar="CSV", help="server,capacity_flop_per_s,uplink_bps")
    parser.add_argument(
        "--tasks",
        metavar="CSV",
        help="task,arrival_s,profile,frame_rate_hz,deadline_s and, optionally, lifetime_s, input_bytes; by arrival",
    )
    parser.add_argument("--inputs", metavar="CSV", help="task,server,input_bytes, for tasks without input_bytes")
    parser.add_argument("--profiles", metavar="DIR", help="folder of profiles (default: the ten measured networks)")
    parser.add_argument(
        "--scheduler", metavar="NAME", help="a name from 'cutlayer schedulers', or path/to/mine.py:Class"
    )
    parser.add_argument(
        "--cut-rule", metavar="RULE", help="cuts tried first: balanced (default), largest-product or fixed(K)"
    )
    parser.add_argument("--cut", type=int, metavar="K", help="the cut of the scheduler 'fixed' or the cut rule 'fixed'")
    parser.add_argument("--admission", metavar="A", help="of the scheduler 'threshold': threshold (default) or printed")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of the scheduler; the value is JSON or text",
    )
    parser.add_argument(
        "--reservation",
        metavar="R",
        help="for deadline and frame rate: sustained (default); for the deadline alone: deadline",
    )
    parser.add_argument("--reservation-margin", type=float, metavar="H", help="slack of every reservation (default: 0)")
    parser.add_argument(
        "--usable-share", type=float, metavar="V", help="share of an uplink tasks may reserve (default: 1)"
    )
    parser.add_argument(
        "--until", type=float, metavar="SECONDS", help="simulate until then (default: the last arrival)"
    )
    _add_frame_arguments(parser)
    parser.add_argument(
        "--bound",
        choices=("dual", "lp", "none"),
        metavar="B",
        help="what no scheduler can exceed: dual (by prices, default), lp (linear program) or none",
    )
    parser.add_argument("--by-resource", action="store_true", help="also keep every change at every server and link")
    parser.add_argument("--out", metavar="FILE.db", help="results file (SQLite); runs are added to it")
    parser.add_argument("--json", action="store_true", help="print verdicts and cuts as JSON and nothing else")


def _add_frame_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about frames to the parser of ``cutlayer run``."""
    group = parser.add_argument_group("frames", "simulate every frame of the deployed tasks")
    group.add_argument("--frames", metavar="ARRIVALS", help="periodic, jittered or poisson; without it, no frames")
    group.add_argument("--jitter", type=float, metavar="J", help="of jittered frames: 0 to 1 period")
    group.add_argument("--sizes", metavar="S", help="constant (default), exponential or lognormal")
    group.add_argument("--size-cv", type=float, metavar="CV", help="of lognormal sizes: standard deviation / mean")
    group.add_argument(
        "--sharing", metavar="S", help="idle slices of an uplink: reserved (kept, default) or fair (lent)"
    )
    group.add_argument("--on-end", metavar="E", help="frames of a task that ends: drain (default) or drop")
    group.add_argument("--on-outage", metavar="O", help="frames in an outage: hold (default) or drop")
    group.add_argument("--propagation", type=float, metavar="SECONDS", help="delay to the cloud")
    group.add_argument("--violation", metavar="V", help="what meets the deadline: transfer (default) or end-to-end")
    group.add_argument("--window", type=float, metavar="SECONDS", help="also latency over time, in windows so long")
    group.add_argument("--seed", type=int, metavar="N", help="of phases, arrivals and sizes (default: 0)")
    group.add_argument("--capacity", metavar="CSV", help="link,time_s,bps: what a link can carry from then on")
    group.add_argument("--load", metavar="CSV", help="link,time_s,bps: interaction traffic, which goes first")
    group.add_argument("--outages", metavar="CSV", help="resource,name,down_s,up_s: resource is link or server")
    group.add_argument("--keep-frames", action="store_true", help="write every frame beside the results (.npz)")


def call(arguments: argparse.Namespace) -> int:
    """Simulate and print what came out."""
    from cutlayer.experiments.runs.run_file import run_files

    return run_files(arguments)
