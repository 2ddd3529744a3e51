"""The heap of busy slices, and sums of two parts: a number and what rounding took from it."""

from __future__ import annotations

from typing import Any

from cutlayer.simulator.compiled import compiled, inlined


@compiled
def sink(heap: Any, tags: Any, n: int, at: int) -> None:
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


@compiled
def remove(heap: Any, tags: Any, n: int, at: int) -> None:
    """Remove the entry at this place from a heap of n."""
    heap[at] = heap[n - 1]
    if at == 0:
        if n > 1:
            sink(heap, tags, n - 1, 0)
    elif at < n - 1:
        for place in range((n - 1) // 2, -1, -1):
            sink(heap, tags, n - 1, place)


@inlined
def plus(high: float, low: float, more: float) -> Any:
    """Return the sum of a number of two parts and another, in two parts."""
    more += low
    total = high + more
    part = total - high
    return total, (high - (total - part)) + (more - part)


@compiled
def start_anew(heap: Any, tags: Any, lows: Any, n: int, virtual: float, virtual_low: float) -> None:
    """Let virtual time be 0 now: take it off the tags of the busy slices."""
    for at in range(n):
        k = heap[at]
        tags[k], lows[k] = max((tags[k] - virtual) + (lows[k] - virtual_low), 0.0), 0.0
    for at in range((n - 1) // 2, -1, -1):  # nothing moves but what was an ulp apart
        sink(heap, tags, n, at)


@compiled
def add_up(heap: Any, bps: Any, n: int) -> Any:
    """Return the sum of the reservations of the busy slices, in two parts."""
    total, low = 0.0, 0.0
    for at in range(n):
        total, lost = plus(total, 0.0, bps[heap[at]])
        low += lost
    return total, low
