"""Prices learnt from the tasks seen so far; what `price-online` and `price-evict` share."""

from __future__ import annotations

import math

import numpy as np

from cutlayer.simulator.bounds.packing import Packing, Prices
from cutlayer.simulator.bounds.prices import dual_value, find_prices
from cutlayer.simulator.demand import Demand
from cutlayer.simulator.policy import View
from cutlayer.simulator.types import FloatArray, Task

TEMPERATURE = 0.03
"""Coarser than for a bound: the tasks seen are a sample, and to follow them to the last digit is to overfit."""

ITERATIONS = 20
"""From prices that were right a moment ago."""


class LearntPrices:
    """Prices of whole links and servers, and the tasks they were learnt from.

    Attributes
    ----------
    seen : list of Task
    prices : Prices or None
        None until the first `learn`.
    """

    def __init__(self) -> None:
        self.seen: list[Task] = []
        self.prices: Prices | None = None
        self._per_bps = self._per_flop_per_s = np.empty(0)

    def sample(self, view: View) -> Packing:
        """Return the tasks seen, as the packing problem to learn from."""
        return Packing.of(self.seen, view.network)

    def learn(self, packing: Packing, shares: float | FloatArray, view: View) -> FloatArray:
        """Price the resources so that of the tasks seen the best fit within `shares`; return the prices.

        Parameters
        ----------
        packing : Packing
            The `sample`.
        shares : float or ndarray of shape (M + E,)
            Of all resources, in the order of the packing.
        view : View
        """
        if self.prices is None:
            found = find_prices(packing, shares, temperatures=(0.3, 0.1, TEMPERATURE))
        else:
            start = packing.ordered(self.prices)
            found = find_prices(packing, shares, start=start, temperatures=(TEMPERATURE,), iterations=ITERATIONS)
        self.prices = packing.named(found)
        self._per_bps = self.prices.links / view.network.usable_bps
        self._per_flop_per_s = self.prices.servers / view.network.capacity_flop_per_s
        return found

    def costs(self, demand: Demand) -> FloatArray:
        """Return what every cut costs at these prices, in deployed tasks: shape (N + 1,).

        The sums over links and servers are exact, so their order does not matter.
        """
        a = math.fsum((demand.link_bytes * self._per_bps[demand.links]).tolist())
        h = math.fsum((demand.input_bytes * self._per_flop_per_s[demand.servers]).tolist())
        return demand.rho * a + demand.gamma * h


def free_shares(packing: Packing, view: View) -> FloatArray:
    """Return the share of every resource that is free, in the order of the packing: shape (M + E,).

    Rounded to 1e-9, so that the order in which a link's reservations were added up does not show.
    """
    return np.maximum(packing.shares(view.free_bps, view.free_flop_per_s), 0.0).round(9)


def admitted(packing: Packing, prices: FloatArray, shares: FloatArray) -> float:
    """Return which share of the tasks can at most be deployed within these shares of the resources."""
    return dual_value(packing, prices, shares) / len(packing)


def fits_empty(task: Task, view: View) -> bool:
    """Return whether some cut fits into the empty network."""
    return bool(view.empty().fitting(task))
