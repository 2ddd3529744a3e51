"""The paper's online algorithm, as a threshold rule and as printed."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from cutlayer.simulator.demand import cut_rule as rule_named
from cutlayer.simulator.errors import UnknownNameError
from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View
from cutlayer.simulator.ties import TIE
from cutlayer.simulator.types import Task

Admission = Literal["threshold", "printed"]
ADMISSIONS: tuple[Admission, ...] = ("threshold", "printed")


@SCHEDULERS.register("threshold")
class Threshold(OnlineScheduler):
    """Admit while the bandwidth a task needs is below a price that falls as compute fills up.

    At the server with the task's largest input, let z be the used share of compute before the task, w the
    bandwidth its cut needs there, and Bmin, Bmax the smallest and largest such w seen so far, this one
    included. The task is admitted when ``w <= e * Bmax * (Bmin / (e * Bmax)) ** z``. Nobody is evicted.

    Parameters
    ----------
    cut_rule : str
        Order of the candidate cuts: ``balanced``, ``largest-product`` or ``fixed(k)``.
    admission : {"threshold", "printed"}
        ``"printed"`` takes the paper's inequality to the letter, in bit/s and FLOP/s.

    References
    ----------
    Paper, section IV; Zhou, Chakrabarty and Lukose, "Budget constrained bidding in keyword auctions and
    online knapsack problems", WINE 2008, for the threshold with the ratio ln(Bmax/Bmin) + 1.
    """

    examples = ({}, {"cut_rule": "largest-product"}, {"admission": "printed"})

    def __init__(self, *, cut_rule: str = "balanced", admission: Admission = "threshold") -> None:
        if admission not in ADMISSIONS:
            raise UnknownNameError("admission", admission, ADMISSIONS)
        self.rule = rule_named(cut_rule)
        self.admission = admission
        self.least_bps, self.most_bps = math.inf, 0.0

    def decide(self, task: Task, view: View) -> Decision:
        cut = view.first_fit(task, self.rule)
        if cut is None:
            return Reject("no cut fits", view.candidates(task, self.rule)[0])
        at, need_bps, need_flop_per_s = self._largest_input(task, cut, view)
        self.least_bps, self.most_bps = min(self.least_bps, need_bps), max(self.most_bps, need_bps)
        free_flop_per_s = view.free_flop_per_s[at]
        if self.admission == "printed":
            # the same star or not: the uplink of a server is the tightest of its links
            left = (_free_uplink_bps(view, at) - need_bps, free_flop_per_s - need_flop_per_s)
            log_price = free_flop_per_s * (math.log(self.least_bps / self.most_bps) + 1) + math.log(self.most_bps) + 1
            admit = min(left) <= 0 or math.log(left[0]) + math.log(left[1]) <= log_price
        else:
            used_share = 1 - free_flop_per_s / view.network.capacity_flop_per_s[at]
            ceiling = math.e * self.most_bps
            admit = need_bps <= ceiling * (self.least_bps / ceiling) ** used_share * (1 + TIE)
        return Deploy(cut) if admit else Reject("needs more bandwidth than the threshold allows", cut)

    def report(self) -> dict[str, float]:
        """Return Bmin and Bmax [bit/s], once a task had a cut that fits."""
        return {"least_bps": self.least_bps, "most_bps": self.most_bps} if self.most_bps else {}

    def _largest_input(self, task: Task, cut: int, view: View) -> tuple[int, float, float]:
        """Return the server with the largest input (ties: the fullest, then the first) and what `cut` needs there."""
        demand = view.demand(task)
        largest = task.servers[task.input_bytes >= task.input_bytes.max() * (1 - TIE)]
        used = 1 - view.free_flop_per_s[largest] / view.network.capacity_flop_per_s[largest]
        at = int(largest[np.argmax(used >= used.max() - TIE)])
        input_bytes = float(task.input_bytes.max())
        return at, input_bytes * float(demand.rho[cut]), input_bytes * float(demand.gamma[cut])


def _free_uplink_bps(view: View, server: int) -> float:
    """Return the free bandwidth of the tightest link on the way of `server`."""
    return float(view.free_bps[view.network.links_from(server)].min(initial=math.inf))
