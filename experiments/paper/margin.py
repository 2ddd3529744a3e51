"""How much slack a slice needs: reservation margin against frames in time, for frames that vary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from cutlayer.experiments.lateness import late_of_runs
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.stats import Interval, mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGINS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
KINDS = {
    "jittered, constant": ("frames.arrivals=jittered", "frames.jitter=1.0"),
    "periodic, log-normal (CV 0.5)": ("frames.sizes=lognormal", "frames.size_cv=0.5"),
    "periodic, exponential": ("frames.sizes=exponential",),
    "Poisson, constant": ("frames.arrivals=poisson",),
    "Poisson, log-normal (CV 0.5)": ("frames.arrivals=poisson", "frames.sizes=lognormal", "frames.size_cv=0.5"),
    "Poisson, exponential": ("frames.arrivals=poisson", "frames.sizes=exponential"),
}
TARGETS = (0.99, 0.999)
SETTINGS = ("network.servers=5", "workload.tasks=10", "workload.arrivals.interval=0 s", "run.until=600 s")

Misses = Mapping[str, Sequence[Interval]]


@experiment("margin")
def run(study: Study) -> list[Claim]:
    """Frames in time against the reservation margin, for jitter, Poisson arrivals and varying sizes."""
    cells = {
        (kind, margin): [
            Cell(scenario, "offline", seed)
            for scenario in [study.scenario(*SETTINGS, *settings, f"network.reservation_margin={margin}")]
            for seed in study.seeds
        ]
        for kind, settings in KINDS.items()
        for margin in MARGINS
    }
    rows = iter(study.sweep("margins", [cell for own in cells.values() for cell in own]))
    late = {point: late_of_runs(islice(rows, len(own))) for point, own in cells.items()}
    misses = {kind: [mean_interval(late[kind, margin]).clipped(0.0, 1.0) for margin in MARGINS] for kind in KINDS}
    needed = {kind: [margin_for(1 - target, [i.mean for i in misses[kind]]) for target in TARGETS] for kind in KINDS}
    study.record(
        "margin",
        [
            ("violations per delivered frame", kind, "reservation margin h", margin, *interval.measure)
            for kind, intervals in misses.items()
            for margin, interval in zip(MARGINS, intervals, strict=True)
        ],
    )
    study.draw("margin", _draw, misses)
    return [
        Claim(
            "Section IV",
            f"{kind} frames: the margin that keeps them in time",
            "; ".join(
                f"{target:.1%} in time: "
                + (f"h = {h:.2f} (utilisation {1 / (1 + h):.2f})" if h else f"not within h = {MARGINS[-1]:g}")
                for target, h in zip(TARGETS, needed[kind], strict=True)
            ),
            "for information",
            "f = 5 Hz, Q = 0.2 s, slices of (1 + h) times the sustained reservation; interpolated between the margins "
            "tried, log-linearly",
            {str(target): h for target, h in zip(TARGETS, needed[kind], strict=True)},
        )
        for kind in KINDS
    ]


def margin_for(miss: float, misses: Sequence[float]) -> float | None:
    """Return the margin from which on no more than `miss` of the frames are late, None if none tried is enough.

    Examples
    --------
    >>> margin_for(0.01, [0.5] * 3 + [0.0] * 11)
    0.2
    """
    late = [at for at, value in enumerate(misses) if value > miss]
    if not late:
        return MARGINS[0]
    at = late[-1]
    if at + 1 == len(MARGINS):
        return None
    if misses[at + 1] == 0:
        return MARGINS[at + 1]
    above, below = math.log(misses[at]), math.log(misses[at + 1])
    part = (above - math.log(miss)) / (above - below)
    return MARGINS[at] + part * (MARGINS[at + 1] - MARGINS[at])


def _draw(misses: Misses) -> Figure:

    from cutlayer.experiments.figures.style import look, subplots

    drawn, axes = subplots(figsize=(6.8, 3.4))
    for index, (kind, intervals) in enumerate(misses.items()):
        shown = [(h, i.mean) for h, i in zip(MARGINS, intervals, strict=True) if i.mean > 0]
        if shown:
            axes.loglog(*zip(*shown, strict=True), label=kind, **look(index))
    for target in TARGETS:
        axes.axhline(1 - target, color="#666666", linewidth=0.8, linestyle=":")
        axes.text(MARGINS[0], 1 - target, f"{target:.1%} in time", va="bottom", fontsize=8)
    axes.set_ylim(bottom=1e-5, top=1.5)
    axes.set_xlabel("reservation margin h")
    axes.set_ylabel("share of frames past their deadline")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawn
