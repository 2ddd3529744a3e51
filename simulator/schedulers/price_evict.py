"""Prices learnt on the way, without a horizon: a dearer task may be evicted for a cheaper one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.demand import Demand, fitting, room
from simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View
from simulator.schedulers.learnt import LearntPrices, admitted
from simulator.types import Deployment, FloatArray, Task

CROWDED = 0.95
"""While all tasks seen would fit, prices are those of a network so much smaller that only this share does."""

CROWDING = 1.2
"""Factor by which the network that is priced grows or shrinks until about `CROWDED` of the tasks fit."""

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

    Prices are those at which the best of all tasks seen, deployed or not, fill the network. While they would
    all fit, nothing is scarce and nothing would have a price; so they are priced as in a network that is
    smaller by as much as leaves a few of them out. A task that fits is deployed at its cheapest fitting cut.
    For one that does not, the deployed tasks are tried from the dearest down to those as cheap as itself: the
    first whose eviction makes room for it at a cut that costs less goes. So the number of deployed tasks
    never falls while nobody departs, and each exchange leaves more room for those to come.
    """

    def __init__(self) -> None:
        self.learnt = LearntPrices()
        self.held: dict[str, _Held] = {}
        self.next_pricing = 1
        self.shrunk = 1.0

    def decide(self, task: Task, view: View) -> Decision:
        self.learnt.seen.append(task)
        if len(self.learnt.seen) >= self.next_pricing:
            self._learn(view)
        demand = view.demand(task)
        cost = self.learnt.costs(demand)
        fit = [cut for cut in view.fitting(task) if cut > 0]
        if fit:
            return self._deploy(demand, min(fit, key=cost.__getitem__), cost)
        cheapest = 1 + int(cost[1:].argmin())
        dearer = [(name, held) for name, held in self.held.items() if held.cost > cost[cheapest]]
        for name, held in sorted(dearer, key=lambda pair: -pair[1].cost):
            cut = _cut_without(held, demand, cost, view)
            if cut is not None:
                del self.held[name]
                return self._deploy(demand, cut, cost, name)
        if dearer:
            return Reject(f"nobody dearer than its price {cost[cheapest]:.4g} could make room", cheapest)
        return Reject(f"its price {cost[cheapest]:.4g} exceeds that of every deployed task", cheapest)

    def on_departure(self, deployment: Deployment, view: View) -> None:
        self.held.pop(deployment.task.name, None)

    def _deploy(self, demand: Demand, cut: int, cost: FloatArray, *evict: str) -> Deploy:
        self.held[demand.task.name] = _Held(demand, cut, float(cost[cut]))
        return Deploy(cut, evict)

    def _learn(self, view: View) -> None:
        packing = self.learnt.sample(view)
        prices = self.learnt.learn(packing, 1 / self.shrunk, view)
        most = self.shrunk * len(packing) * CROWDING  # alone, a task fits into all but the smallest networks
        while admitted(packing, prices, 1 / self.shrunk) > CROWDED and self.shrunk < most:
            self.shrunk *= CROWDING
            prices = self.learnt.learn(packing, 1 / self.shrunk, view)
        while self.shrunk > 1 and admitted(packing, prices, CROWDING / self.shrunk) <= CROWDED:
            self.shrunk = max(1.0, self.shrunk / CROWDING)
        for held in self.held.values():
            held.cost = float(self.learnt.costs(held.demand)[held.cut])
        self.next_pricing = len(self.learnt.seen) + math.ceil(PACE * len(self.learnt.seen))


def _cut_without(held: _Held, demand: Demand, cost: FloatArray, view: View) -> int | None:
    """Return the cheapest cut of `demand` that fits once `held` is gone and costs less, or None."""
    free_bps, free_flop_per_s = view.free_bps.copy(), view.free_flop_per_s.copy()
    free_bps[held.demand.links] += held.demand.bps(held.cut)
    free_flop_per_s[held.demand.servers] += held.demand.flop_per_s(held.cut)
    fits = fitting(demand, room(demand, free_bps, free_flop_per_s))
    cheaper = [cut for cut in range(1, len(cost)) if fits[cut] and cost[cut] < held.cost]
    return min(cheaper, key=cost.__getitem__) if cheaper else None
