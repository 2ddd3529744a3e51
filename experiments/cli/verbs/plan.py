"""``cutlayer plan``: how much is enough."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cutlayer.experiments.cli.verbs.sweep import add_engine_arguments

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.plugin import Spec
    from cutlayer.experiments.scenarios.scenario import Scenario

HELP = "find the fewest servers, smallest uplink or largest usable share that is enough"
DESCRIPTION = """\
Find the smallest value of a key of the scenario (of network.usable_share: the largest) at which enough tasks are
deployed and few enough frames are late, by bisection with intervals. Run the same command again
to resume.
Deployed is a task that stayed to the end of its life or of the run, over all that arrived: (deployed + departed) /
arrived; one that was rejected or evicted is not. Late is a frame delivered after its deadline, over all delivered."""
STEPS = 100
"""A range without a step, of other than whole numbers, is cut into so many."""
_PLAIN_RANGE = re.compile(r"\s*([-+\d.eE]+):([-+\d.eE]+)\s*([A-Za-z].*)?")
EXAMPLE = "cutlayer plan paper --find network.servers=1:200 --deployed 95% --scheduler offline --out plan.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario file, or the name of one of ours (paper)")
    parser.add_argument("--find", required=True, metavar="KEY=RANGE", help="FIRST:LAST or FIRST:LAST:STEP")
    parser.add_argument("--deployed", required=True, metavar="X%", help="at least so many of the tasks are deployed")
    parser.add_argument("--violations", metavar="Y%", help="at most so many of the frames are late")
    parser.add_argument("--scheduler", metavar="NAME", help="which scheduler (default: the scenario's own)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of the scenario")
    parser.add_argument(
        "--seeds", type=int, default=10, metavar="N", help="seeds to begin with (default: 10; fewer may mislead)"
    )
    parser.add_argument(
        "--most-seeds", type=int, default=100, metavar="N", help="no more than that where it is unclear (default: 100)"
    )
    parser.add_argument("--retry-failed", action="store_true", help="rerun failed runs")
    add_engine_arguments(parser)
    parser.add_argument("--out", required=True, metavar="FILE.db", help="results file (SQLite); runs are added to it")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Check everything, look for the answer, print it and nothing else to standard output."""
    import contextlib
    import sys

    with contextlib.redirect_stdout(sys.stderr):  # a scheduler's own file may print when it is loaded
        text = _answer(arguments)
    print(text)
    return 0


def _answer(arguments: argparse.Namespace) -> str:
    import os

    from cutlayer.experiments.console import alive
    from cutlayer.experiments.runs.runner import run_row
    from cutlayer.experiments.scenarios.messages import ScenarioError
    from cutlayer.experiments.scenarios.plugin import label
    from cutlayer.experiments.scenarios.scenario import load
    from cutlayer.experiments.sweeps.grid import Points
    from cutlayer.experiments.sweeps.plan_text import as_json, as_text, measures
    from cutlayer.experiments.sweeps.planning import LARGEST, Planner, Wish
    from cutlayer.experiments.sweeps.sweep import engine_of
    from cutlayer.simulator.errors import InputError
    from cutlayer.simulator.results.file import Results

    wrong: list[str] = []

    def tried(call: Callable[..., Any], *words: Any) -> Any:
        try:
            return call(*words)
        except InputError as fault:
            wrong.append(str(fault))

    key, values = tried(_range_of, arguments.find) or ("", [])
    wish = Wish(tried(_share, "--deployed", arguments.deployed), tried(_share, "--violations", arguments.violations))
    if not 1 <= arguments.seeds <= arguments.most_seeds:
        wrong.append(f"--seeds is {arguments.seeds}; allowed: 1 to {arguments.most_seeds} (--most-seeds)")
    base = tried(load, arguments.scenario, arguments.set)
    scheduler = tried(_scheduler, base, arguments.scheduler) if base or arguments.scheduler else None
    if wrong:
        raise ScenarioError.of(wrong)
    assert base is not None and scheduler is not None
    if wish.violations is not None and base.frames is None:
        raise InputError("--violations needs frames; allowed: a scenario with a section [frames]")
    largest = key in LARGEST
    if largest and wish.violations is None:
        raise InputError(f"--find {key} needs --violations: without them the largest value is always enough")
    points = Points(base, {key: values}, "--find")
    made = engine_of(arguments.jobs, arguments.cluster)
    with Results(os.path.abspath(arguments.out)) as results, made as engine:
        planner = Planner(
            results,
            points,
            scheduler,
            wish,
            arguments.seeds if base.is_random else 1,
            arguments.most_seeds if base.is_random else 1,
            engine,
            retry_failed=arguments.retry_failed,
        )
        with alive("plan"):
            plan = planner.largest() if largest else planner.fewest()
        described = {"scenario": base.description, "find": arguments.find, "wish": [wish.deployed, wish.violations]}
        row = run_row({"plan": described, "of": label(*scheduler)}, None, None)
        results.write(row, {"measures": measures(planner)})
    if arguments.json:
        return as_json(plan, wish, scheduler[0], largest)
    return as_text(planner, plan, wish, key, largest, base.is_random)


def _range_of(text: str) -> tuple[str, list[str]]:
    from cutlayer.experiments.sweeps.grid import values_of
    from cutlayer.simulator.errors import InputError

    key, equals, values = text.partition("=")
    if not (key.strip() and equals and ":" in values):
        raise InputError(f"--find {text!r}; allowed: KEY=FIRST:LAST or KEY=FIRST:LAST:STEP, as network.servers=1:200")
    match = _PLAIN_RANGE.fullmatch(values)
    if match and not (match[1].isdigit() and match[2].isdigit() and not match[3]):
        try:
            low, high = float(match[1]), float(match[2])
        except ValueError:
            raise InputError(f"--find {text!r}; allowed: numbers, as network.servers=1:200") from None
        if low < high:
            values = f"{match[1]}:{match[2]}:{(high - low) / STEPS:.10g} {match[3] or ''}".strip()
    try:
        return key.strip(), values_of(values)
    except InputError as fault:
        raise InputError(f"--find {key.strip()}: {fault.message}") from None


def _share(option: str, text: str | None) -> Any:
    from cutlayer.simulator.errors import InputError

    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"{option} is {text!r}; allowed: 0% to 100%")
    return share


def _scheduler(base: Scenario, text: str | None) -> Spec:
    from cutlayer.experiments.scenarios.plugin import build_scheduler, scheduler_of
    from cutlayer.simulator.errors import InputError

    if text is not None:
        chosen = scheduler_of(text)
        build_scheduler(*chosen)
        return chosen
    if len(base.schedulers) != 1:
        there = ", ".join(base.labels) or "none"
        raise InputError(f"the scenario has not one scheduler but {there}; allowed: --scheduler NAME")
    name, options = base.schedulers[0]
    return name, dict(options)
