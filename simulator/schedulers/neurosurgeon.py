"""Each task alone picks the cut with the least latency."""

from __future__ import annotations

import numpy as np

from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View
from cutlayer.simulator.ties import ordered
from cutlayer.simulator.types import FloatArray, Network, Task
from cutlayer.simulator.units import bits


@SCHEDULERS.register("neurosurgeon")
class Neurosurgeon(OnlineScheduler):
    """The cut with the least latency for this task alone on idle resources, admitted if it fits.

    A frame's latency at cut k is the worst over the task's servers of

        d_ij l_k / c_i + 8 d_ij r_k / (V b_i) + d_ij (l_N - l_k) / cloud speed,

    V b_i being the tightest link on the way of server i. The first cut on ties. Cut 0 is considered
    only where the network has `allow_raw`.

    References
    ----------
    Kang et al., "Neurosurgeon: collaborative intelligence between the cloud and mobile edge", ASPLOS 2017,
    for choosing the cut by latency, one network at a time.
    """

    def decide(self, task: Task, view: View) -> Decision:
        first = view.demand(task).first_cut
        cut = first + int(ordered(latency_s(task, view.network)[first:])[0])
        if cut in view.fitting(task):
            return Deploy(cut)
        return Reject("the cut with the least latency does not fit", cut)


def latency_s(task: Task, network: Network) -> FloatArray:
    """Return the latency of one frame on idle resources, by cut [s]: shape (N + 1,)."""
    d, profile = task.input_bytes[:, None], task.profile
    flop_per_byte = profile.flop_per_byte_by_cut
    on_edge_s = d * flop_per_byte / network.capacity_flop_per_s[task.servers, None]
    on_link_s = bits(d * profile.ratio_by_cut) / _uplink_bps(task, network)[:, None]
    in_cloud_s = d * (flop_per_byte[-1] - flop_per_byte) / network.cloud_flop_per_s
    return (on_edge_s + on_link_s + in_cloud_s).max(axis=0)  # type: ignore[no-any-return]


def _uplink_bps(task: Task, network: Network) -> FloatArray:
    """Return what the tightest link on the way of each of the task's servers may carry [bit/s]."""
    if network.is_star:
        return network.usable_bps[task.servers]
    crossed = network.routes[:, task.servers].tocoo()
    tightest = np.full(len(task.servers), np.inf)
    np.minimum.at(tightest, crossed.coords[1], network.usable_bps[crossed.coords[0]])
    return tightest
