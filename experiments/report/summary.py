"""What a report says first: which scheduler did best, by how much, and how far all are below the bound."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutlayer.experiments.figures.seeds import Failed, missing_seeds, of_fewer_seeds
from cutlayer.experiments.lateness import late_share
from cutlayer.experiments.records.run_groups import Group, Row, label_of, reaches_the_bound, varied_in
from cutlayer.experiments.report.html import Cell, Head, Ready, escape, table_html
from cutlayer.experiments.stats import mean_interval


@dataclass(frozen=True)
class Case:
    """One scenario with the schedulers that were run on it, the one with the most deployed tasks first.

    Those that lack seeds come last: a mean over other workloads has no place in that order.

    Attributes
    ----------
    label : str
        What sets it apart from the other scenarios; empty where there is one only.
    groups : tuple of Group
    """

    label: str
    groups: tuple[Group, ...]

    @property
    def lacking(self) -> dict[str, tuple[int, int]]:
        """The groups without seeds that others have: by label how many they have, of how many."""
        return missing_seeds(self.groups)

    @property
    def reaches_the_bound(self) -> bool:
        """Whether in every run as many tasks are deployed at the end as any scheduler could have deployed."""
        return all(reaches_the_bound(row) for group in self.groups for row in group.rows)


def cases_of(groups: Sequence[Group]) -> list[Case]:
    """Return the scenarios: by the numbers in which they differ, else in the order of the file."""
    names = varied_in(groups)
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(json.dumps(group.parameters, sort_keys=True), []).append(group)
    cases = list(found.values())
    values = [[own[0].parameters.get(name) for name in names] for own in cases]
    if all(isinstance(value, (int, float)) for own in values for value in own):
        cases = [cases[place] for place in sorted(range(len(cases)), key=lambda place: values[place])]
    lacking = missing_seeds(groups)

    def place(group: Group) -> tuple[bool, float]:
        return group.label in lacking, -mean_of(group, "deployed_tasks")

    return [Case(label_of(own[0], names)[len(own[0].scheduler) + 2 :], tuple(sorted(own, key=place))) for own in cases]


def mean_of(group: Group, name: str) -> float:
    """Return the mean of a summary number over the runs of a group; NaN where a run does not have it."""
    return float(np.mean([math.nan if row[name] is None else row[name] for row in group.rows]))


def failed_html(failed: Sequence[Failed]) -> str:
    """Return how many runs failed, of whom, with the first error of each; nothing where none has."""
    if not failed:
        return ""
    runs = sum(one.failed for one in failed)
    items = "".join(f"<li>{escape(one)}</li>" for one in failed)
    said = "1 run failed and is" if runs == 1 else f"{runs:,} runs failed and are"
    return f'<div class="notice" id="failed"><strong>{said} in no number below:</strong><ul>{items}</ul></div>'


def lead(cases: Sequence[Case], failed: Sequence[Failed] = ()) -> str:
    """Return what is in the file and what came out, in two or three sentences."""
    groups = [group for case in cases for group in case.groups]
    schedulers = {group.scheduler for group in groups}

    def count(number: int, what: str) -> str:
        return f"{number:,} {what}" + ("" if number == 1 else "s")

    runs = sum(len(group.rows) for group in groups)
    text = f"{count(runs, 'run')}: {count(len(schedulers), 'scheduler')}, {count(len(cases), 'scenario')}, "
    most = max(len(group.rows) for group in groups)
    text += "one seed each." if most == 1 else f"up to {most:,} seeds each."
    if failed:
        text += f" {sum(one.failed for one in failed):,} more failed."
    if len(cases) == 1 and len(groups) > 1:
        groups = [group for group in groups if group.label not in cases[0].lacking] or groups
        best = groups[0]
        deployed, arrived = mean_of(best, "deployed_tasks"), mean_of(best, "arrived_tasks")
        same = [group.label for group in groups if mean_of(group, "deployed_tasks") == deployed]
        who = best.label if len(same) == 1 else "all alike" if len(same) == len(groups) else ", ".join(same)
        if best.label in cases[0].lacking:
            return f"{text} No two schedulers have the same seeds."
        of = " of those with all seeds" if cases[0].lacking else ""
        text += f" Most tasks deployed at the end{of}: {who}, {deployed:,.4g} of {arrived:,.4g} that arrived."
    return text


def at_the_bound(cases: Sequence[Case]) -> str:
    """Return what to say where every scheduler does as well as any could; nothing elsewhere."""
    there = [case for case in cases if case.reaches_the_bound]
    if not there:
        return ""
    several = max(len(case.groups) for case in there) > 1
    who = "every scheduler reaches" if several else "the scheduler reaches"
    where = ""
    if len(cases) > 1:
        where = f"With {'; '.join(case.label for case in there)}: "
    so = ", so they cannot be told apart here: more tasks, or fewer servers, would" if several else ""
    text = f"{where}{who} the bound in every run: no scheduler could have more tasks deployed at the end{so}."
    return text[0].upper() + text[1:]


def spread(values: Sequence[Any], spec: str = ",.1f", most: float = math.inf) -> tuple[Ready | str, float | None]:
    """Return a mean with its interval as it is shown, and the mean; a dash where nothing was measured.

    Nothing is below 0, or above `most`.
    """
    there = [float(value) for value in values if value is not None]
    if not there or len(there) < len(values):
        return "–", None
    found = mean_interval(there).clipped(0.0, most)
    if len(set(there)) == 1:  # nothing to be uncertain of
        return (f"{there[0]:,.0f}" if there[0].is_integer() and "%" not in spec else f"{there[0]:{spec}}"), there[0]
    interval = f"[{found.low:{spec}}, {found.high:{spec}}]"
    return Ready(f'{found.mean:{spec}} <span class="interval">{interval}</span>'), found.mean


def summary_html(cases: Sequence[Case]) -> str:
    """Return the table that compares the groups: means over seeds with 95 % intervals, the best first."""
    groups = [group for case in cases for group in case.groups]
    rows = [row for group in groups for row in group.rows]
    with_frames = any(row["frames"] is not None for row in rows)
    largest = max([row["deployed_tasks"] for row in rows] + [1])
    header = [
        Head("scheduler"),
        Head("deployed at the end", True, "tasks deployed at the end of the run"),
        Head("of the bound", True, "deployed at the end as a share of the bound, which no scheduler can exceed"),
    ]
    if with_frames:
        header += [
            Head("late frames", True, "delivered frames whose latency exceeded the deadline"),
            Head("transfer, mean [ms]", True, "mean transfer latency of the delivered frames"),
            Head("transfer, most [ms]", True, "largest transfer latency"),
        ]
    header += [
        Head("departed", True, "tasks that left at the end of their life"),
        Head("rejected", True, "tasks never deployed"),
        Head("evicted", True, "tasks that were deployed and pushed out"),
        Head("at one time", True, "largest number of tasks deployed at one time"),
        Head("arrived", True, "tasks that arrived = deployed + departed + rejected + evicted"),
        Head("runs", True, "seeds; intervals in brackets hold the mean with 95 % confidence"),
    ]

    def per(group: Group, value: Callable[[Row], Any], spec: str = ",.1f", most: float = math.inf) -> Cell:
        return spread([value(row) for row in group.rows], spec, most)

    lines = []
    lacking = {label: of for case in cases for label, of in case.lacking.items()}
    for group in groups:
        arrived = max(row["arrived_tasks"] for row in group.rows)
        text, mean = per(group, lambda row: row["deployed_tasks"], most=arrived)
        shown = text if isinstance(text, Ready) else escape(text)
        bar = Ready(f'<span class="bar"><i data-share="{(mean or 0) / largest:.4f}"></i><span>{shown}</span></span>')
        beside = ""
        if group.label in lacking:
            beside = f' <span class="soft">{escape(of_fewer_seeds(*lacking[group.label]))}</span>'
        cells: list[Cell] = [
            Ready(escape(group.label) + beside),
            (bar, mean),
            per(group, lambda row: None if row["gap"] is None else 1 - row["gap"], ".1%", 1.0),
        ]
        if with_frames:
            cells += [
                per(group, late_share, ".2%", 1.0),
                per(group, lambda row: _ms(row["transfer_mean_s"])),
                per(group, lambda row: _ms(row["transfer_max_s"])),
            ]
        counts = ("departed_tasks", "rejected_tasks", "evicted_tasks", "peak_deployed_tasks", "arrived_tasks")
        cells += [spread([row[name] for row in group.rows], most=arrived) for name in counts]
        cells.append((f"{len(group.rows):,}", len(group.rows)))
        lines.append(cells)
    return table_html(header, lines, tall=len(lines) > 15)


def _ms(value_s: float | None) -> float | None:
    return None if value_s is None else value_s / 1e-3
