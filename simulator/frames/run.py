"""Every frame's way through edge compute and uplink: the compiled walk of a whole run.

Frames never influence decisions, so they need no events: once a run has said who was deployed from when to
when (`simulator.frames.spans`), the merged arrivals of every server are walked once, in time order, in windows of
bounded memory. `cutlayer.simulator.frames.reference` does the same with one process a frame, and must agree.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.conditions import Conditions, links_of, server_clock, slice_speed
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.count.loads import loads
from cutlayer.simulator.frames.count.quantiles import quantiles
from cutlayer.simulator.frames.count.sums import (
    Sums,
    Terms,
    add,
    add_series,
    joined,
    series_values,
    stream_values,
    sums,
)
from cutlayer.simulator.frames.count.throughput import add_computed, add_sent, throughput
from cutlayer.simulator.frames.draw.given import Given
from cutlayer.simulator.frames.draw.streams import Streams, count_frames
from cutlayer.simulator.frames.results import FrameResults, KeptFrames, kept_frames, kept_quantiles
from cutlayer.simulator.frames.rows import Rows, Workspace
from cutlayer.simulator.frames.settings import FrameSettings, check
from cutlayer.simulator.frames.slices import Slices, slices_by_server
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.frames.walk.fair import FairWalk
from cutlayer.simulator.frames.walk.reserved import ReservedWalk
from cutlayer.simulator.frames.walk.spread import Done
from cutlayer.simulator.frames.walk.stage import Stages, course, stages
from cutlayer.simulator.frames.windows import borders
from cutlayer.simulator.results.tables import QUANTILES
from cutlayer.simulator.steps import FULL, Clock, Intervals, Steps, combine, constant, held, merged
from cutlayer.simulator.types import FloatArray, Network

GivenFrames = Mapping[tuple[str, str], tuple[FloatArray, FloatArray]]
"""Frames by (task, server): when they arrive [s], never going back, and their size / mean size, above 0."""


def run_frames(
    network: Network,
    spans: Sequence[Span],
    settings: FrameSettings,
    *,
    end_s: float,
    conditions: Conditions | None = None,
    keep_frames: bool = False,
    given: GivenFrames | None = None,
    workers: int = 1,
) -> FrameResults:
    """Walk every frame of a run.

    Parameters
    ----------
    network : Network
    spans : sequence of Span
        Who was deployed from when to when, in task order (see `cutlayer.simulator.frames.spans.SpanRecorder`).
    settings : FrameSettings
    end_s : float
        End of the run [s]: frames emitted before it count.
    conditions : Conditions, optional
        Capacities, loads and outages over time; without it links and servers are as in the network.
    keep_frames : bool
        Keep every frame; memory grows with their number.
    given : mapping, optional
        Frames to replay instead of drawing them; every (task name, server name) of the spans must be there.
    workers : int
        Threads; how many changes nothing, bit for bit.

    Returns
    -------
    FrameResults

    Raises
    ------
    InputError
        If something handed in is wrong; the message names it.

    Examples
    --------
    >>> from cutlayer.simulator.types import Layer, Profile, Task
    >>> camera = Profile("camera", (8,), 8.0, (Layer("conv", 100, (4,), 4.0),))
    >>> task = Task("t", 0.0, camera, 2.0, 0.5, [0], [8.0])  # 2 Hz of 100 FLOP and 32 bit, Q = 0.5 s
    >>> results = run_frames(Network([1e3], [1e3]), [Span(task, 1, 0.0)], FrameSettings(), end_s=10.0)
    >>> names = ("frames", "violations", "transfer_mean_s", "compute_service_s")
    >>> [results.table[name].round(12).tolist() for name in names]
    [[20], [0], [0.5], [0.1]]
    """
    conditions = Conditions() if conditions is None else conditions
    conditions.check(network)
    check(spans, network, settings, end_s)
    slices, reservations = slices_by_server(spans, network, settings, end_s)
    run = _Run(network, spans, settings, end_s, conditions, keep_frames, given)
    run.prepare(reservations)
    if workers > 1 and len(slices) > 1:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(run.server, slices))
    else:
        parts = [run.server(each) for each in slices]
    table = run.table(slices, parts)
    kept = None
    if keep_frames:
        kept = KeptFrames(*(np.concatenate(column) for column in zip(*(part.kept for part in parts), strict=True)))
    if settings.series_s is None:
        return FrameResults(table, {}, {}, kept)
    series = np.zeros_like(parts[0].sums.series) if parts else np.zeros((0, 8))
    for part in parts:
        add_series(series, part.sums.series)
    return FrameResults(
        table,
        series_values(series, settings.series_s),
        throughput(network, [part.done for part in parts], settings.series_s),
        kept,
    )


class _Part(NamedTuple):
    """One server's part of the results; arrays have one entry a slice."""

    sums: Sums
    frames: Any
    quantile_s: FloatArray
    done: FloatArray
    kept: KeptFrames | None


_OF_THREAD = threading.local()
"""Workspace and histograms of the server before, to be used again: fresh memory costs more than walking the frames."""


def _workspace() -> Workspace:
    if not hasattr(_OF_THREAD, "space"):
        _OF_THREAD.space = Workspace()
    space: Workspace = _OF_THREAD.space
    return space


@dataclass(eq=False)
class _Run:
    """What all servers of a run have in common."""

    network: Network
    spans: Sequence[Span]
    settings: FrameSettings
    end_s: float
    conditions: Conditions
    keep_frames: bool
    given: GivenFrames | None

    def __post_init__(self) -> None:
        self.propagation_s = self.settings.propagation_of(self.network)
        self._compute: list[Clock] = []
        self._uplink: list[Clock] = []

    def prepare(self, reservations: Sequence[Sequence[tuple[float, float, float]]]) -> None:
        """Find out how fast compute and slices of every server run, given who reserves what on every link when."""
        links: dict[int, Steps] = {}
        for server in range(len(self.network.servers)):
            crossed = links_of(self.network, server)
            for link in crossed:
                if link not in links:
                    links[link] = self._speed(link, reservations[link])
            self._uplink.append(server_clock([links[link] for link in crossed]))
            self._compute.append(self.conditions.compute_clock(self.network, server))

    def _speed(self, link: int, reservations: Sequence[tuple[float, float, float]]) -> Steps:
        """Return how fast slices run on a link; with fair sharing what they share [bit/s]."""
        capacity = self.conditions.link_capacity(self.network, link)
        if self.settings.sharing == "fair":
            return combine(np.minimum, capacity, constant(float(self.network.usable_bps[link])))
        if len(capacity.values) == 1 and 0 < capacity.values[0] >= sum([bps for _, _, bps in reservations]):
            return FULL  # even if all of them were deployed at once
        return slice_speed(capacity, held(*np.array(reservations, dtype=float).reshape(-1, 3).T))

    def server(self, slices: Slices) -> _Part:
        """Walk the frames of one server."""
        propagation = float(self.propagation_s[slices.server])
        settings, end_s = self.settings, self.end_s
        windows = math.ceil(end_s / settings.series_s) if settings.series_s else 0
        total = sums(len(slices), windows, getattr(_OF_THREAD, "histograms", None))
        frames = np.zeros(len(slices), dtype=np.intp)
        width = settings.series_s or 1.0
        terms = Terms(slices.cloud_s, slices.deadline_s, propagation, settings.violation == "end-to-end", width)
        done = Done(np.zeros((windows, 2)), width, end_s)
        through = self._stages(slices, propagation)
        flop_per_s = float(self.network.capacity_flop_per_s[slices.server])
        kept: list[list[Any]] = []
        for known, rows in self._windows(slices, through, done, frames):
            if known == 0:
                continue
            total = add(total, known, rows, terms)
            if windows:
                add_computed(known, rows, through.compute, flop_per_s, done)
                if settings.sharing == "reserved":
                    add_sent(known, rows, through.uplink, slices.reserved_bps, done)
            if self.keep_frames:
                kept.append([column[:known].copy() for column in rows])
        every = kept_frames(kept, slices, propagation) if self.keep_frames else None
        _OF_THREAD.histograms = total.histograms
        return _Part(total, frames, self._quantiles(total, slices, every), done.amounts, every)

    def _windows(self, slices: Slices, through: Stages, done: Done, frames: Any) -> Iterator[tuple[int, Rows]]:
        """Yield the rows of one window after another."""
        if not (slices.stop_s > slices.start_s).any():
            return
        source = self._source(slices)
        walk: FairWalk | ReservedWalk
        if self.settings.sharing == "fair":
            walk = FairWalk(slices, through, done)
        else:
            walk = ReservedWalk(slices, through, _workspace())
        for until in chain(borders(slices, self.settings.window_frames), (math.inf,)):
            window = source.before(until)
            count_frames(window, frames)
            yield walk.window(window)
        yield walk.finish()

    def _source(self, slices: Slices) -> Streams | Given:
        names = [self.spans[index].task.name for index in slices.span.tolist()]
        server = self.network.servers[slices.server]
        if self.given is None:
            return Streams(slices, names, server, self.settings, _workspace())
        pairs = []
        for name in names:
            if (name, server) not in self.given:
                raise InputError(f"no frames given for task {name!r} at server {server!r}")
            times, sizes = (np.asarray(values, dtype=float) for values in self.given[name, server])
            if times.shape != sizes.shape or not (np.diff(times) >= 0).all() or not (sizes > 0).all():
                raise InputError(
                    f"frames given for task {name!r} at server {server!r}; "
                    "allowed: as many sizes, above 0, as times, which never go back"
                )
            pairs.append((times, sizes))
        return Given(slices, [times for times, _ in pairs], [sizes for _, sizes in pairs])

    def _stages(self, slices: Slices, propagation: float) -> Stages:
        server, (from_compute, from_uplink) = slices.server, self._lost(slices.server)
        compute = course(self._compute[server], from_compute, self.end_s)
        uplink = course(self._uplink[server], from_uplink, self.end_s)
        return stages(slices, compute, uplink, propagation, self.end_s)

    def _lost(self, server: int) -> tuple[Intervals, Intervals]:
        """Return the outages in which frames in a server's compute and in its slices are lost."""
        if self.settings.on_outage == "hold":
            return (), ()
        network, conditions = self.network, self.conditions
        down: list[tuple[float, float]] = []
        for link in links_of(network, server):
            down += conditions.link_down(network, link)
        return merged(conditions.server_outages.get(network.servers[server], ())), merged(down)

    def _quantiles(self, total: Sums, slices: Slices, every: KeptFrames | None) -> FloatArray:
        """Return the quantiles of every slice, shape (n, 2, quantiles): exact where frames are kept."""
        if every is None:
            rough: FloatArray = quantiles(total)
            return rough
        return kept_quantiles(every, slices)

    def table(self, slices: Sequence[Slices], parts: Sequence[_Part]) -> dict[str, Any]:
        """Return the table ``frames`` of several servers."""
        names = [span.task.name for span in self.spans]
        tasks = [names[index] for mine in slices for index in mine.span.tolist()]
        servers = [self.network.servers[mine.server] for mine in slices for _ in range(len(mine))]
        propagation_s = np.repeat(self.propagation_s[[mine.server for mine in slices]], [len(mine) for mine in slices])
        load = loads(
            slices,
            [clock.speed for clock in self._compute],
            [clock.speed for clock in self._uplink],
            fair=self.settings.sharing == "fair",
        )
        total = joined([part.sums for part in parts])
        frames = np.concatenate([np.empty(0, dtype=np.intp), *(part.frames for part in parts)])
        cloudless = np.concatenate([np.empty(0, dtype=bool), *(mine.cloud_s == 0 for mine in slices)])
        quantile_s = np.concatenate([np.empty((0, 2, len(QUANTILES))), *(part.quantile_s for part in parts)])
        assert (total.counts[:, :3].sum(axis=1) == frames).all(), "every frame ends in one way"
        return {
            "task": np.array(tasks, dtype=object),
            "server": np.array(servers, dtype=object),
            **stream_values(total, quantile_s, frames, propagation_s, cloudless),
            **dict(zip(("compute_load", "uplink_load", "unstable"), load, strict=True)),
        }
