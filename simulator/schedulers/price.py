"""Dual prices, rounded to a plan that comes with a certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cutlayer.simulator.bounds.packing import Packing
from cutlayer.simulator.bounds.prices import TEMPERATURES, Bound, best_bound, find_prices
from cutlayer.simulator.bounds.rounding import MIXED_AT, Plan, exchange, fill, in_order, round_down, round_mixture
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import SCHEDULERS, OfflineScheduler, Reject, View, rejection_when_empty
from cutlayer.simulator.types import FloatArray, Network, Task

MOST = 5_000
"""Beside more tasks than this no other order is tried: it would take as long as the plan itself."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """How good a plan is, with the proof.

    Attributes
    ----------
    deployed : int
        Tasks in the plan.
    bound : Bound
        No plan that cuts every task somewhere (cuts 1 to N) has more than ``bound.tasks``.
    """

    deployed: int
    bound: Bound

    @property
    def gap(self) -> float:
        """By which share the plan falls short of the bound, at most."""
        return self.bound.gap(self.deployed)


@SCHEDULERS.register("price")
class Price(OfflineScheduler):
    """Price the resources, deploy what costs less than it is worth, and say how good that is.

    Prices that nearly minimise the dual bound are rounded to a plan in rounds, each pricing what the last has left,
    and once more all at once, as a mixture of every task's cuts; what still fits is filled in. The better plan counts,
    or one in the order of the inputs or of arrival, or what `fifo` has at the end, where that is better still (up to
    `MOST` tasks). Then deployed tasks are exchanged for more or cheaper ones. Like all schedulers but `cloud` it uses
    cut 0 only with `allow_raw`; the certificate is for the cuts it may use: how near this plan is to the best of its
    kind.

    Attributes
    ----------
    certificate : Certificate or None
        Of the last plan.
    left_out : dict of str to float
        The least price of a cut of every task that the last plan has left out, by name.
    """

    def __init__(self) -> None:
        self.certificate: Certificate | None = None
        self.left_out: dict[str, float] = {}
        self._empty: View | None = None

    def plan(self, tasks: Sequence[Task], network: Network) -> dict[str, int]:
        packing = Packing.of(tasks, network)
        self._empty = View(Ledger(network), {})
        mild = [temperature for temperature in TEMPERATURES if temperature >= MIXED_AT]
        prices = find_prices(packing, temperatures=mild)
        sharp = find_prices(packing, start=prices, temperatures=TEMPERATURES[len(mild) :])
        bound = best_bound(packing, prices, sharp)
        plan = _rounded(packing, prices, bound, [float(task.input_bytes.max()) for task in tasks])
        outside = plan.outside()
        least = packing.rows(outside).costs(prices).min(axis=0, initial=np.inf)
        self.left_out = {tasks[j].name: cost for j, cost in zip(outside.tolist(), least.tolist(), strict=True)}
        self.certificate = Certificate(len(plan), bound)
        return {
            task.name: int(packing.cuts[k, j])
            for j, (task, k) in enumerate(zip(tasks, plan.choice.tolist(), strict=True))
            if plan.deploys(j)
        }

    def report(self) -> dict[str, float]:
        """Return the certificate: the bound on the number of tasks and the gap to it."""
        if self.certificate is None:
            return {}
        return {"bound_tasks": self.certificate.bound.tasks, "gap": self.certificate.gap}

    def rejection(self, task: Task) -> Reject:
        cost = self.left_out[task.name]
        assert self._empty is not None, "what was left out was left out of a plan"
        if self._empty.first_fit(task, balanced) is None:
            return rejection_when_empty(task, self._empty)
        if cost > 1:
            return Reject(f"its price {cost:.4g} exceeds 1 at these prices")
        return Reject(f"no cut fits beside the plan, although its price {cost:.4g} does not exceed 1")


def _rounded(packing: Packing, prices: FloatArray, bound: Bound, largest_bytes: Sequence[float]) -> Plan:
    """Return the best of several plans: never fewer tasks than `offline`, `fifo` or whatever fits as it arrives."""
    best = Plan(packing)
    fill(best, round_down(best, prices))

    def mixed(plan: Plan) -> None:
        round_mixture(plan, prices)
        fill(plan, prices)

    by_size = sorted(range(len(packing)), key=largest_bytes.__getitem__)
    for make in (
        mixed,
        lambda plan: in_order(plan, by_size),
        lambda plan: in_order(plan, range(len(packing))),
        lambda plan: in_order(plan, range(len(packing)), evicting=True),
    ):
        if len(packing) <= MOST and len(best) < math.floor(bound.tasks):
            other = Plan(packing)
            make(other)
            best = max(best, other, key=len)
    exchange(best, prices)
    return best
