"""How much to reserve: the printed rule collapses once frames come faster than 1/Q, the sustained one holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cutlayer.experiments.lateness import mean_late_share
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.stats import Interval
from cutlayer.experiments.verdicts import certain
from cutlayer.simulator.types import RESERVATIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES_HZ = (2.5, 4.0, 5.0, 5.5, 6.0, 8.0, 10.0)
UNTIL_S = 60.0
SETTINGS = (
    "network.servers=20", "workload.tasks=200", "workload.arrivals.interval=0 s", "frames.arrivals=periodic",
    f"run.until={UNTIL_S} s",
)  # fmt: skip


@experiment("reservation")
def run(study: Study, rates_hz: Sequence[float] = RATES_HZ) -> list[Claim]:
    """Frames past their deadline against the frame rate, under the printed and the sustained reservation."""
    cells = [
        Cell(scenario, "offline", seed)
        for rate in rates_hz
        for reservation in RESERVATIONS
        for scenario in [
            study.scenario(*SETTINGS, f"workload.frame_rate={rate} Hz", f"network.reservation={reservation}")
        ]
        for seed in study.seeds
    ]
    rows: dict[tuple[str, float], list[Any]] = {}
    for cell, row in zip(cells, study.sweep("frame rates", cells), strict=True):
        point = cell.scenario.network.reservation, cell.scenario.workload.frame_rate.value
        rows.setdefault(point, []).append(row)
    late: dict[str, dict[float, Interval]] = {reservation: {} for reservation in RESERVATIONS}
    for reservation in RESERVATIONS:
        for rate in rates_hz:
            late[reservation][rate] = mean_late_share(rows[reservation, rate]).clipped(0.0, 1.0)
    study.record(
        "reservation",
        [
            ("violations per delivered frame", reservation, "frame rate [Hz]", rate, *interval.measure)
            for reservation, values in late.items()
            for rate, interval in values.items()
        ],
    )
    deadline_s = study.scenario().workload.deadline.value
    study.draw("reservation", _draw, late, deadline_s)
    slow = [rate for rate in rates_hz if rate <= 1 / deadline_s]
    fast = [rate for rate in rates_hz if rate > 1 / deadline_s]
    printed, sustained = late["deadline"], late["sustained"]
    return [
        Claim(
            "Section IV",
            "a bandwidth of d r / Q keeps the transferring latency below Q",
            f"up to 1/Q = {1 / deadline_s:g} Hz at most {max(printed[r].mean for r in slow):.2%} of the frames are "
            f"late; above, at least {min(printed[r].mean for r in fast):.2%}",
            certain(max(printed[rate].mean for rate in rates_hz) == 0),
            f"reservation=deadline, constant periodic frames; late frames among those delivered within {UNTIL_S:g} s",
            {"late": {rate: interval.mean for rate, interval in printed.items()}},
        ),
        Claim(
            "Section IV",
            "(as sustained) a bandwidth of d r max(1/Q, f) does",
            f"at most {max(sustained[rate].mean for rate in rates_hz):.2%} of the frames are late at any rate",
            certain(max(sustained[rate].mean for rate in rates_hz) == 0),
            "reservation=sustained, the same frames",
            {"late": {rate: interval.mean for rate, interval in sustained.items()}},
        ),
    ]


def _draw(late: Mapping[str, Mapping[float, Interval]], deadline_s: float) -> Figure:

    from cutlayer.experiments.figures.style import band, subplots

    names = {"sustained": "sustained: 8 d r max(1/Q, f)", "deadline": "as printed: 8 d r / Q"}
    drawn, axes = subplots(figsize=(4.6, 3.0))
    for index, (reservation, values) in enumerate(late.items()):
        percent = [Interval(100 * i.mean, 100 * i.low, 100 * i.high, i.n) for i in values.values()]
        band(axes, list(values), percent, index, names[reservation])
    axes.axvline(1 / deadline_s, color="#666666", linewidth=0.8, linestyle=":")
    axes.set_xlabel("frames a second f [Hz]; dotted: 1/Q")
    axes.set_ylabel("frames past their deadline [%]")
    axes.legend(loc="center right")
    return drawn
