"""Where the paper's claims hold: maps over the frame rate, V and the spread of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.verdicts import above_zero

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES_HZ = (1.0, 2.5, 5.0, 10.0)
SHARES = (0.5, 0.65, 0.8, 0.95)
SPREADS = ((1.0, 1.0), (0.5, 1.5), (0.05, 1.95))
CUTS = range(1, 6)
FIXED = [f"fixed(cut={k})" for k in CUTS]
SCHEDULERS: list[tuple[str, dict[str, Any]]] = [
    ("offline", {}),
    *(("fixed", {"cut": k}) for k in CUTS),
    ("threshold", {}),
    ("fifo", {}),
    ("lbf", {}),
]
Point = tuple[float, float, tuple[float, float]]
Deployed = Mapping[str, np.ndarray]
Ahead = list[np.ndarray]
"""How many tasks more than each rival, by seed: a claim holds where it is above 0 against all of them."""


def _beats_fixed(deployed: Deployed) -> Ahead:
    """The offline algorithm deploys more than the best fixed cut."""
    return [deployed["offline"] - deployed[name] for name in FIXED]


def _two_is_best(deployed: Deployed) -> Ahead:
    """Two layers are the best fixed cut."""
    return [deployed[FIXED[1]] - deployed[name] for name in FIXED if name != FIXED[1]]


def _passes_fifo(deployed: Deployed) -> Ahead:
    """The online algorithm ends above FIFO."""
    return [deployed["threshold"] - deployed["fifo"]]


def _passes_lbf(deployed: Deployed) -> Ahead:
    """The online algorithm ends above LBF."""
    return [deployed["threshold"] - deployed["lbf"]]


CLAIMS = (_beats_fixed, _two_is_best, _passes_fifo, _passes_lbf)


@experiment("regimes")
def run(study: Study, rates_hz: Sequence[float] = RATES_HZ, shares: Sequence[float] = SHARES) -> list[Claim]:
    """Which claims of the paper hold over a grid of frame rate, V and spread of inputs."""
    points = [(rate, share, spread) for rate in rates_hz for share in shares for spread in SPREADS]
    cells = {
        (point, seed): [Cell(scenario, name, seed, options) for name, options in SCHEDULERS]
        for point, scenario in ((point, study.scenario(*_settings(point))) for point in points)
        for seed in study.seeds
    }
    rows = iter(study.sweep("points of the grid", [cell for own in cells.values() for cell in own]))
    runs = {
        at: {row["scheduler"]: row["deployed_tasks"] for row in islice(rows, len(own))} for at, own in cells.items()
    }
    ahead: dict[Any, dict[Point, Ahead]] = {claim: {} for claim in CLAIMS}
    for point in points:
        by_seed = [runs[point, seed] for seed in study.seeds]
        deployed = {label: np.array([run[label] for run in by_seed]) for label in by_seed[0]}
        for claim in CLAIMS:
            ahead[claim][point] = claim(deployed)
    margins = {
        claim: {point: min(float(rival.mean()) for rival in rivals) for point, rivals in by_point.items()}
        for claim, by_point in ahead.items()
    }
    study.record(
        "regimes",
        [
            (f"margin [tasks]: {claim.__doc__}", f"V = {share}, weights {spread}", "frame rate [Hz]", rate, margin,
             None, None, len(study.seeds))
            for claim in CLAIMS
            for (rate, share, spread), margin in margins[claim].items()
        ],
    )  # fmt: skip
    study.draw("regimes", _draw, margins)
    return [
        Claim(
            "Section V",
            str(claim.__doc__).rstrip("."),
            f"at {sum(m > 0 for m in margins[claim].values())} of {len(points)} points of the grid; margin from "
            f"{min(margins[claim].values()):+.0f} to {max(margins[claim].values()):+.0f} tasks",
            above_zero(rival for rivals in ahead[claim].values() for rival in rivals),
            f"frame rates {rates_hz} Hz, V {shares}, weights of the inputs {SPREADS}; 50 servers, mean over seeds",
            {"margins": [[*point[:2], *point[2], m] for point, m in margins[claim].items()]},
        )
        for claim in CLAIMS
    ]


def _settings(point: Point) -> tuple[str, ...]:
    rate, share, spread = point
    return (
        f"workload.frame_rate={rate} Hz", f"network.usable_share={share}", f"workload.weight={list(map(float, spread))}"
    )  # fmt: skip


def _draw(margins: Mapping[Any, Mapping[Point, float]]) -> Figure:
    from cutlayer.experiments.figures.style import subplots

    by_point = next(iter(margins.values()))
    rates_hz = list(dict.fromkeys(rate for rate, _, _ in by_point))
    shares = list(dict.fromkeys(share for _, share, _ in by_point))
    drawn, panels = subplots(len(CLAIMS), len(SPREADS), figsize=(7.2, 9.2), sharex=True, sharey=True)
    most = max(abs(m) for by_point in margins.values() for m in by_point.values()) or 1.0
    image: Any = None
    for row, claim in zip(panels, CLAIMS, strict=True):
        for axes, spread in zip(row, SPREADS, strict=True):
            table = np.array([[margins[claim][rate, share, spread] for rate in rates_hz] for share in shares])
            image = axes.imshow(table, origin="lower", aspect="auto", cmap="PuOr", vmin=-most, vmax=most)
            for (y, x), margin in np.ndenumerate(table):
                # the sign says it in grey too
                axes.text(x, y, f"{margin:+.0f}", ha="center", va="center", fontsize=8, color=_ink(margin / most))
            axes.set_xticks(range(len(rates_hz)), [f"{rate:g}" for rate in rates_hz])
            axes.set_yticks(range(len(shares)), [f"{share:g}" for share in shares])
            axes.grid(False)
        row[0].set_ylabel("V")
        row[1].set_title(str(claim.__doc__), fontsize=9)
    for axes, spread in zip(panels[-1], SPREADS, strict=True):
        axes.set_xlabel(f"frame rate [Hz]\nweights {spread[0]:g} to {spread[1]:g}")
    drawn.colorbar(image, ax=panels, label="margin [tasks]; above 0 the claim holds", shrink=0.5)
    return drawn


def _ink(share: float) -> str:
    return "white" if abs(share) > 0.7 else "black"
