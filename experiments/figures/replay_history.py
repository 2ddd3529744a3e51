"""What a run did over time, as a figure shows it: read in pieces, so that long series take little memory."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutlayer.experiments.figures.panels import step_means
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.steps import Clock, Intervals, Steps, available, merged
from cutlayer.simulator.types import FloatArray

INTERVALS = 240
"""Of time, over which everything is averaged."""
_PIECE, _PIECE_EACH = 16384, 512
"""Rows that are held at a time: of the series of all, and of that of every server and link."""
_NARROWEST = 1 / 1000
"""No outage is drawn narrower than this share of the time, so that a short one is seen."""


@dataclass(frozen=True, eq=False)
class Use:
    """The use of a resource over time, in percent of what it has by the network.

    Attributes
    ----------
    reserved : ndarray, shape (n,)
        In all, of the sum.
    each : ndarray, shape (resources, n)
        Of every server or link by itself; no rows where the results do not say.
    available : ndarray, shape (resources, n)
        What each has meanwhile: outages, other traffic and a measured bandwidth count.
    up : ndarray, shape (resources, n)
        Which share of the time each is in no outage.
    usable : float
        What tasks may reserve of what is available.
    total : float
        What all have together [FLOP/s or bit/s].
    weights : ndarray, shape (resources,)
        What each has of that; the sum is 1.
    """

    reserved: FloatArray
    each: FloatArray
    available: FloatArray
    up: FloatArray
    usable: float
    total: float
    weights: FloatArray

    @property
    def of_available(self) -> FloatArray:
        """What is reserved of what is available meanwhile [%], a row each.

        NaN where nothing is available, or an outage takes most of an interval; one that takes less does not count,
        for it would look like a moment in which too much is reserved.
        """
        if not len(self.each):
            return self.each
        return np.where(self.up >= 0.5, _share(self.each * self.up, self.available), math.nan)

    @property
    def all_of_available(self) -> FloatArray:
        """The same of all together, outages counted; NaN where nothing is available."""
        return _share(self.reserved, self.weights @ self.available)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 1e-9, 100 * part / whole, math.nan)


@dataclass(frozen=True, eq=False)
class History:
    """What a run did over time.

    Attributes
    ----------
    row : mapping
        Of ``runs``.
    edges : ndarray, shape (n + 1,)
        Of the intervals of time [s].
    arrived, rejected, evicted : ndarray, shape (n,)
        Tasks a second.
    deployed : ndarray, shape (n,)
        Deployed tasks, on average.
    compute, uplink : Use
    names : tuple of tuple of str
        The servers, the links.
    down : tuple of mapping of str to list of (float, float)
        Outages of servers and of links by name, in order of time [s]; short ones widened so that they are seen.
    windows : mapping of str to ndarray
        ``edges_s`` and, between these, the columns of ``frame_series``; empty without frames.
    deadlines_s : tuple of float
        The shortest and the longest deadline of a task.
    """

    row: Mapping[str, Any]
    edges: FloatArray
    arrived: FloatArray
    rejected: FloatArray
    evicted: FloatArray
    deployed: FloatArray
    compute: Use
    uplink: Use
    names: tuple[tuple[str, ...], tuple[str, ...]]
    down: tuple[dict[str, list[tuple[float, float]]], dict[str, list[tuple[float, float]]]]
    windows: Mapping[str, FloatArray]
    deadlines_s: tuple[float, float]


class Means:
    """Means over intervals of a step function that comes in pieces, of which few are held.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Of the intervals.
    piece : int
        So many changes are held.
    """

    def __init__(self, edges: FloatArray, piece: int) -> None:
        self._edges, self._piece = edges, piece
        self._means = np.zeros(len(edges) - 1)
        self._times, self._values = array("d"), array("d")

    def take(self, time_s: float, value: float) -> None:
        """Take the value from a time on; times never fall, and of several values at one the last holds."""
        if len(self._times) >= self._piece:
            self._empty(time_s)
        self._times.append(time_s)
        self._values.append(value)

    def means(self) -> FloatArray:
        """Return the means over the intervals; 0 before the first change."""
        self._empty(math.inf)
        return self._means

    def _empty(self, until_s: float) -> None:
        """Count what is held, up to that time."""
        if not self._times:
            return
        x, y = np.array(self._times), np.array(self._values)
        if until_s < math.inf:  # from the next change on it counts nothing here, but there
            x, y = np.append(x, until_s), np.append(y, 0.0)
        self._means += step_means(x, y, self._edges)
        del self._times[:], self._values[:]


def history(results: Results, row: Mapping[str, Any], inputs: Inputs) -> History:
    """Return what the run of that row did over time."""
    network, key = inputs.network, row["key"]
    end_s = float(row["end_s"]) or 1.0
    edges = np.linspace(0.0, end_s, INTERVALS + 1)
    rates, means = _series(results, key, edges)
    each: dict[tuple[str, str], Means] = {}
    for entry in results.rows("series_by", key):
        kind = entry["resource"]
        own = each.setdefault((kind, entry["resource_name"]), Means(edges, _PIECE_EACH))
        own.take(entry["time_s"], entry["reserved_bps" if kind == "link" else "reserved_flop_per_s"])

    def use(kind: str, name: str, names: tuple[str, ...], capacity: FloatArray, usable: float) -> Use:
        total = float(capacity.sum())
        nothing = np.zeros(INTERVALS)
        rows = [
            100 * each[kind, one].means() / own if (kind, one) in each else nothing
            for one, own in zip(names, capacity, strict=True)
        ]
        return Use(
            100 * means[name] / total,
            np.array(rows if each else []).reshape(-1, INTERVALS),
            100 * _available(kind, inputs, edges),
            _up(kind, inputs, edges),
            100 * usable,
            total,
            capacity / total,
        )

    conditions = inputs.conditions
    return History(
        row,
        edges,
        rates["arrived_tasks"],
        rates["rejected_tasks"],
        rates["evicted_tasks"],
        means["deployed_tasks"],
        use("server", "reserved_flop_per_s", network.servers, network.capacity_flop_per_s, 1.0),
        use("link", "reserved_bps", network.links, network.link_bps, network.usable_share),
        (network.servers, network.links),
        (
            _down(network.servers, {} if conditions is None else conditions.server_outages, end_s),
            _down(network.links, {} if conditions is None else conditions.link_outages, end_s),
        ),
        _windows(results, key, end_s, inputs),
        _deadlines(results, key),
    )


def _series(results: Results, key: str, edges: FloatArray) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return how often tasks came and went [1/s], and what was deployed and reserved on average."""
    rates = {name: np.zeros(len(edges) - 1) for name in ("arrived_tasks", "rejected_tasks", "evicted_tasks")}
    means = {name: Means(edges, _PIECE) for name in ("deployed_tasks", "reserved_bps", "reserved_flop_per_s")}
    before = dict.fromkeys(rates, 0)
    for row in results.rows("series", key):
        for name, mean in means.items():
            mean.take(row["time_s"], row[name])
        for name, rate in rates.items():
            if row[name] != before[name]:
                interval = min(max(int(np.searchsorted(edges, row["time_s"], side="right")) - 1, 0), len(rate) - 1)
                rate[interval] += row[name] - before[name]
                before[name] = row[name]
    width_s = float(edges[1] - edges[0])
    return {name: rate / width_s for name, rate in rates.items()}, {name: mean.means() for name, mean in means.items()}


def _available(kind: str, inputs: Inputs, edges: FloatArray) -> FloatArray:
    """Return what each server or link has over time, as a share of what it has by the network."""
    network, conditions = inputs.network, inputs.conditions
    if kind == "server" or conditions is None:
        return _up(kind, inputs, edges)
    shares = np.ones((len(network.links), len(edges) - 1))
    for link, bps in enumerate(network.link_bps.tolist()):
        shares[link] = _average(conditions.link_capacity(network, link), edges) / bps
    return shares


def _up(kind: str, inputs: Inputs, edges: FloatArray) -> FloatArray:
    """Return which share of each interval each server or link is in no outage."""
    network, conditions = inputs.network, inputs.conditions
    names = network.links if kind == "link" else network.servers
    shares = np.ones((len(names), len(edges) - 1))
    if conditions is not None:
        outages = conditions.link_outages if kind == "link" else conditions.server_outages
        for index, name in enumerate(names):
            if outages.get(name):
                shares[index] = _average(available(outages[name]), edges)
    return shares


def _average(steps: Steps, edges: FloatArray) -> FloatArray:
    means: FloatArray = np.diff(Clock(steps).at(edges)) / np.diff(edges)
    return means


def _down(names: Sequence[str], outages: Mapping[str, Intervals], end_s: float) -> dict[str, list[tuple[float, float]]]:
    """Return the outages before the end by name, widened to what can be seen; those that then touch are one."""
    seen = {}
    for name in names:
        wide = [
            (down, min(max(up, down + _NARROWEST * end_s), end_s))
            for down, up in outages.get(name, ()) if down < end_s * (1 - 1e-12)
        ]  # fmt: skip
        if wide:
            seen[name] = merged(wide)
    return seen


def _windows(results: Results, key: str, end_s: float, inputs: Inputs) -> dict[str, FloatArray]:
    """Return the columns of ``frame_series``, windows joined where there are more than can be drawn."""
    width_s = None if inputs.frames is None else inputs.frames.settings.series_s
    if width_s is None:
        return {}
    joined = max(1, math.ceil(end_s / width_s / INTERVALS))
    count = max(1, math.ceil(end_s / (width_s * joined) * (1 - 1e-12)))
    sums = {name: np.zeros(count) for name in ("delivered", "lost", "violations", "transfer_mean_s")}
    largest = np.full(count, math.nan)
    some = False
    for row in results.rows("frame_series", key):
        at = min(round(row["time_s"] / width_s) // joined, count - 1)
        some = True
        for name in ("delivered", "lost", "violations"):
            sums[name][at] += row[name]
        if row["delivered"]:
            sums["transfer_mean_s"][at] += row["delivered"] * row["transfer_mean_s"]
            largest[at] = np.fmax(largest[at], row["transfer_max_s"])
    if not some:
        return {}
    with np.errstate(invalid="ignore", divide="ignore"):
        sums["transfer_mean_s"] /= sums["delivered"]
    edges = np.append(width_s * joined * np.arange(count), end_s)
    return {"edges_s": edges, **sums, "transfer_max_s": largest}


def _deadlines(results: Results, key: str) -> tuple[float, float]:
    low, high = math.inf, -math.inf
    for task in results.rows("tasks", key):
        low, high = min(low, task["deadline_s"]), max(high, task["deadline_s"])
    return low, high
