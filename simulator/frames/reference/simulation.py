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
from functools import partial

import simpy

from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.conditions import Conditions, links_of
from cutlayer.simulator.demand import demand_of
from cutlayer.simulator.frames.reference.fair import FairLink, FairSlice
from cutlayer.simulator.frames.reference.stations import ARRIVE, Frame, Note, Station, Waiting
from cutlayer.simulator.frames.reference.weather import Server, Weather
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED, LOST
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.ties import is_by
from cutlayer.simulator.types import FloatArray, Network
from cutlayer.simulator.units import bits


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
        self.clock = EventClock()
        self.network, self.settings, self.end_s = network, settings, end_s
        propagation = settings.propagation_of(network)
        self.frames: dict[tuple[str, str], list[Frame]] = {}
        self.done: dict[tuple[str, str, int], float] = {}
        self.servers = []
        for i, delay in enumerate(propagation):
            compute = Station(self.clock, partial(self._note, "server", [network.servers[i]]))
            server = Server(compute, float(delay), links_of(network, i))
            if settings.sharing == "fair":
                server.fair = FairLink(self.clock, self._sent_by(server))
            self.servers.append(server)
        self._weather = Weather(self.clock, network, self.servers, conditions, settings.on_outage == "drop")
        for span in spans:
            self._deploy(span)
        self._emit(spans, frames)

    def run(self) -> dict[tuple[str, str], list[Frame]]:
        """Run to the end and return the frames by task and server."""
        self.clock.run(self.clock.at(self.end_s, ARRIVE + 1))
        for server in self.servers:
            for station in (server.compute, *([server.fair] if server.fair else server.slices.values())):
                station.settle()
        return self.frames

    # Tasks ------------------------------------------------------------------------------------------------

    def _deploy(self, span: Span) -> None:
        """Plan the beginning and the end of a task."""
        demand = demand_of(span.task, self.network)
        for i, input_bytes in zip(span.task.servers.tolist(), span.task.input_bytes.tolist(), strict=True):
            server = self.servers[i]
            if server.fair is None:
                server.slices[span.task.name] = Station(self.clock, self._sent_by(server))
            else:
                server.slices[span.task.name] = FairSlice(server.fair, input_bytes * float(demand.rho[span.cut]))
        self._weather.when(span.start_s, self._reserve, span, True)
        self._weather.when(span.end_s, self._reserve, span, False)

    def _reserve(self, span: Span, begins: bool) -> None:
        name = span.task.name
        demand = demand_of(span.task, self.network)
        for i, input_bytes in zip(span.task.servers.tolist(), span.task.input_bytes.tolist(), strict=True):
            for link in self.servers[i].links:
                if begins:
                    held = self._weather.reserved[link].get(name, 0.0)
                    self._weather.reserved[link][name] = held + input_bytes * float(demand.rho[span.cut])
                else:
                    self._weather.reserved[link].pop(name, None)
        if not begins and span.ending != "deployed" and self.settings.on_end == "drop":
            for frames in (frames for (task, _), frames in self.frames.items() if task == name):
                for frame in reversed(frames):  # the last one first: none moves up
                    server = self.servers[self.network.servers.index(self._server_of[frame])]
                    if frame in server.compute.inside or frame in server.slices[name].inside:
                        frame.process.interrupt("lost")
        self._weather.set_speeds()

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
                    if is_by(span.start_s, time) and not is_by(min(span.end_s, self.end_s), time)
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
                yield from server.compute.serve(frame, edge_s, flop, "compute_wait_s", "compute_service_s")
            slice_ = server.slices[task.name]
            if drop and slice_.down:
                raise simpy.Interrupt("lost")
            yield from slice_.serve(frame, n_bits / slice_bps, n_bits, "uplink_wait_s", "uplink_service_s")
        except simpy.Interrupt:
            frame.fate, frame.left_s = LOST, self.clock.now
            return
        frame.left_s = self.clock.now
        yield self.clock.timeout(server.propagation_s)
        yield self.clock.timeout(remaining_flop / self.network.cloud_flop_per_s)
        frame.fate = DELIVERED

    def _sent_by(self, server: Server) -> Note:
        return partial(self._note, "link", [self.network.links[link] for link in server.links])

    def _note(self, resource: str, names: Sequence[str], rate: float, begin_s: float, end_s: float) -> None:
        """Note what was done at a rate from one time to another, in the windows in which it was done."""
        width = self.settings.series_s
        if width is None or rate == 0:
            return
        last = math.ceil(self.end_s / width) - 1
        for window in range(min(int(begin_s / width), last), min(int(end_s / width), last) + 1):
            until_s = end_s if window == last else min(end_s, (window + 1) * width)
            for name in names:
                key = resource, name, window
                self.done[key] = self.done.get(key, 0.0) + rate * max(until_s - max(begin_s, window * width), 0.0)
