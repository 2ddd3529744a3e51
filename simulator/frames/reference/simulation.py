"""Every frame's way through edge compute and uplink, one SimPy process a frame: the reference.

Written to be read. It shares with `simulator.frames.run` what frames are (their arrivals and sizes) and nothing
of what happens to them: here a server computes, a slice sends, a capacity changes, an outage begins, each
when it does.

At one instant: outages end, then frames finish, then capacities change, outages begin and tasks end, then
frames arrive in task order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from cutlayer.simulator.clock import Clock
from cutlayer.simulator.conditions import Conditions, links_of
from cutlayer.simulator.demand import SLACK, demand_of
from cutlayer.simulator.frames.reference.fair import FairLink, FairSlice
from cutlayer.simulator.frames.reference.stations import ARRIVE, CHANGE, RECOVER, Frame, Station, Waiting
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED, LOST
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import FloatArray, Network
from cutlayer.simulator.units import bits


@dataclass(eq=False)
class Server:
    """An edge server: its compute, and a slice of the uplink for every task."""

    compute: Station
    propagation_s: float
    links: list[int]
    slices: dict[str, Any] = field(default_factory=dict)
    fair: FairLink | None = None


class FrameSimulation:
    """All frames of a run; parameters as in `cutlayer.simulator.frames.run.run_frames`.

    Parameters
    ----------
    frames : mapping of (str, str) to (array, array)
        By task and server: when frames arrive [s], and their size / mean size. Those outside the time of
        their task are left out.

    Attributes
    ----------
    done : dict of (str, str, int) to float
        What was done at each ("link" or "server", its name, number of the window of ``settings.series_s``):
        bits or FLOP, where there were any.
    """

    def __init__(
        self,
        network: Network,
        spans: Sequence[Span],
        settings: FrameSettings,
        frames: Mapping[tuple[str, str], tuple[FloatArray, FloatArray]],
        *,
        end_s: float,
        conditions: Conditions,
    ) -> None:
        self.clock = Clock()
        self.network, self.settings, self.conditions, self.end_s = network, settings, conditions, end_s
        self.reserved: list[dict[str, float]] = [{} for _ in network.links]
        propagation = settings.propagation_of(network)
        self.servers = [
            Server(Station(self.clock), float(delay), links_of(network, i)) for i, delay in enumerate(propagation)
        ]
        if settings.sharing == "fair":
            for server in self.servers:
                server.fair = FairLink(self.clock)
        self.frames: dict[tuple[str, str], list[Frame]] = {}
        self.done: dict[tuple[str, str, int], float] = {}
        self._weather()
        for span in spans:
            self._deploy(span)
        self._emit(spans, frames)

    def run(self) -> dict[tuple[str, str], list[Frame]]:
        """Run to the end and return the frames by task and server."""
        self.clock.run(self.clock.at(self.end_s, ARRIVE + 1))
        return self.frames

    # What changes ---------------------------------------------------------------------------------------

    def _when(self, time_s: float, action: Any, *words: Any, priority: int = CHANGE) -> None:
        """Call ``action(*words)`` at `time_s`."""
        if time_s < math.inf:
            self.clock.at(time_s, priority).callbacks.append(lambda _: action(*words))

    def _weather(self) -> None:
        """Plan every change of capacity and every outage."""
        network, conditions = self.network, self.conditions
        drop = self.settings.on_outage == "drop"
        self.link_down = [0] * len(network.links)
        for trace in (*conditions.capacity_bps.values(), *conditions.load_bps.values()):
            for time_s in trace.times_s.tolist():
                self._when(max(time_s, 0.0), self._set_speeds)
        self._when(0.0, self._set_speeds)
        for link in range(len(network.links)):
            for down_s, up_s in conditions.link_down(network, link):
                self._when(down_s, self._link, link, 1, drop)
                self._when(up_s, self._link, link, -1, drop, priority=RECOVER)
                for time_s in (down_s, up_s):
                    self._when(time_s, self._set_speeds)
        for name, outages in conditions.server_outages.items():
            server = self.servers[network.servers.index(name)]
            for down_s, up_s in outages:
                self._when(down_s, self._outage, server, 1, drop)
                self._when(up_s, self._outage, server, -1, drop, priority=RECOVER)
                for time_s in (down_s, up_s):
                    self._when(time_s, self._set_speeds)

    def _outage(self, server: Server, change: int, drop: bool) -> None:
        server.compute.down += change
        if drop and change > 0:
            server.compute.lose()

    def _link(self, link: int, change: int, drop: bool) -> None:
        self.link_down[link] += change
        for server in self.servers:
            if link in server.links:
                for slice_ in server.slices.values():
                    if server.fair is None:
                        slice_.down += change
                    if drop and change > 0:
                        slice_.lose()
                if server.fair is not None:
                    server.fair.down += change

    def _capacity_bps(self, link: int) -> float:
        if self.link_down[link]:
            return 0.0
        name, now = self.network.links[link], self.clock.now
        trace, load = self.conditions.capacity_bps.get(name), self.conditions.load_bps.get(name)
        capacity = float(self.network.link_bps[link]) if trace is None else float(trace.at(now))
        return max(capacity - (0.0 if load is None else float(load.at(now))), 0.0)

    def _set_speeds(self) -> None:
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

    def _deploy(self, span: Span) -> None:
        """Plan the beginning and the end of a task."""
        demand = demand_of(span.task, self.network)
        for i, input_bytes in zip(span.task.servers.tolist(), span.task.input_bytes.tolist(), strict=True):
            server = self.servers[i]
            if server.fair is None:
                server.slices[span.task.name] = Station(self.clock)
            else:
                server.slices[span.task.name] = FairSlice(server.fair, input_bytes * float(demand.rho[span.cut]))
        self._when(span.start_s, self._reserve, span, True)
        self._when(span.end_s, self._reserve, span, False)

    def _reserve(self, span: Span, begins: bool) -> None:
        name = span.task.name
        demand = demand_of(span.task, self.network)
        for i, input_bytes in zip(span.task.servers.tolist(), span.task.input_bytes.tolist(), strict=True):
            for link in self.servers[i].links:
                if begins:
                    held = self.reserved[link].get(name, 0.0)
                    self.reserved[link][name] = held + input_bytes * float(demand.rho[span.cut])
                else:
                    self.reserved[link].pop(name, None)
        if not begins and span.ending != "deployed" and self.settings.on_end == "drop":
            for frames in (frames for (task, _), frames in self.frames.items() if task == name):
                for frame in reversed(frames):  # the last one first: none moves up
                    server = self.servers[self.network.servers.index(self._server_of[frame])]
                    if frame in server.compute.inside or frame in server.slices[name].inside:
                        frame.process.interrupt("lost")
        self._set_speeds()

    # Frames ---------------------------------------------------------------------------------------------

    def _emit(self, spans: Sequence[Span], given: Mapping[tuple[str, str], tuple[FloatArray, FloatArray]]) -> None:
        """Make one process a frame, those of one instant in task order."""
        self._server_of: dict[Frame, str] = {}
        order: list[tuple[float, int, int, Frame, Span, int]] = []
        for index, span in enumerate(spans):
            for i in span.task.servers.tolist():
                name = self.network.servers[i]
                times, sizes = given[span.task.name, name]
                times_and_sizes = [
                    (time, size)
                    for time, size in zip(times.tolist(), sizes.tolist(), strict=True)
                    if span.start_s <= time < min(span.end_s, self.end_s)
                ]
                frames = [Frame(n, time, size) for n, (time, size) in enumerate(times_and_sizes)]
                self.frames[span.task.name, name] = frames
                for frame in frames:
                    self._server_of[frame] = name
                    order.append((frame.arrival_s, index, frame.number, frame, span, i))
        for _, _, _, frame, span, i in sorted(order, key=lambda entry: entry[:3]):
            frame.process = self.clock.process(self._live(frame, span, i))

    def _live(self, frame: Frame, span: Span, i: int) -> Waiting:
        """The life of one frame."""
        task, server = span.task, self.servers[i]
        input_bytes = float(task.input_bytes[task.servers.tolist().index(i)])
        per_byte = task.profile.flop_per_byte_by_cut
        flop = frame.size * input_bytes * float(per_byte[span.cut])
        remaining_flop = frame.size * input_bytes * float(per_byte[-1] - per_byte[span.cut])
        n_bits = frame.size * bits(input_bytes) * float(task.profile.ratio_by_cut[span.cut])
        slice_bps = input_bytes * float(demand_of(task, self.network).rho[span.cut])
        drop = self.settings.on_outage == "drop"
        yield self.clock.at(frame.arrival_s, ARRIVE)
        try:
            if flop > 0:
                if drop and server.compute.down:
                    raise simpy.Interrupt("lost")
                edge_s = flop / float(self.network.capacity_flop_per_s[i])
                yield from server.compute.serve(frame, edge_s, "compute_wait_s", "compute_service_s")
                self._note("server", self.network.servers[i], flop)
            slice_ = server.slices[task.name]
            if drop and slice_.down:
                raise simpy.Interrupt("lost")
            yield from slice_.serve(frame, n_bits / slice_bps, "uplink_wait_s", "uplink_service_s")
            for link in server.links:
                self._note("link", self.network.links[link], n_bits)
        except simpy.Interrupt:
            frame.fate, frame.left_s = LOST, self.clock.now
            return
        frame.left_s = self.clock.now
        yield self.clock.timeout(server.propagation_s)
        yield self.clock.timeout(remaining_flop / self.network.cloud_flop_per_s)
        frame.fate = DELIVERED

    def _note(self, resource: str, name: str, amount: float) -> None:
        """Note that this much was done now."""
        width = self.settings.series_s
        if width is not None:
            window = min(int(self.clock.now / width), math.ceil(self.end_s / width) - 1)
            key = resource, name, window
            self.done[key] = self.done.get(key, 0.0) + amount
