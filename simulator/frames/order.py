"""The frames of one window of a server in time order, whatever the number of its streams.

A bucket sort: arrivals are spread over the window much alike, so with as many buckets as frames nearly all of
them fall into place at once, and the few that do not move by a step or two. Where arrivals crowd instead, a
merge sort does it. Both are stable: frames of one instant stay in task order.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled, inlined

_CROWD = 32
"""More frames than this in one bucket are merged instead."""
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


class Order(NamedTuple):
    """Frames in time order, and room to find it. Arrays of shape (room,)."""

    time: Any  # when each arrives [s]
    who: Any  # uint64: its place among the arrivals and, 32 bits up, its slot
    bucket: Any  # uint32
    begin: Any  # uint32, (room + 1,)


def order_of(room: int) -> Order:
    """Return room for so many frames."""
    return Order(
        np.empty(room), np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.uint32),
        np.empty(room + 1, dtype=np.uint32),
    )  # fmt: skip


@inlined
def place(who: Any) -> Any:
    """Return the place of a frame among the arrivals, as an index without a sign: none looks for negative ones."""
    return who & _LOW


@inlined
def slot(who: Any) -> Any:
    """Return the slot of a frame, as an index without a sign."""
    return who >> _HALF


@compiled
def sort_frames(first: Any, arrival: Any, order: Order) -> int:
    """Put the frames of every slot, in time order already, in time order altogether; return their number."""
    time, who, bucket, begin = order.time, order.who, order.bucket, order.begin
    slots, n = len(first) - 1, int(first[-1])
    low, high = math.inf, -math.inf
    for s in range(slots):
        if first[s] < first[s + 1]:
            low, high = min(low, arrival[first[s]]), max(high, arrival[first[s + 1] - 1])
    scale = n / (high - low) if high > low else 0.0
    most = np.uint32(_CROWD + 1)
    if scale < math.inf:
        begin[: n + 1] = 0
        for p in range(n):
            bucket[p] = min(np.int64((arrival[p] - low) * scale), n - 1)
        for p in range(n):
            begin[bucket[p]] += np.uint32(1)
        total, most = np.uint32(0), np.uint32(0)
        for b in range(n):
            count = begin[b]
            begin[b] = total
            total += count
            most = max(most, count)
    if most > _CROWD:
        for s in range(slots):
            bucket[first[s] : first[s + 1]] = s
        by_time = np.argsort(arrival[:n], kind="mergesort")
        for o in range(n):
            p = by_time[o]
            time[o] = arrival[p]
            who[o] = np.uint64(p) | np.uint64(bucket[p]) << _HALF
        return n
    for s in range(slots):
        mine = np.uint64(s) << _HALF
        for p in range(first[s], first[s + 1]):
            o = begin[bucket[p]]
            begin[bucket[p]] = o + np.uint32(1)
            time[o], who[o] = arrival[p], np.uint64(p) | mine
    for o in range(1, n):
        t = time[o]
        if t < time[o - 1]:
            w, q = who[o], o
            while q > 0 and time[q - 1] > t:
                time[q], who[q] = time[q - 1], who[q - 1]
                q -= 1
            time[q], who[q] = t, w
    return n
