"""What V is for: with interaction traffic on the uplinks, a larger share deploys more tasks and violates more."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cutlayer.experiments.lateness import late_of_runs
from cutlayer.experiments.paper.study import Claim, Study, experiment, main
from cutlayer.experiments.paper_source import PaperSource
from cutlayer.experiments.scenarios.inputs import Traffic
from cutlayer.experiments.stats import Interval, mean_interval
from cutlayer.experiments.sweeps.cells import Cell
from cutlayer.experiments.verdicts import above_zero, all_of
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.workloads.generate import PaperScenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TRAFFIC = Traffic(share=0.4, mean_on_s=1.0, mean_off_s=3.0)
SERVERS, UNTIL_S = 20, 60.0
MARGIN = 0.25
"""Without slack a slice that was slowed down once never catches up, and V would matter only once."""


@experiment("headroom")
def run(study: Study) -> list[Claim]:
    """Deployed tasks and violations against V, under interaction traffic that is always the same."""
    cells = [
        Cell(
            PaperSource(
                PaperScenario(servers=SERVERS, interarrival_s=0.0, usable_share=share, reservation_margin=MARGIN),
                frames=FrameSettings(),
                traffic=TRAFFIC,
                until_s=UNTIL_S,
            ),
            "offline",
            seed,
        )
        for share in SHARES
        for seed in study.seeds
    ]
    rows = study.sweep("shares of the uplink", cells)
    deployed, late = {}, {}
    samples: dict[str, list[np.ndarray]] = {"deployed": [], "late": []}
    for share in SHARES:
        own = [row for cell, row in zip(cells, rows, strict=True) if cell.source.scenario.usable_share == share]
        samples["deployed"].append(np.array([row["deployed_tasks"] for row in own]))
        samples["late"].append(late_of_runs(own))
        deployed[share] = mean_interval(samples["deployed"][-1]).clipped()
        late[share] = mean_interval(samples["late"][-1]).clipped(0.0, 1.0)
    study.record(
        "headroom",
        [
            (quantity, "offline", "V", share, *values[share].measure)
            for quantity, values in (("deployed tasks", deployed), ("violations per delivered frame", late))
            for share in SHARES
        ],
    )
    study.draw("headroom", _draw, deployed, late)
    return [
        Claim(
            "Section IV",
            "V keeps part of the uplink free for interaction traffic, to avoid congestion",
            "; ".join(f"V = {share}: {deployed[share]:.0f} tasks, {late[share]:.2%} late" for share in SHARES),
            all_of(
                above_zero(np.diff(samples["deployed"], axis=0)),
                above_zero(np.diff(samples["late"], axis=0), or_zero=True),
                above_zero([samples["late"][-1] - samples["late"][0]]),
            ),
            f"traffic takes {TRAFFIC.share:.0%} of every uplink for {TRAFFIC.mean_on_s:g} s, then nothing for "
            f"{TRAFFIC.mean_off_s:g} s, on average; constant periodic frames, reservation margin "
            f"{MARGIN:g}; paired over seeds, from each V to the next deployed rises and late does not fall, and from "
            "the first to the last late rises",
            {"deployed": {s: i.mean for s, i in deployed.items()}, "late": {s: i.mean for s, i in late.items()}},
        )
    ]


def _draw(deployed: Mapping[float, Interval], late: Mapping[float, Interval]) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    drawn, (left, right) = subplots(1, 2, figsize=(6.8, 2.8))
    band(left, SHARES, list(deployed.values()), 0, "deployed")
    left.set_ylabel("deployed tasks (of 1,000)")
    left.set_ylim(bottom=0)
    percent = [Interval(100 * i.mean, 100 * i.low, 100 * i.high, i.n) for i in late.values()]
    band(right, SHARES, percent, 1, "late")
    right.set_ylabel("frames past their deadline [%]")
    for axes in (left, right):
        axes.set_xlabel("usable share of the uplink V")
    return drawn


if __name__ == "__main__":
    sys.exit(main(run))
