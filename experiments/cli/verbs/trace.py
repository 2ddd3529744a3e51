"""``cutlayer trace``: look at a trace of arrivals, change it, fit processes to it."""

from __future__ import annotations

import argparse
from typing import Any

HELP = "look at a trace of arrivals, convert, scale, clip, fit or save it"
DESCRIPTION = "Look at a trace of arrivals, convert it, make it faster, thinner or shorter, fit processes to it."
EXAMPLE = "cutlayer trace convert log.csv trace.csv --map arrival_s=start --map lifetime_s=took --unit lifetime_s=ms"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with a trace."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = _action(actions, "info", "say what a trace holds", "log.csv", writes=False)
    info.add_argument("--json", action="store_true", help="print JSON and nothing else")
    _action(
        actions, "convert", "write a trace as native CSV or Parquet, sorted by arrival",
        "log.csv trace.csv --map arrival_s=start --map lifetime_s=took --unit lifetime_s=ms",
    )  # fmt: skip
    scale = _action(actions, "scale", "make a trace faster, slower or thinner", "log.csv fast.csv --rate-factor 2")
    how = scale.add_mutually_exclusive_group(required=True)
    how.add_argument("--rate-factor", type=float, metavar="X", help="so many times the arrivals a second")
    how.add_argument("--mean-rate", metavar="RATE", help="this mean rate, such as '3 Hz'")
    how.add_argument("--count", type=int, metavar="N", help="so many of the arrivals, drawn evenly; their times stay")
    scale.add_argument("--seed", type=int, default=0, metavar="N", help="of the arrivals drawn (default: 0)")
    clip = _action(
        actions, "clip", "keep a part of a trace, counted from its beginning", "log.csv hour.csv --to-s 3600"
    )
    clip.add_argument("--from-s", type=float, default=0.0, metavar="SECONDS", help="from here on (default: 0)")
    clip.add_argument("--to-s", type=float, default=float("inf"), metavar="SECONDS", help="up to here, excluded")
    save = actions.add_parser(
        "save",
        help="write the workload of a scenario as a trace",
        description="Write the workload that a scenario draws as a trace, whose replay is the identical run.",
        epilog="example:\n  cutlayer trace save paper workload.csv --seed 3",
    )
    save.add_argument("file", metavar="SCENARIO.toml", help="a file, or one of ours: paper")
    save.add_argument("out", metavar="OUT", help="a .csv or .parquet file")
    save.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario")
    save.add_argument("--seed", type=int, metavar="N", help="of what is drawn (default: run.seed of the scenario)")
    _quiet(save)
    fit = _action(
        actions, "fit", "fit arrival processes: Poisson, one with calm and busy times (MMPP-2), rates by the hour",
        "log.csv --plot fit.png", writes=False,
    )  # fmt: skip
    fit.add_argument("--period", metavar="TIME", help="what repeats (default: '1 d', or all of a shorter trace)")
    fit.add_argument("--parts", type=int, default=24, metavar="N", help="rates in a period (default: 24)")
    fit.add_argument("--plot", metavar="FILE.png", help="draw rates and gaps, seen and fitted (PNG and SVG)")


def _action(actions: Any, name: str, text: str, example: str, *, writes: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  cutlayer trace {name} {example}",
    )
    named = "IN" if writes else "FILE"
    parser.add_argument("file", metavar=named, help="a trace; without --from, the file tells its format")
    if writes:
        parser.add_argument("out", metavar="OUT", help="a .csv or .parquet file")
    parser.add_argument("--from", dest="format", metavar="FORMAT", help=_FORMATS)
    parser.add_argument(
        "--map", action="append", metavar="FIELD=COLUMN", help="of format mapped: which column is what; repeatable"
    )
    parser.add_argument(
        "--unit", action="append", metavar="FIELD=UNIT", help="of format mapped: the unit of a column; repeatable"
    )
    parser.add_argument(
        "--time-format", metavar="T", help="of format mapped: seconds (default), unix, iso or a pattern: %%d/%%m/%%Y"
    )
    parser.add_argument("--inputs", metavar="CSV", help="of format native: task,server,input_bytes")
    parser.add_argument("--bytes-per-token", type=float, metavar="B", help="of format azure-llm: makes input_bytes")
    _quiet(parser)
    return parser


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="print nothing but errors"
    )


_FORMATS = "native, parquet, azure-llm, azure-functions or mapped (where --map is given)"


def call(arguments: argparse.Namespace) -> int:
    """Do it and print what came out."""
    from cutlayer.experiments.trace_files import act

    print(act(arguments))
    return 0
