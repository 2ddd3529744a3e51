"""What each server and each link got done over time: the table ``frame_series_by``.

FLOP count in the window in which their compute service ends, bits in that in which their transmission ends,
also those of frames that are lost or still on their way later. So windows times their width add up to the
work of all frames that got that far by the end of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.conditions import links_of
from cutlayer.simulator.frames.rows import Rows
from cutlayer.simulator.frames.slices import COMPUTED, SENT
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.types import FloatArray, Network

FLOP, BITS = 0, 1
"""Columns of what a server got done in a window."""


@compiled
def add_done(count: int, rows: Rows, flop: Any, n_bits: Any, series_s: float, done: Any) -> None:
    """Add what `count` rows got done to `done`, shape (windows, 2), at one server."""
    last = len(done) - 1
    for p in range(count):
        if rows.reached[p] < COMPUTED:
            continue
        k = rows.stream[p]
        time = rows.arrival[p] + (rows.compute_wait[p] + rows.compute_service[p])
        done[min(int(time / series_s), last), FLOP] += flop[k] * rows.size[p]
        if rows.reached[p] == SENT:
            time += rows.uplink_wait[p] + rows.uplink_service[p]
            done[min(int(time / series_s), last), BITS] += n_bits[k] * rows.size[p]


def throughput(network: Network, done: Mapping[int, FloatArray], series_s: float) -> dict[str, Any]:
    """Return the columns of the table ``frame_series_by``: window by window, links first, in the network's order.

    Parameters
    ----------
    network : Network
    done : mapping of int to ndarray of shape (windows, 2)
        FLOP and bits of each server that was walked; links are those that these servers use.
    series_s : float
        Width of a window [s].
    """
    carried: dict[int, FloatArray] = {}
    for server in sorted(done):
        for link in links_of(network, server):
            carried[link] = done[server][:, BITS] + carried.get(link, 0.0)
    links, servers = sorted(carried), sorted(done)
    resources = len(links) + len(servers)
    windows = len(done[servers[0]]) if servers else 0
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
