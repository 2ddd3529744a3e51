"""The walk of frames through edge compute and an uplink shared fairly, window after window."""

from __future__ import annotations

import math

import numpy as np

from cutlayer.simulator.frames.draw.streams import Frames
from cutlayer.simulator.frames.order import order_of
from cutlayer.simulator.frames.rows import Rows, rows
from cutlayer.simulator.frames.slices import COMPUTED, IN_FLIGHT, Slices
from cutlayer.simulator.frames.walk.fair_compute import (
    ARRIVAL,
    COMPUTE_AT,
    ENTERED,
    NEXT,
    NUMBER,
    ROWS,
    SERVICE,
    SIZE,
    UNUSED,
    WAIT,
    Fair,
    Queue,
    through_compute,
)  # fmt: skip
from cutlayer.simulator.frames.walk.fair_link import link_of, through_link
from cutlayer.simulator.frames.walk.stage import Course, asks


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

    def __init__(self, slices: Slices, compute: Course, uplink: Course, propagation_s: float, end_s: float) -> None:
        n = len(slices)
        self._compute = compute
        self._asks, self._end_s = asks(slices), end_s
        self._fixed = link_of(uplink, slices), self._asks, propagation_s, end_s
        floats, ints = np.zeros(9), np.zeros(7, dtype=np.intp)
        floats[COMPUTE_AT] = -math.inf
        ints[UNUSED] = -1
        idle = np.full(n, -1, dtype=np.intp)
        self._state = Fair(
            floats, ints, slices.reserved_bps, idle, idle.copy(), np.zeros((2, n)), np.zeros(n + 1, dtype=np.intp),
            np.zeros((2, n)),
        )  # fmt: skip
        self._floats, self._ints = np.empty((0, 6)), np.empty((0, 3), dtype=np.intp)
        self._unused = 0
        self._rows = rows(0)
        self._queue, self._queued, self._order = _queue(0), 0, order_of(0)
        # frames that compute nothing overtake those that do: then the queue must be sorted
        self._overtaking = bool((slices.edge_s > 0).any() and (slices.edge_s == 0).any())

    def window(self, frames: Frames) -> tuple[int, Rows]:
        """Walk the frames of one window; return how many rows are known and the rows, overwritten next time."""
        self._make_room(self._queued + len(frames))
        if len(self._order.time) < len(frames):
            self._order = order_of(len(frames) + len(frames) // 4)
        queued = through_compute(
            frames.ids, frames.first, frames.number, frames.arrival_s, frames.size, self._asks, self._compute,
            self._end_s, self._state, self._queue, self._queued, self._order, self._rows,
        )  # fmt: skip
        ready = queued
        if self._overtaking and queued:
            entered = self._queue.floats[:queued, ENTERED]
            order = np.argsort(entered, kind="stable")
            for column in self._queue:
                column[:queued] = column[order]
            latest = float(frames.arrival_s[: len(frames)].max()) if len(frames) else -math.inf
            ready = int(np.searchsorted(entered, latest, side="right"))
        return self._let_in(ready, queued, last=False)

    def finish(self) -> tuple[int, Rows]:
        """Return the frames left over at the end of the run."""
        self._make_room(self._queued)
        self._state.ints[ROWS] = 0
        count, _ = self._let_in(self._queued, self._queued, last=True)
        floats, ints, out = self._floats, self._ints, self._rows
        for k in np.flatnonzero(self._state.head >= 0):
            f = self._state.head[k]
            while f >= 0:
                out.stream[count], out.number[count] = k, ints[f, NUMBER]
                out.arrival[count], out.size[count] = floats[f, ARRIVAL], floats[f, SIZE]
                out.compute_wait[count], out.compute_service[count] = floats[f, WAIT], floats[f, SERVICE]
                out.fate[count], out.reached[count] = IN_FLIGHT, COMPUTED
                count += 1
                f = ints[f, NEXT]
        return count, out

    def _let_in(self, ready: int, queued: int, *, last: bool) -> tuple[int, Rows]:
        before = int(self._state.ints[ROWS])
        through_link(0, ready, last, self._queue, *self._fixed, self._state, self._floats, self._ints, self._rows)
        for column in self._queue:
            column[: queued - ready] = column[ready:queued].copy()
        self._queued = queued - ready
        count = int(self._state.ints[ROWS])
        self._unused += count - before - ready
        return count, self._rows

    def _make_room(self, needed: int) -> None:
        """Make room in the queue, in the slices and in the rows for so many more frames."""
        if len(self._queue.ints) < needed:
            old = self._queue
            self._queue = _queue(needed + needed // 4)
            for column, kept in zip(self._queue, old, strict=True):
                column[: len(kept)] = kept
        if self._unused < needed:
            old_room = len(self._ints)
            new = max(needed - self._unused, old_room // 2, 64)
            self._floats = np.concatenate([self._floats, np.empty((new, 6))])
            self._ints = np.concatenate([self._ints, np.empty((new, 3), dtype=np.intp)])
            self._ints[old_room:, NEXT] = np.append(np.arange(old_room + 1, old_room + new), self._state.ints[UNUSED])
            self._state.ints[UNUSED] = old_room
            self._unused += new
            self._rows = rows(2 * (old_room + new))


def _queue(room: int) -> Queue:
    return Queue(np.zeros((room, 5)), np.zeros((room, 2), dtype=np.intp))
