"""What each server and each link got done over time: the table ``frame_series_by``.

Work counts in the windows in which it is done: FLOP while a server computes, bits while a slice sends, also those
of frames that are lost or still on their way later. So no window shows more than the resource can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.conditions import links_of
from cutlayer.simulator.frames.rows import Rows
from cutlayer.simulator.frames.walk.spread import BITS, FLOP, Done, spread_course
from cutlayer.simulator.frames.walk.stage import Course
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.types import FloatArray, Network


@compiled
def add_computed(count: int, rows: Rows, compute: Course, flop_per_s: float, done: Done) -> None:
    """Add what a server computed for `count` frames to `done`."""
    for p in range(count):
        if rows.compute_service[p] > 0.0:
            begun = rows.arrival[p] + rows.compute_wait[p]
            spread_course(done, FLOP, flop_per_s, compute, begun, begun + rows.compute_service[p])


@compiled
def add_sent(count: int, rows: Rows, uplink: Course, reserved_bps: Any, done: Done) -> None:
    """Add what the reserved slices of a server sent of `count` frames to `done`."""
    for p in range(count):
        if rows.uplink_service[p] > 0.0:
            begun = rows.arrival[p] + (rows.compute_wait[p] + rows.compute_service[p]) + rows.uplink_wait[p]
            spread_course(done, BITS, reserved_bps[rows.stream[p]], uplink, begun, begun + rows.uplink_service[p])


def throughput(network: Network, done: Sequence[FloatArray], series_s: float) -> dict[str, Any]:
    """Return the columns of the table ``frame_series_by``: window by window, links first, in the network's order.

    Parameters
    ----------
    network : Network
    done : sequence of ndarray of shape (windows, 2)
        FLOP and bits of every server; links are those that servers use.
    series_s : float
        Width of a window [s].
    """
    carried: dict[int, FloatArray] = {}
    for server in range(len(done)):
        for link in links_of(network, server):
            carried[link] = done[server][:, BITS] + carried.get(link, 0.0)
    links, servers = sorted(carried), range(len(done))
    resources = len(links) + len(servers)
    windows = len(done[0]) if done else 0
    per_s = np.full((2, windows, resources), None, dtype=object)
    for n, link in enumerate(links):
        per_s[BITS, :, n] = carried[link] / series_s
    for n, server in enumerate(servers, len(links)):
        per_s[FLOP, :, n] = done[server][:, FLOP] / series_s
    kinds = ["link"] * len(links) + ["server"] * len(servers)
    names = [*(network.links[link] for link in links), *(network.servers[server] for server in servers)]
    columns = (
        np.repeat(np.arange(windows) * series_s, resources),
        np.tile(np.array(kinds, dtype=object), windows),
        np.tile(np.array(names, dtype=object), windows),
        per_s[FLOP].ravel(),
        per_s[BITS].ravel(),
    )
    return dict(zip(column_names("frame_series_by"), columns, strict=True))
