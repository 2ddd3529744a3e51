"""The paper's offline algorithm, and the fixed cuts it is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutlayer.simulator.demand import Fixed
from cutlayer.simulator.demand import cut_rule as rule_named
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import SCHEDULERS, OfflineScheduler, View
from cutlayer.simulator.ties import ordered
from cutlayer.simulator.types import Network, Task


@SCHEDULERS.register("offline")
class Offline(OfflineScheduler):
    """Tasks by rising largest input; each at the first candidate cut that fits on all its servers.

    Ties in the largest input go to the task that arrives first. Source: paper, section IV.

    Parameters
    ----------
    cut_rule : str
        Order of the candidate cuts: ``balanced``, ``largest-product`` or ``fixed(k)``.
    """

    examples = ({}, {"cut_rule": "largest-product"})

    def __init__(self, *, cut_rule: str = "balanced") -> None:
        self.rule = rule_named(cut_rule)

    def plan(self, tasks: Sequence[Task], network: Network) -> dict[str, int]:
        ledger = Ledger(network)
        view = View(ledger, {})
        plan = {}
        for j in ordered(np.array([task.input_bytes.max() for task in tasks])).tolist():
            task = tasks[j]
            cut = view.first_fit(task, self.rule)
            if cut is not None:
                ledger.reserve(view.demand(task), cut)
                plan[task.name] = cut
        return plan


@SCHEDULERS.register("fixed")
class FixedCut(Offline):
    """The offline order with one cut for all, min(cut, N): the paper's comparison, Fig. 4(a).

    Parameters
    ----------
    cut : int
        Layers on the edge, 1 or more.
    """

    examples = ({"cut": 1}, {"cut": 3})

    def __init__(self, *, cut: int) -> None:
        self.rule = Fixed(cut)
