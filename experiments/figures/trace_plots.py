"""The figure of ``cutlayer trace fit``: the rate over time and the gaps, seen and fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutlayer.experiments.figures.style import COLOURS, DASHES, draw, subplots
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.fit import Fit
from cutlayer.workloads.arrivals.generated import MMPP2, Hourly

LABELS = {"poisson": "Poisson", "mmpp2": "MMPP-2", "hourly": "rates of {} parts"}
BINS = 180


def draw_fits(stem: Path, arrivals_s: FloatArray, fits: dict[str, Fit]) -> list[Path]:
    """Draw rates and gaps of a trace and of the processes fitted to it, as PNG and SVG."""
    return draw(stem, _figure, arrivals_s, fits)


def _figure(arrivals_s: FloatArray, fits: dict[str, Fit]) -> Figure:
    figure, (left, right) = subplots(1, 2, figsize=(9.6, 3.6))
    _rates(left, arrivals_s, fits)
    _gaps(right, arrivals_s, fits)
    return figure


def _rates(axes: Axes, arrivals_s: FloatArray, fits: dict[str, Fit]) -> None:
    unit_s, unit = _unit(float(arrivals_s[-1] - arrivals_s[0]))
    bins = int(np.clip(len(arrivals_s) / 10, 10, BINS))
    counts, edges_s = np.histogram(arrivals_s, bins=bins)
    axes.stairs(
        counts / np.diff(edges_s), edges_s / unit_s, color="#bbbbbb", fill=True, label=f"trace, in {bins} parts"
    )
    for place, (name, fit) in enumerate(fits.items()):
        style = {"color": COLOURS[place], "linestyle": DASHES[place]}
        process = fit.process
        if isinstance(process, Hourly):
            times_s = np.linspace(arrivals_s[0], arrivals_s[-1], 4000, endpoint=False)
            origin_s = arrivals_s[0] if process.period_s >= arrivals_s[-1] - arrivals_s[0] else 0.0
            parts = len(process.rates_hz)
            at = ((times_s - origin_s) % process.period_s / process.period_s * parts).astype(int) % parts
            axes.plot(times_s / unit_s, np.array(process.rates_hz)[at], label=LABELS[name].format(parts), **style)
        elif isinstance(process, MMPP2):
            axes.axhline(process.calm_hz, label=f"{LABELS[name]}, calm and busy", **style)
            axes.axhline(process.busy_hz, **style)
        else:
            axes.axhline(process.rate_hz, label=LABELS[name], **style)  # type: ignore[attr-defined]
    axes.set(xlabel=f"time [{unit}]", ylabel="arrivals [1/s]", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def _gaps(axes: Axes, arrivals_s: FloatArray, fits: dict[str, Fit]) -> None:
    gaps_s = np.sort(np.diff(arrivals_s))
    above = 1 - np.arange(1, len(gaps_s) + 1) / len(gaps_s)
    seen = gaps_s > 0
    axes.plot(gaps_s[seen], np.maximum(above[seen], 0.5 / len(gaps_s)), color="#8c8c8c", linewidth=4, label="trace")
    grid_s = np.geomspace(gaps_s[seen][0], gaps_s[-1] * 2, 400)
    for place, (name, fit) in enumerate(fits.items()):
        label = LABELS[name].format(len(fit.process.rates_hz) if isinstance(fit.process, Hourly) else "")
        axes.plot(grid_s, fit.survival(grid_s), color=COLOURS[place], linestyle=DASHES[place], label=label)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(0.4 / len(gaps_s), 1.5),
        xlabel="gap x between arrivals [s]",
        ylabel="share of gaps longer than x",
    )
    axes.legend(loc="lower left")


def _unit(span_s: float) -> tuple[float, str]:
    """Return seconds, minutes, hours or days, whichever reads best."""
    for length_s, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if span_s >= 3 * length_s:
            return length_s, name
    return 1.0, "s"
