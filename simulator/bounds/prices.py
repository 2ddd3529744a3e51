"""Prices of links and servers, found by minimising the dual of the packing problem.

For prices p >= 0 of whole resources, of which a share s_r is on offer,

    g(p) = sum_r s_r p_r + sum_j max(0, 1 - min_k cost_kj(p))

is at least the number of tasks that anyone can deploy within those shares (weak duality), and at its
minimum equals the optimum of the linear relaxation. g is convex with kinks. They are smoothed at a
temperature t by replacing every max(a, b) with (a + b + sqrt((a - b)^2 + t^2)) / 2, and the smooth function
is minimised over p >= 0 by spectral projected gradients, warm, at falling temperatures. An iteration is two
matrix-vector products with the tasks and two with their transposes; nothing but + - * / and square roots,
in a fixed order, so that the same input gives the same prices on any machine.

References
----------
Chen and Mangasarian, "A class of smoothing functions for nonlinear and mixed complementarity problems",
Computational Optimization and Applications 5, 1996, for the smoothing.
Birgin, Martinez and Raydan, "Nonmonotone spectral projected gradient methods on convex sets", SIAM Journal
on Optimization 10(4), 2000, for the method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutlayer.simulator.bounds.packing import TINY, Packing, Prices
from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.types import FloatArray, Network, Task

TEMPERATURES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0001)
"""How far apart two gains may be, in tasks, and still be blurred."""

ITERATIONS, LEAST_ITERATIONS, EFFORT = 600, 60, 2_000_000
"""At most so many at each temperature: fewer where there are many tasks, so that they times the tasks are this many."""

PATIENCE, PROGRESS = 25, 1e-6
"""A temperature is done with when so many iterations have not lowered the bound by this share."""

LEAST_SHARE = 1e-6
"""A resource with less than this share on offer is priced as if it had this much: its price stays finite."""

OVERDRAFT = 1 + 2 * SLACK
"""How full a resource may get: reservations may exceed its capacity by the slack, and sums are rounded."""

Smooth = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True, eq=False)
class Bound:
    """More tasks than this cannot be deployed at once, whatever the scheduler: proof enclosed.

    Attributes
    ----------
    tasks : float
        The bound.
    prices : Prices
        The proof: `cutlayer.simulator.bounds.bounds.dual_bound` of these, for the same cuts, is the bound.
    """

    tasks: float
    prices: Prices

    def gap(self, deployed: int) -> float:
        """Return by which share `deployed` tasks fall short of the bound, at least 0."""
        return max(0.0, 1 - deployed / self.tasks) if self.tasks > 0 else 0.0


def certificate(tasks: Sequence[Task], network: Network, *, first_cut: int = 0) -> Bound:
    """Return a bound on how many of `tasks` can be deployed at once, from prices found by the dual method.

    Parameters
    ----------
    tasks : sequence of Task
    network : Network
    first_cut : {0, 1}
        0 allows the raw input, so that the bound holds for every scheduler; 1 is for those that cut
        somewhere, all but `cloud`.
    """
    packing = Packing.of(tasks, network, first_cut=first_cut)
    return best_bound(packing, find_prices(packing))


def best_bound(packing: Packing, *found: FloatArray) -> Bound:
    """Return the least bound among these prices and none at all (which says: no more than there are tasks)."""
    candidates = [np.zeros(packing.links.shape[1] + packing.servers.shape[1]), *found]
    values = [dual_value(packing, prices, OVERDRAFT) for prices in candidates]
    best = int(np.argmin(values))
    return Bound(values[best], packing.named(candidates[best]))


def dual_value(packing: Packing, prices: FloatArray, shares: float | FloatArray = 1.0) -> float:
    """Return g(prices), an upper bound on the number of tasks that fit.

    Parameters
    ----------
    packing : Packing
    prices : ndarray, shape (M + E,)
        Not negative; links, then servers, in the order of the packing.
    shares : float or ndarray of shape (M + E,)
        The share of every resource that is on offer.
    """
    gains = 1 - packing.costs(prices).min(axis=0, initial=np.inf)
    return float((shares * prices).sum() + np.maximum(gains, 0).sum())


def smoothed(
    packing: Packing, prices: FloatArray, temperature: float, shares: float | FloatArray = 1.0
) -> tuple[float, FloatArray]:
    """Return the smoothed g at `prices` and its gradient, shape (M + E,).

    The gradient is the share on offer less the share the tasks would take, every task divided among its
    cuts and staying out by how near each is to the best.
    """
    n_links = packing.links.shape[1]
    gains = 1 - packing.costs(prices)
    value = np.zeros(len(packing))  # staying out gains nothing
    rho, gamma = np.zeros(len(packing)), np.zeros(len(packing))
    for k, gain in enumerate(gains):
        ahead = gain - value
        reach = np.sqrt(ahead * ahead + temperature * temperature)
        weight = (1 + ahead / reach) / 2
        value = (value + gain + reach) / 2
        rho += weight * (packing.rho[k] - rho)
        gamma += weight * (packing.gamma[k] - gamma)
    taken = np.empty(len(prices))
    taken[:n_links] = packing.by_link @ rho
    taken[n_links:] = packing.by_server @ gamma
    return float((shares * prices).sum() + value.sum()), shares - taken


def mixture(packing: Packing, prices: FloatArray, temperature: float) -> FloatArray:
    """Return how the smoothed problem divides every task among its cuts at `prices`, shape (K, n).

    At the minimum of the smoothed g these shares fill every priced resource exactly, so they are nearly the solution of
    the linear relaxation. What is missing to 1 in a column is the share of the task that stays out.
    """
    gains = 1 - packing.costs(prices)
    value, shares = np.zeros(len(packing)), np.zeros(gains.shape)
    for k, gain in enumerate(gains):
        ahead = gain - value
        reach = np.sqrt(ahead * ahead + temperature * temperature)
        shares[k] = (1 + ahead / reach) / 2
        shares[:k] *= 1 - shares[k]
        value = (value + gain + reach) / 2
    return shares


def find_prices(
    packing: Packing,
    shares: float | FloatArray = 1.0,
    *,
    start: FloatArray | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    iterations: int | None = None,
) -> FloatArray:
    """Return prices that nearly minimise g, shape (M + E,).

    Parameters
    ----------
    packing : Packing
    shares : float or ndarray of shape (M + E,)
        The share of every resource that is on offer.
    start : ndarray, shape (M + E,), optional
        Where to begin; by default all resources that anyone uses cost the same.
    temperatures : sequence of float
        Falling.
    iterations : int, optional
        At most so many at each temperature.
    """
    if iterations is None:
        iterations = min(max(EFFORT // max(len(packing), 1), LEAST_ITERATIONS), ITERATIONS)
    shares = np.maximum(shares, LEAST_SHARE)
    scale = _scale(packing, shares)
    scarce = scale > 0
    prices = np.full(len(scale), len(packing) / (2 * max(int(scarce.sum()), 1))) if start is None else start
    prices = np.where(scarce, prices, 0.0)
    for temperature in temperatures:

        def smooth(at: FloatArray, temperature: float = temperature) -> tuple[float, FloatArray]:
            return smoothed(packing, at, temperature, shares)

        prices = _descend(smooth, prices, scale, iterations)
    return prices


def _scale(packing: Packing, shares: FloatArray) -> FloatArray:
    """Return by how much to stretch every price so that all bend g about alike: shape (M + E,).

    0 where there is enough for all tasks at their most demanding cuts: such a resource has no price.
    """
    if not len(packing):
        return np.zeros(packing.links.shape[1] + packing.servers.shape[1])
    most = np.concatenate([packing.by_link @ packing.rho.max(axis=0), packing.by_server @ packing.gamma.max(axis=0)])
    # what needs more than a whole resource is in no plan, and would hide how the others bend g
    mean_rho = np.minimum(packing.rho, 1 / _largest(packing.links)).mean(axis=0)
    mean_gamma = np.minimum(packing.gamma, 1 / _largest(packing.servers)).mean(axis=0)
    bend = np.concatenate(
        [packing.by_link.power(2) @ mean_rho**2, packing.by_server.power(2) @ mean_gamma**2],
    )
    return np.where(most > shares, 1 / np.sqrt(np.maximum(bend, TINY)), 0.0)


def _largest(needs: Any) -> FloatArray:
    """Return the largest need of every task, shape (n,)."""
    return np.maximum(needs.max(axis=1).toarray().ravel(), TINY)  # type: ignore[no-any-return]


def _descend(smooth: Smooth, start: FloatArray, scale: FloatArray, iterations: int) -> FloatArray:
    """Return the best point on a path of spectral projected gradients over prices / scale >= 0."""
    memory, sufficient, tolerance = 10, 1e-4, 1e-8
    z = start / np.where(scale > 0, scale, 1.0)
    value, slope = _stretched(smooth, z, scale)
    recent, best, best_z, lows = [value], value, z, [value]
    largest = np.abs(slope[(z > 0) | (slope < 0)]).max(initial=0.0)  # of the directions that are open
    step = max(float(np.abs(z).max(initial=0.0)), 1.0) / largest / 10 if largest > 0 else 0.0
    for _ in range(iterations):
        move = np.maximum(z - step * slope, 0.0) - z
        descent = float((slope * move).sum())
        if -descent <= tolerance * abs(value):
            break
        length, ceiling = 1.0, max(recent[-memory:])
        while True:
            next_z = z + length * move
            next_value, next_slope = _stretched(smooth, next_z, scale)
            if next_value <= ceiling + sufficient * length * descent or length < 1e-8:
                break
            bent = next_value - value - length * descent
            parabola = -descent * length * length / (2 * bent) if bent > 0 else 0.0
            length = min(max(parabola, 0.1 * length), 0.5 * length)
        moved, turned = next_z - z, next_slope - slope
        curvature = float((moved * turned).sum())
        longest = 1e3 * step
        wanted = float((moved * moved).sum()) / curvature if curvature > 0 else longest
        step = min(max(wanted, 1e-3 * step), longest)
        z, value, slope = next_z, next_value, next_slope
        recent.append(value)
        if value < best:
            best, best_z = value, z
        lows.append(best)
        if len(lows) > PATIENCE and lows[-PATIENCE - 1] - best <= PROGRESS * abs(best):
            break
    return best_z * scale


def _stretched(smooth: Smooth, z: FloatArray, scale: FloatArray) -> tuple[float, FloatArray]:
    value, slope = smooth(z * scale)
    return value, slope * scale
