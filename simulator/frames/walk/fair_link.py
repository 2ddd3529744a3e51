"""The compiled walk of frames through edge compute and an uplink shared fairly.

The busy slices of a link share C(t) = min(capacity, V b) in proportion to their reservations R. Virtual time
V advances at C / (sum of R over the busy slices): a slice serves one second of its reserved rate while V
advances by one, so a frame that starts at V leaves when V has advanced by its service (Parekh and Gallager,
"A generalized processor sharing approach to flow control in integrated services networks", IEEE/ACM
Transactions on Networking 1(3), 1993). V starts anew whenever the link is idle.

Times, V and the sum of R are kept as a number and what rounding took from it (Moller, "Quasi double-precision
in floating point addition", BIT 5, 1965): a link that is never idle adds up millions of services, and a slice
of 10 bit/s is alone with the link once one of 1 Gbit/s has left.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.rows import Rows
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT, LOST, Slices
from cutlayer.simulator.frames.walk.fair_compute import (
    ARRIVAL,
    BUSY,
    BUSY_BPS,
    BUSY_LOW,
    ENTERED,
    LINK_OUTAGE,
    LINK_SEGMENT,
    MOST_BPS,
    NEXT,
    NOW,
    NOW_LOW,
    NUMBER,
    ROWS,
    SERVICE,
    SIZE,
    STREAM,
    UNUSED,
    VIRTUAL,
    VIRTUAL_LOW,
    WAIT,
    WORK,
    Fair,
    Queue,
)  # fmt: skip
from cutlayer.simulator.frames.walk.heap import add_up, plus, remove, sink, start_anew
from cutlayer.simulator.frames.walk.spread import BITS, Done, spread
from cutlayer.simulator.frames.walk.stage import Course, Stages
from cutlayer.simulator.ties import last_of_instant
from cutlayer.simulator.types import FloatArray, IntArray

NOTHING, EVERYBODY = -1, -2

_FAR = 2.0**20
"""Virtual time starts anew when it has come further than so many times what a frame takes: an ulp stays below
2^-32 of that, which does not turn the order of frames around."""
_FEW = 2.0**-30
"""The reservations of busy slices are added up anew when they are less than this share of the most before."""


class Link(NamedTuple):
    """What a link can carry over time, and whom it loses when.

    Attributes
    ----------
    times : ndarray, shape (n + 1,)
        When something changes [s], from 0; the last is infinite. Two changes may come at one time.
    late : ndarray, shape (n + 1,)
        The last times of those instants: what is sent by then is sent before the change.
    bps : ndarray, shape (n,)
        What the slices share from then on [bit/s].
    loses : ndarray of int, shape (n,)
        Whose frames are lost at that time: a slice, `EVERYBODY` or `NOTHING`.
    down, up : ndarray, shape (m + 1,)
        Outages in which frames that come are lost [s]; the last is at infinity.
    """

    times: FloatArray
    late: FloatArray
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
    changes = np.append(times[order], math.inf)
    late = last_of_instant(changes)
    return Link(changes, late, bps[order], loses[order].astype(np.intp), course.down, course.up)


@compiled
def through_link(
    ready: int, last: bool, queue: Queue, link: Link, stages: Stages, state: Fair, sent: Done, out: Rows
) -> None:
    """Let the first `ready` frames of the queue into their slices; if `last`, work on to the end of the run."""
    # arrays out of their tuples once, not once a frame
    queue_floats, queue_ints = queue.floats, queue.ints
    link_times, link_late, link_bps, loses, link_down, link_up = link
    asks, propagation, end = stages.asks, stages.propagation, stages.end
    slice_s, cloud_s, drop_s = asks.slice_s, asks.cloud_s, asks.drop_s
    frame_floats, frame_ints = state.frame_floats, state.frame_ints
    counting = len(sent.amounts) > 0
    slice_bps, head, tail, heap = state.bps, state.head, state.tail, state.heap
    begun, begun_low, tags, tags_low = state.begun[0], state.begun[1], state.tags[0], state.tags[1]
    out_stream, out_number, out_arrival, out_size, out_fate = out.stream, out.number, out.arrival, out.size, out.fate
    out_wait, out_service, out_queued, out_sent = (
        out.compute_wait, out.compute_service, out.uplink_wait, out.uplink_service,
    )  # fmt: skip
    floats, ints = state.floats, state.ints
    now, virtual, busy_bps = floats[NOW], floats[VIRTUAL], floats[BUSY_BPS]
    now_low, virtual_low, busy_low = floats[NOW_LOW], floats[VIRTUAL_LOW], floats[BUSY_LOW]
    most_bps = floats[MOST_BPS]
    segment, outage, busy = ints[LINK_SEGMENT], ints[LINK_OUTAGE], ints[BUSY]
    unused, n = ints[UNUSED], ints[ROWS]
    for q in range(ready + 1 if last else ready):
        until = max(queue_floats[q, ENTERED], now) if q < ready else end
        # The link works until then, what happens at that time included.
        while busy > 0:
            upto, before = min(link_times[segment + 1], until), now
            latest = link_late[segment + 1] if link_times[segment + 1] <= until else until
            ending = NOTHING  # the slice whose head leaves, or whose frames are all lost
            whole = False
            if link_bps[segment] > 0.0:
                pace = link_bps[segment] / (busy_bps + busy_low)
                first = heap[0]
                ahead = (tags[first] - virtual) + (tags_low[first] - virtual_low)
                leaves, leaves_low = plus(now, now_low, max(ahead, 0.0) / pace)
                if leaves <= latest:
                    ending = first
                    now, now_low = leaves, leaves_low
                    virtual, virtual_low = tags[ending], tags_low[ending]
                else:
                    virtual, virtual_low = plus(virtual, virtual_low, ((upto - now) - now_low) * pace)
            place = 0
            if ending == NOTHING:
                now, now_low = upto, 0.0
            if counting and link_bps[segment] > 0.0:
                spread(sent, BITS, link_bps[segment], before, now)
            if ending == NOTHING:
                if link_times[segment + 1] > until:
                    break
                whole = True
                ending = loses[segment + 1]
                if ending == EVERYBODY:
                    ending = heap[0]
                elif ending != NOTHING:
                    while place < busy and heap[place] != ending:
                        place += 1
                    if place == busy:
                        ending = NOTHING
                # the segment is over when nobody is left to lose
                if ending == NOTHING:
                    segment += 1
                    continue
            f = head[ending]
            while True:
                k = frame_ints[f, STREAM]
                wait = max((begun[k] - frame_floats[f, ENTERED]) + begun_low[k], 0.0)
                service = max((now - begun[k]) + (now_low - begun_low[k]), 0.0)
                out_stream[n], out_number[n] = k, frame_ints[f, NUMBER]
                out_arrival[n], out_size[n] = frame_floats[f, ARRIVAL], frame_floats[f, SIZE]
                out_wait[n], out_service[n] = frame_floats[f, WAIT], frame_floats[f, SERVICE]
                out_queued[n], out_sent[n] = wait, service
                if whole:
                    out_fate[n] = LOST
                else:
                    spent = (frame_floats[f, WAIT] + frame_floats[f, SERVICE]) + (wait + service)
                    spent += propagation + cloud_s[k] * frame_floats[f, SIZE]
                    out_fate[n] = DELIVERED if spent <= end - frame_floats[f, ARRIVAL] else IN_FLIGHT
                n += 1
                begun[k], begun_low[k] = now, now_low
                following = frame_ints[f, NEXT]
                frame_ints[f, NEXT] = unused
                unused = f
                f = following
                if f < 0 or not whole:
                    break
            if f >= 0:
                head[ending] = f
                work = frame_floats[f, WORK]
                if virtual > _FAR * work:
                    start_anew(heap, tags, tags_low, busy, virtual, virtual_low)
                    virtual, virtual_low = 0.0, 0.0
                tags[ending], tags_low[ending] = plus(virtual, virtual_low, work)
                sink(heap, tags, busy, 0)
            else:
                head[ending] = -1
                remove(heap, tags, busy, place)
                busy -= 1
                busy_bps, lost = plus(busy_bps, 0.0, -slice_bps[ending])
                busy_low += lost
                if busy_bps + busy_low < _FEW * most_bps:
                    busy_bps, busy_low = add_up(heap, slice_bps, busy)
                    most_bps = busy_bps
        if busy == 0:
            now, virtual, busy_bps = until, 0.0, 0.0
            now_low, virtual_low, busy_low, most_bps = 0.0, 0.0, 0.0, 0.0
            while link_times[segment + 1] <= until:
                segment += 1
        if q == ready:
            break
        k = np.uint64(queue_ints[q, STREAM])
        while link_up[outage] <= until:
            outage += 1
        if link_down[outage] <= until or drop_s[k] <= until:
            out_stream[n], out_number[n] = k, queue_ints[q, NUMBER]
            out_arrival[n], out_size[n] = queue_floats[q, ARRIVAL], queue_floats[q, SIZE]
            out_wait[n], out_service[n] = queue_floats[q, WAIT], queue_floats[q, SERVICE]
            out_queued[n], out_sent[n] = 0.0, 0.0
            out_fate[n] = LOST
            n += 1
            continue
        f = unused
        unused = frame_ints[f, NEXT]
        for column in range(ENTERED):
            frame_floats[f, column] = queue_floats[q, column]
        frame_floats[f, ENTERED] = until
        frame_ints[f, STREAM], frame_ints[f, NUMBER], frame_ints[f, NEXT] = k, queue_ints[q, NUMBER], -1
        work = slice_s[k] * queue_floats[q, SIZE]
        if head[k] >= 0:
            frame_ints[tail[k], NEXT] = f
        else:
            if virtual > _FAR * work:
                start_anew(heap, tags, tags_low, busy, virtual, virtual_low)
                virtual, virtual_low = 0.0, 0.0
            tag, tags_low[k] = plus(virtual, virtual_low, work)
            tags[k] = tag
            head[k] = f
            begun[k], begun_low[k] = until, 0.0
            busy_bps, lost = plus(busy_bps, 0.0, slice_bps[k])
            busy_low += lost
            most_bps = max(most_bps, busy_bps)
            at = busy
            while at > 0 and tags[heap[(at - 1) >> 1]] > tag:
                heap[at] = heap[(at - 1) >> 1]
                at = (at - 1) >> 1
            heap[at] = k
            busy += 1
        frame_floats[f, WORK] = work
        tail[k] = f
    floats[NOW], floats[VIRTUAL], floats[BUSY_BPS] = now, virtual, busy_bps
    floats[NOW_LOW], floats[VIRTUAL_LOW], floats[BUSY_LOW] = now_low, virtual_low, busy_low
    floats[MOST_BPS] = most_bps
    ints[LINK_SEGMENT], ints[LINK_OUTAGE], ints[BUSY] = segment, outage, busy
    ints[UNUSED], ints[ROWS] = unused, n
