"""Random outages of servers and links: up and down by turns, for exponential or Weibull times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network

MOST_OUTAGES = 100_000
"""Of one resource; more is a time in the wrong unit."""

_SHAPES = 0.1, 100.0
"""Weibull shapes allowed. At 0.1 half of all times are below a hundred-millionth of the mean already."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A random time: Weibull, which is exponential where the shape is 1.

    Parameters
    ----------
    mean_s : float
        Its mean [s].
    shape : float
        Of the Weibull distribution, 0.1 to 100: below 1 short and very long times, above 1 times near the mean.

    Raises
    ------
    InputError
        If one of them is out of range.

    Notes
    -----
    P(time > t) = exp(-(t/scale)^shape), mean = scale * gamma(1 + 1/shape): Law, "Simulation Modeling and
    Analysis", 5th ed., section 6.2.2.

    Examples
    --------
    >>> round(Duration.of_scale(100.0, shape=2.0).mean_s, 3)
    88.623
    """

    mean_s: float
    shape: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.mean_s < math.inf:
            raise InputError(f"mean_s is {self.mean_s!r}; allowed: above 0, finite")
        if not _SHAPES[0] <= self.shape <= _SHAPES[1]:
            raise InputError(f"shape is {self.shape!r}; allowed: {_SHAPES[0]:g} to {_SHAPES[1]:g}")

    @classmethod
    def of_scale(cls, scale_s: float, shape: float) -> Duration:
        """Return the Weibull time of this scale [s]: 63 % of all times are shorter."""
        if not 0 < scale_s < math.inf:
            raise InputError(f"scale_s is {scale_s!r}; allowed: above 0, finite")
        return cls(scale_s * math.gamma(1 + 1 / cls(1.0, shape).shape), shape)

    @property
    def scale_s(self) -> float:
        """The scale [s]."""
        return self.mean_s / math.gamma(1 + 1 / self.shape)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one time [s]."""
        return float(rng.weibull(self.shape)) * self.scale_s


@dataclass(frozen=True, slots=True)
class Faults:
    """How often a resource fails and how long it stays down.

    Attributes
    ----------
    up, down : Duration
        From a repair to the next failure; from a failure to its repair.
    """

    up: Duration
    down: Duration

    @property
    def availability(self) -> float:
        """The share of time it is up in the long run: MTTF / (MTTF + MTTR)."""
        return self.up.mean_s / (self.up.mean_s + self.down.mean_s)

    def outages(self, rng: np.random.Generator, until_s: float) -> list[tuple[float, float]]:
        """Draw the outages that begin before `until_s`, as (down, up) [s]; it is up and as new at 0 s.

        Raises
        ------
        InputError
            If there are more than `MOST_OUTAGES`.
        """
        if not 0 <= until_s < math.inf:
            raise InputError(f"faults until {until_s!r} s; allowed: 0 or more, finite")
        found: list[tuple[float, float]] = []
        turns, now = 0, 0.0
        while (down := now + self.up.draw(rng)) < until_s:
            now = down + self.down.draw(rng)
            if now > down:  # else so short that it rounds to nothing
                found.append((down, now))
            turns += 1
            if turns > MOST_OUTAGES:
                raise InputError(
                    f"more than {MOST_OUTAGES} outages in {until_s!r} s at {self.up.mean_s!r} s up and "
                    f"{self.down.mean_s!r} s down on average; allowed: fewer"
                )
        return found


def random_faults(
    network: Network,
    seed: int,
    until_s: float,
    *,
    servers: Faults | Mapping[str, Faults] | None = None,
    links: Faults | Mapping[str, Faults] | None = None,
) -> Conditions:
    """Draw the outages of servers and links up to a time.

    Parameters
    ----------
    network : Network
        Gives the names.
    seed : int
        Every server and link has a stream of its own: its faults do not change when others are added, and those
        up to a time do not change when there are more to come.
    until_s : float
        Outages begin before it [s].
    servers, links : Faults or mapping of str to Faults, optional
        Of all of them, or by name; the others, or all, never fail.

    Raises
    ------
    InputError
        For a name that is not there or a time out of range.
    """
    return Conditions(
        server_outages=_drawn("server", network.servers, servers, seed, until_s),
        link_outages=_drawn("link", network.links, links, seed, until_s),
    )


def _drawn(
    kind: str, names: Sequence[str], faults: Faults | Mapping[str, Faults] | None, seed: int, until_s: float
) -> dict[str, list[tuple[float, float]]]:
    if faults is None:
        return {}
    of = faults if isinstance(faults, Mapping) else dict.fromkeys(names, faults)
    for name in of:
        if name not in names:
            raise UnknownNameError(kind, name, names)
    return {name: one.outages(stream(seed, "fault", kind, name), until_s) for name, one in of.items()}
