"""From prices to a plan: deploy the cheapest, price what is left anew, fill, exchange.

Works on shares of resources in the order of a `Packing`, on plain arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cutlayer.simulator.bounds.packing import Packing
from cutlayer.simulator.bounds.prices import TEMPERATURES, find_prices
from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.types import FloatArray, IntArray

ROOM = SLACK / 2
"""Shares may be overdrawn by this much, half of what a ledger allows: its sums round otherwise than ours."""

OUT = -1
"""Where a task stands in `Plan.choice` that is not deployed."""


TAKEN = 0.4
"""The share of what is left of a resource that one round of rounding may take."""

ITERATIONS = 20
"""How far prices are improved from round to round."""

TRIALS = 2000
"""How many deployed tasks are tried for an exchange."""


class Plan:
    """A plan in the making over one packing problem.

    Attributes
    ----------
    choice : ndarray, shape (n,)
        Row of ``packing.cuts`` that each task is deployed at, or `OUT`.
    free_links, free_servers : ndarray
        The share of every resource that is left.
    """

    def __init__(self, packing: Packing) -> None:
        self.packing = packing
        self.choice = np.full(len(packing), OUT, dtype=np.intp)
        self.free_links = np.ones(packing.links.shape[1])
        self.free_servers = np.ones(packing.servers.shape[1])

    def __len__(self) -> int:
        return int(np.count_nonzero(self.choice != OUT))

    @property
    def free(self) -> FloatArray:
        """The share of every resource that is left, links then servers: shape (M + E,)."""
        return np.concatenate([self.free_links, self.free_servers])

    def deploys(self, j: int) -> bool:
        """Return whether task `j` is in the plan."""
        return bool(self.choice[j] != OUT)

    def outside(self) -> IntArray:
        """Return the tasks that are not deployed, rising."""
        return np.flatnonzero(self.choice == OUT)

    def room(self, tasks: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the largest rho and the largest gamma that fit, for each of `tasks`."""
        return (
            _tightest(self.packing.links[tasks], self.free_links),
            _tightest(self.packing.servers[tasks], self.free_servers),
        )

    def fits(self, j: int, k: int) -> bool:
        """Return whether choice `k` of task `j` fits into what is left."""
        at, need = _row(self.packing.links, j)
        if (need * self.packing.rho[k, j] > self.free_links[at] + ROOM).any():
            return False
        at, need = _row(self.packing.servers, j)
        return not (need * self.packing.gamma[k, j] > self.free_servers[at] + ROOM).any()

    def put(self, j: int, k: int) -> None:
        """Deploy task `j` at choice `k`; it must fit."""
        self._take(j, k, 1.0)
        self.choice[j] = k

    def remove(self, j: int) -> None:
        """Take task `j` out of the plan."""
        self._take(j, int(self.choice[j]), -1.0)
        self.choice[j] = OUT

    def _take(self, j: int, k: int, sign: float) -> None:
        at, need = _row(self.packing.links, j)
        self.free_links[at] -= need * (sign * self.packing.rho[k, j])
        at, need = _row(self.packing.servers, j)
        self.free_servers[at] -= need * (sign * self.packing.gamma[k, j])

    def set_aside(self, share: float) -> tuple[FloatArray, FloatArray]:
        """Set this share of all that is left aside, and return it for `give_back`."""
        aside = share * np.maximum(self.free_links, 0), share * np.maximum(self.free_servers, 0)
        self.free_links, self.free_servers = self.free_links - aside[0], self.free_servers - aside[1]
        return aside

    def give_back(self, aside: tuple[FloatArray, FloatArray]) -> None:
        """Undo `set_aside`."""
        self.free_links, self.free_servers = self.free_links + aside[0], self.free_servers + aside[1]

    def rivals(self, j: int) -> IntArray:
        """Return the tasks outside that need a resource which task `j` needs, rising."""
        packing = self.packing
        at, _ = _row(packing.servers, j)
        if len(at) == packing.servers.shape[1]:
            return self.outside()
        near = [_row(packing.by_server, i)[0] for i in at.tolist()]
        near += [_row(packing.by_link, m)[0] for m in _row(packing.links, j)[0].tolist()]
        rivals = np.unique(np.concatenate(near))
        return rivals[self.choice[rivals] == OUT]  # type: ignore[no-any-return]


def _row(matrix: Any, j: int) -> tuple[IntArray, FloatArray]:
    start, end = matrix.indptr[j], matrix.indptr[j + 1]
    return matrix.indices[start:end], matrix.data[start:end]


def _tightest(needs: Any, free: FloatArray) -> FloatArray:
    """Return for each row the largest factor by which its needs still fit; infinite where it needs nothing."""
    indptr = needs.indptr
    factor = np.full(len(indptr) - 1, np.inf)
    some = indptr[1:] > indptr[:-1]
    if some.any():
        quotient = (free[needs.indices] + ROOM) / needs.data
        factor[some] = np.minimum.reduceat(quotient, indptr[:-1][some])
    return factor


def round_down(plan: Plan, prices: FloatArray) -> FloatArray:
    """Deploy the cheapest of what is worth deploying, price the rest anew, and so on; return the last prices.

    A round deploys up to a quarter of the tasks that cost less than 1, and they may take no more than `TAKEN`
    of what is left of any resource. Where prices are low or cuts cost the same, all tasks would otherwise
    choose alike and fill one resource, although half of them at another cut would leave room for all.
    """
    few, least = 40, 1
    while True:
        outside = plan.outside()
        rest = plan.packing.rows(outside)
        if plan.choice.max(initial=OUT) != OUT:
            prices = find_prices(rest, plan.free, start=prices, temperatures=TEMPERATURES[-1:], iterations=ITERATIONS)
        costs = rest.costs(prices)
        cost = costs.min(axis=0, initial=np.inf)
        worth = np.flatnonzero(cost < 1)
        cheapest = worth[cost[worth].argsort(kind="stable")][: len(worth) // 4 + least]
        kept_back = plan.set_aside(1 - TAKEN if len(worth) > few else 0.0)
        ranked = costs[:, cheapest].argsort(axis=0, kind="stable").T.tolist()
        deployed = 0
        for at, row in zip(cheapest.tolist(), ranked, strict=True):
            for k in row:
                if costs[k, at] < 1 and plan.fits(int(outside[at]), k):
                    plan.put(int(outside[at]), k)
                    deployed += 1
                    break
        plan.give_back(kept_back)
        if not deployed:
            return prices


def fill(plan: Plan, prices: FloatArray) -> None:
    """Deploy whatever still fits at any cut, the cheapest first."""
    _deploy_what_fits(plan, plan.outside(), prices)


def exchange(plan: Plan, prices: FloatArray, *, trials: int = TRIALS) -> None:
    """Take out one deployed task at a time, the dearest first, and see what its place is good for.

    What comes in instead may be two tasks, or one and the same task again at another cut, or one that is
    cheaper at these prices; if it is neither more nor cheaper, the task goes back. Ends after a pass that
    has deployed no more than before, or after so many trials.
    """
    before = -1
    while trials > 0 and before < len(plan):
        before = len(plan)
        deployed = np.flatnonzero(plan.choice != OUT)
        cost = plan.packing.rows(deployed).costs(prices)[plan.choice[deployed], np.arange(len(deployed))]
        dearest = deployed[(-cost).argsort(kind="stable")][:trials]
        trials -= len(dearest)
        for j in dearest.tolist():
            _exchange_one(plan, j, prices)


def _exchange_one(plan: Plan, j: int, prices: FloatArray) -> None:
    rivals = plan.rivals(j)
    k = int(plan.choice[j])
    saved = plan.free_links.copy(), plan.free_servers.copy()
    plan.remove(j)
    came = _deploy_what_fits(plan, rivals, prices)
    came += _deploy_what_fits(plan, np.array([j]), prices) if came else []
    if len(came) > 1:
        return
    if len(came) == 1:
        pair = plan.packing.rows(np.array([j, came[0]])).costs(prices)
        if pair[plan.choice[came[0]], 1] < pair[k, 0]:
            return
        plan.choice[came[0]] = OUT
    plan.free_links, plan.free_servers = saved
    plan.choice[j] = k


def _deploy_what_fits(plan: Plan, tasks: IntArray, prices: FloatArray) -> list[int]:
    """Deploy those of `tasks` that fit at any cut, the cheapest first; return which."""
    rho, gamma = plan.packing.rho[:, tasks], plan.packing.gamma[:, tasks]
    largest_rho, largest_gamma = plan.room(tasks)
    fits = (rho <= largest_rho) & (gamma <= largest_gamma)
    some = np.flatnonzero(fits.any(axis=0))
    costs = np.where(fits[:, some], plan.packing.rows(tasks[some]).costs(prices), np.inf)
    came = []
    for at in costs.min(axis=0, initial=np.inf).argsort(kind="stable").tolist():
        j = int(tasks[some[at]])
        for k in costs[:, at].argsort(kind="stable").tolist():
            if np.isfinite(costs[k, at]) and plan.fits(j, k):
                plan.put(j, k)
                came.append(j)
                break
    return came
