"""Prices learnt on the way, for a number of tasks known beforehand; nobody is evicted."""

from __future__ import annotations

import math

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View, rejection_when_empty
from cutlayer.simulator.schedulers.learnt import LearntPrices, fits_empty, free_shares
from cutlayer.simulator.types import Task

CARE = 0.5
"""How much of its share of the capacity the first task may not count on; falls with 1/sqrt(tasks seen)."""

PACE = 0.1
"""Prices are learnt anew when this much has been added to the tasks seen, or taken off those to come."""


@SCHEDULERS.register("price-online")
class PriceOnline(OnlineScheduler):
    """Admit a task whose cheapest fitting cut costs no more than 1 at the prices learnt so far.

    The n tasks seen stand for those to come: prices are those at which the best of them would fill
    n / (expected - n) of what is free now, less a margin for what so small a sample may hide. What was
    misjudged early shows in what is free, and is put right by the prices that follow. Towards the end
    whatever fits is deployed, and so are tasks beyond the expected number. A task that no cut could place in
    the empty network is rejected and not learnt from.

    Parameters
    ----------
    expected_tasks : int
        How many tasks will arrive, 1 or more.

    References
    ----------
    Agrawal, Wang and Ye, "A dynamic near-optimal algorithm for online linear programming", Operations
    Research 62(4), 2014, for prices learnt at growing intervals and the early margin.
    Li and Ye, "Online linear programming: dual convergence, new algorithms, and regret bounds", Operations
    Research 70(5), 2022, for pricing what is free rather than what was there.
    """

    examples = ({"expected_tasks": 1000}, {"expected_tasks": 20})

    def __init__(self, *, expected_tasks: int) -> None:
        if not isinstance(expected_tasks, int) or expected_tasks < 1:
            raise InputError(f"expected_tasks is {expected_tasks!r}; allowed: a whole number, 1 or more")
        self.expected_tasks = expected_tasks
        self.learnt = LearntPrices()
        self.arrived = 0
        self.next_pricing = 1

    def decide(self, task: Task, view: View) -> Decision:
        self.arrived += 1
        if not fits_empty(task, view):
            return rejection_when_empty(task, view)
        self.learnt.seen.append(task)
        if self.arrived >= self.next_pricing:
            self._learn(view)
        demand, fitting = view.demand(task), view.fitting(task)
        cost = self.learnt.costs(demand)
        if not fitting:
            return Reject("no cut fits", demand.first_cut + int(cost[demand.first_cut :].argmin()))
        cut = min(fitting, key=cost.__getitem__)
        if cost[cut] > 1:
            return Reject(f"its price {cost[cut]:.4g} exceeds 1 at these prices", cut)
        return Deploy(cut)

    def _learn(self, view: View) -> None:
        left = max(self.expected_tasks - self.arrived, 1)
        packing = self.learnt.sample(view)
        margin = CARE / math.sqrt(len(packing)) * (left / self.expected_tasks)
        self.learnt.learn(packing, free_shares(packing, view) * (self.arrived / left * (1 - margin)), view)
        self.next_pricing = self.arrived + math.ceil(PACE * min(self.arrived, left))
