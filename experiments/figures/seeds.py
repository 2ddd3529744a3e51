"""Over which seeds a number is a mean: those that failed are missing, and means over others do not compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cutlayer.experiments.records.run_groups import Group, is_called, own_file
from cutlayer.simulator.results.file import Results


@dataclass(frozen=True)
class Failed:
    """The runs of a scheduler that failed.

    Attributes
    ----------
    scheduler : str
    failed, runs : int
        How many failed, of how many.
    first_error : str
        What the first of them said.
    """

    scheduler: str
    failed: int
    runs: int
    first_error: str

    def __str__(self) -> str:
        which = f"all {self.runs:,} runs" if self.failed == self.runs > 1 else f"{self.failed:,} of {self.runs:,} runs"
        return f"{self.scheduler}: {which} failed; the first: {self.first_error}"


def failures(results: Results, words: Sequence[str] = ()) -> list[Failed]:
    """Return the schedulers of which runs failed; where a file was edited, those of its last version.

    Parameters
    ----------
    results : Results
    words : sequence of str
        As of `cutlayer.experiments.records.run_groups.chosen_rows`.
    """
    rows = [row for row in results.rows("runs") if row["scheduler"] is not None]
    last = {row["scheduler"]: own_file(row) for row in rows}
    found: dict[str, list[bool]] = {}
    errors: dict[str, str] = {}
    for row in rows:
        name = row["scheduler"]
        if own_file(row) != last[name] or (words and not any(is_called(row, word) for word in words)):
            continue
        found.setdefault(name, []).append(row["status"] != "done")
        if row["status"] != "done":
            errors.setdefault(name, row["error"] or "it says nothing")
    return [Failed(name, sum(runs), len(runs), errors[name]) for name, runs in found.items() if any(runs)]


def missing_seeds(groups: Sequence[Group]) -> dict[str, tuple[int, int]]:
    """Return the groups that lack seeds which others of their scenario have: by label how many they have, of how many.

    Their means are over other workloads than those of the others.
    """
    seeds: dict[str, set[int | None]] = {}
    for group in groups:
        seeds.setdefault(_scenario(group), set()).update(row["seed"] for row in group.rows)
    counts = {group.label: (len(_seeds(group)), len(seeds[_scenario(group)])) for group in groups}
    return {label: (own, most) for label, (own, most) in counts.items() if own < most}


def of_fewer_seeds(own: int, most: int) -> str:
    """Return what to say beside a mean over fewer seeds than others have.

    Examples
    --------
    >>> of_fewer_seeds(2, 4)
    '2 of 4 seeds: not comparable by its mean'
    """
    return f"{own:,} of {most:,} seeds: not comparable by its mean"


MOST_NAMED = 3
"""Of more lines or points that lack seeds the number is said."""


def seeds_note(groups: Sequence[Group]) -> str:
    """Return over how many seeds the lines of a figure are, and which of them lack some."""
    return "; ".join(filter(None, [of_seeds([len(group.rows) for group in groups]), lacking_note(groups)]))


def lacking_note(groups: Sequence[Group]) -> str:
    """Return which lines of a figure lack seeds that others have; nothing where none does."""
    lacking = [f"{label}: {of_fewer_seeds(*counts)}" for label, counts in missing_seeds(groups).items()]
    more = [f"and {len(lacking) - MOST_NAMED:,} more"] if len(lacking) > MOST_NAMED else []
    return "; ".join(lacking[:MOST_NAMED] + more)


def of_seeds(seeds: Sequence[int], by_point: bool = False) -> str:
    """Return what the lines or points of a figure are means of; nothing where each is one run.

    Examples
    --------
    >>> of_seeds([10, 10]), of_seeds([100, 10, 37]), of_seeds([1, 1])
    ('mean over 10 seeds, band: 95 % interval', 'mean over 10 to 100 seeds, band: 95 % interval', '')
    """
    least, most = min(seeds), max(seeds)
    if most == 1:
        return ""
    number = f"{most} seeds" if least == most else f"{least} to {most} seeds" + (", by point" if by_point else "")
    return f"mean over {number}, band: 95 % interval"


def mean_bound(groups: Sequence[Group]) -> float | None:
    """Return the mean over all seeds that any of these groups of one scenario has; None where one has no bound."""
    by_seed = {row["seed"]: row["bound_tasks"] for group in groups for row in group.rows}
    known = [float(bound) for bound in by_seed.values() if bound is not None]
    return sum(known) / len(known) if known and len(known) == len(by_seed) else None


def _seeds(group: Group) -> set[int | None]:
    return {row["seed"] for row in group.rows}


def _scenario(group: Group) -> str:
    return json.dumps(group.parameters, sort_keys=True)
