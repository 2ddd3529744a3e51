"""What is kept of frames: counts, exact moments, histograms, sums over windows of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.count.histogram import (
    IN_OCTAVE,
    OCTAVE,
    Histograms,
    bin_of,
    cleared,
    histograms,
    with_more_room,
)
from cutlayer.simulator.frames.count.moments import BLOCK, IN_BLOCK, Moments, means, merge, merge_rest, moments
from cutlayer.simulator.frames.rows import Rows
from cutlayer.simulator.frames.slices import DELIVERED, LOST
from cutlayer.simulator.results.tables import column_names, latency_columns
from cutlayer.simulator.types import FloatArray, IntArray

# Columns of the counts of a stream
N_DELIVERED, N_LOST, N_IN_FLIGHT, N_LATE = range(4)
# Columns of the sums of a window of time
_W_FRAMES, _W_DELIVERED, _W_LOST, _W_LATE, _W_TRANSFER, _W_TOTAL, _W_TRANSFER_MAX, _W_TOTAL_MAX = range(8)

_LATENCY_COLUMNS = [[column.name for column in latency_columns(name, "")] for name in ("transfer", "end_to_end")]


LATE, LATE_ULP = 1e-9, 16
"""A frame is late if its latency exceeds the deadline by more than this share and this many ulp; see `is_late`."""


@compiled
def is_late(latency_s: float, deadline_s: float, done_s: float) -> bool:
    """Return whether a latency violates its deadline Q: latency > Q (1 + 1e-9) + 16 ulp of when the frame was done.

    No time is known better than to an ulp (2e-7 s at 1.7e9 s). In a slice without slack, whose frames just
    touch for ever, a single arrival that was rounded up makes all that follow that much later.
    """
    over = latency_s - deadline_s * (1.0 + LATE)
    return over > 0.0 and over > LATE_ULP * np.spacing(done_s)


class Sums(NamedTuple):
    """What is kept while walking: of every stream, and of every window of time."""

    counts: IntArray  # (n, 4): columns as named above
    moments: Moments
    largest: FloatArray  # (n, 2): transfer, end-to-end
    smallest: FloatArray  # (n, 2)
    histograms: Histograms
    series: FloatArray  # (windows, 8)


def sums(streams: int, windows: int, used: Histograms | None = None) -> Sums:
    """Return sums of nothing, with histograms in the memory of `used` ones."""
    return Sums(
        np.zeros((streams, 4), dtype=np.intp),
        moments(streams),
        np.zeros((streams, 2)),
        np.full((streams, 2), math.inf),
        histograms(streams) if used is None else cleared(used, streams),
        np.zeros((windows, 8)),
    )


class Terms(NamedTuple):
    """What latencies are made of and held against.

    Attributes
    ----------
    cloud_s, deadline_s : ndarray, shape (n,)
        As in `Slices`.
    propagation_s : float
    end_to_end : bool
        Whether the deadline is held against the end-to-end latency.
    series_s : float
        Width of the windows of time [s].
    """

    cloud_s: FloatArray
    deadline_s: FloatArray
    propagation_s: float
    end_to_end: bool
    series_s: float


def add(sums: Sums, count: int, rows: Rows, terms: Terms) -> Sums:
    """Return the sums with `count` rows added; the arrays are the same but where there was no room."""
    done = 0
    while True:
        done = _digest(done, count, rows, terms, sums)
        if done == count:
            return sums
        sums = sums._replace(histograms=with_more_room(sums.histograms))


@compiled
def _digest(done: int, count: int, rows: Rows, terms: Terms, sums: Sums) -> Any:
    """Add the rows from `done` to the sums, up to `count` or while there is room; return how many are done."""
    cloud_s, deadline_s, propagation, end_to_end, series_s = terms
    stream, arrival, size, fates = rows.stream, rows.arrival, rows.size, rows.fate
    compute_wait, compute_service, uplink_wait, uplink_service = (
        rows.compute_wait, rows.compute_service, rows.uplink_wait, rows.uplink_service,
    )  # fmt: skip
    counts, moments, largest, smallest, series = sums.counts, sums.moments, sums.largest, sums.smallest, sums.series
    pending, shifts = moments.pending, moments.shift
    block, bins, used = sums.histograms
    windows, room = len(series), len(bins)
    # unsigned indices spare the check for negative ones at every access
    p, end, one = np.uint64(done), np.uint64(count), np.uint64(1)
    while p < end:
        # the rows of one stream in a run, no more than its block takes: its sums stay out of memory meanwhile
        k, first, second = np.uint64(stream[p]), np.uint64(2 * stream[p]), np.uint64(2 * stream[p] + 1)
        delivered, lost, in_flight, violations = counts[k, 0], counts[k, 1], counts[k, 2], counts[k, 3]
        transfers, transfers_2, totals, totals_2 = pending[k, 0], pending[k, 1], pending[k, 2], pending[k, 3]
        waits, services, queued, sent = pending[k, 4], pending[k, 5], pending[k, 6], pending[k, 7]
        deadline, later = deadline_s[k], cloud_s[k]
        if delivered == 0:  # latencies are counted from the first of the stream
            q = p
            while q < end and np.uint64(stream[q]) == k and fates[q] != DELIVERED:
                q += one
            if q < end and np.uint64(stream[q]) == k:
                shifts[k, 0] = uplink_wait[q] + uplink_service[q]
                shifts[k, 1] = (compute_wait[q] + compute_service[q]) + shifts[k, 0]
                shifts[k, 1] += propagation + later * size[q]
        shift, shift_total = shifts[k, 0], shifts[k, 1]
        longest, longest_total = largest[k, 0], largest[k, 1]
        shortest, shortest_total = smallest[k, 0], smallest[k, 1]
        latest = deadline * (1.0 + LATE)
        full = False
        stop = min(end, p + np.uint64(BLOCK - (delivered & IN_BLOCK)))
        while p < stop and np.uint64(stream[p]) == k:
            if used[0] + 2 > room:
                full = True
                break
            fate = fates[p]
            window = 0
            if windows:
                window = min(int(arrival[p] / series_s), windows - 1)
                series[window, _W_FRAMES] += 1
            if fate != DELIVERED:
                if fate == LOST:
                    lost += 1
                    if windows:
                        series[window, _W_LOST] += 1
                else:
                    in_flight += 1
                p += one
                continue
            transfer = uplink_wait[p] + uplink_service[p]
            total = (compute_wait[p] + compute_service[p]) + transfer
            total += propagation + later * size[p]
            spent = total if end_to_end else transfer
            late = 0
            if spent > latest:  # or else it is in time whenever it was done
                late = int(is_late(spent, deadline, arrival[p] + total))
            delivered += 1
            violations += late
            transfers += transfer - shift
            transfers_2 += (transfer - shift) * (transfer - shift)
            totals += total - shift_total
            totals_2 += (total - shift_total) * (total - shift_total)
            waits += compute_wait[p]
            services += compute_service[p]
            queued += uplink_wait[p]
            sent += uplink_service[p]
            longest, longest_total = max(longest, transfer), max(longest_total, total)
            shortest, shortest_total = min(shortest, transfer), min(shortest_total, total)
            bin = bin_of(transfer)
            place = block[first, np.uint64(bin >> OCTAVE)]
            if place < 0:
                place = used[0]
                block[first, np.uint64(bin >> OCTAVE)] = place
                used[0] = place + 1
            bins[np.uint64(place), np.uint64(bin & IN_OCTAVE)] += 1
            bin = bin_of(total)
            place = block[second, np.uint64(bin >> OCTAVE)]
            if place < 0:
                place = used[0]
                block[second, np.uint64(bin >> OCTAVE)] = place
                used[0] = place + 1
            bins[np.uint64(place), np.uint64(bin & IN_OCTAVE)] += 1
            if windows:
                series[window, _W_DELIVERED] += 1
                series[window, _W_LATE] += late
                series[window, _W_TRANSFER] += transfer
                series[window, _W_TOTAL] += total
                series[window, _W_TRANSFER_MAX] = max(series[window, _W_TRANSFER_MAX], transfer)
                series[window, _W_TOTAL_MAX] = max(series[window, _W_TOTAL_MAX], total)
            p += one
        before = counts[k, 0]
        counts[k, 0], counts[k, 1], counts[k, 2], counts[k, 3] = delivered, lost, in_flight, violations
        pending[k, 0], pending[k, 1], pending[k, 2], pending[k, 3] = transfers, transfers_2, totals, totals_2
        pending[k, 4], pending[k, 5], pending[k, 6], pending[k, 7] = waits, services, queued, sent
        largest[k, 0], largest[k, 1] = longest, longest_total
        smallest[k, 0], smallest[k, 1] = shortest, shortest_total
        if delivered > before and delivered & IN_BLOCK == 0:
            merge(moments, k, delivered)
        if full:
            break
    return np.intp(p)


def stream_values(
    sums: Sums, quantile_s: FloatArray, frames: IntArray, propagation_s: FloatArray, cloudless: Any
) -> dict[str, Any]:
    """Return the columns of the table ``frames`` from ``frames`` to ``cloud_s``, one entry a slice.

    `sums` are `joined`; `quantile_s` is of shape (n, 2, quantiles), as of `quantiles`; `propagation_s` and
    `cloudless`, where the cloud takes no time, of shape (n,).
    """
    delivered = sums.counts[:, N_DELIVERED]
    mean, spread, parts = means(sums.moments, delivered)
    mean = np.clip(mean, sums.smallest, sums.largest)  # rounding may have taken it an ulp beyond
    values: dict[str, Any] = {
        "frames": frames,
        "delivered": delivered,
        "lost": sums.counts[:, N_LOST],
        "in_flight": sums.counts[:, N_IN_FLIGHT],
        "violations": sums.counts[:, N_LATE],
    }
    for which, columns in enumerate(_LATENCY_COLUMNS):
        largest = np.where(delivered > 0, sums.largest[:, which], math.nan)
        seen = mean[:, which], spread[:, which], *quantile_s[:, which].T, largest
        values |= dict(zip(columns, seen, strict=True))
    names = ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s")
    values |= dict(zip(names, parts.T, strict=True))
    values["propagation_s"] = propagation_s
    values["cloud_s"] = np.maximum(mean[:, 1] - parts.sum(axis=1) - propagation_s, 0.0)
    values["cloud_s"][cloudless & (delivered > 0)] = 0.0  # the difference is what rounding left
    return values


def joined(parts: Sequence[Sums]) -> Sums:
    """Return the sums of all streams of several servers, without their histograms and series, nothing pending."""
    if not parts:
        return sums(0, 0)
    counts = np.concatenate([part.counts for part in parts])
    of_all = Moments(*map(np.concatenate, zip(*(part.moments for part in parts), strict=True)))
    merge_rest(of_all, counts[:, N_DELIVERED])
    return Sums(
        counts,
        of_all,
        np.concatenate([part.largest for part in parts]),
        np.concatenate([part.smallest for part in parts]),
        histograms(0),
        parts[0].series[:0],
    )


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
    means = np.minimum(means, largest)  # rounding may have taken it an ulp beyond
    counts = series[:, [_W_FRAMES, _W_DELIVERED, _W_LOST, _W_LATE]].astype(np.intp)
    times = np.arange(len(series)) * series_s
    names = column_names("frame_series")
    return dict(zip(names, (times, *counts.T, *means.T, *largest.T), strict=True))
