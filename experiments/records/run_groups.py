"""Selects runs, groups those that differ only in their seed, and labels the groups."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cutlayer.experiments.records.varied import in_words, varied
from cutlayer.experiments.runs.runner import KEPT_WORDS
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results

Row = dict[str, Any]
MOST_LINES = 8
"""So many lines can be told apart in one figure, also in grey."""
_RUN = re.compile(r"^\S+ (run|replay) ")


class Missing(Exception):
    """What a figure needs is not in the results; the message says what would have kept it."""


@dataclass(frozen=True)
class Group:
    """Runs that are alike but for the seed: one line of a figure.

    Attributes
    ----------
    label : str
        The scheduler and what its scenario has that others have not.
    scheduler : str
    parameters : dict
        Of the scenario, flat, without seeds.
    rows : tuple of dict
        The rows of ``runs``, by seed.
    """

    label: str
    scheduler: str
    parameters: Mapping[str, Any]
    rows: tuple[Row, ...]


def read_table(results: Results, table: str, key: str) -> list[Row]:
    """Return the rows of a table of one run."""
    return list(results.rows(table, key))


def deadline_line(results: Results, groups: Sequence[Group], factor: float) -> tuple[tuple[str, float], ...]:
    """Return the line of the deadline in units of `factor` seconds, where all tasks have the same; else none."""
    deadlines = {
        task["deadline_s"]
        for group in groups
        for row in group.rows
        for task in read_table(results, "tasks", row["key"])
    }
    return (("deadline", deadlines.pop() / factor),) if len(deadlines) == 1 else ()


def with_table(results: Results, groups: Sequence[Group], table: str, missing: str) -> list[Group]:
    """Return the groups whose runs have rows in `table`, at most `MOST_LINES` of them.

    Raises
    ------
    Missing
        With the text `missing`, if there is none.
    """
    there = [group for group in groups if all(has_rows(results, table, row["key"]) for row in group.rows)]
    if not there:
        raise Missing(missing)
    return there[:MOST_LINES]


def has_rows(results: Results, table: str, key: str) -> bool:
    """Return whether a run has rows in `table`."""
    return next(results.rows(table, key), None) is not None


def chosen_rows(results: Results, words: Sequence[str] = ()) -> list[Row]:
    """Return the rows of the runs that `words` choose; all that are done, where there are none.

    Parameters
    ----------
    words : sequence of str
        Schedulers as the results call them, or the beginnings of runs' keys.

    Raises
    ------
    InputError
        If the file has no runs, or a word chooses none.
    """
    rows = done_rows(results)
    if not rows:
        raise InputError("has no runs", results.path)
    for word in words:
        if not any(is_called(row, word) for row in rows):
            raise UnknownNameError("run", word, {row["scheduler"] for row in rows}).located(results.path)
    return [row for row in rows if not words or any(is_called(row, word) for word in words)]


def done_rows(results: Results) -> list[Row]:
    """Return the rows of the runs that are done; of a scheduler whose file was edited, those of its last version."""
    rows = [row for row in results.rows("runs") if row["scheduler"] is not None and row["status"] == "done"]
    last = {row["scheduler"]: own_file(row) for row in rows}
    return [row for row in rows if own_file(row) == last[row["scheduler"]]]


def reaches_the_bound(row: Row) -> bool:
    """Return whether no scheduler can have a task more deployed at the end of this run; False where nobody knows."""
    return row["bound_tasks"] is not None and row["deployed_tasks"] + 1 > row["bound_tasks"] + 1e-6


def own_file(row: Row) -> Any:
    """Return what the file of a user's own scheduler held; None of ours."""
    return json.loads(row["scenario"]).get("scheduler")


def is_called(row: Row, word: str) -> bool:
    """Return whether a user's word, a scheduler or the beginning of a key, means this run."""
    return bool(word) and (row["scheduler"] == word or row["key"].startswith(word))


def group_runs(rows: Sequence[Row]) -> list[Group]:
    """Return the runs in groups that differ in more than the seed, in the order of the file.

    Of a scenario that was edited and run again the newest version comes first.
    """
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    parameters: dict[str, tuple[str, dict[str, Any]]] = {}
    for row in rows:
        flat, seed = parameters_of(row)
        name = json.dumps([row["scheduler"], flat], sort_keys=True)
        parameters[name] = (row["scheduler"], flat)
        before = found[name].get(seed)
        if before is None or _kept(row) >= _kept(before):  # the same run twice: the one of which more was kept
            found[name][seed] = row
    groups = [Group("", *parameters[name], tuple(runs.values())) for name, runs in found.items()]
    return _labelled(_newest_first(groups))


def _kept(row: Row) -> int:
    return len(json.loads(row["scenario"]).get("keep") or ())


def parameters_of(row: Row) -> tuple[dict[str, Any], str]:
    """Return the parameters of a run's scenario, flat, and apart from them its seeds, as text."""
    scenario = json.loads(row["scenario"])
    paths: Mapping[str, str] = json.loads(row.get("paths") or "{}")
    scenario.pop("scheduler", None)  # what a scheduler's file holds is of the scheduler
    flat = {name: value for name, value in _flat(scenario, "", paths) if name not in KEPT_WORDS}
    seeds = {name: flat.pop(name) for name in list(flat) if name.rpartition(".")[2] == "seed"}
    flat["cutlayer"] = json.loads(row["versions"] or "{}").get("cutlayer")
    return flat, json.dumps([row["seed"], seeds], sort_keys=True)


def _flat(value: Mapping[str, Any], above: str, paths: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        key = f"{above}{name}"
        if isinstance(item, dict) and "sha256" in item:  # a file is what it holds; where it lies is good for a name
            plain = key.replace(".0.", ".")
            path = Path(paths.get(key) or paths.get(plain) or name).name
            yield key, f"{path} ({str(item['sha256'])[:8]})"
        elif isinstance(item, dict):
            yield from _flat(item, f"{key}.", paths)
        elif isinstance(item, list) and any(isinstance(part, dict) for part in item):
            yield from _flat({str(place): part for place, part in enumerate(item)}, f"{key}.", paths)
        else:
            yield key, item


def varied_in(groups: Sequence[Group]) -> list[str]:
    """Return the names of the parameters in which the groups differ."""
    return varied([group.parameters for group in groups])


def label_of(group: Group, names: Sequence[str]) -> str:
    """Return what to call a group among others that differ in the parameters `names`."""
    return ", ".join([group.scheduler, *in_words(group.parameters, names)])


def _labelled(groups: Sequence[Group]) -> list[Group]:
    """Name every group by its scheduler and by what sets its scenario apart."""
    names = varied_in(groups)
    return [replace(group, label=label_of(group, names)) for group in groups]


def _newest_first(groups: Sequence[Group]) -> list[Group]:
    """Return the groups in the order of the file, but those of a scenario that was edited and run again first."""
    begun: dict[Any, int] = {}
    newest: dict[str, int] = {}
    for group in groups:
        scenario = json.dumps(group.parameters, sort_keys=True)
        for row in group.rows:
            command, own = row.get("command") or "", row.get("run") or 0
            # every `run` and `replay` is one of its own; the scenarios of a sweep are of one age
            at = own if _RUN.search(command) else begun.setdefault(command, own)
            newest[scenario] = max(newest.get(scenario, 0), at)
    return sorted(groups, key=lambda group: -newest[json.dumps(group.parameters, sort_keys=True)])
