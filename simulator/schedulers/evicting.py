"""First-in-first-out and largest-bandwidth-first: deploy everything, evict when full (paper, section V)."""

from __future__ import annotations

from cutlayer.simulator.demand import cut_rule as rule_named
from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, View, rejection_when_empty
from cutlayer.simulator.ties import TIE
from cutlayer.simulator.types import Task


class Evicting(OnlineScheduler):
    """Deploy at the first candidate cut that fits; while none fits, evict a victim and look again.

    A task that no cut could place in the empty network is rejected and nobody is evicted for it.

    Parameters
    ----------
    cut_rule : str
        Order of the candidate cuts: ``balanced``, ``largest-product`` or ``fixed(k)``.
    """

    examples = ({}, {"cut_rule": "largest-product"}, {"cut_rule": "fixed(2)"})

    def __init__(self, *, cut_rule: str = "balanced") -> None:
        self.rule = rule_named(cut_rule)

    def victim(self, view: View) -> str:
        """Return the name of the deployed task to evict next."""
        raise NotImplementedError

    def decide(self, task: Task, view: View) -> Decision:
        cut = view.first_fit(task, self.rule)
        if cut is None and view.empty().first_fit(task, self.rule) is None:
            return rejection_when_empty(task, view, self.rule)
        evict: list[str] = []
        while cut is None:
            evict.append(self.victim(view))
            view = view.without(evict[-1])
            cut = view.first_fit(task, self.rule)
        return Deploy(cut, tuple(evict))


@SCHEDULERS.register("fifo")
class Fifo(Evicting):
    """Evicts the task deployed longest ago."""

    def victim(self, view: View) -> str:
        return next(iter(view.deployed))


@SCHEDULERS.register("lbf")
class LargestBandwidthFirst(Evicting):
    """Evicts the task with the largest reserved bandwidth, summed over its servers.

    Of totals that are equal (see `cutlayer.simulator.ties.TIE`) the one deployed longest ago goes.
    """

    def victim(self, view: View) -> str:
        most = max(deployment.reserved_bps for deployment in view.deployed.values())
        return next(n for n, deployment in view.deployed.items() if deployment.reserved_bps >= most * (1 - TIE))
