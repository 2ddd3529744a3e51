"""Fig. 4(b): deployed tasks while 1,000 tasks arrive at 50 servers, the online algorithm, FIFO and LBF."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import HINDSIGHT, POINTS, Cell, hindsight_at
from cutlayer.experiments.stats import Interval, mean_interval, paired_interval
from cutlayer.experiments.verdicts import Verdict, certain, within
from cutlayer.simulator.results.file import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Spec = tuple[str, dict[str, Any]]
SCHEDULERS: list[Spec] = [("threshold", {}), ("fifo", {}), ("lbf", {}), ("threshold", {"admission": "printed"})]
NEAR = 0.1
"""The paper gives round numbers read off a figure: "near" is within a tenth."""


@experiment("online_arrivals", paper="Fig. 4(b)")
def run(study: Study) -> list[Claim]:
    """Deployed tasks while 1,000 tasks arrive at 50 servers: the online algorithm, FIFO and LBF."""
    scenario, tasks = study.scenario(), study.scenario().workload.tasks
    cells = [
        Cell(scenario, name, seed, options, keep=("series",), bound=HINDSIGHT)
        for seed in study.seeds
        for name, options in SCHEDULERS
    ]
    rows = study.sweep("arrivals replayed", cells)
    curves: dict[str, np.ndarray] = {}
    for name, options in SCHEDULERS:
        own = [cell for cell in cells if (cell.scheduler, cell.options) == (name, options)]
        curves[own[0].label] = np.array([deployed_after_arrivals(study.results, cell.key) for cell in own])
    full = [row["first_eviction_arrivals"] for row in rows if row["scheduler"] == "fifo"]
    at = np.array(hindsight_at(tasks))
    hindsight_bounds = np.array(
        [bounds_in_hindsight(study.results, cell.key) for cell in cells if cell.label == "threshold"]
    )
    means = {label: [mean_interval(column).clipped(0, tasks) for column in curve.T] for label, curve in curves.items()}
    study.record(
        "online_arrivals",
        [
            ("deployed tasks", label, "arrived tasks", n, *i.measure)
            for label, intervals in means.items()
            for n, i in enumerate(intervals, start=1)
        ],
    )
    study.draw("fig4b_online_arrivals", _draw, means, at, hindsight_bounds.mean(axis=0))
    ranges = [json.loads(row["report"]) for row in rows if row["scheduler"] == "threshold"]
    reached = curves["threshold"][:, at - 1] / hindsight_bounds
    return [*_claims(curves, full, tasks), _ratio_claim(reached, ranges, scenario.network.usable_share)]


def bounds_in_hindsight(results: Results, key: str) -> np.ndarray:
    """Return the bound over the tasks arrived at every point of `hindsight_at`, as the run of that key kept it."""
    return np.array([row["value"] for row in results.rows("measures", key)])


def deployed_after_arrivals(results: Results, key: str) -> np.ndarray:
    """Return the deployed tasks after each arrival."""
    rows = list(results.rows("series", key))
    return np.array([row["deployed_tasks"] for row in rows])


def _draw(means: Mapping[str, Sequence[Interval]], at: np.ndarray, bound: np.ndarray) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    names = {
        "threshold": "online (threshold)",
        "fifo": "FIFO",
        "lbf": "LBF",
        "threshold(admission=printed)": "online, as printed",
    }
    drawn, axes = subplots(figsize=(5.6, 4.0))
    for index, (label, intervals) in enumerate(means.items()):
        band(axes, np.arange(1, len(intervals) + 1), intervals, index, names[label], every=100)
    axes.plot(at, bound, color="black", linewidth=1.0, label="bound in hindsight")
    axes.set_xlabel("arrived tasks")
    axes.set_ylabel("deployed tasks")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.legend(loc="upper left")
    return drawn


def _ratio_claim(reached: np.ndarray, ranges: Sequence[Mapping[str, float]], usable_share: float) -> Claim:
    """Hold the share of the bound in hindsight against the paper's ratio of the online algorithm."""
    ratios = [1 / ((math.log(found["most_bps"] / found["least_bps"]) + 1) * usable_share) for found in ranges]
    least = reached.min(axis=1)
    return Claim(
        "Section IV",
        "the ratio of the online algorithm is 1 / ((ln(Bmax / Bmin) + 1) V)",
        f"it has {least.min():.1%} of the bound in hindsight at least, {reached[:, -1].mean():.1%} after the last "
        f"arrival on average; the ratio is {min(ratios):.1%} to {max(ratios):.1%} by seed",
        certain((least >= ratios).all()),
        f"threshold admission; deployed tasks against the dual bound over the tasks arrived, at {POINTS} points; "
        "Bmin and Bmax as the run saw them",
        {"least": float(least.min()), "end": float(reached[:, -1].mean()), "ratios": ratios},
    )


def passes(ours: np.ndarray, other: np.ndarray) -> int | None:
    """Return the arrival from which `ours` is above `other` to the end, counted from 1; None if never.

    Examples
    --------
    >>> passes(np.array([1, 1, 3, 4]), np.array([1, 2, 2, 2]))
    3
    """
    behind = np.flatnonzero(ours <= other)
    start = 0 if len(behind) == 0 else int(behind[-1]) + 1
    return start + 1 if start < len(ours) else None


def near(low: float | None, high: float | None, paper: float) -> Verdict:
    """Return the verdict on "about `paper`" of a number from `low` to `high`; None is beyond all arrivals."""
    return within(low, high, (1 - NEAR) * paper, (1 + NEAR) * paper)


def _passed(at: float | None) -> str:
    return "never" if at is None else "?" if math.isnan(at) else f"{at}"


def _claims(curves: dict[str, np.ndarray], full: list[int | None], n_tasks: int) -> list[Claim]:
    filled = [arrivals - 1 for arrivals in full if arrivals is not None]
    fill = mean_interval(filled).clipped(0, n_tasks) if filled else None
    printed = mean_interval(curves["threshold(admission=printed)"][:, -1]).clipped(0, n_tasks)
    claims = [
        Claim(
            "Fig. 4(b)",
            "FIFO fills up after about 360 tasks and then evicts",
            "it never filled up"
            if fill is None
            else f"after {fill} tasks, by seed {min(filled)} to {max(filled)}; {len(filled)} of {len(full)} seeds fill",
            near(fill.low, fill.high, 360) if fill else "does not hold",
            "tasks that arrived before the one that evicts for the first time; about: within a tenth",
            {"mean": fill and fill.mean, "low": fill and fill.low, "high": fill and fill.high},
        )
    ]
    for other, paper in (("fifo", 600), ("lbf", 800)):
        ours, theirs = curves["threshold"], curves[other]
        by_seed = [passes(a, b) for a, b in zip(ours, theirs, strict=True)]
        passing = [n for n in by_seed if n is not None]
        at_mean = passes(ours.mean(axis=0), theirs.mean(axis=0))
        apart = [paired_interval(a, b) for a, b in zip(ours.T, theirs.T, strict=True)]
        lows, highs = (np.array([getattr(interval, end) for interval in apart]) for end in ("low", "high"))
        no_interval = bool(np.isnan(lows).any())
        first, last = (math.nan if no_interval else passes(ends, np.zeros(n_tasks)) for ends in (highs, lows))
        ends: list[Interval] = [mean_interval(curve[:, -1]).clipped(0, n_tasks) for curve in (ours, theirs)]
        claims.append(
            Claim(
                "Fig. 4(b)",
                f"the online algorithm deploys more than {other.upper()} from about {paper} arrivals on",
                (f"on average from {at_mean} arrivals on" if at_mean else f"on average not within {n_tasks} arrivals")
                + f" [{_passed(first)}, {_passed(last)}]; {len(passing)} of {len(by_seed)} seeds pass"
                + (f", at {min(passing)} to {max(passing)}" if passing else "")
                + f"; at the end {ends[0]} tasks against {ends[1]}",
                near(first, last, paper),
                "threshold admission; above to the end of the mean curves over seeds, in brackets where the "
                "ends of the interval of their paired difference are; about: within a tenth",
                {
                    "mean_curves_pass_at": at_mean,
                    "low": first,
                    "high": last,
                    "seeds_passing": len(passing),
                    "end": [i.mean for i in ends],
                },
            )
        )
    claims.append(
        Claim(
            "Section IV",
            "a task is admitted when (b - d r / Q)(c - l d) <= Phi(c)",
            f"taken to the letter, in bit/s and FLOP/s, it deploys {printed} of {n_tasks} tasks",
            "for information",
            "admission=printed: Phi is 0 or immense, by the units of c, so nearly nothing or everything is admitted",
            {"deployed": printed.mean},
        )
    )
    return claims
