"""Two schedulers of a results file against each other, on the runs that share scenario and seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.records.run_groups import Row, done_rows, parameters_of
from experiments.records.store import OF_THE_MACHINE
from simulator.errors import InputError, UnknownNameError
from simulator.results import Results
from simulator.stats import Interval, mean_interval, paired_interval
from simulator.tables import TABLES

_BEFORE = "end_s"
MEASURES = tuple(
    column.name
    for column in TABLES["runs"]
    if column.type in ("REAL", "INTEGER") and column.name not in ("seed", _BEFORE, *OF_THE_MACHINE)
)
"""The summary numbers of a run."""


@dataclass(frozen=True)
class Compared:
    """One measure of two schedulers on one scenario.

    Attributes
    ----------
    scenario : dict
        What sets the scenario apart from the others of the file.
    measure : str
    first, second : Interval
        The mean of each over the pairs.
    difference : Interval
        Of first - second, pair by pair.
    """

    scenario: Mapping[str, Any]
    measure: str
    first: Interval
    second: Interval
    difference: Interval


def compare(results: Results, first: str, second: str) -> tuple[list[Compared], int]:
    """Return every measure of two schedulers on every scenario that both ran, and how many runs have no partner.

    Parameters
    ----------
    results : Results
    first, second : str
        Schedulers as the results call them, such as ``fixed(cut=3)``.

    Raises
    ------
    InputError
        If there is no such scheduler, or no run of one shares scenario and seed with one of the other.
    """
    if first == second:
        raise InputError(f"{first!r} twice; allowed: two schedulers that differ")
    rows = done_rows(results)
    if not rows:
        raise InputError("has no runs that are done", results.path)
    runs: dict[str, dict[tuple[str, int | None], Row]] = {first: {}, second: {}}
    scenarios: dict[str, dict[str, Any]] = {}
    names = {row["scheduler"] for row in rows}
    for name in (first, second):
        if name not in names:
            raise UnknownNameError("scheduler", name, names).located(results.path)
    for row in rows:
        if row["scheduler"] in runs:
            flat, _ = parameters_of(row)
            scenario = json.dumps(flat, sort_keys=True)
            scenarios[scenario] = flat
            runs[row["scheduler"]][scenario, row["seed"]] = row
    shared = runs[first].keys() & runs[second].keys()
    alone = len(runs[first].keys() ^ runs[second].keys())
    if not shared:
        raise InputError(_why_unpaired(runs[first], runs[second], first, second), results.path)
    apart = _apart(list(scenarios.values()))
    found = []
    for scenario, flat in scenarios.items():
        seeds = sorted((seed for at, seed in shared if at == scenario), key=lambda seed: (seed is None, seed))
        pairs = [(runs[first][scenario, seed], runs[second][scenario, seed]) for seed in seeds]
        found += _measures({name: flat.get(name) for name in apart}, pairs) if pairs else []
    return found, alone


def _measures(scenario: Mapping[str, Any], pairs: Sequence[tuple[Row, Row]]) -> list[Compared]:
    found = []
    for measure in MEASURES:
        both = [(a[measure], b[measure]) for a, b in pairs if a[measure] is not None and b[measure] is not None]
        if both and any(a or b for a, b in both):
            ours, theirs = zip(*both, strict=True)
            intervals = mean_interval(ours), mean_interval(theirs), paired_interval(ours, theirs)
            found.append(Compared(scenario, measure, *intervals))
    return found


def _why_unpaired(ours: Mapping[Any, Row], theirs: Mapping[Any, Row], first: str, second: str) -> str:
    scenarios = [{scenario for scenario, _ in runs} for runs in (ours, theirs)]
    if not scenarios[0] & scenarios[1]:
        return (
            f"{first} ({len(ours)} runs) and {second} ({len(theirs)} runs) were never run on the same scenario with "
            "the same version; allowed: pairs, as 'cutlayer sweep' makes them"
        )
    return f"{first} and {second} were run on the same scenario, but never with the same seed; allowed: pairs"


def _apart(scenarios: Sequence[Mapping[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for scenario in scenarios for name in scenario)
    return [name for name in names if len({json.dumps(scenario.get(name)) for scenario in scenarios}) > 1]


def as_text(found: Sequence[Compared], first: str, second: str, alone: int) -> str:
    """Return a comparison as a table for a terminal."""
    lines = [f"difference: {first} - {second}, paired by scenario and seed; 95 % intervals in brackets"]
    last: Mapping[str, Any] | None = None
    width = max(len(one.measure) for one in found)
    for one in found:
        if one.scenario != last:
            said = ", ".join(f"{name}={json.dumps(value)}" for name, value in one.scenario.items()) or "one scenario"
            lines += ["", f"{said} ({one.difference.n} pairs)"]
            last = one.scenario
        sure = "  (no sure difference)" if one.difference.low <= 0 <= one.difference.high else ""
        if one.difference.low == one.difference.high == 0:
            sure = "  (equal in every pair)"
        lines.append(
            f"  {one.measure:<{width}}  {one.first.mean:>12.6g} - {one.second.mean:<12.6g} = "
            f"{one.difference:.4g}{sure}"
        )
    if alone:
        lines += ["", f"{alone} runs have no partner and were left out"]
    return "\n".join(lines)


def as_json(found: Sequence[Compared], first: str, second: str, alone: int) -> str:
    """Return a comparison as JSON."""

    def plain(interval: Interval) -> dict[str, Any]:
        value, low, high, n = interval.measure
        return {"mean": value, "low": low, "high": high, "n": n}

    return json.dumps(
        {
            "first": first,
            "second": second,
            "without_partner": alone,
            "measures": [
                {
                    "scenario": dict(one.scenario),
                    "measure": one.measure,
                    "pairs": one.difference.n,
                    "first": plain(one.first),
                    "second": plain(one.second),
                    "difference": plain(one.difference),
                }
                for one in found
            ],
        },
        allow_nan=False,
    )
