"""What changes around the frames: capacities, loads, outages, reservations, and the speeds they give."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.demand import SLACK
from cutlayer.simulator.frames.reference.fair import FairLink
from cutlayer.simulator.frames.reference.stations import CHANGE, RECOVER, Station
from cutlayer.simulator.steps import Intervals
from cutlayer.simulator.ties import last_of_instant
from cutlayer.simulator.types import Network


@dataclass(eq=False)
class Server:
    """An edge server: its compute, and a slice of the uplink for every task."""

    compute: Station
    propagation_s: float
    links: list[int]
    slices: dict[str, Any] = field(default_factory=dict)
    fair: FairLink | None = None


class Weather:
    """Plans every change of capacity and every outage, and sets the speeds of computes and slices.

    Attributes
    ----------
    reserved : list of dict
        By link: what each task has reserved there [bit/s].
    """

    def __init__(
        self, clock: EventClock, network: Network, servers: list[Server], conditions: Conditions, drop: bool
    ) -> None:
        self.clock, self.network, self.servers, self.conditions = clock, network, servers, conditions
        self.reserved: list[dict[str, float]] = [{} for _ in network.links]
        self._drop = drop  # whether frames are lost in outages
        self._link_down = [0] * len(network.links)
        self._plan()

    def when(self, time_s: float, action: Any, *words: Any, priority: int = CHANGE) -> None:
        """Call ``action(*words)`` at `time_s`."""
        if time_s < math.inf:
            self.clock.at(time_s, priority).callbacks.append(lambda _: action(*words))

    def _plan(self) -> None:
        network, conditions = self.network, self.conditions
        for trace in (*conditions.capacity_bps.values(), *conditions.load_bps.values()):
            for time_s in trace.times_s.tolist():
                self.when(max(time_s, 0.0), self.set_speeds)
        self.when(0.0, self.set_speeds)
        for link in range(len(network.links)):
            self._plan_outages(conditions.link_down(network, link), self._link, link)
        for name, outages in conditions.server_outages.items():
            self._plan_outages(outages, self._outage, self.servers[network.servers.index(name)])

    def _plan_outages(self, outages: Intervals, action: Any, of: Any) -> None:
        for down_s, up_s in outages:
            self.when(down_s, action, of, 1)
            self.when(up_s, action, of, -1, priority=RECOVER)
            for time_s in (down_s, up_s):
                self.when(time_s, self.set_speeds)

    def _outage(self, server: Server, change: int) -> None:
        server.compute.down += change
        if self._drop and change > 0:
            server.compute.lose()

    def _link(self, link: int, change: int) -> None:
        self._link_down[link] += change
        for server in self.servers:
            if link in server.links:
                for slice_ in server.slices.values():
                    if server.fair is None:
                        slice_.down += change
                    if self._drop and change > 0:
                        slice_.lose()
                if server.fair is not None:
                    server.fair.down += change

    def _capacity_bps(self, link: int) -> float:
        if self._link_down[link]:
            return 0.0
        name, now = self.network.links[link], last_of_instant(self.clock.now)
        trace, load = self.conditions.capacity_bps.get(name), self.conditions.load_bps.get(name)
        capacity = float(self.network.link_bps[link]) if trace is None else float(trace.at(now))
        return max(capacity - (0.0 if load is None else float(load.at(now))), 0.0)

    def set_speeds(self) -> None:
        """Let computes and slices run at the speed that outages, capacities and reservations now give."""
        for server in self.servers:
            working = 0.0 if server.compute.down else 1.0
            if server.compute.speed != working:
                server.compute.run_at(working)
            capacity = [self._capacity_bps(link) for link in server.links]
            if server.fair is not None:
                usable = [float(self.network.usable_bps[link]) for link in server.links]
                server.fair.carry(min(*capacity, *usable))
                continue
            speed = 1.0
            for has, link in zip(capacity, server.links, strict=True):
                reserved = math.fsum(self.reserved[link].values())
                if has == 0:
                    speed = 0.0
                elif reserved > has * (1 + SLACK):
                    speed = min(speed, has / reserved)
            for slice_ in server.slices.values():
                if slice_.speed != speed:
                    slice_.run_at(speed)
