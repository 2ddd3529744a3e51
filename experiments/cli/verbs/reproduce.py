"""``cutlayer reproduce``: redraw the paper's figures and check its claims."""

from __future__ import annotations

import argparse

HELP = "redraw the paper's figures and check its claims"
DESCRIPTION = """\
Redraw the figures of Li, Ota and Dong (IEEE Network 2018) and check each of their claims: it holds, it does not hold,
or it is not shown, where the interval lies on both sides because the seeds are too few. The exit status is 0 when all
was measured, whatever the verdicts are."""
EXAMPLE = "cutlayer reproduce --seeds 5 --out results/paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="number of seeds (default: 20)")
    parser.add_argument("--out", default="results/paper", metavar="DIR", help="folder (default: results/paper)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="EXPERIMENT",
        help="run only this experiment, also one that goes past the paper: headroom, margin, optimality, regimes, "
        "reservation; repeatable",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario, as workload.tasks=200"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="processes (default: one for every core)")


def call(arguments: argparse.Namespace) -> int:
    """Redraw and print the claims."""
    import contextlib
    import json
    import sys

    from cutlayer.experiments.paper.reproduce import as_text, plain, reproduce

    with contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext():
        claims, folder = reproduce(arguments.out, arguments.seeds, arguments.only, arguments.jobs, arguments.set)
    if arguments.json:
        print(json.dumps({"claims": plain(claims), "folder": str(folder)}, allow_nan=False))
        return 0
    print(as_text(claims))
    print(folder)
    return 0
