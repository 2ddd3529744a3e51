"""How much is enough: the fewest servers, the smallest uplink or the largest V that still serves the tasks.

The answer is found by bisection. At every value tried, seeds are added until the interval of what is asked for lies
wholly on one side of the wish, or there are no more seeds to add: a value of which that cannot be said does not count
as enough, and is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import ceil, log2
from typing import Literal

from cutlayer.experiments.console import log
from cutlayer.experiments.lateness import NONE_DELIVERED, mean_late_share
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.runs.runner import staying
from cutlayer.experiments.scenarios.plugin import Spec, code_digest
from cutlayer.experiments.stats import Interval, mean_interval, more_replications
from cutlayer.experiments.sweeps.grid import Point
from cutlayer.experiments.sweeps.sweep import Engine, Tally, sweep
from cutlayer.simulator.bounds.bounds import certificate
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.results.file import Results

Verdict = Literal["yes", "no", "unclear"]
LARGEST = ("network.usable_share",)
"""Keys of which the largest value is looked for, not the smallest: more of it deploys more and violates more."""
LEVEL = 0.95
SERVED, LATE = "tasks deployed [% of those that arrived]", "late frames [% of delivered]"
"""The quantities that a plan leaves in the table ``measures``."""


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes
    ----------
    deployed : float
        At least this share of the tasks that arrived is deployed to their end, or still is: those deployed at the end
        of the run and those departed, over those arrived. Neither the rejected nor the evicted count.
    violations : float or None
        At most this share of the delivered frames is late: violations over delivered. Frames that were lost or are on
        their way are neither.
    """

    deployed: float
    violations: float | None = None


@dataclass(frozen=True)
class Step:
    """One value tried.

    Attributes
    ----------
    at : int
        Which of the values.
    point : Point
    seeds : int
    deployed : Interval
    late : Interval or None
    """

    at: int
    point: Point
    seeds: int
    deployed: Interval
    late: Interval | None

    def verdict(self, wish: Wish, *, only_late: bool = False) -> Verdict:
        """Return whether the wish is met here."""
        said = [] if only_late else [_above(self.deployed, wish.deployed)]
        if self.late is not None and wish.violations is not None:
            said.append(_below(self.late, wish.violations))
        return "no" if "no" in said else "unclear" if "unclear" in said else "yes"


def _above(interval: Interval, wish: float) -> Verdict:
    """Return whether the interval lies at or above a number; one run says it for itself alone."""
    low, high = (interval.mean, interval.mean) if interval.n == 1 else (interval.low, interval.high)
    return "yes" if low >= wish else "no" if high < wish else "unclear"


def _below(interval: Interval, wish: float) -> Verdict:
    return _above(Interval(-interval.mean, -interval.high, -interval.low, interval.n), -wish)


@dataclass
class Plan:
    """The answer and how it was found.

    Attributes
    ----------
    steps : list of Step
        In the order they were tried.
    answer : Step or None
        None if neither end of the range is sure to be enough.
    beside : Step or None
        The next value beyond the answer, which is not sure to be enough; None if the answer is the last there is.
    tally : Tally
        Of the runs.
    """

    steps: list[Step] = field(default_factory=list)
    answer: Step | None = None
    beside: Step | None = None
    tally: Tally = field(default_factory=Tally)

    def surprises(self, *, rising: bool = True) -> list[tuple[Step, Step]]:
        """Return the pairs of values tried that contradict what bisection assumes.

        More servers or uplink are taken to deploy no less and, where `rising`, to make no more frames late; more V
        to make no fewer late.
        """
        ordered = sorted(self.steps, key=lambda step: step.at)
        found = []
        for less, more in pairwise(ordered):
            fewer = less.deployed.low > more.deployed.high
            late = (
                less.late is not None
                and more.late is not None
                and (more.late.low > less.late.high if rising else less.late.low > more.late.high)
            )
            if fewer or late:
                found.append((less, more))
        return found


class Planner:
    """Tries values; what is in the results file already is not simulated again.

    Parameters
    ----------
    results : Results
    points : sequence of Point
        Scenarios by rising value.
    scheduler : (str, dict)
    wish : Wish
    seeds, most_seeds : int
        How many to begin with, and to end with where it stays unclear.
    engine : Engine
        What does the runs.
    retry_failed : bool
        Do those again that are there as failed.
    """

    def __init__(
        self,
        results: Results,
        points: Sequence[Point],
        scheduler: Spec,
        wish: Wish,
        seeds: int,
        most_seeds: int,
        engine: Engine,
        *,
        retry_failed: bool = False,
    ) -> None:
        self.results, self.points, self.scheduler, self.wish = results, points, scheduler, wish
        self.seeds, self.most_seeds, self.engine = seeds, max(seeds, most_seeds), engine
        self.retry_failed = retry_failed
        self._code = code_digest(scheduler[0])  # of every run, also if it is edited meanwhile
        self.plan = Plan()
        steps = ceil(log2(len(points))) + 1 if len(points) > 1 else 1
        self._intervals = steps * (1 if wish.violations is None else 2)

    def level(self, look: int) -> float:
        """Return the level of an interval at the `look`-th look at a value, from 1, as seeds are added.

        All intervals of all looks hold together with `LEVEL` (Bonferroni): those at look n have a share of
        1 / (n (n + 1)) of what may go wrong, and these shares sum up to 1.
        """
        return 1 - (1 - LEVEL) / self._intervals / (look * (look + 1))

    def fewest(self) -> Plan:
        """Return the plan with the smallest value that is sure to be enough."""
        return self._bisect(len(self.points) - 1, -1, only_late=False)

    def largest(self) -> Plan:
        """Return the plan with the largest value at which violations are sure to be few enough."""
        return self._bisect(0, len(self.points), only_late=True)

    def _bisect(self, enough: int, beyond: int, *, only_late: bool) -> Plan:
        """Search between a value that had better be enough and one beyond the last.

        Raises
        ------
        InputError
            If that value is not enough, but the one at the other end is, or is surely better.
        """
        step = self._try(enough, only_late=only_late)
        if step.verdict(self.wish, only_late=only_late) != "yes":
            self.plan.beside = step
            if len(self.points) > 1:
                self._refuse_if_better(self._try(len(self.points) - 1 - enough, only_late=only_late), step, only_late)
            return self.plan
        self.plan.answer = step
        while abs(enough - beyond) > 1:
            step = self._try((enough + beyond) // 2, only_late=only_late)
            if step.verdict(self.wish, only_late=only_late) == "yes":
                enough, self.plan.answer = step.at, step
            else:
                beyond, self.plan.beside = step.at, step
        return self.plan

    def _refuse_if_better(self, other: Step, step: Step, only_late: bool) -> None:
        """Refuse to say anything where the end of the range that had better be enough is the worse one."""
        verdict = other.verdict(self.wish, only_late=only_late)
        better = not only_late and other.deployed.low > step.deployed.high
        if other.late is not None and step.late is not None:
            better = better or other.late.high < step.late.low
        if verdict == "yes" or (better and step.verdict(self.wish, only_late=only_late) == "no"):
            key = step.point.settings[0].partition("=")[0]
            raise InputError(
                f"{'less' if only_late else 'more'} {key} makes it worse ({self.said(other)}; {self.said(step)}), so "
                f"bisection {'downwards' if only_late else 'upwards'} does not apply; allowed: keys and ranges "
                "where it does not"
            )

    def _try(self, at: int, *, only_late: bool) -> Step:
        before, seeds = 0, self.seeds
        for look in count(1):
            step = self._measure(at, range(before, seeds), self.level(look))
            verdict = step.verdict(self.wish, only_late=only_late)
            if verdict != "unclear" or seeds >= self.most_seeds:
                break
            before, seeds = seeds, min(more_replications(seeds), self.most_seeds)
        self.plan.steps.append(step)
        log.info("%s: %s", self.said(step), verdict)
        return step

    def _measure(self, at: int, more: range, level: float) -> Step:
        """Do the runs of some more seeds, and return what all up to them say, with intervals of that level."""
        point, seeds = self.points[at], more.stop
        name, options = self.scheduler
        cells = [Cell(point.scenario, name, seed, options, (), "none", self._code) for seed in range(seeds)]
        tally = sweep(self.results, cells[more.start :], engine=self.engine, retry_failed=self.retry_failed)
        self.plan.tally += tally
        if not tally.all_done:
            said = "a run failed" if tally.failed else "a run failed before (--retry-failed does it again)"
            raise CutlayerError(f"{point}: {said}: {tally.first_error}")
        rows = [next(self.results.rows("runs", cell.key)) for cell in cells]
        rows = [row for row in rows if row["arrived_tasks"]]  # of no task there is no share
        if not rows:
            raise CutlayerError(f"{point}: no task arrives, so no share of them is deployed; allowed: 1 or more")
        served = [(row["deployed_tasks"] + row["departed_tasks"]) / row["arrived_tasks"] for row in rows]
        late = None
        if self.wish.violations is not None:
            late = mean_late_share(rows, level)
        return Step(at, point, seeds, mean_interval(served, level), late)

    def said(self, step: Step) -> str:
        """Return what was found at one value, in words."""
        late = ""
        if step.late is not None:
            late = f", {as_share(step.late):.2%} of the frames late" if step.late.n else f", {NONE_DELIVERED}"
        return f"{step.point}: {as_share(step.deployed):.1%} of the tasks deployed{late} ({step.seeds} seeds)"


def as_share(interval: Interval) -> Interval:
    """Return the interval of a share as it is shown: no share is below 0 or above 1, whatever Student's interval says.

    Examples
    --------
    >>> as_share(Interval(0.75, 0.25, 1.25, 10))
    Interval(mean=0.75, low=0.25, high=1.0, n=10)
    """
    return interval.clipped(0.0, 1.0)


def short_of(point: Point, scheduler: str, seed: int = 0) -> dict[str, float]:
    """Return how scarce uplinks and compute are in a scenario: their shares of the price of room.

    The prices are those of the certificate (`cutlayer.simulator.bounds.bounds`): what a little more of each would be
    worth in tasks. Both are 0 where there is room for all.
    """
    inputs = point.scenario.inputs(seed)
    # whoever has to cut somewhere needs compute, also where the raw input would fit the uplink
    first_cut = 0 if scheduler == "cloud" else inputs.network.first_cut
    prices = certificate(staying(inputs), inputs.network, first_cut=first_cut).prices
    uplink, compute = float(prices.links.sum()), float(prices.servers.sum())
    total = uplink + compute
    return {"uplink": uplink / total if total else 0.0, "compute": compute / total if total else 0.0}
