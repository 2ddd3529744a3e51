"""SimPy's clock, with events at an absolute time: for the engine and for the reference of the frames."""

from __future__ import annotations

from heapq import heappush

import simpy
from simpy.events import EventPriority


class Clock(simpy.Environment):
    """A SimPy environment that also schedules at an absolute time.

    SimPy schedules by delay, and ``now + (time - now)`` is not always ``time``: two events meant for one
    instant could come in the wrong order.
    """

    def at(self, time_s: float, priority: int) -> simpy.Event:
        """Return an event that happens at `time_s` exactly, after those of smaller priority."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time_s, EventPriority(priority), next(self._eid), event))
        return event
