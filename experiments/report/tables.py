"""The long tables of a report as columns, as the page reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cutlayer.experiments.records.run_groups import Group, Row, read_table
from cutlayer.experiments.report.columns import described
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES

MOST_ROWS = {"decisions": 200_000, "tasks": 100_000, "frames": 50_000, "measures": 20_000}
"""More rows than these are left out of a report, with a notice: the page must stay quick."""
COLUMNS = {
    "frames": (
        "task", "server", "frames", "delivered", "lost", "in_flight", "violations", "transfer_mean_s", "transfer_p50_s",
        "transfer_p99_s", "transfer_max_s", "end_to_end_mean_s", "end_to_end_max_s", "compute_load", "uplink_load",
        "unstable",
    )
}  # fmt: skip
"""Of tables with very many columns, those on the page."""
_COMMON_WORDS = 0.5
_KINDS = dict.fromkeys(("task", "link", "server"), "name")
_KINDS |= dict.fromkeys(("why", "what", "quantity"), "long")
_KINDS |= {"run": "run", "profile": "words"}
"""Text that may be broken into lines: names where they must be, sentences with more room."""

Filter = tuple[str, Sequence[tuple[str, Callable[[Row], bool]]]]
"""What is chosen by, and the choices, each with whether a row belongs to it."""


def tables(results: Results, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the long tables that have rows."""
    found = [
        _columnar("decisions", "Decisions", "task, reason, server …", decisions(results, groups), _decision_types(),
                  _VERDICTS)
    ]  # fmt: skip
    for name, title, hint, choices in (
        ("tasks", "Tasks", "task, network …", _OUTCOMES),
        ("frames", "Frames by task and server", "task, server …", None),
    ):
        kinds = _types_of(name)
        types = {"run": "text"} | {column: kinds[column] for column in COLUMNS.get(name, kinds)}
        found.append(_columnar(name, title, hint, rows_of(results, groups, name), types, choices))
    measures = results.rows("measures")
    found.append(_columnar("measures", "Measures", "quantity, case …", measures, _types_of("measures")))
    return [table for table in found if table["rows"]]


def _columnar(
    name: str, title: str, hint: str, rows: Iterable[Row], types: Mapping[str, str], choices: Filter | None = None
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
    choices : Filter, optional
        By what rows can be chosen; every row may belong to several choices.
    """
    most = MOST_ROWS[name]
    ahead = iter(rows)
    kept = list(islice(ahead, most))
    left = sum(1 for _ in ahead)
    columns = [
        {**described(name, key), "kind": _KINDS.get(key, kind), **_values(kind, [row[key] for row in kept])}
        for key, kind in types.items()
    ]
    notice = f"The first {most:,} of {most + left:,} rows; the results file has them all." if left else ""
    table = {"name": name, "title": title, "hint": hint, "rows": len(kept), "columns": columns, "notice": notice}
    if choices is not None:
        by, tests = choices
        bits = [sum(1 << place for place, (_, holds) in enumerate(tests) if holds(row)) for row in kept]
        table["filter"] = {"by": by, "names": [one for one, _ in tests], "bits": bits}
    return table


def _values(kind: str, values: list[Any]) -> dict[str, Any]:
    if kind == "text":
        words = dict.fromkeys(values)
        if len(words) <= _COMMON_WORDS * len(values):
            places = {word: place for place, word in enumerate(words)}
            return {"words": list(words), "index": [places[value] for value in values]}
    return {"values": values}


def _types_of(table: str) -> dict[str, str]:
    """Return the columns of a table of the results with what they hold."""
    return {column.name: "text" if column.type.startswith("TEXT") else "number" for column in TABLES[table]}


_VERDICTS: Filter = (
    "verdict",
    (
        ("deployed", lambda row: row["verdict"] == "deploy"),
        ("rejected", lambda row: row["verdict"] == "reject"),
        ("evicted", lambda row: row["evicts"]),
    ),
)
"""A task may be deployed by evicting another: that decision is of both kinds."""


def _is(outcome: str) -> Callable[[Row], bool]:
    return lambda row: row["outcome"] == outcome


_OUTCOMES: Filter = (
    "outcome", [(outcome, _is(outcome)) for outcome in ("deployed", "departed", "rejected", "evicted")],
)  # fmt: skip


def decisions(results: Results, groups: Sequence[Group]) -> Iterator[Row]:
    """Yield every decision with its reason in words."""
    for group, row in _runs(groups):
        for decision in read_table(results, "decisions", row["key"]):
            yield {
                "run": _run_name(group, row),
                "why": why(decision),
                "evicts": bool(_evicted(decision)),
                **{name: decision[name] for name in _DECISION_COLUMNS},
            }


_DECISION_COLUMNS = (
    "time_s", "task", "verdict", "cut", "resource", "link", "need_bps", "free_bps", "server", "need_flop_per_s",
    "free_flop_per_s",
)  # fmt: skip


def _decision_types() -> dict[str, str]:
    """Return the columns of the decisions in a report."""
    kinds = _types_of("decisions")
    first = {name: kinds[name] for name in _DECISION_COLUMNS[:4]}
    return {"run": "text", **first, "why": "text", **{name: kinds[name] for name in _DECISION_COLUMNS[4:]}}


def _evicted(decision: Row) -> list[str]:
    names: list[str] = json.loads(decision["evicted"] or "[]")
    return names


def why(decision: Row) -> str:
    """Return the reason of a decision in words.

    Examples
    --------
    >>> why({"verdict": "deploy", "cut": 3, "evicted": '["a", "b"]', "reason": None})
    'deployed at cut 3, after evicting a, b'
    """
    evicted = ", ".join(_evicted(decision))
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
