"""The compiled walk of frames through edge compute and an uplink shared fairly.

The busy slices of a link share C(t) = min(capacity, V b) in proportion to their reservations R. Virtual time
V advances at C / (sum of R over the busy slices): a slice serves one second of its reserved rate while V
advances by one, so a frame that starts at V leaves when V has advanced by its service (Parekh and Gallager,
"A generalized processor sharing approach to flow control in integrated services networks", IEEE/ACM
Transactions on Networking 1(3), 1993). V starts anew whenever the link is idle.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from simulator.frame_model import DELIVERED, IN_FLIGHT, LOST, Slices
from simulator.frame_streams import Frames
from simulator.frame_walk import Asks, Course, Rows, asks, replay, rows, stage, tournament
from simulator.types import FloatArray, IntArray

NOTHING, EVERYBODY = -1, -2

# Columns of a frame on its way
_ARRIVAL, _SIZE, _WAIT, _SERVICE, _ENTERED, _TAG = range(6)
_STREAM, _NUMBER, _NEXT = range(3)

# Where a server stands between two windows
_COMPUTE_AT, _COMPUTE_FREE, _NOW, _VIRTUAL, _BUSY_BPS, _BEGUN_AT = range(6)
_SEGMENT, _OUTAGE, _LINK_SEGMENT, _LINK_OUTAGE, _BUSY, _UNUSED, _ENTERING, _LAST_ENTERING, _ROWS = range(9)


class Link(NamedTuple):
    """What a link can carry over time, and whom it loses when.

    Attributes
    ----------
    times : ndarray, shape (n + 1,)
        When something changes [s], from 0; the last is infinite. Two changes may come at one time.
    bps : ndarray, shape (n,)
        What the slices share from then on [bit/s].
    loses : ndarray of int, shape (n,)
        Whose frames are lost at that time: a slice, `EVERYBODY` or `NOTHING`.
    down, up : ndarray, shape (m + 1,)
        Outages in which frames that come are lost [s]; the last is at infinity.
    """

    times: FloatArray
    bps: FloatArray
    loses: IntArray
    down: FloatArray
    up: FloatArray


def link_of(course: Course, slices: Slices) -> Link:
    """Return the link of a course whose speeds are bit/s."""
    ends = np.flatnonzero(np.isfinite(slices.drop_s))
    times = np.concatenate([course.times[:-1], course.down[:-1], slices.drop_s[ends]])
    bps = course.speeds[np.searchsorted(course.times, times, side="right") - 1]
    loses = np.concatenate([np.full(len(course.speeds), NOTHING), np.full(len(course.down) - 1, EVERYBODY), ends])
    order = np.argsort(times, kind="stable")
    return Link(np.append(times[order], math.inf), bps[order], loses[order].astype(np.intp), course.down, course.up)


class Fair(NamedTuple):
    """Where a server stands between two windows, with fair sharing."""

    floats: FloatArray
    ints: IntArray
    bps: FloatArray  # (n,): reservation of every slice
    head: IntArray  # (n,): the frame in service in every slice, -1 if idle
    tail: IntArray
    begun: FloatArray  # (n,): when its service began
    heap: IntArray  # busy slices, the one whose head leaves first on top
    tags: FloatArray  # (n,): when, in virtual time, the head leaves


@njit(cache=True, nogil=True, error_model="numpy")
def _sink(state: Fair, at: int) -> None:
    heap, tags, n = state.heap, state.tags, state.ints[_BUSY]
    if n == 0:
        return
    moving = heap[at]
    tag = tags[moving]
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and tags[heap[child + 1]] < tags[heap[child]]:
            child += 1
        if tags[heap[child]] >= tag:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = moving


@njit(cache=True, nogil=True, error_model="numpy")
def _push(state: Fair, k: int) -> None:
    heap, tags, at = state.heap, state.tags, state.ints[_BUSY]
    state.ints[_BUSY] += 1
    while at > 0 and tags[heap[(at - 1) // 2]] > tags[k]:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = k


@njit(cache=True, nogil=True, error_model="numpy")
def _idle(state: Fair, at: int) -> None:
    """Take the slice at this place of the heap out of the busy ones."""
    k = state.heap[at]
    state.head[k] = state.tail[k] = -1
    state.ints[_BUSY] -= 1
    n = state.ints[_BUSY]
    state.heap[at] = state.heap[n]
    if at == 0:
        _sink(state, 0)
    elif at < n:
        for place in range(n // 2, -1, -1):
            _sink(state, place)
    state.floats[_BUSY_BPS] -= state.bps[k]
    if n == 0:
        state.floats[_BUSY_BPS] = 0.0
        state.floats[_VIRTUAL] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _write(
    state: Fair, frame_floats: Any, frame_ints: Any, f: int, wait: float, service: float, fate: int, out: Rows
) -> None:
    """Write the row of frame `f` and give its place back."""
    n = state.ints[_ROWS]
    out.stream[n] = frame_ints[f, _STREAM]
    out.number[n] = frame_ints[f, _NUMBER]
    out.arrival[n] = frame_floats[f, _ARRIVAL]
    out.size[n] = frame_floats[f, _SIZE]
    out.compute_wait[n] = frame_floats[f, _WAIT]
    out.compute_service[n] = frame_floats[f, _SERVICE]
    out.uplink_wait[n] = wait
    out.uplink_service[n] = service
    out.fate[n] = fate
    state.ints[_ROWS] = n + 1
    frame_ints[f, _NEXT] = state.ints[_UNUSED]
    state.ints[_UNUSED] = f


@njit(cache=True, nogil=True, error_model="numpy")
def _lose(state: Fair, frame_floats: Any, frame_ints: Any, at: int, now: float, fate: int, out: Rows) -> None:
    """End all frames in the slice at this place of the heap."""
    k = state.heap[at]
    f = state.head[k]
    begun = state.begun[k]
    while f >= 0:
        following = frame_ints[f, _NEXT]
        wait = begun - frame_floats[f, _ENTERED]
        _write(state, frame_floats, frame_ints, f, wait, now - begun, fate, out)
        begun = now
        f = following
    _idle(state, at)


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(
    until: float, link: Link, asks: Asks, propagation: float, end: float, state: Fair, frame_floats: Any,
    frame_ints: Any, out: Rows,
) -> None:  # fmt: skip
    """Let the link work until this time, what happens at that time included."""
    floats, ints = state.floats, state.ints
    while ints[_BUSY] > 0:
        k = state.heap[0]
        segment = ints[_LINK_SEGMENT]
        upto = min(link.times[segment + 1], until)
        bps = link.bps[segment]
        if bps > 0.0:
            pace = bps / floats[_BUSY_BPS]
            tag = state.tags[k]
            leaves = max(floats[_NOW] + (tag - floats[_VIRTUAL]) / pace, floats[_NOW])
            if leaves <= upto:
                floats[_NOW], floats[_VIRTUAL] = leaves, tag
                f = state.head[k]
                wait = state.begun[k] - frame_floats[f, _ENTERED]
                service = leaves - state.begun[k]
                spent = frame_floats[f, _WAIT] + frame_floats[f, _SERVICE] + (wait + service)
                spent += propagation + asks.cloud_s[frame_ints[f, _STREAM]] * frame_floats[f, _SIZE]
                done = spent <= end - frame_floats[f, _ARRIVAL]
                following = frame_ints[f, _NEXT]
                _write(state, frame_floats, frame_ints, f, wait, service, DELIVERED if done else IN_FLIGHT, out)
                if following >= 0:
                    state.head[k] = following
                    state.begun[k] = leaves
                    state.tags[k] = frame_floats[following, _TAG]
                    _sink(state, 0)
                else:
                    _idle(state, 0)
                continue
            floats[_VIRTUAL] += (upto - floats[_NOW]) * pace
        floats[_NOW] = upto
        if link.times[segment + 1] > until:
            break
        ints[_LINK_SEGMENT] = segment + 1
        loses = link.loses[segment + 1]
        if loses != NOTHING:
            for place in range(ints[_BUSY] - 1, -1, -1):
                if place < ints[_BUSY] and (loses == EVERYBODY or state.heap[place] == loses):
                    _lose(state, frame_floats, frame_ints, place, upto, LOST, out)
    if ints[_BUSY] == 0:
        floats[_NOW] = until
        while link.times[ints[_LINK_SEGMENT] + 1] <= until:
            ints[_LINK_SEGMENT] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _enter(
    f: int, link: Link, asks: Asks, propagation: float, end: float, state: Fair, frame_floats: Any,
    frame_ints: Any, out: Rows,
) -> None:  # fmt: skip
    """Let a frame into its slice."""
    entered = max(frame_floats[f, _ENTERED], state.floats[_NOW])
    _advance(entered, link, asks, propagation, end, state, frame_floats, frame_ints, out)
    k = frame_ints[f, _STREAM]
    while link.up[state.ints[_LINK_OUTAGE]] <= entered:
        state.ints[_LINK_OUTAGE] += 1
    if link.down[state.ints[_LINK_OUTAGE]] <= entered or asks.drop_s[k] <= entered:
        _write(state, frame_floats, frame_ints, f, 0.0, 0.0, LOST, out)
        return
    work = asks.slice_s[k] * frame_floats[f, _SIZE]
    frame_ints[f, _NEXT] = -1
    if state.head[k] >= 0:
        frame_ints[state.tail[k], _NEXT] = f
        frame_floats[f, _TAG] = frame_floats[state.tail[k], _TAG] + work
    else:
        frame_floats[f, _TAG] = state.floats[_VIRTUAL] + work
        state.head[k] = f
        state.begun[k] = entered
        state.tags[k] = frame_floats[f, _TAG]
        state.floats[_BUSY_BPS] += state.bps[k]
        _push(state, k)
    state.tail[k] = f


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    ids: Any, first: Any, number: Any, arrival: Any, size: Any, compute: Course, link: Link, asks: Asks,
    propagation: float, end: float, state: Fair, frame_floats: Any, frame_ints: Any, out: Rows,
) -> None:  # fmt: skip
    key, who, leaves = tournament(first, arrival)
    cursor = first.copy()
    floats, ints = state.floats, state.ints
    while True:
        time = key[1]
        if time == math.inf:
            break
        slot = np.int64(who[1])
        p = cursor[slot]
        cursor[slot] = p + 1
        replay(key, who, leaves + slot, arrival[p + 1] if p + 1 < first[slot + 1] else math.inf)
        while ints[_ENTERING] >= 0 and frame_floats[ints[_ENTERING], _ENTERED] <= time:
            f = ints[_ENTERING]
            ints[_ENTERING] = frame_ints[f, _NEXT]
            _enter(f, link, asks, propagation, end, state, frame_floats, frame_ints, out)
        k = ids[slot]
        x = size[p]
        f = ints[_UNUSED]
        ints[_UNUSED] = frame_ints[f, _NEXT]
        frame_floats[f, _ARRIVAL], frame_floats[f, _SIZE] = time, x
        frame_floats[f, _WAIT], frame_floats[f, _SERVICE] = 0.0, 0.0
        frame_floats[f, _ENTERED] = time
        frame_ints[f, _STREAM] = k
        frame_ints[f, _NUMBER] = number[slot] + p - first[slot]
        if asks.edge_s[k] > 0.0:
            lost, wait, service, ints[_SEGMENT], ints[_OUTAGE], after = stage(
                compute, ints[_SEGMENT], ints[_OUTAGE], time, floats[_COMPUTE_AT], floats[_COMPUTE_FREE],
                asks.edge_s[k] * x, asks.drop_s[k],
            )  # fmt: skip
            if after >= 0.0:
                floats[_COMPUTE_AT], floats[_COMPUTE_FREE] = time, after
            frame_floats[f, _WAIT], frame_floats[f, _SERVICE] = wait, service
            frame_floats[f, _ENTERED] = time + (wait + service)
            if lost or frame_floats[f, _ENTERED] > end:
                _write(state, frame_floats, frame_ints, f, 0.0, 0.0, LOST if lost else IN_FLIGHT, out)
                continue
            frame_ints[f, _NEXT] = -1
            if ints[_ENTERING] < 0:
                ints[_ENTERING] = f
            else:
                frame_ints[ints[_LAST_ENTERING], _NEXT] = f
            ints[_LAST_ENTERING] = f
        else:
            _enter(f, link, asks, propagation, end, state, frame_floats, frame_ints, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(
    link: Link, asks: Asks, propagation: float, end: float, state: Fair, frame_floats: Any, frame_ints: Any,
    out: Rows,
) -> None:  # fmt: skip
    ints = state.ints
    while ints[_ENTERING] >= 0:
        f = ints[_ENTERING]
        ints[_ENTERING] = frame_ints[f, _NEXT]
        _enter(f, link, asks, propagation, end, state, frame_floats, frame_ints, out)
    _advance(end, link, asks, propagation, end, state, frame_floats, frame_ints, out)
    while ints[_BUSY] > 0:
        _lose(state, frame_floats, frame_ints, ints[_BUSY] - 1, end, IN_FLIGHT, out)


class FairWalk:
    """Walks the frames of one server through its compute and a fairly shared link, window after window.

    Memory grows with the frames that wait at one time, not with the frames of the run.

    Parameters
    ----------
    slices : Slices
    compute : Course
    uplink : Course
        Its speeds are what the busy slices share [bit/s].
    propagation_s, end_s : float
    """

    def __init__(
        self, slices: Slices, compute: Course, uplink: Course, propagation_s: float, end_s: float
    ) -> None:
        n = len(slices)
        self._compute = compute
        self._fixed = link_of(uplink, slices), asks(slices), propagation_s, end_s
        floats, ints = np.zeros(6), np.zeros(9, dtype=np.intp)
        floats[_COMPUTE_AT] = -math.inf
        ints[[_UNUSED, _ENTERING, _LAST_ENTERING]] = -1
        idle = np.full(n, -1, dtype=np.intp)
        self._state = Fair(
            floats, ints, slices.reserved_bps, idle, idle.copy(), np.zeros(n), np.zeros(n + 1, dtype=np.intp), np.zeros(n)
        )
        self._floats, self._ints = np.empty((0, 6)), np.empty((0, 3), dtype=np.intp)
        self._unused = 0
        self._rows = rows(0)

    def window(self, frames: Frames) -> tuple[int, Rows]:
        """Walk the frames of one window; return how many rows are known and the rows, overwritten next time."""
        self._make_room(len(frames))
        self._state.ints[_ROWS] = 0
        _walk(
            frames.ids, frames.first, frames.number, frames.arrival_s, frames.size, self._compute, *self._fixed,
            self._state, self._floats, self._ints, self._rows,
        )  # fmt: skip
        return self._known(-len(frames))

    def finish(self) -> tuple[int, Rows]:
        """Return the frames left over at the end of the run."""
        self._state.ints[_ROWS] = 0
        _finish(*self._fixed, self._state, self._floats, self._ints, self._rows)
        return self._known(0)

    def _known(self, change: int) -> tuple[int, Rows]:
        count = int(self._state.ints[_ROWS])
        self._unused += change + count
        return count, self._rows

    def _make_room(self, needed: int) -> None:
        if self._unused >= needed:
            return
        old = len(self._ints)
        new = max(needed - self._unused, old // 2, 64)
        self._floats = np.concatenate([self._floats, np.empty((new, 6))])
        self._ints = np.concatenate([self._ints, np.empty((new, 3), dtype=np.intp)])
        self._ints[old:, _NEXT] = np.append(np.arange(old + 1, old + new), self._state.ints[_UNUSED])
        self._state.ints[_UNUSED] = old
        self._unused += new
        self._rows = rows(old + new)
