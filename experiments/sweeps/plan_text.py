"""The answer of ``cutlayer plan`` as text, as JSON, and as rows of the table ``measures``."""

from __future__ import annotations

import json
from typing import Any

from cutlayer.experiments.scenarios.plugin import label
from cutlayer.experiments.stats import FIRST
from cutlayer.experiments.sweeps.planning import LATE, LEVEL, SERVED, Plan, Planner, Step, Wish, as_share, short_of
from cutlayer.simulator.results.tables import Row


def as_text(planner: Planner, plan: Plan, wish: Wish, key: str, largest: bool, random: bool) -> str:
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


def measures(planner: Planner) -> list[Row]:
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


def as_json(plan: Plan, wish: Wish, scheduler: str, largest: bool) -> str:
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
