"""Networks and task streams drawn at random: the paper's scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cutlayer.profiles.store import paper
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Profile, Reservation, Task


@dataclass(frozen=True, slots=True)
class PaperScenario:
    """The scenario of the paper's section V (docs/paper.md says how it was read). Ranges are uniform, (low, high).

    Attributes
    ----------
    servers : int
        Number of edge servers.
    tasks : int
        Number of tasks.
    capacity_flop_per_s : float
        Compute capacity of every server [FLOP/s]: 290 GFLOP/s, an NVIDIA Tegra K1.
    uplink_bps : tuple of float
        Bandwidth of an uplink [bit/s].
    usable_share : float
        V.
    interarrival_s : float
        Time between two arrivals [s]; the first comes at 0.
    frame_bytes : tuple of float
        Bytes of one frame, all servers together.
    weight : tuple of float
        A frame is spread over all servers in proportion to weights drawn from this range.
    frame_rate_hz : float
    deadline_s : float
        Q, the required transfer latency [s].
    reservation : {"sustained", "deadline"}
    reservation_margin : float
        h.

    Notes
    -----
    Every uplink and every server's weights have a stream of their own, so the network of 30 servers is
    that of 20 with ten more, and a longer stream of tasks begins with the shorter one.
    """

    servers: int = 50
    tasks: int = 1000
    capacity_flop_per_s: float = 290e9
    uplink_bps: tuple[float, float] = (10e6, 1e9)
    usable_share: float = 0.8
    interarrival_s: float = 1.0
    frame_bytes: tuple[float, float] = (100e3, 1e6)
    weight: tuple[float, float] = (0.5, 1.5)
    frame_rate_hz: float = 5.0
    deadline_s: float = 0.2
    reservation: Reservation = "sustained"
    reservation_margin: float = 0.0

    def __post_init__(self) -> None:
        for name in ("servers", "tasks"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; allowed: 1 or more")
        for name in ("uplink_bps", "frame_bytes", "weight"):
            low, high = getattr(self, name)
            if not 0 < low <= high < math.inf:
                raise InputError(f"{name} is ({low!r}, {high!r}); allowed: 0 < low <= high, finite")
        if not 0 <= self.interarrival_s < math.inf:
            raise InputError(f"interarrival_s is {self.interarrival_s!r}; allowed: 0 or more, finite")

    def network(self, seed: int) -> Network:
        """Return the edge servers and their uplinks for `seed`."""
        return Network(
            np.full(self.servers, self.capacity_flop_per_s),
            stream(seed, "uplink").uniform(*self.uplink_bps, self.servers),
            usable_share=self.usable_share,
            reservation=self.reservation,
            reservation_margin=self.reservation_margin,
        )

    def arrivals(self, seed: int, profiles: Mapping[str, Profile] | None = None) -> list[Task]:
        """Return the tasks for `seed`, in order of arrival; `profiles` are the ten measured ones by default."""
        choice = list((paper() if profiles is None else profiles).values())
        frame_bytes = stream(seed, "frame bytes").uniform(*self.frame_bytes, self.tasks)
        networks = stream(seed, "network").integers(len(choice), size=self.tasks)
        weights = np.stack(
            [stream(seed, "weight", i).uniform(*self.weight, self.tasks) for i in range(self.servers)], axis=1
        )
        input_bytes = frame_bytes[:, None] * weights / weights.sum(axis=1, keepdims=True)
        servers = np.arange(self.servers)
        return [
            Task(
                name=f"t{j}",
                arrival_s=j * self.interarrival_s,
                profile=choice[networks[j]],
                frame_rate_hz=self.frame_rate_hz,
                deadline_s=self.deadline_s,
                servers=servers,
                input_bytes=input_bytes[j],
            )
            for j in range(self.tasks)
        ]
