"""Every frame's way through edge compute and uplink: the compiled walk of a whole run.

Frames never influence decisions, so they need no events: once a run has said who was deployed from when to
when (`simulator.spans`), the merged arrivals of every server are walked once, in time order, in windows of
bounded memory. `simulator.frames_simpy` does the same with one process a frame, and must agree.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any, NamedTuple

import numpy as np

from simulator.errors import InputError
from simulator.frame_fair import FairWalk
from simulator.frame_loads import loads
from simulator.frame_model import DELIVERED, IN_FLIGHT, FrameSettings, Slices, check, slices_by_server
from simulator.frame_rows import Room, Rows
from simulator.frame_rows import rows as empty_rows
from simulator.frame_stats import (
    Sums,
    add,
    add_series,
    exact_quantiles,
    joined,
    quantiles,
    series_values,
    stream_values,
    sums,
)
from simulator.frame_streams import Given, Streams
from simulator.frame_throughput import add_done, throughput
from simulator.frame_walk import ReservedWalk, course
from simulator.spans import Span
from simulator.tables import QUANTILES
from simulator.types import FloatArray, Network
from simulator.uplink import (
    Clock,
    Conditions,
    Steps,
    combine,
    constant,
    held,
    links_of,
    merged,
    server_clock,
    slice_speed,
)

GivenFrames = Mapping[tuple[str, str], tuple[FloatArray, FloatArray]]
"""Frames by (task, server): when they arrive [s], never going back, and their size / mean size, above 0."""

class KeptFrames(NamedTuple):
    """Every frame of a run, by server, task and number. Arrays of shape (frames,).

    Of a lost frame the times are those that had passed when it was lost; of one in flight they are NaN.
    """

    task: Any  # index into the spans
    server: Any  # index into the network's servers
    number: Any  # counted from 0 within its task and server
    arrival_s: FloatArray
    size: FloatArray  # as a multiple of the mean
    compute_wait_s: FloatArray
    compute_service_s: FloatArray
    uplink_wait_s: FloatArray
    uplink_service_s: FloatArray
    transfer_s: FloatArray
    end_to_end_s: FloatArray
    fate: Any  # simulator.frame_model.DELIVERED, LOST or IN_FLIGHT


@dataclass(frozen=True, eq=False)
class FrameResults:
    """What the frames of a run met.

    Attributes
    ----------
    table : dict of str to ndarray
        One entry a task and server; columns as in the table ``frames``.
    series : dict of str to ndarray
        One entry a window of time, columns as in the table ``frame_series``; empty without
        ``settings.series_s``.
    series_by : dict of str to ndarray
        One entry a window of time and a link or server, columns as in the table ``frame_series_by``; empty
        without ``settings.series_s``.
    kept : KeptFrames or None
        Every frame, where they were kept.
    """

    table: dict[str, Any]
    series: dict[str, Any]
    series_by: dict[str, Any]
    kept: KeptFrames | None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the table row by row."""
        columns = [np.asarray(values).tolist() for values in self.table.values()]
        for row in zip(*columns, strict=True):
            yield dict(zip(self.table, row, strict=True))

    def summary(self) -> dict[str, Any]:
        """Return the totals of the run: counts, mean latencies, largest ones, unstable slices."""
        table = self.table
        names = ("frames", "delivered", "lost", "in_flight", "violations")
        total: dict[str, Any] = {name: int(table[name].sum()) for name in names}
        for name in ("transfer", "end_to_end"):
            some = table["delivered"] > 0
            weight = table["delivered"][some]
            mean = math.fsum((table[f"{name}_mean_s"][some] * weight).tolist()) / weight.sum() if some.any() else None
            total[f"{name}_mean_s"] = mean
            total[f"{name}_max_s"] = float(table[f"{name}_max_s"][some].max()) if some.any() else None
        total["unstable_slices"] = int(table["unstable"].sum())
        return total


def run_frames(
    network: Network,
    spans: Sequence[Span],
    settings: FrameSettings,
    *,
    end_s: float,
    conditions: Conditions | None = None,
    keep_frames: bool = False,
    given: GivenFrames | None = None,
    servers: Collection[int] | None = None,
    workers: int = 1,
) -> FrameResults:
    """Walk every frame of a run.

    Parameters
    ----------
    network : Network
    spans : sequence of Span
        Who was deployed from when to when, in task order (see `simulator.spans.SpanRecorder`).
    settings : FrameSettings
    end_s : float
        End of the run [s]: frames emitted before it count.
    conditions : Conditions, optional
        Capacities, loads and outages over time; without it links and servers are as in the network.
    keep_frames : bool
        Keep every frame; memory grows with their number.
    given : mapping, optional
        Frames to replay instead of drawing them; every (task name, server name) of the spans must be there.
    servers : collection of int, optional
        Walk the frames of these servers only. Which ones, in which order and in how many threads changes
        nothing, bit for bit.
    workers : int
        Threads.

    Returns
    -------
    FrameResults

    Raises
    ------
    InputError
        If something handed in is wrong; the message names it.

    Examples
    --------
    >>> from simulator.types import Layer, Profile, Task
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
    chosen = sorted(range(len(network.servers)) if servers is None else set(servers))
    needed = sorted({link for server in chosen for link in links_of(network, server)})
    run.links = {link: run.link(link, reservations[link]) for link in needed}
    mine = [slices[server] for server in chosen]
    if workers > 1 and len(mine) > 1:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(run.server, mine))
    else:
        parts = [run.server(each) for each in mine]
    series = np.zeros_like(parts[0].sums.series) if parts else np.zeros((0, 8))
    for part in parts:
        add_series(series, part.sums.series)
    table = run.table(mine, parts)
    kept = None
    if keep_frames:
        kept = KeptFrames(*(np.concatenate(column) for column in zip(*(part.kept for part in parts), strict=True)))
    if settings.series_s is None:
        return FrameResults(table, {}, {}, kept)
    done = {server: part.done for server, part in zip(chosen, parts, strict=True)}
    return FrameResults(
        table, series_values(series, settings.series_s), throughput(network, done, settings.series_s), kept
    )


class _Part(NamedTuple):
    """One server's part of the results; arrays have one entry a slice."""

    sums: Sums
    frames: Any
    quantile_s: FloatArray
    done: FloatArray
    kept: KeptFrames | None


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
        self.links: dict[int, Steps] = {}
        self._thread = threading.local()
        self.propagation_s = self.settings.propagation_of(self.network)

    def link(self, link: int, reservations: Sequence[tuple[float, float, float]]) -> Steps:
        """Return how fast slices run on a link; with fair sharing what they share [bit/s]."""
        capacity = self.conditions.link_capacity(self.network, link)
        if self.settings.sharing == "fair":
            return combine(np.minimum, capacity, constant(float(self.network.usable_bps[link])))
        if len(capacity.values) == 1 and 0 < capacity.values[0] >= sum(bps for _, _, bps in reservations):
            return constant(1.0)  # whoever is there at one time
        return slice_speed(capacity, held(*np.array(reservations, dtype=float).reshape(-1, 3).T))

    def _uplink(self, server: int) -> Steps:
        """Return what the slices at a server get over all of its links, as of `link`."""
        return server_clock([self.links[link] for link in links_of(self.network, server)]).speed

    def server(self, slices: Slices) -> _Part:
        """Walk the frames of one server."""
        propagation = float(self.propagation_s[slices.server])
        settings, end_s = self.settings, self.end_s
        windows = math.ceil(end_s / settings.series_s) if settings.series_s else 0
        total = sums(len(slices), windows)
        frames = np.zeros(len(slices), dtype=np.intp)
        done = np.zeros((windows, 2))
        kept: list[list[Any]] = []
        for known, rows in self._windows(slices, propagation, frames):
            if known == 0:
                continue
            total = add(
                total, known, rows, slices, propagation, settings.violation == "end-to-end", settings.series_s or 1.0
            )
            if settings.series_s is not None:
                add_done(known, rows, slices.flop, slices.n_bits, settings.series_s, done)
            if self.keep_frames:
                kept.append([column[:known].copy() for column in rows])
        every = self._kept(kept, slices, propagation) if self.keep_frames else None
        return _Part(total, frames, self._quantiles(total, slices, every), done, every)

    def _windows(self, slices: Slices, propagation: float, frames: Any) -> Iterator[tuple[int, Rows]]:
        """Yield the rows of one window after another."""
        emitting = slices.stop_s > slices.start_s
        if not emitting.any():
            return
        source, walk = self._source(slices), self._walk(slices, propagation)
        starts, stops, rates = slices.start_s[emitting], slices.stop_s[emitting], slices.rate_hz[emitting]
        begin, last = float(starts.min()), float(stops.max())
        together = starts.max() < stops.min()  # at some time all emit at once
        busiest = rates.sum() if together else held(starts, stops, rates).values.max()
        width = self.settings.window_frames / float(busiest)
        for n in count(1):
            until = begin + n * width
            window = source.before(until if until < last else math.inf)
            frames[window.ids] += np.diff(window.first)
            yield walk.window(window)
            if not until < last:
                break
        yield walk.finish()

    @property
    def _room(self) -> Room:
        """Where this thread writes its windows."""
        if not hasattr(self._thread, "room"):
            self._thread.room = Room()
        room: Room = self._thread.room
        return room

    def _source(self, slices: Slices) -> Streams | Given:
        names = [self.spans[index].task.name for index in slices.span]
        server = self.network.servers[slices.server]
        if self.given is None:
            return Streams(slices, names, server, self.settings, self._room)
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

    def _walk(self, slices: Slices, propagation: float) -> ReservedWalk | FairWalk:
        network, conditions = self.network, self.conditions
        links = links_of(network, slices.server)
        drop = self.settings.on_outage == "drop"
        down: list[tuple[float, float]] = []
        for link in links:
            down += conditions.link_outages.get(network.links[link], ())
        clock = conditions.compute_clock(network, slices.server)
        server_down = conditions.server_outages.get(network.servers[slices.server], ())
        compute = course(clock, merged(server_down) if drop else [], self.end_s)
        fair = self.settings.sharing == "fair"
        uplink = Clock(self._uplink(slices.server))
        way = slices, compute, course(uplink, merged(down) if drop else [], self.end_s), propagation, self.end_s
        return FairWalk(*way) if fair else ReservedWalk(*way, self._room)

    def _kept(self, parts: Sequence[Sequence[Any]], slices: Slices, propagation: float) -> KeptFrames:
        columns: list[Any] = [np.concatenate(column) for column in zip(empty_rows(0), *parts, strict=True)]
        rows = Rows(*columns)
        order = np.lexsort((rows.number, rows.stream))
        rows = Rows(*[column[order] for column in columns])
        stream = rows.stream
        times: Any = np.array([rows.compute_wait, rows.compute_service, rows.uplink_wait, rows.uplink_service])
        times[:, rows.fate == IN_FLIGHT] = math.nan
        transfer = times[2] + times[3]
        total = (times[0] + times[1]) + transfer
        cloud = propagation + slices.cloud_s[stream] * rows.size
        total += np.where(rows.fate == DELIVERED, cloud, 0.0)
        compute_wait, compute_service, uplink_wait, uplink_service = times
        return KeptFrames(
            slices.span[stream], np.full(len(stream), slices.server), rows.number, rows.arrival, rows.size,
            compute_wait, compute_service, uplink_wait, uplink_service, transfer, total, rows.fate,
        )  # fmt: skip

    def _quantiles(self, total: Sums, slices: Slices, every: KeptFrames | None) -> FloatArray:
        """Return the quantiles of every slice, shape (n, 2, quantiles): exact where frames are kept."""
        if every is None:
            rough: FloatArray = quantiles(total)
            return rough
        exact = []
        bounds = np.searchsorted(every.task, np.append(slices.span, len(self.spans)))
        for low, high in pairwise(bounds.tolist()):
            done = every.fate[low:high] == DELIVERED
            latencies = every.transfer_s[low:high], every.end_to_end_s[low:high]
            exact.append([exact_quantiles(latency[done]) for latency in latencies])
        return np.array(exact, dtype=float).reshape(len(slices), 2, len(QUANTILES))

    def table(self, slices: Sequence[Slices], parts: Sequence[_Part]) -> dict[str, Any]:
        """Return the table ``frames`` of several servers."""
        names = [span.task.name for span in self.spans]
        tasks = [names[index] for mine in slices for index in mine.span.tolist()]
        servers = [self.network.servers[mine.server] for mine in slices for _ in range(len(mine))]
        propagation = [np.full(len(mine), self.propagation_s[mine.server]) for mine in slices]
        quantile_s = [part.quantile_s for part in parts]
        fair = self.settings.sharing == "fair"
        compute = [self.conditions.compute_clock(self.network, mine.server).speed for mine in slices]
        load = loads(slices, compute, [self._uplink(mine.server) for mine in slices], fair=fair)
        total = joined([part.sums for part in parts])
        frames = np.concatenate([np.empty(0, dtype=np.intp), *(part.frames for part in parts)])
        assert (total.counts[:, :3].sum(axis=1) == frames).all(), "every frame ends in one way"
        return {
            "task": np.array(tasks, dtype=object),
            "server": np.array(servers, dtype=object),
            **stream_values(
                total,
                np.concatenate([np.empty((0, 2, len(QUANTILES))), *quantile_s]),
                frames,
                np.concatenate([np.empty(0), *propagation]),
            ),
            **dict(zip(("compute_load", "uplink_load", "unstable"), load, strict=True)),
        }
