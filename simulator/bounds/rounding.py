"""From prices to a plan: deploy the cheapest and price what is left anew, or round all mixtures; fill, exchange.

Works on shares of resources in the order of a `Packing`, on plain arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cutlayer.simulator.bounds.packing import Packing
from cutlayer.simulator.bounds.prices import find_prices, mixture
from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.types import FloatArray, IntArray

ROOM = SLACK / 2
"""Shares may be overdrawn by this much, half of what a ledger allows: its sums round otherwise than ours."""

OUT = -1
"""Where a task stands in `Plan.choice` that is not deployed."""


TAKEN = 0.4
"""The share of what is left of a resource that one round of rounding may take."""

ROUNDED_AT, ITERATIONS = 0.01, 20
"""The temperature at which what is left is priced anew from round to round, and how far those prices are improved."""

MIXED_AT = 0.001
"""The temperature of the mixtures that are rounded: of the prices they are made at, too."""

NEGLIGIBLE = 0.005
"""A share of a task that is not worth looking at when it is rounded."""

TRIALS = 2000
"""How many deployed tasks are tried for an exchange."""

REFUSALS = 20
"""After so many that do not fit beside those deployed a moment ago, the rest is looked through anew."""

PATIENCE = 400
"""After so many that have gained nothing, a pass of exchanges ends."""


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
            prices = find_prices(rest, plan.free, start=prices, temperatures=(ROUNDED_AT,), iterations=ITERATIONS)
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


def round_mixture(plan: Plan, prices: FloatArray) -> None:
    """Deploy tasks so that the resources fill as they do in the linear relaxation: whole tasks, the cheapest first.

    Tasks that cost about 1, or whose cuts cost about the same, are divided among staying out and several cuts. Each is
    rounded to the choice that brings what has been taken so far nearest to what the shares so far would have taken, at
    these prices: equal tasks are split among cuts as the relaxation splits them.

    Parameters
    ----------
    plan : Plan
        Empty.
    prices : ndarray, shape (M + E,)
        Found down to the temperature `MIXED_AT`.
    """
    packing, n_links = plan.packing, len(plan.free_links)
    shares = mixture(packing, prices, MIXED_AT)
    deployed = shares.sum(axis=0)
    cost = packing.costs(prices).min(axis=0, initial=np.inf)
    ahead, count_ahead = np.zeros(len(prices)), 0.0
    for j in cost.argsort(kind="stable").tolist():
        if deployed[j] < NEGLIGIBLE:
            continue
        links, by_rho = _row(packing.links, j)
        servers, by_gamma = _row(packing.servers, j)
        at = np.concatenate([links, servers + n_links])
        needs = np.concatenate([packing.rho[:, j, None] * by_rho, packing.gamma[:, j, None] * by_gamma], axis=1)
        behind = ahead[at] - shares[:, j] @ needs
        options = [k for k in np.flatnonzero(shares[:, j] > NEGLIGIBLE).tolist() if plan.fits(j, k)]
        off = [(*_off(prices[at], behind + needs[k], count_ahead + 1 - deployed[j]), k) for k in options]
        if deployed[j] < 1 - NEGLIGIBLE or not options:
            off.append((*_off(prices[at], behind, count_ahead - deployed[j]), OUT))
        _, ahead[at], count_ahead, k = min(off, key=lambda option: option[0])
        if k != OUT:
            plan.put(j, k)


def _off(prices: FloatArray, ahead: FloatArray, count_ahead: float) -> tuple[float, FloatArray, float]:
    """Return how far from the relaxation this is, in tasks squared, and what was given."""
    worth = prices * ahead
    return float(worth @ worth) + count_ahead * count_ahead, ahead, count_ahead


def in_order(plan: Plan, order: Iterable[int], *, evicting: bool = False) -> None:
    """Deploy tasks one after the other at their first balanced cut that fits; with `evicting` the oldest makes room.

    What `offline`, a scheduler that takes whatever fits, and `fifo` have deployed at the end, of tasks that stay.
    """
    packing, oldest = plan.packing, 0
    put: list[int] = []
    empty = Plan(packing)
    for j in order:
        k = _balanced(plan, j)
        if k is None and evicting and _balanced(empty, j) is not None:
            while k is None:
                plan.remove(put[oldest])
                oldest += 1
                k = _balanced(plan, j)
        if k is not None:
            plan.put(j, k)
            put.append(j)


def _balanced(plan: Plan, j: int) -> int | None:
    """Return the choice with the smallest bottleneck share that fits, ties to the smaller cut; None if none does."""
    packing = plan.packing
    at, need = _row(packing.links, j)
    links = np.minimum.reduce((plan.free_links[at] + ROOM) / need, initial=np.inf)
    at, need = _row(packing.servers, j)
    servers = np.minimum.reduce((plan.free_servers[at] + ROOM) / need, initial=np.inf)
    if links <= 0 or servers <= 0:
        return None
    share = np.maximum(packing.rho[:, j] / links, packing.gamma[:, j] / servers)
    k = int(share.argmin())
    return k if share[k] <= 1 else None


def fill(plan: Plan, prices: FloatArray) -> None:
    """Deploy whatever still fits at any cut, the cheapest first."""
    _deploy_what_fits(plan, plan.outside(), prices)


def exchange(plan: Plan, prices: FloatArray, *, trials: int = TRIALS) -> None:
    """Take out one deployed task at a time, the dearest first, and see what its place is good for.

    What comes in instead may be two tasks, or one and the same task again at another cut, or one that is
    cheaper at these prices; if it is neither more nor cheaper, the task goes back. Ends after a pass that
    has deployed no more than before, or after so many trials; a pass ends after `PATIENCE` trials without a gain.
    """
    before = -1
    while trials > 0 and before < len(plan):
        before = len(plan)
        deployed = np.flatnonzero(plan.choice != OUT)
        cost = plan.packing.rows(deployed).costs(prices)[plan.choice[deployed], np.arange(len(deployed))]
        dearest = deployed[(-cost).argsort(kind="stable")][:trials]
        most, idle = before, 0
        for j in dearest.tolist():
            trials -= 1
            _exchange_one(plan, j, prices)
            most, idle = (len(plan), 0) if len(plan) > most else (most, idle + 1)
            if idle == PATIENCE:
                break


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
    came: list[int] = []
    while True:
        rho, gamma = plan.packing.rho[:, tasks], plan.packing.gamma[:, tasks]
        largest_rho, largest_gamma = plan.room(tasks)
        fits = (rho <= largest_rho) & (gamma <= largest_gamma)
        some = np.flatnonzero(fits.any(axis=0))
        costs = np.where(fits[:, some], plan.packing.rows(tasks[some]).costs(prices), np.inf)
        order = costs.min(axis=0, initial=np.inf).argsort(kind="stable")
        failed = 0
        for tried, at in enumerate(order.tolist()):
            j = int(tasks[some[at]])
            choices = (k for k in costs[:, at].argsort(kind="stable").tolist() if np.isfinite(costs[k, at]))
            k = next((k for k in choices if plan.fits(j, k)), None)
            if k is not None:
                plan.put(j, k)
                came.append(j)
            failed += k is None
            if failed == REFUSALS:  # most of those behind do not fit any more either: see which, all at once
                tasks = tasks[some[order[tried + 1 :]]]
                break
        else:
            return came
