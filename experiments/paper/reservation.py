"""How much to reserve: the printed rule collapses once frames come faster than 1/Q, the sustained one holds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cutlayer.experiments.lateness import mean_late_share
from cutlayer.experiments.paper.study import Claim, Study, experiment, main
from cutlayer.experiments.paper_source import PaperSource
from cutlayer.experiments.stats import Interval
from cutlayer.experiments.sweeps.cells import Cell
from cutlayer.experiments.verdicts import certain
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.types import RESERVATIONS
from cutlayer.workloads.generate import PaperScenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES_HZ = (2.5, 4.0, 5.0, 5.5, 6.0, 8.0, 10.0)
SERVERS, TASKS, UNTIL_S = 20, 200, 60.0


@experiment("reservation")
def run(study: Study) -> list[Claim]:
    """Frames past their deadline against the frame rate, under the printed and the sustained reservation."""
    cells = [
        Cell(
            PaperSource(
                PaperScenario(
                    servers=SERVERS, tasks=TASKS, interarrival_s=0.0, frame_rate_hz=rate, reservation=reservation
                ),
                frames=FrameSettings(),
                until_s=UNTIL_S,
            ),
            "offline",
            seed,
        )
        for rate in RATES_HZ
        for seed in study.seeds
        for reservation in RESERVATIONS
    ]
    rows: dict[tuple[str, float], list[Any]] = {}
    for cell, row in zip(cells, study.sweep("frame rates", cells), strict=True):
        point = cell.source.scenario.reservation, cell.source.scenario.frame_rate_hz
        rows.setdefault(point, []).append(row)
    late: dict[str, dict[float, Interval]] = {reservation: {} for reservation in RESERVATIONS}
    for reservation in RESERVATIONS:
        for rate in RATES_HZ:
            late[reservation][rate] = mean_late_share(rows[reservation, rate]).clipped(0.0, 1.0)
    study.record(
        "reservation",
        [
            ("violations per delivered frame", reservation, "frame rate [Hz]", rate, *interval.measure)
            for reservation, values in late.items()
            for rate, interval in values.items()
        ],
    )
    study.draw("reservation", _draw, late)
    deadline_s = PaperScenario().deadline_s
    slow = [rate for rate in RATES_HZ if rate <= 1 / deadline_s]
    fast = [rate for rate in RATES_HZ if rate > 1 / deadline_s]
    printed, sustained = late["deadline"], late["sustained"]
    return [
        Claim(
            "Section IV",
            "a bandwidth of d r / Q keeps the transferring latency below Q",
            f"up to 1/Q = {1 / deadline_s:g} Hz at most {max(printed[r].mean for r in slow):.2%} of the frames are "
            f"late; above, at least {min(printed[r].mean for r in fast):.2%}",
            certain(max(printed[rate].mean for rate in RATES_HZ) == 0),
            f"reservation=deadline, constant periodic frames; late frames among those delivered within {UNTIL_S:g} s",
            {"late": {rate: interval.mean for rate, interval in printed.items()}},
        ),
        Claim(
            "Section IV",
            "(as sustained) a bandwidth of d r max(1/Q, f) does",
            f"at most {max(sustained[rate].mean for rate in RATES_HZ):.2%} of the frames are late at any rate",
            certain(max(sustained[rate].mean for rate in RATES_HZ) == 0),
            "reservation=sustained, the same frames",
            {"late": {rate: interval.mean for rate, interval in sustained.items()}},
        ),
    ]


def _draw(late: Mapping[str, Mapping[float, Interval]]) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    names = {"sustained": "sustained: 8 d r max(1/Q, f)", "deadline": "as printed: 8 d r / Q"}
    drawn, axes = subplots(figsize=(4.6, 3.0))
    for index, (reservation, values) in enumerate(late.items()):
        percent = [Interval(100 * i.mean, 100 * i.low, 100 * i.high, i.n) for i in values.values()]
        band(axes, list(values), percent, index, names[reservation])
    axes.axvline(1 / PaperScenario().deadline_s, color="#666666", linewidth=0.8, linestyle=":")
    axes.set_xlabel("frames a second f [Hz]; dotted: 1/Q")
    axes.set_ylabel("frames past their deadline [%]")
    axes.legend(loc="center right")
    return drawn


if __name__ == "__main__":
    sys.exit(main(run))
