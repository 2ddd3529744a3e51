"""``cutlayer plot``: draw the figures of a results file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

HELP = "draw the figures of a results file"
DESCRIPTION = """\
Draw what is in a results file: tasks deployed, capacity reserved and used, late frames and latency over time;
the tail of the latency; heat maps and maps of servers and links; results over a parameter that was varied."""
EXAMPLE = "cutlayer plot run.db --what deployed,latency --format png,pdf --paper"
WHAT = "deployed, reserved, used, late, latency, tail, heatmap, sweep, map"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument("--runs", nargs="+", default=[], metavar="RUN", help="schedulers or keys of runs (all)")
    parser.add_argument("--what", default="", metavar="LIST", help=f"of {WHAT} (default: all that is there)")
    parser.add_argument("--out", metavar="DIR", help="folder (default: RESULTS-figures beside the results)")
    parser.add_argument("--format", default="png", metavar="LIST", help="of png, svg, pdf (default: png)")
    parser.add_argument(
        "--paper", action="store_true", help="for a page of two columns: 3.5 in or 7.16 in wide, 8 pt, notes not drawn"
    )
    parser.add_argument("--size", metavar="WxH", help="size of every figure: 3.4x2.2in, 86x56mm, 8.6x5.6cm")
    parser.add_argument("--labels", nargs="+", default=[], metavar="NAME=LABEL", help="names in the legend")
    parser.add_argument("--order", nargs="+", default=[], metavar="NAME", help="order of schedulers or lines")
    parser.add_argument("--title", metavar="TEXT", help="title of the figures; none: no title")


def call(arguments: argparse.Namespace) -> int:
    """Draw, and print the files."""
    from cutlayer.experiments.console import log
    from cutlayer.experiments.figures.plot import Wording, plot

    title = "" if arguments.title == "none" else arguments.title
    paths = plot(
        arguments.results,
        listed(arguments.runs),
        listed([arguments.what]),
        arguments.out,
        listed([arguments.format]),
        arguments.paper,
        None if arguments.size is None else size_in(arguments.size),
        Wording(labels_of(arguments.labels), listed(arguments.order), title),
        say=log.info,
    )
    for path in paths:
        print(path)
    return 0


def listed(words: Sequence[str]) -> list[str]:
    """Return the items of lists with commas; a comma within brackets separates nothing.

    Examples
    --------
    >>> listed(["fifo, lbf", "mine(a=1,b=2)"])
    ['fifo', 'lbf', 'mine(a=1,b=2)']
    """
    items = [item.strip() for word in words for item in re.split(r",(?![^(]*\))", word)]
    return [item for item in items if item]


def labels_of(words: Sequence[str]) -> dict[str, str]:
    """Return names and what to call them; a name in brackets may have a = in it.

    Raises
    ------
    InputError
        If a word is not NAME=LABEL.

    Examples
    --------
    >>> labels_of(["fifo=First in, first out", "fixed(cut=1)=Cut 1"])
    {'fifo': 'First in, first out', 'fixed(cut=1)': 'Cut 1'}
    """
    from cutlayer.simulator.errors import InputError

    found = {}
    for word in words:
        name, equals, label = re.fullmatch(r"((?:[^=(]|\([^)]*\))*)(=?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]
        if not (name and equals):
            raise InputError(f"--labels {word!r}; allowed: NAME=LABEL")
        found[name.strip()] = label.strip()
    return found


def size_in(text: str) -> tuple[float, float]:
    """Return width and height [in].

    Raises
    ------
    InputError
        If it is no size, or one that no page has.

    Examples
    --------
    >>> size_in("3.4x2.2in"), size_in("50.8 x 25.4 mm")
    ((3.4, 2.2), (2.0, 1.0))
    """
    from cutlayer.simulator.errors import InputError

    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*x\s*(\d+(?:\.\d*)?)\s*(in|cm|mm)\s*", text)
    per_in = {"in": 1.0, "cm": 2.54, "mm": 25.4}
    width, height = (float(found[k]) / per_in[found[3]] for k in (1, 2)) if found else (0.0, 0.0)
    if not (1 <= width <= 40 and 1 <= height <= 40):
        raise InputError(f"--size {text!r}; allowed: width x height in in, cm or mm from 1 to 40 in, such as 3.4x2.2in")
    return width, height
