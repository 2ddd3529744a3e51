"""The long tables of a report as columns, and the short ones as HTML."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from experiments.records.run_groups import Group, Row, read_table
from simulator.results import Results
from simulator.stats import mean_interval, paired_interval
from simulator.tables import TABLES

MOST_ROWS = {"decisions": 200_000, "tasks": 100_000, "frames": 50_000, "measures": 20_000}
"""More rows than these are left out of a report, with a notice: the page must stay quick."""
_COMMON_WORDS = 0.5
_LONG = ("why", "what", "quantity")

Cell = Any


def columnar(
    name: str, title: str, hint: str, rows: Iterable[Row], types: Mapping[str, str], most: int
) -> dict[str, Any]:
    """Return a long table as the page reads it: one list a column, repeated text once.

    Parameters
    ----------
    name, title, hint : str
        Its place in the page, what it is called, what to search for.
    rows : iterable of dict
        Mappings with the keys of `types`.
    types : mapping of str to str
        ``"number"`` or ``"text"`` by column.
    most : int
        The largest number of rows.
    """
    ahead = iter(rows)
    kept = list(islice(ahead, most))
    left = sum(1 for _ in ahead)
    columns = [_column(key, kind, [row[key] for row in kept]) for key, kind in types.items()]
    notice = f"The first {most:,} of {most + left:,} rows; the results file has them all." if left else ""
    return {"name": name, "title": title, "hint": hint, "rows": len(kept), "columns": columns, "notice": notice}


def _column(key: str, kind: str, values: list[Any]) -> dict[str, Any]:
    column: dict[str, Any] = {"label": key, "number": kind == "number", "long": key in _LONG}
    if kind == "text":
        words = dict.fromkeys(values)
        if len(words) <= _COMMON_WORDS * len(values):
            places = {word: place for place, word in enumerate(words)}
            return column | {"words": list(words), "index": [places[value] for value in values]}
    return column | {"values": values}


def types_of(table: str) -> dict[str, str]:
    """Return the columns of a table of the results with what they hold."""
    return {column.name: "text" if column.type.startswith("TEXT") else "number" for column in TABLES[table]}


def decisions(results: Results, groups: Sequence[Group]) -> Iterator[Row]:
    """Yield every decision with its reason in words."""
    for group, row in _runs(groups):
        for decision in read_table(results, "decisions", row["key"]):
            yield {"run": _run_name(group, row), "why": why(decision)} | {
                name: decision[name] for name in _DECISION_COLUMNS
            }


_DECISION_COLUMNS = (
    "time_s", "task", "verdict", "cut", "resource", "link", "need_bps", "free_bps", "server", "need_flop_per_s",
    "free_flop_per_s",
)  # fmt: skip


def decision_types() -> dict[str, str]:
    """Return the columns of the decisions in a report."""
    kinds = types_of("decisions")
    first = {name: kinds[name] for name in _DECISION_COLUMNS[:4]}
    return {"run": "text", **first, "why": "text", **{name: kinds[name] for name in _DECISION_COLUMNS[4:]}}


def why(decision: Row) -> str:
    """Return the reason of a decision in words.

    Examples
    --------
    >>> why({"verdict": "deploy", "cut": 3, "evicted": '["a", "b"]', "reason": None})
    'deployed at cut 3, after evicting a, b'
    """
    evicted = ", ".join(json.loads(decision["evicted"] or "[]"))
    if decision["verdict"] == "deploy":
        return f"deployed at cut {decision['cut']}" + (f", after evicting {evicted}" if evicted else "")
    if decision["verdict"] == "evict":
        return f"{decision['reason']}: {evicted}"
    return decision["reason"] or ""


def rows_of(results: Results, groups: Sequence[Group], table: str) -> Iterator[Row]:
    """Yield the rows of a table of all runs, with the name of the run."""
    for group, row in _runs(groups):
        for own in read_table(results, table, row["key"]):
            yield own | {"run": _run_name(group, row)}


def _runs(groups: Sequence[Group]) -> Iterator[tuple[Group, Row]]:
    for group in groups:
        for row in group.rows:
            yield group, row


def _run_name(group: Group, row: Row) -> str:
    return group.label if len(group.rows) == 1 else f"{group.label}, seed {row['seed']}"


def table_html(header: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Cell]], tall: bool = False) -> str:
    """Return a table that sorts; a cell is text, or text with the exact value, or ready HTML as `Ready`."""
    head = "".join(f"<th{' class=number' if number else ''}>{escape(label)}</th>" for label, number in header)
    lines = []
    for row in rows:
        cells = []
        for (_, number), cell in zip(header, row, strict=True):
            text, exact = cell if isinstance(cell, tuple) else (cell, None)
            value = "" if exact is None and not number else f' data-value="{escape("" if exact is None else exact)}"'
            kind = " class=number" if number else ""
            cells.append(f"<td{kind}{value}>{text if isinstance(text, Ready) else escape(text)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = "scroll tall" if tall else "scroll"
    return (
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{escape(header[0][0])} table">'
        f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


class Ready(str):
    """Text that is HTML already."""


def escape(text: Any) -> str:
    """Return text as it must stand in HTML, in attributes too."""
    return html.escape(str(text), quote=True)


def spread(values: Sequence[Any], spec: str = ",.1f") -> tuple[str, float | None]:
    """Return a mean with its interval as text, and the mean; a dash where nothing was measured."""
    there = [float(value) for value in values if value is not None]
    if not there or len(there) < len(values):
        return "–", None
    found = mean_interval(there)
    if len(set(there)) == 1:  # nothing to be uncertain of
        return (f"{there[0]:,.0f}" if there[0].is_integer() and "%" not in spec else f"{there[0]:{spec}}"), there[0]
    return f"{found.mean:{spec}} [{found.low:{spec}}, {found.high:{spec}}]", found.mean


def summary_html(groups: Sequence[Group]) -> str:
    """Return the table that compares the groups: means over seeds with 95 % intervals."""
    with_frames = any(row["frames"] is not None for group in groups for row in group.rows)
    header = [("scheduler", False), ("deployed at the end", True), ("of the bound", True)]
    if with_frames:
        header += [("late frames", True), ("mean transfer [ms]", True), ("largest [ms]", True)]
    header += [(name, True) for name in ("departed", "rejected", "evicted", "at one time", "arrived", "runs")]
    largest = max([row["deployed_tasks"] for group in groups for row in group.rows] + [1])

    def per(group: Group, value: Callable[[Row], Any], spec: str = ",.1f") -> tuple[str, float | None]:
        return spread([value(row) for row in group.rows], spec)

    rows = []
    for group in groups:
        text, mean = per(group, lambda row: row["deployed_tasks"])
        bar = Ready(
            f'<span class="bar"><i data-share="{(mean or 0) / largest:.4f}"></i><span>{escape(text)}</span></span>'
        )
        cells: list[Cell] = [
            group.label,
            (bar, mean),
            per(group, lambda row: None if row["gap"] is None else 1 - row["gap"], ".1%"),
        ]
        if with_frames:
            cells += [
                per(group, lambda row: row["violations"] / row["delivered"] if row["delivered"] else None, ".2%"),
                per(group, lambda row: _times(row["transfer_mean_s"], 1e3)),
                per(group, lambda row: _times(row["transfer_max_s"], 1e3)),
            ]
        counts = ("departed_tasks", "rejected_tasks", "evicted_tasks", "peak_deployed_tasks", "arrived_tasks")
        cells += [spread([row[name] for row in group.rows]) for name in counts]
        cells.append((f"{len(group.rows):,}", len(group.rows)))
        rows.append(cells)
    return table_html(header, rows, tall=len(rows) > 15)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def differences_html(groups: Sequence[Group]) -> str:
    """Return how many tasks more the schedulers deploy than the first of the same scenario, seed by seed."""
    cases: dict[str, list[Group]] = {}
    for group in groups:
        cases.setdefault(json.dumps(group.parameters, sort_keys=True), []).append(group)
    rows = []
    for first, *others in cases.values():
        for other in others:
            ours, theirs = ({row["seed"]: row["deployed_tasks"] for row in one.rows} for one in (other, first))
            seeds = [seed for seed in ours if seed in theirs]
            if not seeds:
                continue
            found = paired_interval([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
            told = "one run each" if math.isnan(found.low) else "yes" if found.low > 0 or found.high < 0 else "no"
            text = (
                f"{found.mean:+,.0f}"
                if math.isnan(found.low)
                else f"{found.mean:+,.1f} [{found.low:+,.1f}, {found.high:+,.1f}]"
            )
            rows.append((other.label, first.label, (len(seeds), len(seeds)), (text, found.mean), told))
    if not rows:
        return ""
    header = [
        ("scheduler", False),
        ("against", False),
        ("pairs", True),
        ("deployed tasks more", True),
        ("told apart", False),
    ]
    return (
        "<h3>Paired differences</h3><p class=soft>Each seed gives all schedulers the same workload; the difference is "
        "taken seed by seed, its 95 % interval in brackets. Told apart: the interval does not hold 0.</p>"
        + table_html(header, rows, tall=len(rows) > 15)
    )
