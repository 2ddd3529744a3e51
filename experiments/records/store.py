"""What is in results files: listed, and several made into one."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from cutlayer.experiments.records.run_groups import Row, parameters_of
from cutlayer.experiments.records.varied import varied
from cutlayer.experiments.runs.kept_frames import copy_frames
from cutlayer.experiments.runs.runner import KEPT_WORDS, OF_THE_MACHINE, TABLES_TO_KEEP
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES, column_names

MOST_VARIED = 4
"""So many keys that set scenarios apart fit beside the rest in a line of a terminal, about."""


def listed(results: Results) -> list[dict[str, Any]]:
    """Return what is in a results file: one mapping for each scheduler on each scenario.

    Returns
    -------
    list of dict
        ``scenario`` (8 digits of its digest), ``varies`` (what sets it apart from the others of the file),
        ``scheduler``, ``seeds``, ``done``, ``failed``, ``first_error``.
    """
    groups: dict[str, dict[str, Any]] = {}
    for row in results.rows("runs"):
        if row["scheduler"] is None:  # the numbers behind a figure
            continue
        flat, _ = parameters_of(row)
        flat.pop("scheduler.sha256", None)
        text = json.dumps([flat, row["scheduler"]], sort_keys=True)
        group = groups.setdefault(
            text,
            {
                "scenario": _digest(flat),
                "flat": flat,
                "scheduler": row["scheduler"],
                "seeds": set(),
                "done": 0,
                "failed": 0,
                "first_error": None,
            },
        )
        group["seeds"].add(row["seed"])
        group["done" if row["status"] == "done" else "failed"] += 1
        group["first_error"] = group["first_error"] or row["error"]
    everything = [group["flat"] for group in groups.values()]
    apart = varied(everything)
    found = []
    for group in groups.values():
        flat = group.pop("flat")
        seeds = sorted(seed for seed in group["seeds"] if seed is not None)
        found.append({**group, "varies": {name: flat.get(name) for name in apart}, "seeds": seeds})
    return found


def _digest(flat: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()[:8]


def as_text(found: Sequence[dict[str, Any]]) -> str:
    """Return the list as a table for a terminal."""
    if not found:
        return "no runs"
    lines = [("scenario", "what varies", "scheduler", "seeds", "done", "failed")]
    for group in found:
        told = [f"{name}={json.dumps(value)}" for name, value in group["varies"].items()]
        more = [f"{len(told) - MOST_VARIED} more (--json)"] if len(told) > MOST_VARIED else []
        varies = ", ".join([*told[:MOST_VARIED], *more]) or "-"
        counts = (_ranges(group["seeds"]), str(group["done"]), str(group["failed"]))
        lines.append((group["scenario"], varies, group["scheduler"], *counts))
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text += [f"failed: {group['scheduler']}: {group['first_error']}" for group in found if group["first_error"]]
    return "\n".join(text)


def _ranges(seeds: Sequence[int]) -> str:
    """Return whole numbers in short.

    Examples
    --------
    >>> _ranges([0, 1, 2, 5, 7, 8]), _ranges([])
    ('0-2,5,7-8', '-')
    """
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans) or "-"


def merge(out: Results, parts: Sequence[Results]) -> tuple[int, int]:
    """Add the runs of several results files to one; a run that is already present stays as it is.

    A run that is done replaces one of the same key that has failed, or of which fewer tables were kept. Each file is
    read as it is at one moment, also one that is being written. Single frames beside a file are copied with their run.

    Returns
    -------
    added, there : int
        Runs added, and runs that were already present.

    Raises
    ------
    InputError
        If two files have different content for one key; nothing is written then.
    """
    with contextlib.ExitStack() as moments:
        for part in parts:
            moments.enter_context(part.snapshot())
        return _merge(out, parts)


def _merge(out: Results, parts: Sequence[Results]) -> tuple[int, int]:
    files = [out, *parts]
    kept: dict[str, tuple[Results, str]] = {}
    for file in files:
        for key, status in _keys(file):
            before = kept.setdefault(key, (file, status))
            if before[0] is file:
                continue
            if before[1] == status == "done":
                if not _equal(before[0], file, key):
                    said = f"run {key[:12]} is not the same in {before[0].path}; allowed: equal runs"
                    raise InputError(said, file.path)
                if len(_tables(file, key)) > len(_tables(before[0], key)):
                    kept[key] = (file, status)
            elif status == "done":
                kept[key] = (file, status)
    added = 0
    for key, (file, _) in kept.items():
        if file is not out:
            (row,) = file.rows("runs", key)
            copy_frames(file.path, out.path, key)  # first, so that a run in the file is complete
            with out.writing(row) as writer:
                for table in TABLES:
                    if table != "runs":
                        writer.take(table, _values(file, table, key))
            added += 1
    return added, sum(1 for file in parts for _ in _keys(file)) - added


def _keys(file: Results) -> list[tuple[str, str]]:
    return [(row["key"], row["status"]) for row in file.rows("runs")]


def _values(file: Results, table: str, key: str) -> Iterator[Sequence[Any]]:
    names = column_names(table)
    return ([row[name] for name in names] for row in file.rows(table, key))


BOUNDED = ("bound_tasks", "gap")


def _kept(file: Results, key: str) -> Row:
    described = json.loads(file.value(key, "scenario") or "{}")
    return {name: described.get(name) for name in KEPT_WORDS}


def _tables(file: Results, key: str) -> set[str]:
    """Return the tables that were kept of a run."""
    kept = _kept(file, key)
    if kept["keep"] is None:
        return set(TABLES) - {"runs"}
    always = set(TABLES) - {"runs", "measures", *TABLES_TO_KEEP}
    return always | set(kept["keep"]) | ({"measures"} if kept["bound"] == "hindsight" else set())


def _bounds(one: Results, other: Results, key: str) -> bool:
    """Return whether both have found the same kind of bound."""
    return bool(_kept(one, key)["bound"] == _kept(other, key)["bound"])


def _equal(one: Results, other: Results, key: str) -> bool:
    """Return whether two files say the same of a run, but for what depends on the machine."""
    both = _tables(one, key) & _tables(other, key)
    for table in ("runs", *(table for table in TABLES if table in both)):
        if table == "runs":
            rows: list[list[Row]] = [list(file.rows(table, key)) for file in (one, other)]
            # versions of Python and libraries; the model's is in the key, and so is what decides in the scenario
            free = (*OF_THE_MACHINE, "versions", "scenario", *(() if _bounds(one, other, key) else BOUNDED))
            plain = [[{c: v for c, v in row.items() if c not in free} for row in part] for part in rows]
            if plain[0] != plain[1]:
                return False
            continue
        ours, theirs = _values(one, table, key), _values(other, table, key)
        sentinel = object()
        while True:
            a, b = next(ours, sentinel), next(theirs, sentinel)
            if a is sentinel and b is sentinel:
                break
            if a is sentinel or b is sentinel or a != b:
                return False
    return True
