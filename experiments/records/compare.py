"""Two schedulers of a results file against each other, on the runs that share scenario and seed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from cutlayer.experiments.lateness import late_share
from cutlayer.experiments.records.run_groups import Row, done_rows, parameters_of, reaches_the_bound
from cutlayer.experiments.records.store import OF_THE_MACHINE
from cutlayer.experiments.records.varied import varied
from cutlayer.experiments.stats import Interval, mean_interval, paired_interval
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES
from cutlayer.simulator.units import scale_of

_BEFORE = "end_s"
MEASURES = tuple(
    column.name
    for column in TABLES["runs"]
    if column.type in ("REAL", "INTEGER") and column.name not in ("seed", _BEFORE, *OF_THE_MACHINE)
)
"""The summary numbers of a run."""
LATE = "late_share"
"""And one more: late frames of those delivered, which can be compared where one scheduler delivers more."""


Found = Literal["more", "less", "not shown", "equal"]


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
        Of first - second, pair by pair: above 0 the first has more.
    at_the_bound : bool
        Whether in all pairs both reach the bound, so that there is nothing to compare.
    """

    scenario: Mapping[str, Any]
    measure: str
    first: Interval
    second: Interval
    difference: Interval
    at_the_bound: bool

    @property
    def found(self) -> Found:
        """Whether the first has more or less of it; *not shown* where the interval touches both sides, or is none."""
        low, high = self.difference.low, self.difference.high
        if low == high == 0:
            return "equal"
        return "more" if low > 0 else "less" if high < 0 else "not shown"


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
            if any(row["scheduler"] == name for row in results.rows("runs")):
                raise InputError(f"no run of {name} is done: all have failed", results.path)
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
    apart = varied(list(scenarios.values()))
    found = []
    for scenario, flat in scenarios.items():
        seeds = sorted((seed for at, seed in shared if at == scenario), key=lambda seed: (seed is None, seed))
        pairs = [(runs[first][scenario, seed], runs[second][scenario, seed]) for seed in seeds]
        found += _measures({name: flat.get(name) for name in apart}, pairs) if pairs else []
    return found, alone


def _measures(scenario: Mapping[str, Any], pairs: Sequence[tuple[Row, Row]]) -> list[Compared]:
    found = []
    at_the_bound = all(reaches_the_bound(row) for pair in pairs for row in pair)
    for measure in (*MEASURES, LATE):
        values = [(_value(a, measure), _value(b, measure)) for a, b in pairs]
        both = [(a, b) for a, b in values if a is not None and b is not None]
        if both and any(a or b for a, b in both):
            ours, theirs = zip(*both, strict=True)
            most = 1.0 if _unit(measure) == "%" else math.inf
            first, second = (mean_interval(one).clipped(0.0, most) for one in (ours, theirs))
            found.append(Compared(scenario, measure, first, second, paired_interval(ours, theirs), at_the_bound))
    return found


def _value(row: Row, measure: str) -> float | None:
    if measure != LATE:
        return row[measure]  # type: ignore[no-any-return]
    return late_share(row)


_UNITS = {"_bps": "bit/s", "_flop_per_s": "FLOP/s", "_s": "s", "_tasks": "tasks", "_arrivals": "arrivals"}
_WORDS = {"gap": "%", LATE: "%", "unstable_slices": "slices"}


def _unit(measure: str) -> str:
    """Return what a measure is counted in."""
    ending = next((unit for ending, unit in _UNITS.items() if measure.endswith(ending)), "frames")
    return _WORDS.get(measure, ending)


def _why_unpaired(ours: Mapping[Any, Row], theirs: Mapping[Any, Row], first: str, second: str) -> str:
    scenarios = [{scenario for scenario, _ in runs} for runs in (ours, theirs)]
    if not scenarios[0] & scenarios[1]:
        return (
            f"{first} ({len(ours)} runs) and {second} ({len(theirs)} runs) were never run on the same scenario with "
            "the same version; allowed: pairs, as 'cutlayer sweep' makes them"
        )
    return f"{first} and {second} were run on the same scenario, but never with the same seed; allowed: pairs"


def as_text(found: Sequence[Compared], first: str, second: str, alone: int) -> str:
    """Return a comparison for a terminal: of every scenario what is found in words, then every number."""
    lines = [
        f"A = {first}, B = {second}; A - B: above 0 A has more. Paired by scenario and seed, 95 % intervals in brackets"
    ]
    width = max(len(one.measure) for one in found)
    for _, group in groupby(found, key=lambda one: one.scenario):
        own = list(group)
        said = ", ".join(f"{name}={json.dumps(value)}" for name, value in own[0].scenario.items()) or "one scenario"
        pairs = max(one.difference.n for one in own)
        lines += ["", f"{said} ({pairs} pair{'s' if pairs > 1 else ''})", f"  {in_words(own, first, second)}"]
        rows = [_numbers(one) for one in own]
        a, b = (max(len(row[at]) for row in rows) for at in (0, 1))
        for one, (ours, theirs, difference) in zip(own, rows, strict=True):
            fewer = f"  ({one.difference.n} pairs have it)" if one.difference.n < pairs else ""
            lines.append(f"  {one.measure:<{width}}  {ours:>{a}} - {theirs:<{b}} = {difference}{fewer}")
    if alone:
        lines += ["", f"{alone} runs have no partner and were left out"]
    return "\n".join(lines)


def _numbers(one: Compared) -> tuple[str, str, str]:
    """Return both means and the difference with what is to be said of it, all three in the unit that reads best."""
    factor, unit = scale_of(max(abs(one.first.mean), abs(one.second.mean)), _unit(one.measure))
    ours, theirs = (f"{_digits(mean / factor)} {unit}" for mean in (one.first.mean, one.second.mean))
    mean, low, high = (end / factor for end in one.difference[:3])
    unit = "percentage points" if unit == "%" else unit
    if math.isnan(low):
        said = " (one pair, no interval)"
    else:
        said = f" [{_digits(low, '+')}, {_digits(high, '+')}]" + "  (no difference shown)" * (one.found == "not shown")
    return ours, theirs, "equal in every pair" if one.found == "equal" else f"{_digits(mean, '+')} {unit}{said}"


def _digits(value: float, sign: str = "") -> str:
    """Return a number with four digits, or as many as it has before the point."""
    return f"{value:{sign}.4g}" if abs(value) < 9999.5 else f"{value:{sign},.0f}"


def in_words(own: Sequence[Compared], first: str, second: str) -> str:
    """Return what is found of the deployed tasks of one scenario, as a sentence."""
    deployed = next((one for one in own if one.measure == "deployed_tasks"), None)
    if own[0].at_the_bound:
        return (
            "both reach the bound in every pair, so there is nothing to compare: no scheduler can have more tasks "
            "deployed at the end; with more tasks or fewer servers they may differ"
        )
    if deployed is None or deployed.found == "equal":
        return "both have as many tasks deployed at the end, in every pair"
    ahead, behind = (first, second) if deployed.difference.mean >= 0 else (second, first)
    _, low, high, n = deployed.difference
    by = f"{_digits(abs(deployed.difference.mean))} tasks"
    if n == 1:
        return f"no difference shown: {ahead} has {by} more deployed at the end, but one pair shows nothing"
    ends = f"{_digits(low, '+')} to {_digits(high, '+')}"
    if deployed.found == "not shown":
        return f"no difference shown in tasks deployed at the end: {ends}; more seeds may show one"
    low, high = sorted((abs(low), abs(high)))
    return f"{ahead} has more tasks deployed at the end than {behind}: by {by} [{_digits(low)}, {_digits(high)}]"


def as_json(found: Sequence[Compared], first: str, second: str, alone: int) -> str:
    """Return a comparison as JSON; ``found`` says whether the first has more or less."""
    return json.dumps(
        {
            "first": first,
            "second": second,
            "difference": "first - second",
            "without_partner": alone,
            "measures": [
                {
                    "scenario": dict(one.scenario),
                    "measure": one.measure,
                    "pairs": one.difference.n,
                    "first": one.first.plain,
                    "second": one.second.plain,
                    "difference": one.difference.plain,
                    "found": one.found,
                    "at_the_bound": one.at_the_bound,
                }
                for one in found
            ],
        },
        allow_nan=False,
    )
