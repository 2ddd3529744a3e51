"""The tasks at one server as frames see them: from when to when each emits, and what a frame of it needs there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cutlayer.simulator.demand import demand_of
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.ties import is_by
from cutlayer.simulator.types import FloatArray, IntArray, Network
from cutlayer.simulator.units import bits

DELIVERED, LOST, IN_FLIGHT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """The tasks at one server, in task order, and what a frame of mean size asks there. Arrays of shape (n,).

    Attributes
    ----------
    server : int
    span : ndarray of int
        Which span each belongs to.
    start_s, stop_s : ndarray
        From when (included) to when (excluded) it emits [s].
    rate_hz : ndarray
        Frames a second.
    edge_s : ndarray
        Compute time of a frame of mean size, FLOP / c_i [s].
    slice_s : ndarray
        Time of its bits at the slice's rate [s].
    cloud_s : ndarray
        Time of the remaining layers in the cloud, of a frame of mean size [s].
    reserved_bps : ndarray
        The slice's rate [bit/s].
    deadline_s : ndarray
        Q_j [s].
    drop_s : ndarray
        When frames still on their way are lost because their task ends [s]; infinite if never.
    """

    server: int
    span: IntArray
    start_s: FloatArray
    stop_s: FloatArray
    rate_hz: FloatArray
    edge_s: FloatArray
    slice_s: FloatArray
    cloud_s: FloatArray
    reserved_bps: FloatArray
    deadline_s: FloatArray
    drop_s: FloatArray

    def __len__(self) -> int:
        return len(self.span)


def slices_by_server(
    spans: Sequence[Span], network: Network, settings: FrameSettings, end_s: float
) -> tuple[list[Slices], list[list[tuple[float, float, float]]]]:
    """Return the slices at every server, and the (start, end, bit/s) of every reservation on every link."""
    reservations: list[list[tuple[float, float, float]]] = [[] for _ in network.links]
    every_link = range(len(network.links))
    of_span = []
    for span in spans:
        task, cut = span.task, span.cut
        demand = demand_of(task, network)
        links = every_link[demand.links] if isinstance(demand.links, slice) else demand.links.tolist()
        for link, bps in zip(links, demand.bps(cut).tolist(), strict=True):
            reservations[link].append((span.start_s, span.end_s, bps))
        sent, per_byte = bits(float(task.profile.ratio_by_cut[cut])), task.profile.flop_per_byte_by_cut
        ends = span.ending != "deployed" and settings.on_end == "drop" and is_by(span.end_s, end_s)
        of_span.append(
            (
                span.start_s,
                min(span.end_s, end_s),
                task.frame_rate_hz,
                sent / demand.rho[cut],
                task.deadline_s,
                span.end_s if ends else math.inf,
                per_byte[cut],
                per_byte[-1] - per_byte[cut],
                demand.rho[cut],
            )
        )
    fed = [span.task.servers for span in spans]
    server = np.concatenate([np.empty(0, dtype=np.intp), *fed])
    order = np.argsort(server, kind="stable")
    server = server[order]
    index = np.repeat(np.arange(len(spans)), [len(servers) for servers in fed])[order]
    input_bytes = np.concatenate([np.empty(0), *(span.task.input_bytes for span in spans)])[order]
    columns: Any = np.array(of_span, dtype=float).reshape(-1, 9).T.take(index, axis=1)
    start_s, stop_s, rate_hz, slice_s, deadline_s, drop_s, edge_flop, cloud_flop, rho = columns
    edge_s = input_bytes * edge_flop / network.capacity_flop_per_s[server]
    cloud_s = input_bytes * cloud_flop / network.cloud_flop_per_s
    every: Any = (
        index, start_s, stop_s, rate_hz, edge_s, slice_s, cloud_s, input_bytes * rho, deadline_s, drop_s,
    )  # fmt: skip
    bounds = pairwise(np.searchsorted(server, np.arange(len(network.servers) + 1)).tolist())
    return [Slices(n, *[column[low:high] for column in every]) for n, (low, high) in enumerate(bounds)], reservations
