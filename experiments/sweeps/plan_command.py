"""``cutlayer plan``: from its arguments to the answer."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from typing import Any

from cutlayer.experiments.records.run_groups import LATE, SERVED
from cutlayer.experiments.runs.runner import run_row
from cutlayer.experiments.scenarios.plugin import Spec, build_scheduler, label, scheduler_of
from cutlayer.experiments.scenarios.scenario import Scenario, load
from cutlayer.experiments.stats import FIRST
from cutlayer.experiments.sweeps.grid import Points, values_of
from cutlayer.experiments.sweeps.planning import LARGEST, LEVEL, Plan, Planner, Step, Wish, as_share, short_of
from cutlayer.experiments.sweeps.sweep import engine_of
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import Row

STEPS = 100
"""A range without a step, of other than whole numbers, is cut into so many."""
_PLAIN_RANGE = re.compile(r"\s*([-+\d.eE]+):([-+\d.eE]+)\s*([A-Za-z].*)?")


def run_plan(arguments: argparse.Namespace) -> int:
    """Check everything, look for the answer, print it and nothing else to standard output."""
    with contextlib.redirect_stdout(sys.stderr):  # a scheduler's own file may print when it is loaded
        text = _answer(arguments)
    print(text)
    return 0


def _answer(arguments: argparse.Namespace) -> str:
    key, values = _range_of(arguments.find)
    wish = Wish(_share("--deployed", arguments.deployed), _share("--violations", arguments.violations))
    if not 1 <= arguments.seeds <= arguments.most_seeds:
        raise InputError(f"--seeds is {arguments.seeds}; allowed: 1 to {arguments.most_seeds} (--most-seeds)")
    base = load(arguments.scenario, arguments.set)
    scheduler = _scheduler(base, arguments.scheduler)
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
        plan = planner.largest() if largest else planner.fewest()
        described = {"scenario": base.description, "find": arguments.find, "wish": [wish.deployed, wish.violations]}
        row = run_row({"plan": described, "of": label(*scheduler)}, None, None)
        results.write(row, {"measures": _measures(planner)})
    if arguments.json:
        return _as_json(plan, wish, scheduler[0], largest)
    return _as_text(planner, plan, wish, key, largest, base.is_random)


def _range_of(text: str) -> tuple[str, list[str]]:
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
    if text is not None:
        chosen = scheduler_of(text)
        build_scheduler(*chosen)
        return chosen
    if len(base.schedulers) != 1:
        there = ", ".join(base.labels) or "none"
        raise InputError(f"the scenario has not one scheduler but {there}; allowed: --scheduler NAME")
    name, options = base.schedulers[0]
    return name, dict(options)


def _as_text(planner: Planner, plan: Plan, wish: Wish, key: str, largest: bool, random: bool) -> str:
    asked = f"{_percent(wish.deployed)} of the tasks deployed"
    if wish.violations is not None:
        asked += f" and at most {_percent(wish.violations)} of the frames late"
    lines = []
    if plan.answer is None:
        tried = "neither end of the range" if len(plan.steps) > 1 else "the only value asked about"
        between = len(planner.points) - len(plan.steps)
        untried = f" ({between} values between: not tried)" if between else ""
        lines.append(f"{key}: {tried} is sure to give {asked}{untried}")
        lines += [planner.said(step) for step in plan.steps]
    else:
        kind = "largest" if largest else "smallest"
        lines.append(f"{plan.answer.point} is the {kind} that is sure to give {asked}")
        lines.append(planner.said(plan.answer))
        if largest and plan.answer.verdict(Wish(wish.deployed)) != "yes":
            lines.append(f"but not sure to deploy {_percent(wish.deployed)} of the tasks, and less of it even less so")
        if plan.beside is None:
            lines.append("it is the last of the values asked about: another may do, too")
    unclear = [step for step in plan.steps if step.verdict(wish, only_late=largest) == "unclear"]
    lines += [f"unclear, and taken as not enough: {planner.said(step)}" for step in unclear]
    surprises = plan.surprises(rising=not largest)
    does_not = "deploy fewer tasks or make fewer frames late" if largest else "make it worse"
    lines += [
        f"bisection assumes that more {key} does not {does_not}, but it does from {less.point} to {more.point}"
        for less, more in surprises
    ]
    if not surprises and len(plan.steps) > 1:
        did = "surely deployed fewer tasks or made fewer frames late" if largest else "made it surely worse"
        lines.append(f"more {key} never {did} among the {len(plan.steps)} values tried, as assumed")
    short = _short(plan, planner.scheduler[0])
    if short and sum(short.values()):
        name = max(short, key=lambda name: short[name])
        lines.append(f"short then: {name} ({short[name]:.0%} of the price of room), the other {1 - short[name]:.0%}")
    fewest = min(step.seeds for step in plan.steps)
    if random and fewest < FIRST:
        lines.append(f"only {fewest} seeds, as --seeds asked for: what looks sure may be chance; {FIRST} are better")
    lines.append(f"intervals hold together at {LEVEL:.0%}; {plan.tally}")
    return "\n".join(lines)


def _measures(planner: Planner) -> list[Row]:
    """Return what was tried, asked for and found, as a figure shows it: rows of the table ``measures``."""
    plan, wish, name = planner.plan, planner.wish, label(*planner.scheduler)
    rows: list[Row] = []
    for quantity, asked, found in (
        (SERVED, wish.deployed, [(step, step.deployed) for step in plan.steps]),
        (LATE, wish.violations, [(step, step.late) for step in plan.steps if step.late is not None and step.late.n]),
    ):
        if asked is None:
            continue
        for step, share in found:
            percent = [None if end is None else 100 * end for end in as_share(share).measure[:3]]
            rows.append((quantity, name, *_place(step), *percent, step.seeds))
        x_name = _place(plan.steps[0])[0]
        rows.append((quantity, f"asked for: {_percent(asked)}", x_name, None, 100 * asked, None, None, None))
        if plan.answer is not None:
            said = plan.answer.point.settings[0].partition("=")[2]
            rows.append((quantity, f"{name}: {said}", *_place(plan.answer), None, None, None, None))
    return rows


def _place(step: Step) -> tuple[str, float]:
    """Return the key of a step with the unit it was asked in, and the number."""
    key, _, value = step.point.settings[0].partition("=")
    number, _, unit = value.strip().partition(" ")
    return f"{key} [{unit}]" if unit else key, float(number)


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def _short(plan: Plan, scheduler: str) -> dict[str, float]:
    """Return what is scarce just beyond the answer."""
    step = plan.beside or plan.answer
    return {} if step is None else short_of(step.point, scheduler)


def _as_json(plan: Plan, wish: Wish, scheduler: str, largest: bool) -> str:
    def plain(step: Step | None) -> dict[str, Any] | None:
        if step is None:
            return None
        return {
            "settings": list(step.point.settings),
            "seeds": step.seeds,
            "deployed": as_share(step.deployed).plain,
            "late": None if step.late is None else as_share(step.late).plain,
            "verdict": step.verdict(wish, only_late=largest),
        }

    return json.dumps(
        {
            "answer": plain(plan.answer),
            "steps": [plain(step) for step in plan.steps],
            "not_monotone": [[plain(less), plain(more)] for less, more in plan.surprises(rising=not largest)],
            "short": _short(plan, scheduler),
        }
    )
