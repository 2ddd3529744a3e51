"""The way of frames through edge compute into the queue before a fairly shared link, and the state of that link."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.draw.streams import Frames
from cutlayer.simulator.frames.order import Order, place, slot, sort_frames
from cutlayer.simulator.frames.rows import Rows
from cutlayer.simulator.frames.slices import IN_FLIGHT, LOST
from cutlayer.simulator.frames.walk.stage import Stages, calm, stage
from cutlayer.simulator.types import FloatArray, IntArray

# Columns of a frame in its slice
ARRIVAL, SIZE, WAIT, SERVICE, ENTERED, WORK = range(6)
STREAM, NUMBER, NEXT = range(3)

# State of a server between two windows
COMPUTE_AT, COMPUTE_FREE, NOW, NOW_LOW, VIRTUAL, VIRTUAL_LOW, BUSY_BPS, BUSY_LOW, MOST_BPS = range(9)
SEGMENT, OUTAGE, LINK_SEGMENT, LINK_OUTAGE, BUSY, UNUSED, ROWS = range(7)


class Queue(NamedTuple):
    """Frames on their way from compute to the link, in the order in which they get there."""

    floats: FloatArray  # (room, 5): arrival, size, compute wait, compute service, when they get there
    ints: IntArray  # (room, 2): stream, number


class Fair(NamedTuple):
    """State of a server between two windows, with fair sharing."""

    floats: FloatArray
    ints: IntArray
    bps: FloatArray  # (n,): reservation of every slice
    head: IntArray  # (n,): the frame in service in every slice, -1 if idle
    tail: IntArray
    begun: FloatArray  # (2, n): when its service began, and what rounding took from that
    heap: IntArray  # busy slices, the one whose head leaves first on top
    tags: FloatArray  # (2, n): when, in virtual time, the head leaves, and what rounding took from that
    frame_floats: FloatArray  # (room, 6): the frames in the slices, columns as named above
    frame_ints: IntArray  # (room, 3)


@compiled
def through_compute(
    frames: Frames, stages: Stages, state: Fair, queue: Queue, queued: int, order: Order, out: Rows
) -> int:
    """Walk frames through compute: those that pass go to the queue, the others to the rows; return its length."""
    edge_s, drop_s, compute, end = stages.asks.edge_s, stages.asks.drop_s, stages.compute, stages.end
    ids, first, number, size = frames.ids, frames.first, frames.number, frames.size
    queue_floats, queue_ints = queue.floats, queue.ints
    count = sort_frames(first, frames.arrival_s, order)
    times, who = order.time, order.who
    floats, ints = state.floats, state.ints
    at, free = floats[COMPUTE_AT], floats[COMPUTE_FREE]
    segment, outage = ints[SEGMENT], ints[OUTAGE]
    since, until, speed = math.inf, -math.inf, 1.0
    n = 0
    for o in range(count):
        time = times[o]
        p, of = place(who[o]), slot(who[o])
        k = np.uint64(ids[of])
        frame = number[of] + np.int64(p) - first[of]
        x = size[p]
        wait, service, total = 0.0, 0.0, 0.0
        lost = False
        if edge_s[k] > 0.0:
            work = edge_s[k] * x
            wait = max(free - (time - at), 0.0)
            total = wait + (work if speed == 1.0 else work / speed)
            if time >= since and total <= min(until, drop_s[k]) - time:
                service = total - wait
                at, free = time, total
            else:
                lost, wait, service, segment, outage, after = stage(
                    compute, segment, outage, time, at, free, work, drop_s[k]
                )
                if after >= 0.0:
                    at, free = time, after
                since, until, speed = calm(compute, segment, outage, time)
                total = wait + service
        if lost or time + total > end:
            out.stream[n], out.number[n] = k, frame
            out.arrival[n], out.size[n] = time, x
            out.compute_wait[n], out.compute_service[n] = wait, service
            out.uplink_wait[n], out.uplink_service[n] = 0.0, 0.0
            out.fate[n] = LOST if lost else IN_FLIGHT
            n += 1
            continue
        queue_floats[queued, ARRIVAL], queue_floats[queued, SIZE] = time, x
        queue_floats[queued, WAIT], queue_floats[queued, SERVICE] = wait, service
        queue_floats[queued, ENTERED] = time + total
        queue_ints[queued, STREAM], queue_ints[queued, NUMBER] = k, frame
        queued += 1
    floats[COMPUTE_AT], floats[COMPUTE_FREE] = at, free
    ints[SEGMENT], ints[OUTAGE] = segment, outage
    ints[ROWS] = n
    return queued
