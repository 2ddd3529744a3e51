"""SimPy's clock, with events at absolute times: for the engine and for the reference of the frames."""

from __future__ import annotations

from heapq import heapify, heappush
from typing import Any

import simpy
from simpy.events import EventPriority

from cutlayer.simulator.ties import is_by

CANCELLED: Any = object()

CANCELLED_AT_LEAST = 100
"""Cancelled events that the queue may always hold."""


class EventClock(simpy.Environment):
    """A SimPy environment that also schedules at an absolute time.

    SimPy schedules by delay, and ``now + (time - now)`` is not always ``time``: two events meant for one
    instant could come in the wrong order. Events of `at` that rounding alone keeps apart (see
    `cutlayer.simulator.ties`) are one instant: they happen in the order of their priorities, and one that
    must go first happens at the time of the one it goes before.
    """

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._cancelled = 0
        self._instant_s = -1.0

    def at(self, time_s: float, priority: int) -> simpy.Event:
        """Return an event that happens at `time_s` exactly, after those of smaller priority."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time_s, EventPriority(priority), next(self._eid), event))
        return event

    def step(self) -> None:
        """Process the next event."""
        if self._queue and self._queue[0][0] > self._instant_s:
            self._instant_s = self._queue[0][0]
            self._join_instant()
        super().step()

    def _join_instant(self) -> None:
        """Move events of this instant before those of larger priority that rounding has put before them."""
        queue, places, look = self._queue, [], [0]
        while look:  # the heap from its top: what comes later than a later one is not looked at
            at = look.pop()
            if at < len(queue) and is_by(queue[at][0], self._instant_s):
                places.append(at)
                look += (2 * at + 1, 2 * at + 2)
        if len(places) == 1:
            return
        earlier: dict[int, float] = {}  # by priority: the time of its first event
        moved = False
        for at in sorted(places, key=lambda at: queue[at][:3]):
            time_s, priority, number, event = queue[at]
            before_s = min((first for other, first in earlier.items() if other > priority), default=time_s)
            if before_s < time_s:
                queue[at], moved = (before_s, priority, number, event), True
            earlier.setdefault(priority, before_s)
        if moved:
            heapify(queue)

    def cancel(self, event: simpy.Event) -> None:
        """Cancel a pending event of `at`.

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
