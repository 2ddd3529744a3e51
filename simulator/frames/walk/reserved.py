"""The compiled walk of frames through edge compute and reserved slices.

A server's frames are taken once, in order of arrival. Both stages are the textbook recursion

    wait = max(0, latency of the one before - time between the two)        latency = wait + service

in differences of times, so that rounding does not pile up over millions of frames that just touch. Service
follows the speed of a `Course` through its segments, exactly.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.draw.streams import Frames
from cutlayer.simulator.frames.order import Order, place, slot, sort_frames
from cutlayer.simulator.frames.rows import Rows, Workspace
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT, LOST, Slices
from cutlayer.simulator.frames.walk.stage import Course, Stages, calm, stage
from cutlayer.simulator.types import FloatArray, IntArray


class Reserved(NamedTuple):
    """State of a server between two windows, with reserved slices."""

    compute: FloatArray  # (2,): when the last frame came to compute, how long after it is free again
    compute_course: IntArray  # (2,): segment and outage
    slice_at: FloatArray  # (n,): the same for every slice
    slice_free: FloatArray
    slice_segment: IntArray
    slice_outage: IntArray


def reserved_state(slices: Slices, uplink: Course) -> Reserved:
    """Return the state before the first frame."""
    n = len(slices)
    segment = np.zeros(n, dtype=np.intp)
    if len(uplink.speeds) > 1:
        segment[:] = np.searchsorted(uplink.times, slices.start_s, side="right") - 1
    return Reserved(
        np.array([-math.inf, 0.0]), np.zeros(2, dtype=np.intp), np.full(n, -math.inf), np.zeros(n), segment,
        np.zeros(n, dtype=np.intp),
    )  # fmt: skip


@compiled
def _label(frames: Frames, stream_out: Any, number_out: Any) -> None:
    for s in range(len(frames.ids)):
        for p in range(frames.first[s], frames.first[s + 1]):
            stream_out[p] = frames.ids[s]
            number_out[p] = frames.number[s] + p - frames.first[s]


@compiled
def _walk(frames: Frames, stages: Stages, state: Reserved, order: Order, out: Rows) -> None:
    count = sort_frames(frames.first, frames.arrival_s, order)
    # arrays out of their tuples once, not once a frame
    ids, size = frames.ids, frames.size
    asks, compute, uplink, propagation, end = stages
    edge_s, slice_s, cloud_s, drop_s = asks.edge_s, asks.slice_s, asks.cloud_s, asks.drop_s
    slice_at, slice_free = state.slice_at, state.slice_free
    slice_segment, slice_outage = state.slice_segment, state.slice_outage
    out_wait, out_service, out_queued, out_sent = (
        out.compute_wait, out.compute_service, out.uplink_wait, out.uplink_service,
    )  # fmt: skip
    out_fate = out.fate
    times, who = order.time, order.who
    at, free = state.compute[0], state.compute[1]
    segment, outage = state.compute_course[0], state.compute_course[1]
    since, until, speed = math.inf, -math.inf, 1.0
    up_since, up_until, up_speed = math.inf, -math.inf, 1.0
    for o in range(count):
        time = times[o]
        p, k = place(who[o]), np.uint64(ids[slot(who[o])])
        x = size[p]
        drop = drop_s[k]
        wait, service, total = 0.0, 0.0, 0.0
        lost = False
        if edge_s[k] > 0.0:
            work = edge_s[k] * x
            wait = max(free - (time - at), 0.0)
            total = wait + (work if speed == 1.0 else work / speed)
            if time >= since and total <= min(until, drop) - time:
                service = total - wait
                at, free = time, total
            else:
                lost, wait, service, segment, outage, after = stage(
                    compute, segment, outage, time, at, free, work, drop
                )
                if after >= 0.0:
                    at, free = time, after
                since, until, speed = calm(compute, segment, outage, time)
                total = wait + service
        entered = time + total
        out_wait[p] = wait
        out_service[p] = service
        if lost or entered > end:
            out_queued[p], out_sent[p] = 0.0, 0.0
            out_fate[p] = LOST if lost else IN_FLIGHT
            continue
        work = slice_s[k] * x
        queued = max(slice_free[k] - (entered - slice_at[k]), 0.0)
        sent = queued + (work if up_speed == 1.0 else work / up_speed)
        if entered >= up_since and sent <= min(up_until, drop) - entered:
            slice_at[k], slice_free[k] = entered, sent
            total += sent
            sent -= queued
        else:
            lost, queued, sent, slice_segment[k], slice_outage[k], after = stage(
                uplink, slice_segment[k], slice_outage[k], entered, slice_at[k], slice_free[k], work, drop
            )
            if after >= 0.0:
                slice_at[k], slice_free[k] = entered, after
            up_since, up_until, up_speed = calm(uplink, slice_segment[k], slice_outage[k], entered)
            total += queued + sent
        out_queued[p] = queued
        out_sent[p] = sent
        if lost:
            out_fate[p] = LOST
        elif total + propagation + cloud_s[k] * x <= end - time:
            out_fate[p] = DELIVERED
        else:
            out_fate[p] = IN_FLIGHT
    state.compute[0], state.compute[1] = at, free
    state.compute_course[0], state.compute_course[1] = segment, outage


class ReservedWalk:
    """Walks the frames of one server through its compute and its slices, window after window.

    Parameters
    ----------
    slices : Slices
    stages : Stages
    space : Workspace, optional
        Where rows are written to.
    """

    def __init__(self, slices: Slices, stages: Stages, space: Workspace | None = None) -> None:
        self._stages = stages
        self._state = reserved_state(slices, stages.uplink)
        self._space = Workspace() if space is None else space

    def latencies(self, frames: Frames) -> Rows:
        """Walk the frames of one window; return a row for each, at its place in `frames`, without labels."""
        self._space.reserve(frames.total)
        out = self._space.rows
        if frames.arrival_s is not out.arrival:
            out = out._replace(arrival=frames.arrival_s, size=frames.size)
        _walk(frames, self._stages, self._state, self._space.order, out)
        return out

    def window(self, frames: Frames) -> tuple[int, Rows]:
        """Walk the frames of one window; return how many rows are known and the rows, overwritten next time."""
        out = self.latencies(frames)
        _label(frames, out.stream, out.number)
        return frames.total, out

    def finish(self) -> tuple[int, Rows]:
        """Return the frames left over at the end of the run: none."""
        return 0, self._space.rows
