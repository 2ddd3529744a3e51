"""Prices learnt on the way, without a horizon: a dearer task may be evicted for a cheaper one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cutlayer.simulator.demand import Demand, fitting, room
from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View, rejection_when_empty
from cutlayer.simulator.schedulers.learnt import LearntPrices, admitted, fits_empty, free_shares
from cutlayer.simulator.types import Deployment, FloatArray, Task

CROWDED = 0.9
"""What is on offer is priced as so much less of it that about this share of the tasks seen would fit."""

CROWDING = 1.2
"""Factor by which what is priced grows or shrinks to get there."""

LEAST_SHRUNK = 1e-3
"""What is free is priced as a thousand times as much at most."""

PACE = 0.05
"""Prices are learnt anew when the tasks seen have become this much more."""


@dataclass(slots=True, eq=False)
class _Held:
    """A deployed task: what it takes, and what that costs at the prices of now."""

    demand: Demand
    cut: int
    cost: float


@SCHEDULERS.register("price-evict")
class PriceEvict(OnlineScheduler):
    """Deploy what fits; for what does not, evict one task that is dearer, if that makes room.

    Prices are those at which the best of all tasks seen, deployed or not, fill what is on offer: the whole
    network, or what is free as long as every task has fitted. While they would all fit, nothing is scarce and
    nothing would have a price; so less is put on offer, by as much as leaves a few of them out.

    A task that fits is deployed at its cheapest fitting cut. For one that does not, the deployed tasks are
    tried from the dearest down to those as cheap as itself: the first whose eviction makes room for it at a
    cut that costs less goes. So the number of deployed tasks never falls while nobody departs, and each
    exchange leaves more room for those to come. A task that no cut could place in the empty network is
    rejected and not learnt from.

    Attributes
    ----------
    full : bool
        Whether some task has not fitted yet.
    shrunk : float
        By which factor less is priced than is on offer.
    """

    def __init__(self) -> None:
        self.learnt = LearntPrices()
        self.held: dict[str, _Held] = {}
        self.next_pricing = 1
        self.shrunk = 1.0
        self.full = False

    def decide(self, task: Task, view: View) -> Decision:
        demand = view.demand(task)
        if not fits_empty(task, view):
            return rejection_when_empty(task, view)
        fits = view.fitting(task)
        self.learnt.seen.append(task)
        fills = not fits and not self.full
        if fills:
            self.full, self.shrunk = True, max(self.shrunk, 1.0)
        if fills or len(self.learnt.seen) >= self.next_pricing:
            self._learn(view)
        cost = self.learnt.costs(demand)
        if fits:
            return self._deploy(demand, min(fits, key=cost.__getitem__), cost)
        cheapest = demand.first_cut + int(cost[demand.first_cut :].argmin())
        dearer = [(name, held) for name, held in self.held.items() if held.cost > cost[cheapest]]
        for name, held in sorted(dearer, key=lambda pair: -pair[1].cost):
            cut = _cut_without(held, demand, cost, view)
            if cut is not None:
                del self.held[name]
                return self._deploy(demand, cut, cost, name)
        price = f"no cut fits; at a price of {cost[cheapest]:.4g}"
        if dearer:
            return Reject(f"{price} there are dearer tasks, but none alone would make room", cheapest)
        return Reject(f"{price} it is the dearest", cheapest)

    def on_departure(self, deployment: Deployment, view: View) -> None:
        self.held.pop(deployment.task.name, None)

    def _deploy(self, demand: Demand, cut: int, cost: FloatArray, *evict: str) -> Deploy:
        self.held[demand.task.name] = _Held(demand, cut, float(cost[cut]))
        return Deploy(cut, evict)

    def _learn(self, view: View) -> None:
        packing = self.learnt.sample(view)
        offered = np.ones(1) if self.full else free_shares(packing, view)
        least = 1.0 if self.full else LEAST_SHRUNK
        most = self.shrunk * len(packing) * CROWDING  # alone, a task fits into all but the smallest networks
        prices = self.learnt.learn(packing, offered / self.shrunk, view)
        while admitted(packing, prices, offered / self.shrunk) > CROWDED and self.shrunk < most:
            self.shrunk *= CROWDING
            prices = self.learnt.learn(packing, offered / self.shrunk, view)
        while self.shrunk > least and admitted(packing, prices, offered * CROWDING / self.shrunk) <= CROWDED:
            self.shrunk = max(least, self.shrunk / CROWDING)
        for held in self.held.values():
            held.cost = float(self.learnt.costs(held.demand)[held.cut])
        self.next_pricing = len(self.learnt.seen) + math.ceil(PACE * len(self.learnt.seen))


def _cut_without(held: _Held, demand: Demand, cost: FloatArray, view: View) -> int | None:
    """Return the cheapest cut of `demand` that fits once `held` is gone and costs less, or None."""
    free_bps, free_flop_per_s = view.free_bps.copy(), view.free_flop_per_s.copy()
    free_bps[held.demand.links] += held.demand.bps(held.cut)
    free_flop_per_s[held.demand.servers] += held.demand.flop_per_s(held.cut)
    fits = fitting(demand, room(demand, free_bps, free_flop_per_s))
    cheaper = [cut for cut in range(demand.first_cut, len(cost)) if fits[cut] and cost[cut] < held.cost]
    return min(cheaper, key=cost.__getitem__) if cheaper else None
