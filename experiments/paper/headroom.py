"""What V is for: with interaction traffic on the uplinks, a larger share deploys more tasks and violates more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cutlayer.experiments.lateness import late_of_runs
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.stats import Interval, mean_interval
from cutlayer.experiments.verdicts import above_zero, all_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TRAFFIC_SHARE, MEAN_ON_S, MEAN_OFF_S = 0.4, 1.0, 3.0
MARGIN = 0.25
"""Without slack a slice that was slowed down once never catches up, and V would matter only once."""
SETTINGS = (
    "network.servers=20", f"network.reservation_margin={MARGIN}", "workload.arrivals.interval=0 s", "run.until=60 s",
    "frames.arrivals=periodic", f"interaction.share={TRAFFIC_SHARE}", f"interaction.mean_on={MEAN_ON_S} s",
    f"interaction.mean_off={MEAN_OFF_S} s",
)  # fmt: skip


@experiment("headroom")
def run(study: Study, shares: Sequence[float] = SHARES) -> list[Claim]:
    """Deployed tasks and violations against V, under interaction traffic that is always the same."""
    cells = [
        Cell(scenario, "offline", seed)
        for scenario in (study.scenario(*SETTINGS, f"network.usable_share={share}") for share in shares)
        for seed in study.seeds
    ]
    rows = study.sweep("shares of the uplink", cells)
    deployed, late = {}, {}
    samples: dict[str, list[np.ndarray]] = {"deployed": [], "late": []}
    for share in shares:
        own = [row for cell, row in zip(cells, rows, strict=True) if cell.scenario.network.usable_share == share]
        samples["deployed"].append(np.array([row["deployed_tasks"] for row in own]))
        samples["late"].append(late_of_runs(own))
        deployed[share] = mean_interval(samples["deployed"][-1]).clipped()
        late[share] = mean_interval(samples["late"][-1]).clipped(0.0, 1.0)
    study.record(
        "headroom",
        [
            (quantity, "offline", "V", share, *values[share].measure)
            for quantity, values in (("deployed tasks", deployed), ("violations per delivered frame", late))
            for share in shares
        ],
    )
    study.draw("headroom", _draw, deployed, late)
    return [
        Claim(
            "Section IV",
            "V keeps part of the uplink free for interaction traffic, to avoid congestion",
            "; ".join(f"V = {share}: {deployed[share]:.0f} tasks, {late[share]:.2%} late" for share in shares),
            all_of(
                above_zero(np.diff(samples["deployed"], axis=0)),
                above_zero(np.diff(samples["late"], axis=0), or_zero=True),
                above_zero([samples["late"][-1] - samples["late"][0]]),
            ),
            f"traffic takes {TRAFFIC_SHARE:.0%} of every uplink for {MEAN_ON_S:g} s, then nothing for "
            f"{MEAN_OFF_S:g} s, on average; constant periodic frames, reservation margin "
            f"{MARGIN:g}; paired over seeds, from each V to the next deployed rises and late does not fall, and from "
            "the first to the last late rises",
            {"deployed": {s: i.mean for s, i in deployed.items()}, "late": {s: i.mean for s, i in late.items()}},
        )
    ]


def _draw(deployed: Mapping[float, Interval], late: Mapping[float, Interval]) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    drawn, (left, right) = subplots(1, 2, figsize=(6.8, 2.8))
    band(left, list(deployed), list(deployed.values()), 0, "deployed")
    left.set_ylabel("deployed tasks (of 1,000)")
    left.set_ylim(bottom=0)
    percent = [Interval(100 * i.mean, 100 * i.low, 100 * i.high, i.n) for i in late.values()]
    band(right, list(deployed), percent, 1, "late")
    right.set_ylabel("frames past their deadline [%]")
    for axes in (left, right):
        axes.set_xlabel("usable share of the uplink V")
    return drawn
