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
    info = _action(actions, "info", "describe what a trace of arrivals or bandwidth holds", "log.csv", writes=False)
    info.add_argument("--json", action="store_true", help="print JSON and nothing else")
    info.add_argument("--plot", metavar="FILE.png", help="of bandwidth: plot the capacity over time (PNG and SVG)")
    info.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of bandwidth: one of its keys, such as gap=cut"
    )
    _action(
        actions, "convert", "write a trace as native CSV or Parquet, sorted by arrival",
        "log.csv trace.csv --map arrival_s=start --map lifetime_s=took --unit lifetime_s=ms",
    )  # fmt: skip
    scale = _action(actions, "scale", "make a trace faster, slower or thinner", "log.csv fast.csv --rate-factor 2")
    how = scale.add_mutually_exclusive_group(required=True)
    how.add_argument("--rate-factor", type=float, metavar="X", help="multiply the arrivals per second by X")
    how.add_argument("--mean-rate", metavar="RATE", help="scale to this mean rate, such as '3 Hz'")
    how.add_argument("--count", type=int, metavar="N", help="keep N arrivals, drawn evenly; their times do not change")
    scale.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the arrivals that are drawn (default: 0)"
    )
    clip = _action(
        actions, "clip", "keep a part of a trace, counted from its beginning", "log.csv hour.csv --to-s 3600"
    )
    clip.add_argument("--from-s", type=float, default=0.0, metavar="SECONDS", help="begin of the part (default: 0)")
    clip.add_argument("--to-s", type=float, default=float("inf"), metavar="SECONDS", help="end of the part, excluded")
    save = actions.add_parser(
        "save",
        help="write the workload of a scenario as a trace",
        description="Write the workload that a scenario draws as a trace, whose replay is the identical run.",
        epilog="example:\n  cutlayer trace save paper workload.csv --seed 3",
    )
    save.add_argument("file", metavar="SCENARIO.toml", help="a file, or a built-in scenario: paper")
    save.add_argument("out", metavar="OUT", help="a .csv or .parquet file")
    save.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario")
    save.add_argument("--seed", type=int, metavar="N", help="seed (default: run.seed of the scenario)")
    _quiet(save)
    fit = _action(
        actions, "fit", "fit arrival processes: Poisson, two-state (MMPP-2), rates by the hour",
        "log.csv --plot fit.png", writes=False,
    )  # fmt: skip
    fit.add_argument(
        "--period",
        metavar="TIME",
        help="length of the period that repeats (default: '1 d', or the length of a shorter trace)",
    )
    fit.add_argument("--parts", type=int, default=24, metavar="N", help="number of rates in a period (default: 24)")
    fit.add_argument("--plot", metavar="FILE.png", help="plot observed and fitted rates and gaps (PNG and SVG)")


def _action(actions: Any, name: str, text: str, example: str, *, writes: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  cutlayer trace {name} {example}",
    )
    named = "IN" if writes else "FILE"
    parser.add_argument("file", metavar=named, help="a trace; without --format, the file tells")
    if writes:
        parser.add_argument("out", metavar="OUT", help="a .csv or .parquet file")
    add_format_arguments(parser)
    _quiet(parser)
    return parser


def add_format_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a trace file is to be read; `experiments.cli.trace.format_options` reads them."""
    parser.add_argument("--format", "--from", metavar="FORMAT", help=_FORMATS)
    parser.add_argument("--inputs", metavar="CSV", help="of format native: task,server,input_bytes")
    parser.add_argument("--bytes-per-token", type=float, metavar="B", help="of format azure-llm: makes input_bytes")
    group = parser.add_argument_group("any other table (format mapped)", "options of FIELD=... can be repeated")
    group.add_argument(
        "--map", action="append", metavar="FIELD=COLUMN",
        help="which column is what, by name, number (no header) or path (JSON); fields: arrival_s, end_s, lifetime_s, "
        "count, task, profile, frame_rate_hz, deadline_s, input_bytes",
    )  # fmt: skip
    group.add_argument("--unit", action="append", metavar="FIELD=UNIT", help="unit of a column (default: s, B, Hz)")
    group.add_argument("--factor", action="append", metavar="FIELD=X", help="multiply a column by X")
    group.add_argument(
        "--time-format",
        metavar="T",
        help="of arrival_s and end_s: seconds (default), unix, iso, or such as %%d/%%m/%%Y",
    )
    group.add_argument("--zero", action="append", metavar="FIELD=X", help="what 0 means: drop (the row) or a value")
    group.add_argument("--blank", action="append", metavar="FIELD=X", help="what an empty cell means, likewise")
    group.add_argument("--unknown", action="append", metavar="FIELD=TEXT", help="another text that counts as empty")
    group.add_argument(
        "--bin", metavar="TIME", help="of count: length of the intervals, such as '1 min' (default: from the times)"
    )
    group.add_argument("--each-row", action="store_true", default=None, help="every row is one arrival, not a count")
    group.add_argument("--delimiter", metavar="D", help="what divides cells: one letter, or tab, space, ...")
    group.add_argument("--decimal", metavar="D", help="decimal mark: . or ,")
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help="whether the first row is a header")
    group.add_argument("--records", metavar="NAME", help="which member of a JSON document holds the rows")


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="print nothing but errors"
    )


_FORMATS = "native, parquet, swf, azure-llm, azure-functions, azure-functions-2019, or mapped (implied by --map)"


def call(arguments: argparse.Namespace) -> int:
    """Do it and print what came out."""
    from cutlayer.experiments.cli.trace import act

    print(act(arguments))
    return 0
