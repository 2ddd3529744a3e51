"""What the frames of a run met: tables, and every single frame where they are kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.frames.count.quantiles import exact_quantiles
from cutlayer.simulator.frames.rows import Rows, rows
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT, Slices
from cutlayer.simulator.results.tables import QUANTILES
from cutlayer.simulator.types import FloatArray


class KeptFrames(NamedTuple):
    """Every frame of a run, by server, task and number. Arrays of shape (frames,).

    Of a lost frame the times are those that had passed when it was lost; of one in flight they are NaN.
    """

    task: Any  # index into the spans
    server: Any  # index into the network's servers
    number: Any  # counted from 0 within its task and server
    arrival_s: FloatArray
    size: FloatArray  # as a multiple of the mean
    compute_wait_s: FloatArray
    compute_service_s: FloatArray
    uplink_wait_s: FloatArray
    uplink_service_s: FloatArray
    transfer_s: FloatArray
    end_to_end_s: FloatArray
    fate: Any  # cutlayer.simulator.frames.slices.DELIVERED, LOST or IN_FLIGHT


@dataclass(frozen=True, eq=False)
class FrameResults:
    """What the frames of a run met.

    Attributes
    ----------
    table : dict of str to ndarray
        One entry a task and server; columns as in the table ``frames``.
    series : dict of str to ndarray
        One entry a window of time, columns as in the table ``frame_series``; empty without
        ``settings.series_s``.
    series_by : dict of str to ndarray
        One entry a window of time and a link or server, columns as in the table ``frame_series_by``; empty
        without ``settings.series_s``.
    kept : KeptFrames or None
        Every frame, where they were kept.
    """

    table: dict[str, Any]
    series: dict[str, Any]
    series_by: dict[str, Any]
    kept: KeptFrames | None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the table row by row."""
        columns = [np.asarray(values).tolist() for values in self.table.values()]
        for row in zip(*columns, strict=True):
            yield dict(zip(self.table, row, strict=True))

    def summary(self) -> dict[str, Any]:
        """Return the totals of the run: counts, mean latencies, largest ones, unstable slices."""
        table = self.table
        names = ("frames", "delivered", "lost", "in_flight", "violations")
        total: dict[str, Any] = {name: int(table[name].sum()) for name in names}
        for name in ("transfer", "end_to_end"):
            some = table["delivered"] > 0
            means, weight = table[f"{name}_mean_s"][some], table["delivered"][some]
            mean = None
            if some.any():  # rounding may take it an ulp beyond those it is of
                mean = float(np.clip(math.fsum((means * weight).tolist()) / weight.sum(), means.min(), means.max()))
            total[f"{name}_mean_s"] = mean
            total[f"{name}_max_s"] = float(table[f"{name}_max_s"][some].max()) if some.any() else None
        total["unstable_slices"] = int(table["unstable"].sum())
        return total


def kept_frames(parts: Sequence[Sequence[Any]], slices: Slices, propagation: float) -> KeptFrames:
    """Return the frames of one server, put together out of the columns of its `Rows`, window by window."""
    columns: list[Any] = [np.concatenate(column) for column in zip(rows(0), *parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    every = Rows(*[column[order] for column in columns])
    stream = every.stream
    times: Any = np.array([every.compute_wait, every.compute_service, every.uplink_wait, every.uplink_service])
    times[:, every.fate == IN_FLIGHT] = math.nan
    transfer = times[2] + times[3]
    total = (times[0] + times[1]) + transfer
    cloud = propagation + slices.cloud_s[stream] * every.size
    total += np.where(every.fate == DELIVERED, cloud, 0.0)
    compute_wait, compute_service, uplink_wait, uplink_service = times
    return KeptFrames(
        slices.span[stream], np.full(len(stream), slices.server), every.number, every.arrival, every.size,
        compute_wait, compute_service, uplink_wait, uplink_service, transfer, total, every.fate,
    )  # fmt: skip


def kept_quantiles(every: KeptFrames, slices: Slices) -> FloatArray:
    """Return the exact quantiles of every slice, shape (n, 2, quantiles), out of the frames of one server."""
    exact = []
    bounds = [*np.searchsorted(every.task, slices.span).tolist(), len(every.task)]
    for low, high in pairwise(bounds):
        done = every.fate[low:high] == DELIVERED
        latencies = every.transfer_s[low:high], every.end_to_end_s[low:high]
        exact.append([exact_quantiles(latency[done]) for latency in latencies])
    return np.array(exact, dtype=float).reshape(len(slices), 2, len(QUANTILES))
