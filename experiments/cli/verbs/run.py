"""``cutlayer run``: simulate your own servers and tasks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cutlayer.experiments.cli.options import FRAME_OPTIONS, OPTIONS, add_options

if TYPE_CHECKING:
    from cutlayer.simulator.results.file import Results

HELP = "simulate a scenario, or your own servers and tasks"
DESCRIPTION = """\
Simulate a scenario (see 'cutlayer scenario') or your own servers and tasks, and keep every decision. Options override
the keys of the scenario file."""
SILENT_S = 20.0
"""A run that takes longer says so, again and again [s]."""
EXAMPLE = "cutlayer run --network servers.csv --tasks tasks.csv --scheduler fifo --out run.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO.toml", help="a file, or one of ours: paper")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the scenario, as workload.tasks=2000"
    )
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
    add_options(parser, OPTIONS)
    add_options(parser.add_argument_group("frames", "simulate every frame of the deployed tasks"), FRAME_OPTIONS)
    parser.add_argument("--out", metavar="FILE.db", help="results file (SQLite); runs are added to it")
    parser.add_argument("--json", action="store_true", help="print verdicts and cuts as JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Read the scenario, simulate, write the results and print what came out."""
    import os
    from pathlib import Path

    from cutlayer.experiments.cli.options import as_typed, scenario_of
    from cutlayer.experiments.console import alive
    from cutlayer.experiments.runs.cell import Workload, cells_of
    from cutlayer.experiments.runs.run_file import as_text, run_into, say_inputs
    from cutlayer.experiments.scenarios.plugin import prints_to_stderr
    from cutlayer.simulator.errors import InputError
    from cutlayer.simulator.results.file import Results

    with prints_to_stderr():
        scenario = scenario_of(arguments)
        cells = cells_of(scenario)
    out = arguments.out if arguments.out is not None else f"{Path(arguments.scenario or 'run').stem}.db"
    try:
        workload = Workload(scenario.inputs(scenario.run.seed))
    except InputError as fault:
        raise as_typed(fault, arguments) from None
    say_inputs(scenario, workload.inputs)
    with Results(os.path.abspath(out)) as results:  # to SQLite, "" and ":memory:" are no files
        for cell, scheduler in cells:
            with prints_to_stderr(), alive("run", every_s=SILENT_S):
                done = run_into(results, cell, workload, scheduler)
            print(_as_json(results, done.row, len(cells) > 1) if arguments.json else as_text(done, out))
    if not arguments.json:
        print(out)
    return 0


def _as_json(results: Results, row: dict[str, Any], several: bool) -> str:
    import json

    tasks = results.rows("tasks", row["key"])
    return json.dumps(
        ({"scheduler": row["scheduler"]} if several else {})
        | {
            "deployed": row["deployed_tasks"],
            "bound": row.get("bound_tasks"),
            "gap": row.get("gap"),
            "tasks": {task["task"]: {"verdict": task["outcome"], "cut": task["cut"]} for task in tasks},
        }
    )
