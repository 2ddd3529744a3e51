"""Schedulers of a results file compared pair by pair, on the runs that share scenario and seed."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from cutlayer.experiments.lateness import late_share
from cutlayer.experiments.records.run_groups import Row, done_rows, parameters_of, reaches_the_bound
from cutlayer.experiments.records.varied import in_words, varied
from cutlayer.experiments.runs.runner import OF_THE_MACHINE
from cutlayer.experiments.stats import Interval, mean_interval, paired_interval
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES, unit_of
from cutlayer.simulator.units import scale_of

_BEFORE = "end_s"
MEASURES = tuple(
    column.name
    for column in TABLES["runs"]
    if column.kind != "TEXT" and column.name not in ("seed", _BEFORE, *OF_THE_MACHINE)
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


class Pair(NamedTuple):
    """Two schedulers compared.

    Attributes
    ----------
    first, second : str
    found : list of Compared
        Every measure on every scenario that both ran.
    alone : int
        How many runs of the two have no partner.
    level : float
        The confidence level of the intervals of the differences.
    """

    first: str
    second: str
    found: list[Compared]
    alone: int
    level: float


def compare(results: Results, schedulers: Sequence[str], *, every_pair: bool = False) -> list[Pair]:
    """Compare the first of several schedulers with each of the others, or every two of them.

    Parameters
    ----------
    results : Results
    schedulers : sequence of str
        As the results call them, such as ``fixed(cut=3)``; none for all in the file.
    every_pair : bool
        Compare every two, not only the first with the others.

    Returns
    -------
    list of Pair
        The intervals hold together at 95 %: with m pairs each difference has the level 1 - 0.05 / m (Bonferroni). Of
        the measures and scenarios each is taken for itself.

    Raises
    ------
    InputError
        If a scheduler is unknown or named twice, or no run of one shares scenario and seed with one of the other.

    References
    ----------
    Law, "Simulation Modeling and Analysis", 5th ed., section 10.3.
    """
    if twice := next((name for name in schedulers if schedulers.count(name) > 1), None):
        raise InputError(f"{twice!r} is named twice; allowed: schedulers that differ")
    rows = done_rows(results)
    if not rows:
        raise InputError("has no runs that are done", results.path)
    known = list(dict.fromkeys(row["scheduler"] for row in rows))
    names = list(schedulers) or known
    for name in names:
        if name not in known:
            if any(row["scheduler"] == name for row in results.rows("runs")):
                raise InputError(f"no run of {name} is done: all have failed", results.path)
            raise UnknownNameError("scheduler", name, known).located(results.path)
    if len(names) < 2:
        raise InputError(f"{names[0]!r} alone cannot be compared; allowed: two schedulers or more", results.path)
    pairs = list(itertools.combinations(names, 2)) if every_pair else [(names[0], other) for other in names[1:]]
    runs: dict[str, dict[tuple[str, int | None], Row]] = {name: {} for name in names}
    scenarios: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["scheduler"] in runs:
            flat, _ = parameters_of(row)
            scenario = json.dumps(flat, sort_keys=True)
            scenarios[scenario] = flat
            runs[row["scheduler"]][scenario, row["seed"]] = row
    level = 1 - 0.05 / len(pairs)
    return [_pair(results.path, scenarios, (one, runs[one]), (other, runs[other]), level) for one, other in pairs]


Runs = Mapping[tuple[str, int | None], Row]


def _pair(
    path: str, scenarios: Mapping[str, dict[str, Any]], one: tuple[str, Runs], other: tuple[str, Runs], level: float
) -> Pair:
    (first, ours), (second, theirs) = one, other
    shared = ours.keys() & theirs.keys()
    if not shared:
        raise InputError(_why_unpaired(ours, theirs, first, second), path)
    own = {scenario for scenario, _ in (*ours, *theirs)}
    apart = varied([flat for scenario, flat in scenarios.items() if scenario in own])
    found = []
    for scenario, flat in scenarios.items():
        seeds = sorted((seed for at, seed in shared if at == scenario), key=lambda seed: (seed is None, seed))
        if pairs := [(ours[scenario, seed], theirs[scenario, seed]) for seed in seeds]:
            found += _measures({name: flat.get(name) for name in apart}, pairs, level)
    return Pair(first, second, found, len(ours.keys() ^ theirs.keys()), level)


def _measures(scenario: Mapping[str, Any], pairs: Sequence[tuple[Row, Row]], level: float) -> list[Compared]:
    found = []
    at_the_bound = all(reaches_the_bound(row) for pair in pairs for row in pair)
    for measure in (*MEASURES, LATE):
        values = [(_value(a, measure), _value(b, measure)) for a, b in pairs]
        both = [(a, b) for a, b in values if a is not None and b is not None]
        if both and any(a or b for a, b in both):
            ours, theirs = zip(*both, strict=True)
            most = 1.0 if unit_of(measure) == "%" else math.inf
            first, second = (mean_interval(one).clipped(0.0, most) for one in (ours, theirs))
            found.append(Compared(scenario, measure, first, second, paired_interval(ours, theirs, level), at_the_bound))
    return found


def _value(row: Row, measure: str) -> float | None:
    if measure != LATE:
        return row[measure]  # type: ignore[no-any-return]
    return late_share(row)


def _why_unpaired(ours: Mapping[Any, Row], theirs: Mapping[Any, Row], first: str, second: str) -> str:
    scenarios = [{scenario for scenario, _ in runs} for runs in (ours, theirs)]
    if not scenarios[0] & scenarios[1]:
        return (
            f"{first} ({len(ours)} runs) and {second} ({len(theirs)} runs) were never run on the same scenario with "
            "the same version; allowed: pairs, as 'cutlayer sweep' makes them"
        )
    return f"{first} and {second} were run on the same scenario, but never with the same seed; allowed: pairs"


def as_text(pairs: Sequence[Pair]) -> str:
    """Return comparisons for a terminal: of every pair and scenario what is found in words, then every number."""
    more = len(pairs) > 1
    intervals = f"in brackets {'intervals that hold together at 95 %' if more else '95 % intervals'}"
    bonferroni = f" (Bonferroni: {len(pairs)} pairs, {100 * pairs[0].level:.4g} % each)" if more else ""
    head = f"A - B: above 0 A has more. Paired by scenario and seed, {intervals}{bonferroni}"
    if not more:
        return f"A = {pairs[0].first}, B = {pairs[0].second}; {head}" + _told(pairs[0])
    return "\n".join([head, *(f"\nA = {pair.first}, B = {pair.second}{_told(pair)}" for pair in pairs)])


def _told(pair: Pair) -> str:
    """Return what is found of one pair, as lines that follow another."""
    lines = [] if pair.found else ["", "all numbers of all runs are 0"]
    width = max((len(one.measure) for one in pair.found), default=0)
    for _, group in itertools.groupby(pair.found, key=lambda one: one.scenario):
        own = list(group)
        said = ", ".join(in_words(own[0].scenario, list(own[0].scenario))) or "one scenario"
        n = max(one.difference.n for one in own)
        lines += ["", f"{said} ({n} pair{'s' if n > 1 else ''})", f"  {sentence(own, pair.first, pair.second)}"]
        rows = [_numbers(one) for one in own]
        a, b = (max(len(row[at]) for row in rows) for at in (0, 1))
        for one, (ours, theirs, difference) in zip(own, rows, strict=True):
            fewer = f"  ({one.difference.n} pairs have it)" if one.difference.n < n else ""
            lines.append(f"  {one.measure:<{width}}  {ours:>{a}} - {theirs:<{b}} = {difference}{fewer}")
    if pair.alone:
        lines += ["", f"{pair.alone} runs have no partner and are not counted"]
    return "".join(f"\n{line}" for line in lines)


def _numbers(one: Compared) -> tuple[str, str, str]:
    """Return both means and the difference in words, all three in the unit that reads best."""
    factor, unit = scale_of(max(abs(one.first.mean), abs(one.second.mean)), unit_of(one.measure))
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


def sentence(own: Sequence[Compared], first: str, second: str) -> str:
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


def as_json(pairs: Sequence[Pair]) -> str:
    """Return comparisons as JSON: one object for a pair, or a list of them; ``found`` is what the first has."""
    found = [_plain(pair) for pair in pairs]
    level = {"simultaneous": 0.95, "level_of_each": pairs[0].level}
    return json.dumps(found[0] if len(found) == 1 else level | {"comparisons": found}, allow_nan=False)


def _plain(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first,
        "second": pair.second,
        "difference": "first - second",
        "without_partner": pair.alone,
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
            for one in pair.found
        ],
    }
