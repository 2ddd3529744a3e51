"""The figure of ``cutlayer trace info`` for bandwidth: capacity over time and its distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cutlayer.experiments.console import printable
from cutlayer.experiments.figures.panels import time_unit
from cutlayer.experiments.figures.style import COLOURS, draw, subplots
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.steps import Clock
from cutlayer.simulator.units import scale_of
from cutlayer.workloads.bandwidth.trace import BandwidthTrace

MOST = 600
"""Changes that can be told apart; of more, means over as many parts are drawn, and the range around them."""


def draw_capacity(stem: Path, trace: BandwidthTrace, name: str) -> list[Path]:
    """Draw the capacity of a measurement as PNG and SVG."""
    try:
        return draw(stem, capacity_figure, trace, name)
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror or fault})", stem) from None


def capacity_figure(trace: BandwidthTrace, name: str) -> Figure:
    """Return the figure: steps over time with their mean, and the distribution over time."""
    figure, (left, right) = subplots(1, 2, figsize=(9.6, 3.4), width_ratios=(2, 1), sharey=True)
    scale_s, time_label = time_unit(trace.end_s)
    scale, unit = scale_of(float(trace.bps.max()), "bit/s")
    edges, values = np.append(trace.times_s, trace.end_s), trace.bps
    if len(values) > MOST:
        parts = np.linspace(0, trace.end_s, MOST + 1)
        begins = np.searchsorted(trace.times_s, parts[:-1], side="right") - 1
        least, most = (extreme.reduceat(values, begins) / scale for extreme in (np.minimum, np.maximum))
        left.stairs(most, parts / scale_s, baseline=least, fill=True, color="#bbbbbb")
        edges, values = parts, np.diff(Clock(trace.steps()).at(parts)) / np.diff(parts)
    left.stairs(values / scale, edges / scale_s, baseline=None, color=COLOURS[0], lw=1.0)
    left.axhline(
        trace.mean_bps / scale, color=COLOURS[1], linestyle="--", label=f"mean {trace.mean_bps / scale:.4g} {unit}"
    )
    left.set(xlabel=time_label, ylabel=f"capacity [{unit}]", ylim=(0, None), title=printable(name))
    left.margins(x=0)
    left.legend(loc="upper right")
    order = np.argsort(trace.bps, kind="stable")
    shares = np.cumsum(np.diff(trace.times_s, append=trace.end_s)[order]) / trace.end_s
    right.step(np.concatenate([[0.0], shares]) * 100, np.concatenate([trace.bps[order[:1]], trace.bps[order]]) / scale,
               where="pre", color=COLOURS[0])  # fmt: skip
    right.set(xlabel="time with this capacity or less [%]", xlim=(0, 100))
    return figure
