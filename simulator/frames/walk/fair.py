"""The walk of frames through edge compute and an uplink shared fairly, window after window."""

from __future__ import annotations

import math

import numpy as np

from cutlayer.simulator.frames.draw.streams import Frames
from cutlayer.simulator.frames.order import order_of
from cutlayer.simulator.frames.rows import Rows, rows
from cutlayer.simulator.frames.slices import IN_FLIGHT, Slices
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
from cutlayer.simulator.frames.walk.spread import Done
from cutlayer.simulator.frames.walk.stage import Stages


class FairWalk:
    """Walks the frames of one server through its compute and a fairly shared link, window after window.

    Memory grows with the frames that wait at one time, not with the frames of the run.

    Parameters
    ----------
    slices : Slices
    stages : Stages
        Speeds of the uplink are what the busy slices share [bit/s].
    sent : Done
        Where the bits sent are added, in the column `BITS`.
    """

    def __init__(self, slices: Slices, stages: Stages, sent: Done) -> None:
        n = len(slices)
        self._stages, self._link, self._sent = stages, link_of(stages.uplink, slices), sent
        floats, ints = np.zeros(9), np.zeros(7, dtype=np.intp)
        floats[COMPUTE_AT] = -math.inf
        ints[UNUSED] = -1
        idle = np.full(n, -1, dtype=np.intp)
        self._state = Fair(
            floats, ints, slices.reserved_bps, idle, idle.copy(), np.zeros((2, n)), np.zeros(n + 1, dtype=np.intp),
            np.zeros((2, n)), np.empty((0, 6)), np.empty((0, 3), dtype=np.intp),
        )  # fmt: skip
        self._unused = 0
        self._rows = rows(0)
        self._queue, self._queued, self._order = _queue(0), 0, order_of(0)
        # frames that compute nothing overtake those that do: then the queue must be sorted
        self._overtaking = bool((slices.edge_s > 0).any() and (slices.edge_s == 0).any())

    def window(self, frames: Frames) -> tuple[int, Rows]:
        """Walk the frames of one window; return how many rows are known and the rows, overwritten next time."""
        count = frames.total
        self._make_room(self._queued + count)
        if len(self._order.time) < count:
            self._order = order_of(count + count // 4)
        queued = through_compute(frames, self._stages, self._state, self._queue, self._queued, self._order, self._rows)
        ready = queued
        if self._overtaking and queued:
            entered = self._queue.floats[:queued, ENTERED]
            order = np.argsort(entered, kind="stable")
            for column in self._queue:
                column[:queued] = column[order]
            latest = float(frames.arrival_s[:count].max()) if count else -math.inf
            ready = int(np.searchsorted(entered, latest, side="right"))
        return self._let_in(ready, queued, last=False)

    def finish(self) -> tuple[int, Rows]:
        """Return the frames left over at the end of the run."""
        self._make_room(self._queued)
        self._state.ints[ROWS] = 0
        count, _ = self._let_in(self._queued, self._queued, last=True)
        floats, ints, out = self._state.frame_floats, self._state.frame_ints, self._rows
        for k in np.flatnonzero(self._state.head >= 0):
            f = self._state.head[k]
            while f >= 0:
                out.stream[count], out.number[count] = k, ints[f, NUMBER]
                out.arrival[count], out.size[count] = floats[f, ARRIVAL], floats[f, SIZE]
                out.compute_wait[count], out.compute_service[count] = floats[f, WAIT], floats[f, SERVICE]
                out.fate[count] = IN_FLIGHT
                count += 1
                f = ints[f, NEXT]
        return count, out

    def _let_in(self, ready: int, queued: int, *, last: bool) -> tuple[int, Rows]:
        before = int(self._state.ints[ROWS])
        through_link(ready, last, self._queue, self._link, self._stages, self._state, self._sent, self._rows)
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
            state = self._state
            old_room = len(state.frame_ints)
            new = max(needed - self._unused, old_room // 2, 64)
            floats = np.concatenate([state.frame_floats, np.empty((new, 6))])
            ints = np.concatenate([state.frame_ints, np.empty((new, 3), dtype=np.intp)])
            ints[old_room:, NEXT] = np.append(np.arange(old_room + 1, old_room + new), state.ints[UNUSED])
            state.ints[UNUSED] = old_room
            self._state = state._replace(frame_floats=floats, frame_ints=ints)
            self._unused += new
            self._rows = rows(2 * (old_room + new))


def _queue(room: int) -> Queue:
    return Queue(np.zeros((room, 5)), np.zeros((room, 2), dtype=np.intp))
