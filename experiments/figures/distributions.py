"""How transfer latency is distributed, down to the rarest frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.figures.over_time import column
from experiments.figures.panels import Curve, Panel, latency_unit
from experiments.records.kept_frames import read_kept
from experiments.records.run_groups import Group, Row, deadline_line, read_table, with_table
from simulator.results import Results
from simulator.tables import QUANTILES
from simulator.types import FloatArray

NEEDS_FRAMES = "no frames in the results: `--frames periodic` (or jittered, poisson) simulates them"
EXACT_TAIL = 2000
"""So many of the largest latencies are drawn one by one, the others at as many ranks between."""


def cdf(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the share of frames whose transfer latency is above a value, on a log tail.

    Where single frames were kept the curve is exact. Else it is what the kept quantiles of every task and
    server allow: the line is at most that share, the band reaches down to at least that share.
    """
    groups = with_table(results, groups, "frames", NEEDS_FRAMES)
    raw: list[tuple[str, FloatArray, FloatArray, FloatArray | None]] = []
    all_exact = True
    for group in groups:
        kept = [read_kept(results, row) for row in group.rows]
        found = [frames.transfer_s for frames in kept if frames is not None]
        if len(found) == len(kept):
            values, share = tail(np.concatenate(found))
            raw.append((group.label, values, share, None))
        else:
            all_exact = False
            rows = [part for row in group.rows for part in read_table(results, "frames", row["key"])]
            raw.append((group.label, *tail_bounds(rows)))
    factor, unit = latency_unit([values for _, values, _, _ in raw])
    begin = 0.97 * min((float(values[0]) for _, values, _, _ in raw if len(values)), default=0.0)
    curves = [_from_all(label, begin, values, high, low, factor) for label, values, high, low in raw if len(values)]
    x = np.concatenate([curve.x for curve in curves]) if curves else np.zeros(0)
    x = x[x > 0]
    lines = deadline_line(results, groups, factor)
    note = (
        ""
        if all_exact
        else "line: at most this share, band: at least; from the kept quantiles of every task and server"
    )
    return [
        Panel(
            "cdf", "Tail of the transfer latency", f"transfer latency [{unit}]", "frames above it [%]", tuple(curves),
            x_lines=lines, x_log=bool(len(x) and x.max() > 30 * x.min()), y_log=True, note=note,
        )
    ]  # fmt: skip


def _from_all(
    label: str, begin: float, values: FloatArray, high: FloatArray, low: FloatArray | None, factor: float
) -> Curve:
    """Return the curve from where all frames are above."""
    x = np.concatenate([[begin], values]) / factor
    above = [None if share is None else 100 * np.concatenate([[1.0], share]) for share in (high, low)]
    y = above[0]
    assert y is not None
    return Curve(label, x, y, above[1], None if low is None else y, steps=True)


def tail(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return latencies and the share of frames above each: all of the tail, of the others some ranks.

    Of the largest it is one frame in all, which a log axis can show.

    Examples
    --------
    >>> values, share = tail(np.array([3.0, 1.0, 2.0, 2.0]))
    >>> values.tolist(), share.tolist()
    ([1.0, 2.0, 3.0], [0.75, 0.25, 0.25])
    """
    n = len(values)
    if n == 0:
        return np.zeros(0), np.zeros(0)
    ordered = np.sort(values)
    ranks = np.arange(n)
    if n > 2 * EXACT_TAIL:
        ranks = np.unique(np.concatenate([np.linspace(0, n - EXACT_TAIL, EXACT_TAIL).astype(int), ranks[-EXACT_TAIL:]]))
    distinct = np.unique(ordered[ranks])
    share = 1 - np.searchsorted(ordered, distinct, side="right") / n
    return distinct, np.maximum(share, 1 / n)


def tail_bounds(rows: Sequence[Row]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return latencies, and between which shares the frames above each must lie, by the kept quantiles.

    Parameters
    ----------
    rows : sequence of dict
        Of the table ``frames``.

    Returns
    -------
    values, high, low : ndarray
        `high` is the largest share possible at that value and up to the next, `low` the least.
    """
    rows = [row for row in rows if row["delivered"]]
    names = [f"transfer_p{100 * q:g}_s".replace(".", "_") for q in QUANTILES] + ["transfer_max_s"]
    knots = np.array([column(rows, name) for name in names])
    frames = column(rows, "delivered")
    if knots.size == 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    steps_high = np.diff([1.0, *(1 - q for q in QUANTILES), 0.0])
    steps_low = np.diff([*(1 - q for q in QUANTILES), 0.0, 0.0])
    values = np.unique(knots)
    index = np.searchsorted(values, knots)
    weights = np.broadcast_to(frames / frames.sum(), knots.shape)
    high, low = (
        start + np.cumsum(np.bincount(index.ravel(), (steps[:, None] * weights).ravel(), len(values)))
        for start, steps in ((1.0, steps_high), (1 - QUANTILES[0], steps_low))
    )
    least = 1 / float(frames.sum())  # of the largest it is one frame in all, which a log axis can show
    return values, np.maximum(high, least), np.maximum(np.minimum(low, high), least)
