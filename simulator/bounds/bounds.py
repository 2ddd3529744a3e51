"""How good it could be: upper bounds on the number of tasks deployed at once, and the optimum of small cases.

    max sum_jk z_jk    over z >= 0 (or whole)
    s.t. sum_k z_jk <= 1                              for every task j
         sum_jk rho_kj D_mj z_jk   <= V b_m           on every link m
         sum_jk gamma_kj d_ij z_jk <= c_i             at every server i

Whole z is the problem itself (`milp`), z in between its linear relaxation (`lp_bound`), and any prices of the
resources bound both (`dual_bound`; `certificate` finds good ones by itself, at any size). Capacities count with
the slack that the ledger grants. Tasks are taken as staying.

Which cuts are allowed is for `first_cut` to say. By default k runs from 0 (the raw input), so that no scheduler,
`cloud` included, beats a bound; with 1 a bound is for the schedulers that cut somewhere, which is all others. On
the paper's scenario that is the same to 0.1 %; where bandwidth abounds and compute does not, it can be several
percent less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, sparse

from cutlayer.simulator.bounds.packing import Packing, Prices
from cutlayer.simulator.bounds.prices import OVERDRAFT, Bound, best_bound, certificate, dual_value, find_prices
from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.ties import first_of_instant
from cutlayer.simulator.types import FloatArray, IntArray, Network, Task

__all__ = ["Bound", "Optimum", "Prices", "certificate", "dual_bound", "hindsight", "lp_bound", "milp"]


def dual_bound(tasks: Sequence[Task], network: Network, prices: Prices, *, first_cut: int = 0) -> float:
    """Return the bound that `prices` prove on the number of tasks deployed at once (weak duality).

    sum(x) + sum(y) + sum_j max(0, 1 - min_k cost_jk), with the first two sums a little (2e-9) larger for
    the ledger's slack. Two sparse matrix-vector products, and a minimum over the cuts of each task.

    Parameters
    ----------
    tasks : sequence of Task
    network : Network
    prices : Prices
        Any. Good ones come with `certificate` and `lp_bound`.
    first_cut : {0, 1}
        Whether the raw input is allowed.

    Raises
    ------
    InputError
        If there is not one price a link and one a server, or a task is fed where there is no server.

    Examples
    --------
    >>> from cutlayer.simulator.types import Layer, Profile
    >>> halved = Profile("halved", (1,), 1.0, (Layer("l", 3, (1,), 0.5),))
    >>> network = Network([1e9], [1000.0])
    >>> tasks = [Task(f"t{j}", 0.0, halved, 1.0, 1.0, [0], [100.0]) for j in range(5)]  # 400 bit/s at cut 1
    >>> round(dual_bound(tasks, network, Prices([2.5], [0.0])), 6)
    2.5
    """
    packing = Packing.of(tasks, network, first_cut=first_cut)
    return dual_value(packing, packing.ordered(prices), OVERDRAFT)


def lp_bound(tasks: Sequence[Task], network: Network, *, first_cut: int = 0) -> Bound:
    """Return the optimum of the linear relaxation, as the bound that its own prices prove.

    HiGHS solves the relaxation; the number returned is the dual bound at its prices, so it holds whatever
    the solver's tolerances.

    Raises
    ------
    CutlayerError
        If the solver gives up; the message is its own.
    """
    packing = Packing.of(tasks, network, first_cut=first_cut)
    if not len(packing):
        return best_bound(packing)
    matrix, *_ = _columns(packing)
    ones = np.ones(matrix.shape[0])
    found = optimize.linprog(-np.ones(matrix.shape[1]), A_ub=matrix, b_ub=ones, bounds=(0, None), method="highs-ds")
    if found.status != 0:
        raise CutlayerError(f"no LP bound: {found.message}")
    n_resources = matrix.shape[0] - len(packing)
    return best_bound(packing, np.maximum(-found.ineqlin.marginals[:n_resources], 0.0))


@dataclass(frozen=True, eq=False)
class Optimum:
    """What the exact solver found.

    Attributes
    ----------
    plan : dict of str to int
        The cut of every task deployed, by name.
    bound : float
        More than this cannot be deployed; ``len(plan)`` where the solver came to the end.
    proven : bool
        Whether the plan is optimal; False when the time was up before that was known.
    """

    plan: dict[str, int]
    bound: float
    proven: bool


def milp(tasks: Sequence[Task], network: Network, time_limit_s: float = 60.0, *, first_cut: int = 0) -> Optimum:
    """Return a plan that deploys as many tasks as possible, for small instances.

    Parameters
    ----------
    tasks : sequence of Task
    network : Network
    time_limit_s : float
        When to stop [s]. `Optimum.proven` says whether that happened.
    first_cut : {0, 1}
        Whether the raw input is allowed.

    Notes
    -----
    HiGHS counts a resource as kept up to 1e-6 of it, the ledger up to 1e-9. A plan within the former and not
    the latter is not returned: the capacities are lowered by the difference and the plan counts as unproven.

    Raises
    ------
    InputError
        If the time limit is not above 0.
    CutlayerError
        If the solver fails otherwise; the message is its own.
    """
    if not time_limit_s > 0:
        raise InputError(f"time_limit_s is {time_limit_s!r}; allowed: above 0")
    packing = Packing.of(tasks, network, first_cut=first_cut)
    if not len(packing):
        return Optimum({}, 0.0, True)
    matrix, owner, cut = _columns(packing)
    n_resources = matrix.shape[0] - len(packing)
    bound = float(len(packing))
    possible = matrix[:n_resources].max(axis=0).toarray().ravel() <= 1 + SLACK
    for lowered in (0.0, 2e-6):
        limit = np.ones(matrix.shape[0])
        limit[:n_resources] -= lowered
        found = optimize.milp(
            -np.ones(matrix.shape[1]),
            integrality=np.ones(matrix.shape[1]),
            bounds=optimize.Bounds(0, possible),
            constraints=optimize.LinearConstraint(matrix, ub=limit),
            options={"time_limit": time_limit_s, "mip_rel_gap": 0.0},
        )
        if found.status not in (0, 1):
            raise CutlayerError(f"no exact optimum: {found.message}")
        if not lowered and found.mip_dual_bound is not None:
            bound = min(bound, -float(found.mip_dual_bound))
        chosen = np.zeros(0, dtype=np.intp) if found.x is None else np.flatnonzero(found.x > 0.5)
        if (matrix[:n_resources, chosen].sum(axis=1) <= 1 + SLACK).all():
            break
    plan = {tasks[j].name: int(k) for j, k in zip(owner[chosen].tolist(), cut[chosen].tolist(), strict=True)}
    proven = found.status == 0 and (not lowered or len(plan) >= bound - 1e-6)
    return Optimum(plan, float(len(plan)) if proven else bound, proven)


def hindsight(tasks: Sequence[Task], network: Network, arrivals: Sequence[int], *, first_cut: int = 0) -> list[float]:
    """Return the bound over the tasks arrived and not departed, as arrivals go on.

    Parameters
    ----------
    tasks : sequence of Task
        In order of arrival.
    network : Network
    arrivals : sequence of int
        After how many arrivals to say it; 0 to ``len(tasks)``.
    first_cut : {0, 1}
        Whether the raw input is allowed.

    Returns
    -------
    list of float
        One bound for each of `arrivals`: no scheduler has more tasks deployed after that many. A task counts
        until its arrival and lifetime have passed.

    Raises
    ------
    InputError
        If a number of arrivals is out of range.
    """
    packing = Packing.of(tasks, network, first_cut=first_cut)
    arrival_s = np.array([task.arrival_s for task in tasks])
    leaving_s = first_of_instant([task.arrival_s + task.lifetime_s for task in tasks])
    bounds, prices = [], None
    for n in arrivals:
        if not 0 <= n <= len(tasks):
            raise InputError(f"{n} arrivals of {len(tasks)}; allowed: 0 to {len(tasks)}")
        if n == 0:
            bounds.append(0.0)
            continue
        there = packing.rows(np.flatnonzero(leaving_s[:n] > arrival_s[n - 1]))
        if prices is None:
            prices = find_prices(there)
        else:
            prices = find_prices(there, start=prices, temperatures=(0.1, 0.01), iterations=30)
        bounds.append(best_bound(there, prices).tasks)
    return bounds


def _columns(packing: Packing) -> tuple[Any, IntArray, IntArray]:
    """Return the constraint matrix (links, servers, tasks by columns), and the task and cut of each column."""
    n = len(packing)
    columns, owner, cut = [], [], []
    for k, cuts in enumerate(packing.cuts):
        new = np.flatnonzero(cuts != packing.cuts[k - 1]) if k else np.arange(n)  # shorter tables repeat their last
        rho, gamma = (_diagonal(table[k, new]) for table in (packing.rho, packing.gamma))
        alone = sparse.csr_array((np.ones(len(new)), (new, np.arange(len(new)))), shape=(n, len(new)))
        columns.append(sparse.vstack([packing.by_link[:, new] @ rho, packing.by_server[:, new] @ gamma, alone]))
        owner.append(new)
        cut.append(cuts[new])
    return sparse.csc_array(sparse.hstack(columns)), np.concatenate(owner), np.concatenate(cut)


def _diagonal(values: FloatArray) -> Any:
    return sparse.dia_array((values[None, :], [0]), shape=(len(values), len(values)))
