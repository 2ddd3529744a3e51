"""How transfer latency is distributed, down to the rarest frames."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from cutlayer.experiments.figures.over_time import column
from cutlayer.experiments.figures.panels import Curve, Panel, latency_unit
from cutlayer.experiments.figures.seeds import lacking_note
from cutlayer.experiments.lateness import NONE_DELIVERED
from cutlayer.experiments.records.run_groups import Group, Row, deadline_line, read_table, with_table
from cutlayer.experiments.runs.kept_frames import read_kept
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import QUANTILES
from cutlayer.simulator.types import FloatArray

NEEDS_FRAMES = "no frames in the results: `--frames periodic` (or jittered, poisson) simulates them"
LIMITS = (
    "the true share lies within the band; the line joins what is known of every task and server: quantiles, late frames"
)
JOINED_AT = 1000
"""At so many latencies the line between limits is worked out."""
EXACT_TAIL = 2000
"""So many of the largest latencies are drawn one by one, the others at as many ranks between."""


def tail(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the share of frames whose transfer latency is above a value, on a log tail.

    Where single frames were kept the curve is exact. Else the band is what the kept quantiles of every task and server
    and their late frames allow, and the line joins what they say; where all tasks have one deadline it meets the share
    of late frames there, which is known.
    """
    groups = with_table(results, groups, "frames", NEEDS_FRAMES)
    raw: list[tuple[str, FloatArray, FloatArray, FloatArray | None]] = []
    lines_of: dict[str, FloatArray] = {}
    all_exact = True
    for group in groups:
        kept = [read_kept(results, row) for row in group.rows]
        found = [frames.transfer_s for frames in kept if frames is not None]
        if len(found) == len(kept):
            values, share = ranked(np.concatenate(found))
            raw.append((group.label, values, share, None))
        else:
            all_exact = False
            rows = [part for row in group.rows for part in _with_deadlines(results, row)]
            values, high, low = tail_bounds(rows)
            raw.append((group.label, values, high, low))
            lines_of[group.label] = np.clip(joined(rows, values), low, high)
    factor, unit = latency_unit([values for _, values, _, _ in raw])
    begin = 0.97 * min((float(values[0]) for _, values, _, _ in raw if len(values)), default=0.0)
    curves = [
        _from_all(label, begin, values, high, low, lines_of.get(label, high), factor)
        for label, values, high, low in raw
        if len(values)
    ]
    x = np.concatenate([curve.x for curve in curves]) if curves else np.zeros(0)
    x = x[x > 0]
    lines = deadline_line(results, groups, factor) if curves else ()
    notes = ["" if all_exact or not curves else LIMITS]
    notes.append(lacking_note(groups))
    return [
        Panel(
            "tail", "Tail of the transfer latency", f"transfer latency [{unit}]",
            "delivered frames later than this [%]", tuple(curves), x_lines=lines,
            x_log=bool(len(x) and x.max() > 30 * x.min()), y_log=True, note="; ".join(filter(None, notes)),
            nothing="" if curves else NONE_DELIVERED,
        )
    ]  # fmt: skip


def _with_deadlines(results: Results, row: Row) -> list[Row]:
    """Return the rows of ``frames`` of a run with the deadline of their task, where late means late by the transfer."""
    parts = read_table(results, "frames", row["key"])
    frames = json.loads(row["scenario"]).get("frames")
    if not isinstance(frames, dict) or frames.get("violation") != "transfer":
        return parts
    deadlines = {task["task"]: task["deadline_s"] for task in read_table(results, "tasks", row["key"])}
    return [{**part, "deadline_s": deadlines.get(part["task"])} for part in parts]


def _from_all(
    label: str,
    begin: float,
    values: FloatArray,
    high: FloatArray,
    low: FloatArray | None,
    line: FloatArray,
    factor: float,
) -> Curve:
    """Return the curve from where all frames are above."""
    x = np.concatenate([[begin], values]) / factor
    above = [None if share is None else 100 * np.concatenate([[1.0], share]) for share in (line, low, high)]
    y = above[0]
    assert y is not None
    return Curve(label, x, y, above[1], None if low is None else above[2], steps=True)


def joined(rows: Sequence[Row], values: FloatArray) -> FloatArray:
    """Return about which share of the frames is above each value: what is known of every slice, joined in log shares.

    Parameters
    ----------
    rows : sequence of dict
        As of `tail_bounds`.
    values : ndarray, shape (n,)
        Latencies [s].
    """
    rows = [row for row in rows if row["delivered"]]
    places = np.unique(np.linspace(0, len(values) - 1, JOINED_AT).astype(int)) if rows else np.zeros(0, dtype=int)
    at = values[places]
    total = np.zeros(len(at))
    names = [f"transfer_p{100 * q:g}_s".replace(".", "_") for q in QUANTILES]
    for row in rows:
        frames, largest_s = row["delivered"], row["transfer_max_s"]
        known = [(0.0, 1.0), (largest_s, 1 / frames)]
        known += [(row[name], max(1 - q, 1 / frames)) for name, q in zip(names, QUANTILES, strict=True)]
        if row.get("deadline_s") is not None and row["violations"]:
            known.append((row["deadline_s"], row["violations"] / frames))
        x, share = np.array(sorted(known, key=lambda point: (point[0], -point[1]))).T
        share = np.minimum.accumulate(share)
        total += np.where(at < largest_s, frames * np.exp(np.interp(at, x, np.log(share))), 0.0)
    shares = total / max(sum(row["delivered"] for row in rows), 1)
    return np.interp(values, at, shares) if len(at) else total


def ranked(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return latencies and the share of frames above each: all of the tail, of the others some ranks.

    Of the largest it is one frame in all, which a log axis can show.

    Examples
    --------
    >>> values, share = ranked(np.array([3.0, 1.0, 2.0, 2.0]))
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
    """Return latencies, and between which shares the frames above each must lie, by what is kept of every slice.

    Parameters
    ----------
    rows : sequence of dict
        Of the table ``frames``; where they have ``deadline_s``, ``violations`` is how many frames are above it.

    Returns
    -------
    values, high, low : ndarray
        `high` is the largest share possible at that value and up to the next, `low` the least. At a deadline that all
        rows have both are the share that is known.
    """
    rows = [row for row in rows if row["delivered"]]
    if not rows:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    names = [f"transfer_p{100 * q:g}_s".replace(".", "_") for q in QUANTILES] + ["transfer_max_s"]
    frames = column(rows, "delivered")
    known = [row.get("deadline_s") is not None for row in rows]
    # above the largest is no frame: that is as true of rows without a deadline, and says nothing new
    deadlines = [row["deadline_s"] if own else row["transfer_max_s"] for row, own in zip(rows, known, strict=True)]
    late = [row["violations"] if own else 0 for row, own in zip(rows, known, strict=True)] / frames
    # a row of each matrix is a place where something is known, from small to large in every column, which is a slice
    knots = np.array([*(column(rows, name) for name in names), deadlines])
    order = np.argsort(knots, axis=0, kind="stable")
    left = [1 - q for q in QUANTILES]
    most = np.vstack([np.broadcast_to(np.array([*left, 0.0])[:, None], (len(names), len(rows))), late])
    least = np.vstack([np.broadcast_to(np.array([*left[1:], 0.0, 0.0])[:, None], (len(names), len(rows))), late])
    before = np.take_along_axis(knots < deadlines, order, axis=0)
    knots, most = (np.take_along_axis(matrix, order, axis=0) for matrix in (knots, most))
    # the least falls at quantiles alone; up to the deadline it is at least the share of late frames
    least = np.where(order == len(names), left[0], np.take_along_axis(least, order, axis=0))
    most, least = np.minimum.accumulate(most, axis=0), np.minimum.accumulate(least, axis=0)
    least = np.where(before, np.maximum(least, late), least)
    start = np.where(knots[0] <= deadlines, np.maximum(left[0], late), left[0])
    values, index = np.unique(knots, return_inverse=True)
    weights = frames / frames.sum()
    high, low = (
        float((first * weights).sum())
        + np.cumsum(np.bincount(index.ravel(), (np.diff(one, axis=0, prepend=[first]) * weights).ravel(), len(values)))
        for first, one in ((np.ones(len(rows)), most), (start, least))
    )
    fewest = 1 / float(frames.sum())  # of the largest it is one frame in all, which a log axis can show
    high = np.maximum(high, fewest)
    low = np.maximum(np.minimum(low, high), fewest)
    if all(known) and len(set(deadlines)) == 1:
        share, at = max(float((late * weights).sum()), fewest), int(np.searchsorted(values, deadlines[0]))
        after = np.nextafter(values[at], np.inf)
        values = np.insert(values, at + 1, after)
        high, low = np.insert(high, at, share), np.insert(low, at, share)
    return values.astype(np.float64), high.astype(np.float64), low.astype(np.float64)
