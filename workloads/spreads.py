"""Which servers a task's devices feed, and with how much of a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray, IntArray, Network
from cutlayer.workloads.distributions import Distribution

Spread = tuple[IntArray, FloatArray | None]
"""Servers by index, rising, and the weight of each; None: the same."""


class Spreading:
    """Spreads the frames of tasks over the servers; `SPREADS` has them by name."""

    def check(self, network: Network) -> None:
        """Check that this can be done on `network`."""

    def placing(self, network: Network, seed: int) -> Callable[[int], Sequence[Spread]]:
        """Return what says where each of the next so many tasks is fed."""
        raise NotImplementedError


SPREADS: Registry[type[Spreading]] = Registry("spread")


@SPREADS.register("all")
@dataclass(frozen=True, slots=True)
class Everywhere(Spreading):
    """Every server is fed.

    Attributes
    ----------
    weight : Distribution, optional
        Weights of the servers in a task's frame, drawn anew for each task, every server from a stream of its own;
        without it, equal shares.
    """

    weight: Distribution | None = None

    def placing(self, network: Network, seed: int) -> Callable[[int], Sequence[Spread]]:
        """Return what gives all servers, with their weights."""
        servers = np.arange(len(network.servers))
        streams = [stream(seed, "weight", i) for i in range(len(servers))] if self.weight is not None else []

        def places(count: int) -> Sequence[Spread]:
            if self.weight is None:
                return [(servers, None)] * count
            weights = np.stack([self.weight.draw(rng, count) for rng in streams], axis=1)
            return [(servers, row) for row in weights]

        return places


@SPREADS.register("nearest")
@dataclass(frozen=True, slots=True, eq=False)
class Nearest(Spreading):
    """The `servers` servers nearest to one drawn evenly for each task are fed, in equal shares.

    Attributes
    ----------
    servers : int
        How many.
    distance : array_like, shape (E, E), optional
        From server to server, in any unit: kilometres, hops. Ties go to the smaller index. Without it servers stand
        on a circle in their order, and a task feeds the one drawn and those that follow it.
    """

    servers: int
    distance: ArrayLike | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.servers, bool) or not isinstance(self.servers, int) or self.servers < 1:
            raise InputError(f"servers is {self.servers!r}; allowed: a whole number, 1 or more")

    def check(self, network: Network) -> None:
        """Check that there are so many servers, and a distance between any two."""
        count = len(network.servers)
        if self.servers > count:
            raise InputError(f"the nearest {self.servers} servers are fed; allowed: 1 to {count}, all there are")
        if self.distance is not None:
            self._distances(count)

    def _distances(self, count: int) -> FloatArray:
        try:
            distance = np.asarray(self.distance, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("distance is not a matrix of numbers") from None
        if distance.shape != (count, count) or np.isnan(distance).any() or (distance < 0).any():
            raise InputError(f"distance has shape {distance.shape}; allowed: {(count, count)}, 0 or more, no NaN")
        return distance

    def placing(self, network: Network, seed: int) -> Callable[[int], Sequence[Spread]]:
        """Return what gives the servers near one drawn for each task."""
        count = len(network.servers)
        around: list[Any]
        if self.distance is None:
            around = [np.sort((home + np.arange(self.servers)) % count) for home in range(count)]
        else:
            distance = self._distances(count).copy()
            np.fill_diagonal(distance, -1)  # whoever stands in the same place, the one drawn is the nearest
            around = [np.sort(np.argsort(row, kind="stable")[: self.servers]) for row in distance]
        homes = stream(seed, "trace", "home")

        def places(tasks: int) -> Sequence[Spread]:
            drawn = np.minimum((homes.random(tasks) * count).astype(np.intp), count - 1)
            return [(around[home], None) for home in drawn.tolist()]

        return places


@SPREADS.register("one")
@dataclass(frozen=True, slots=True)
class One(Spreading):
    """One server, drawn evenly for each task, is fed: its gateway."""

    def placing(self, network: Network, seed: int) -> Callable[[int], Sequence[Spread]]:
        """Return what gives the gateway of each task."""
        return Nearest(1).placing(network, seed)
