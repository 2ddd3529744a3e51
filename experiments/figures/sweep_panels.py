"""Sweeps as curves: what came out over the parameter that was varied, with intervals and the bound."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cutlayer.experiments.figures.panels import Curve, Panel, axis_label
from cutlayer.experiments.figures.seeds import of_seeds
from cutlayer.experiments.lateness import NONE_DELIVERED, mean_late_share
from cutlayer.experiments.records.run_groups import MOST_LINES, Group, Missing, label_of, varied_in
from cutlayer.experiments.stats import Interval, mean_interval
from cutlayer.experiments.sweeps.planning import LATE, SERVED
from cutlayer.simulator.results.file import Results

NEEDS_VARIED = "no number varies between the runs: a sweep writes runs that differ in one"
BOUND = "bound on every scheduler"
PLANNED = {SERVED: "plan deployed", LATE: "plan late"}
"""What the figures of what ``cutlayer plan`` measures are called."""


def swept(groups: Sequence[Group]) -> tuple[str, list[str]]:
    """Return the parameter that varies most, and the others that vary.

    Raises
    ------
    Missing
        If no number varies.
    """
    names = varied_in(groups)
    numbers = {
        name: {group.parameters.get(name) for group in groups}
        for name in names
        if all(_is_number(group.parameters.get(name)) for group in groups)
    }
    if not numbers:
        raise Missing(NEEDS_VARIED)
    most = max(numbers, key=lambda name: len(numbers[name]))
    return most, [name for name in names if name != most]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def sweep(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the deployed tasks, and the late frames where there are frames, over what was varied."""
    panels, missing = [], ""
    try:
        x_name, others = swept(groups)
        panels = _of_runs(groups, x_name, others)
    except Missing as fault:
        missing = str(fault)
    there = {(panel.y_label, panel.x_label) for panel in panels}
    panels += [panel for panel in of_measures(results) if (panel.y_label, panel.x_label) not in there]
    if not panels:
        raise Missing(missing)
    return panels


def _of_runs(groups: Sequence[Group], x_name: str, others: Sequence[str]) -> list[Panel]:
    lines: dict[str, dict[float, Group]] = defaultdict(dict)
    bounds: dict[str, dict[float, dict[Any, float]]] = defaultdict(lambda: defaultdict(dict))
    for group in groups:
        x = float(group.parameters[x_name])
        lines[label_of(group, others)][x] = group
        case = label_of(group, others).removeprefix(group.scheduler)
        for row in group.rows:
            if row["bound_tasks"] is not None:
                bounds[case][x][row["seed"], row["key"] if row["seed"] is None else ""] = row["bound_tasks"]
    lines = {label: points for label, points in lines.items() if len(points) > 1} or lines
    shown = dict(list(lines.items())[:MOST_LINES])
    note = "" if len(lines) <= MOST_LINES else f"the first {MOST_LINES} of {len(lines)} lines; --runs chooses others"
    note = "; ".join(
        filter(
            None, [of_seeds([len(g.rows) for points in shown.values() for g in points.values()], by_point=True), note]
        )
    )
    curves = [
        _interval_curve(label, {x: deployed_tasks(group) for x, group in points.items()})
        for label, points in shown.items()
    ]
    cases = {label_of(g, others).removeprefix(g.scheduler) for points in shown.values() for g in points.values()}
    for case in [case for case in bounds if case in cases]:
        points = {x: mean_interval(list(by_seed.values())) for x, by_seed in bounds[case].items()}
        curve = _interval_curve(BOUND + case, points)
        curves.append(Curve(curve.label, curve.x, curve.y, plain=True))
    x_label = axis_label(x_name)
    whole = all(isinstance(group.parameters[x_name], int) for points in shown.values() for group in points.values())
    title = "Deployed tasks at the end"
    panels = [Panel("sweep-deployed", title, x_label, "deployed tasks", tuple(curves), note=note, x_whole=whole)]
    if all(row["delivered"] is not None for points in shown.values() for g in points.values() for row in g.rows):
        shares = {label: {x: late_percent(group) for x, group in points.items()} for label, points in shown.items()}
        late = tuple(_interval_curve(label, {x: share for x, share in points.items() if share.n})
                     for label, points in shares.items() if any(share.n for share in points.values()))  # fmt: skip
        nothing = "" if late else NONE_DELIVERED
        y_label = "late frames [% of delivered]"
        panels.append(
            Panel("sweep-late", "Late frames", x_label, y_label, late, note=note, x_whole=whole, nothing=nothing)
        )
    return panels


def deployed_tasks(group: Group) -> Interval:
    """Return the tasks deployed at the end of a group of runs."""
    found = mean_interval([row["deployed_tasks"] for row in group.rows])
    return found.clipped(0, max(row["arrived_tasks"] for row in group.rows))


def late_percent(group: Group) -> Interval:
    """Return the late frames of a group of runs, in per cent of the delivered ones; over 0 runs where none was."""
    mean, low, high, n = mean_late_share(group.rows).clipped(0.0, 1.0)
    return Interval(100 * mean, 100 * low, 100 * high, n)


def _interval_curve(label: str, points: dict[float, Interval]) -> Curve:
    x = np.array(sorted(points))
    parts = np.array([[points[at].mean, points[at].low, points[at].high] for at in x.tolist()])
    if np.isnan(parts[:, 1:]).any():
        return Curve(label, x, parts[:, 0])
    return Curve(label, x, parts[:, 0], parts[:, 1], parts[:, 2])


def of_measures(results: Results) -> list[Panel]:
    """Return what experiments and plans measured over a number: one panel a quantity, one line a case.

    A value without an x is a horizontal line, such as what was asked for, an x without a value a vertical one, such as
    the answer.
    """
    found: dict[tuple[str, str], dict[str, dict[float, Interval]]] = defaultdict(lambda: defaultdict(dict))
    lines: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    x_lines: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in results.rows("measures"):
        about = row["quantity"], row["x_name"]
        if row["x"] is None or row["value"] is None:
            for own, value in ((lines, row["value"]), (x_lines, row["x"])):
                if value is not None:
                    own[about][row["what"]] = value
            continue
        low, high = (math.nan if row[name] is None else row[name] for name in ("low", "high"))
        found[about][row["what"]][row["x"]] = Interval(row["value"], low, high, row["replications"] or 1)
    panels = []
    for (quantity, x_name), cases in found.items():
        shown = {what: points for what, points in cases.items() if len(points) > 1}
        if not shown or len(shown) > MOST_LINES:
            continue  # single numbers, or more lines than can be told apart
        note = of_seeds([interval.n for points in shown.values() for interval in points.values()], by_point=True)
        curves = tuple(
            Curve(c.label, c.x, c.y, plain=True) if what == "bound" else c
            for what, c in ((what, _interval_curve(what, points)) for what, points in shown.items())
        )
        words = PLANNED.get(quantity, f"measured {quantity} over {x_name}")
        name = "".join(c if c.isalnum() else "-" for c in words.lower())
        title = f"{quantity[:1].upper()}{quantity[1:]} over {x_name}"
        asked, answers = (_at(own[quantity, x_name]) for own in (lines, x_lines))
        panels.append(Panel(name, title, x_name, quantity, curves, asked, answers, note=note))
    return panels


def _at(named: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return lines by where they are: those at one place are one, with all their names."""
    names: dict[float, list[str]] = {}
    for name, value in named.items():
        names.setdefault(value, []).append(name)
    return tuple(("; ".join(own), value) for value, own in names.items())
