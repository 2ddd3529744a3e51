"""What is kept of frames: counts, exact moments, histograms, sums over windows of time.

Quantiles are nearest-rank: the smallest latency that at least that share of the frames does not exceed. Out
of the histogram they are within `QUANTILE_ERROR` of it, relatively, down to `SMALLEST_S`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from simulator.frame_model import DELIVERED, LATE, LOST, Slices
from simulator.frame_walk import Rows
from simulator.tables import QUANTILES, column_names, latency_columns
from simulator.types import FloatArray, IntArray

_BINS_PER_OCTAVE = 128
_OCTAVES = 48
_LOWEST_EXPONENT = -24
SMALLEST_S = 2.0**_LOWEST_EXPONENT
"""Latencies below this (0.06 us), or above 2^24 s, fall into the outermost bins."""
QUANTILE_ERROR = 1 / (2 * _BINS_PER_OCTAVE)
"""Largest relative error of a quantile out of the histogram: half a bin."""
_BINS = _BINS_PER_OCTAVE * _OCTAVES

# Columns of the sums of a stream
_TRANSFER, _TRANSFER_2, _TOTAL, _TOTAL_2, _COMPUTE_WAIT, _COMPUTE, _UPLINK_WAIT, _UPLINK = range(8)
# Columns of the counts of a stream
_N_DELIVERED, _N_LOST, _N_IN_FLIGHT, _N_LATE = range(4)
# Columns of the sums of a window of time
_W_FRAMES, _W_DELIVERED, _W_LOST, _W_LATE, _W_TRANSFER, _W_TOTAL, _W_TRANSFER_MAX, _W_TOTAL_MAX = range(8)


class Sums(NamedTuple):
    """What is kept while walking: of every stream, and of every window of time."""

    counts: IntArray  # (n, 4)
    sums: FloatArray  # (n, 8)
    largest: FloatArray  # (n, 2): transfer, end-to-end
    smallest: FloatArray  # (n, 2)
    histogram: Any  # (n, 2, bins), int32
    series: FloatArray  # (windows, 8)


def sums(streams: int, windows: int) -> Sums:
    """Return sums of nothing."""
    return Sums(
        np.zeros((streams, 4), dtype=np.intp),
        np.zeros((streams, 8)),
        np.zeros((streams, 2)),
        np.full((streams, 2), math.inf),
        np.zeros((streams, 2, _BINS), dtype=np.int32),
        np.zeros((windows, 8)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _bin(value: float) -> int:
    """Return the bin of a latency: octaves, each cut into equal parts."""
    if value < SMALLEST_S:
        return 0
    fraction, exponent = math.frexp(value)  # value = fraction * 2^exponent, 0.5 <= fraction < 1
    bin = (exponent - 1 - _LOWEST_EXPONENT) * _BINS_PER_OCTAVE + int((2.0 * fraction - 1.0) * _BINS_PER_OCTAVE)
    return min(bin, _BINS - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def digest(
    count: int, rows: Rows, cloud_s: Any, deadline_s: Any, propagation: float, end_to_end: bool, series_s: float,
    sums: Sums,
) -> None:  # fmt: skip
    """Add rows to the sums."""
    windows = len(sums.series)
    for p in range(count):
        k = rows.stream[p]
        fate = rows.fate[p]
        window = 0
        if windows:
            window = min(int(rows.arrival[p] / series_s), windows - 1)
            sums.series[window, _W_FRAMES] += 1
        if fate != DELIVERED:
            sums.counts[k, _N_LOST if fate == LOST else _N_IN_FLIGHT] += 1
            if windows and fate == LOST:
                sums.series[window, _W_LOST] += 1
            continue
        transfer = rows.uplink_wait[p] + rows.uplink_service[p]
        total = (rows.compute_wait[p] + rows.compute_service[p]) + transfer
        total += propagation + cloud_s[k] * rows.size[p]
        late = (total if end_to_end else transfer) > deadline_s[k] * (1.0 + LATE)
        sums.counts[k, _N_DELIVERED] += 1
        sums.counts[k, _N_LATE] += late
        mine = sums.sums[k]
        mine[_TRANSFER] += transfer
        mine[_TRANSFER_2] += transfer * transfer
        mine[_TOTAL] += total
        mine[_TOTAL_2] += total * total
        mine[_COMPUTE_WAIT] += rows.compute_wait[p]
        mine[_COMPUTE] += rows.compute_service[p]
        mine[_UPLINK_WAIT] += rows.uplink_wait[p]
        mine[_UPLINK] += rows.uplink_service[p]
        sums.largest[k, 0] = max(sums.largest[k, 0], transfer)
        sums.largest[k, 1] = max(sums.largest[k, 1], total)
        sums.smallest[k, 0] = min(sums.smallest[k, 0], transfer)
        sums.smallest[k, 1] = min(sums.smallest[k, 1], total)
        sums.histogram[k, 0, _bin(transfer)] += 1
        sums.histogram[k, 1, _bin(total)] += 1
        if windows:
            then = sums.series[window]
            then[_W_DELIVERED] += 1
            then[_W_LATE] += late
            then[_W_TRANSFER] += transfer
            then[_W_TOTAL] += total
            then[_W_TRANSFER_MAX] = max(then[_W_TRANSFER_MAX], transfer)
            then[_W_TOTAL_MAX] = max(then[_W_TOTAL_MAX], total)


@njit(cache=True, nogil=True, error_model="numpy")
def _bin_of_rank(histogram: Any, which: int, ranks: Any, bins: Any) -> None:
    """Find the bin of each rank, rising along a row, in the histogram of every stream."""
    for k in range(len(ranks)):
        seen, bin = 0, -1
        for q in range(ranks.shape[1]):
            while seen < ranks[k, q]:
                bin += 1
                seen += histogram[k, which, bin]
            bins[k, q] = max(bin, 0)


def histogram_quantiles(sums: Sums, which: int) -> FloatArray:
    """Return the quantiles of every stream, shape (n, quantiles): the middle of the bin of that rank.

    No further out than the smallest and largest latency seen. `which`: 0 for transfer, 1 for end-to-end.
    """
    counts = sums.counts[:, _N_DELIVERED]
    ranks = np.maximum(np.ceil(np.outer(counts, QUANTILES) - 1e-9), 1).astype(np.intp)
    ranks[counts == 0] = 0
    bins = np.zeros_like(ranks)
    _bin_of_rank(sums.histogram, which, ranks, bins)
    fraction = 1 + (bins % _BINS_PER_OCTAVE + 0.5) / _BINS_PER_OCTAVE
    middle = np.ldexp(fraction, bins // _BINS_PER_OCTAVE + _LOWEST_EXPONENT)
    seen = np.clip(middle, sums.smallest[:, which, None], sums.largest[:, which, None])
    return np.where(counts[:, None] > 0, seen, math.nan)


def exact_quantiles(values: FloatArray) -> list[float]:
    """Return the quantiles of these values."""
    if len(values) == 0:
        return [math.nan] * len(QUANTILES)
    ordered = np.sort(values)
    return [float(ordered[_rank(q, len(ordered)) - 1]) for q in QUANTILES]


def _rank(share: float, count: int) -> int:
    """Return the rank of a quantile, counted from 1: the least that is at least this share of all."""
    return max(math.ceil(share * count - 1e-9), 1)


def stream_values(
    sums: Sums, slices: Slices, frames: IntArray, propagation_s: float, exact: Sequence[list[list[float]]] | None
) -> dict[str, Any]:
    """Return the columns of the table ``frames`` from ``frames`` to ``cloud_s``, one entry a slice.

    `exact` holds the quantiles of transfer and end-to-end latency of every slice where frames are kept.
    """
    delivered = sums.counts[:, _N_DELIVERED]
    some = np.where(delivered > 0, delivered, 1)
    mean = np.where(delivered[:, None] > 0, sums.sums / some[:, None], math.nan)
    values: dict[str, Any] = {
        "frames": frames,
        "delivered": delivered,
        "lost": sums.counts[:, _N_LOST],
        "in_flight": sums.counts[:, _N_IN_FLIGHT],
        "violations": sums.counts[:, _N_LATE],
    }
    for which, (name, first, second) in enumerate(
        (("transfer", _TRANSFER, _TRANSFER_2), ("end_to_end", _TOTAL, _TOTAL_2))
    ):
        columns = [column.name for column in latency_columns(name, "")]
        if exact is None:
            by_quantile = histogram_quantiles(sums, which).T
        else:
            by_quantile = np.array([entry[which] for entry in exact], dtype=float).reshape(-1, len(QUANTILES)).T
        spread = np.sqrt(np.maximum(mean[:, second] - mean[:, first] ** 2, 0.0))
        largest = np.where(delivered > 0, sums.largest[:, which], math.nan)
        values |= dict(zip(columns, (mean[:, first], spread, *by_quantile, largest), strict=True))
    parts = mean[:, [_COMPUTE_WAIT, _COMPUTE, _UPLINK_WAIT, _UPLINK]]
    names = ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s")
    values |= dict(zip(names, parts.T, strict=True))
    values["propagation_s"] = np.full(len(slices), propagation_s)
    values["cloud_s"] = np.maximum(mean[:, _TOTAL] - parts.sum(axis=1) - propagation_s, 0.0)
    return values


def add_series(total: FloatArray, more: FloatArray) -> None:
    """Add the windows of time of one server to those of all, in place."""
    total[:, :_W_TRANSFER_MAX] += more[:, :_W_TRANSFER_MAX]
    np.maximum(total[:, _W_TRANSFER_MAX:], more[:, _W_TRANSFER_MAX:], out=total[:, _W_TRANSFER_MAX:])


def series_values(series: FloatArray, series_s: float) -> dict[str, Any]:
    """Return the columns of the table ``frame_series``, one entry a window of time."""
    delivered = series[:, _W_DELIVERED]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = series[:, [_W_TRANSFER, _W_TOTAL]] / delivered[:, None]
    largest = np.where(delivered[:, None] > 0, series[:, [_W_TRANSFER_MAX, _W_TOTAL_MAX]], math.nan)
    counts = series[:, [_W_FRAMES, _W_DELIVERED, _W_LOST, _W_LATE]].astype(np.intp)
    times = np.arange(len(series)) * series_s
    names = column_names("frame_series")
    return dict(zip(names, (times, *counts.T, *means.T, *largest.T), strict=True))
