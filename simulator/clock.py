"""SimPy's clock, with events at an absolute time: for the engine and for the reference of the frames."""

from __future__ import annotations

from heapq import heapify, heappush
from typing import Any

import simpy
from simpy.events import EventPriority

CANCELLED: Any = object()

CANCELLED_AT_LEAST = 100
"""Cancelled events that the queue may always hold."""


class Clock(simpy.Environment):
    """A SimPy environment that also schedules at an absolute time.

    SimPy schedules by delay, and ``now + (time - now)`` is not always ``time``: two events meant for one
    instant could come in the wrong order.
    """

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._cancelled = 0

    def at(self, time_s: float, priority: int) -> simpy.Event:
        """Return an event that happens at `time_s` exactly, after those of smaller priority."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time_s, EventPriority(priority), next(self._eid), event))
        return event

    def cancel(self, event: simpy.Event) -> None:
        """Make an event of `at` that has not happened yet happen to nobody.

        SimPy cannot take an event off its queue, and one that is far away would stay there: the queue is
        rebuilt without the cancelled ones when they are most of it, which costs each of them a constant.
        """
        event._value = CANCELLED
        event.callbacks.clear()
        self._cancelled += 1
        if self._cancelled > CANCELLED_AT_LEAST and 2 * self._cancelled > len(self._queue):
            self._queue[:] = [entry for entry in self._queue if entry[-1]._value is not CANCELLED]
            heapify(self._queue)  # entries are ordered completely, so they come in the order they would have
            self._cancelled = 0
