"""How good could it be: every scheduler against the bound, over the number of edge servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.paper.online_arrivals import bounds_in_hindsight, deployed_after_arrivals
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import HINDSIGHT, Cell, hindsight_at
from cutlayer.experiments.scenarios.plugin import scheduler_class
from cutlayer.experiments.stats import Interval, mean_interval
from cutlayer.simulator.policy import OnlineScheduler

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SERVERS = range(20, 91, 10)
TASKS = 1000
SCHEDULERS: list[tuple[str, dict[str, Any]]] = [
    ("price", {}),
    ("price-online", {"expected_tasks": TASKS}),
    ("price-evict", {}),
    ("offline", {}),
    ("lbf", {}),
    ("threshold", {}),
    ("fifo", {}),
    ("neurosurgeon", {}),
    ("fixed", {"cut": 5}),
    ("cloud", {}),
]


@experiment("optimality")
def run(study: Study, servers: Sequence[int] = SERVERS) -> list[Claim]:
    """Deployed tasks of every scheduler as a share of the bound, for 20 to 90 edge servers."""
    cells = [
        Cell(scenario, name, seed, options)
        for scenario in (study.scenario(f"network.servers={n}") for n in servers)
        for seed in study.seeds
        for name, options in SCHEDULERS
    ]
    rows = study.sweep("schedulers against the bound", cells)
    reached: dict[str, dict[int, list[float]]] = {}
    for cell, row in zip(cells, rows, strict=True):
        by_servers = reached.setdefault(cell.label, {n: [] for n in servers})
        by_servers[cell.scenario.network.servers].append(1 - row["gap"])
    lines = {label: [mean_interval(values[n]).clipped(0.0, 1.0) for n in servers] for label, values in reached.items()}
    study.record(
        "optimality",
        [
            ("deployed tasks / bound", label, "servers", n, *interval.measure)
            for label, intervals in lines.items()
            for n, interval in zip(servers, intervals, strict=True)
        ],
    )
    study.draw("optimality", _draw, lines, servers)
    _follow_arrivals(study)
    return [_claim(label, values) for label, values in reached.items()]


def _follow_arrivals(study: Study) -> None:
    """Keep and draw what online schedulers reach of the bound in hindsight, as arrivals go on."""
    scenario = study.scenario()
    cells = [
        Cell(scenario, name, seed, options, keep=("series",), bound=HINDSIGHT)
        for seed in study.seeds
        for name, options in SCHEDULERS
        if issubclass(scheduler_class(name), OnlineScheduler)
    ]
    study.sweep("online schedulers in hindsight", cells)
    at = np.array(hindsight_at(scenario.workload.tasks))
    reached: dict[str, list[np.ndarray]] = {}
    for cell in cells:
        deployed = deployed_after_arrivals(study.results, cell.key)[at - 1]
        reached.setdefault(cell.label, []).append(deployed / bounds_in_hindsight(study.results, cell.key))
    lines = {
        label: [mean_interval(column).clipped(0.0, 1.0) for column in np.array(rows).T]
        for label, rows in reached.items()
    }
    study.record(
        "hindsight",
        [
            ("deployed tasks / bound in hindsight", label, "arrived tasks", n, *interval.measure)
            for label, intervals in lines.items()
            for n, interval in zip(at.tolist(), intervals, strict=True)
        ],
    )
    study.draw("hindsight", _draw, lines, at, "arrived tasks", "deployed tasks [% of the bound in hindsight]")


def _claim(label: str, values: Mapping[int, Sequence[float]]) -> Claim:
    every = [share for shares in values.values() for share in shares]
    mean = mean_interval(every)
    return Claim(
        "beyond the paper",
        f"{label} against the bound",
        f"{mean.mean:.2%} of it on average, {min(every):.2%} at worst, over {len(every)} runs",
        "for information",
        "tasks deployed after the last arrival, of the dual bound on any scheduler",
        {"mean": mean.mean, "least": min(every)},
    )


def _draw(
    lines: Mapping[str, Sequence[Interval]],
    x: Sequence[int] | np.ndarray,
    x_name: str = "edge servers",
    y_name: str = "deployed tasks [% of the bound]",
) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    drawn, axes = subplots(figsize=(6.8, 4.0))
    for index, (label, intervals) in enumerate(lines.items()):
        percent = [Interval(100 * i.mean, 100 * i.low, 100 * i.high, i.n) for i in intervals]
        band(axes, list(x), percent, index, label)
    axes.axhline(100, color="black", linewidth=1.0)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.set_ylim(0, 102)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn
