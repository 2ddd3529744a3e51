"""A station: serves frames one at a time, first come first served, at a speed that may change at any moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.frames.slices import IN_FLIGHT

RECOVER, FINISH, CHANGE, ARRIVE = 2, 3, 4, 5
"""SimPy priorities of events at one instant; 0 and 1 are SimPy's own."""

Waiting = Generator[simpy.Event, Any, None]
Note = Callable[[float, float, float], None]
"""Is told that something was done at a rate [FLOP/s or bit/s] from one time to another [s]."""


@dataclass(slots=True, eq=False)
class Frame:
    """One frame and what became of it; times in seconds."""

    number: int
    arrival_s: float
    size: float
    compute_wait_s: float = 0.0
    compute_service_s: float = 0.0
    uplink_wait_s: float = 0.0
    uplink_service_s: float = 0.0
    fate: int = IN_FLIGHT
    left_s: float = math.inf
    process: Any = None


class Station:
    """Serves one frame at a time, first come first served, at a speed that may change at any moment.

    Attributes
    ----------
    speed : float
        Seconds of work done a second.
    down : int
        How many outages it is in.
    inside : dict of Frame
        The frames in it, in order (the values mean nothing).
    """

    def __init__(self, clock: EventClock, note: Note) -> None:
        self.clock = clock
        self.note = note
        self.speed = 1.0
        self._rate = 0.0  # what a second of work amounts to; 0 while nobody is served
        self._since = 0.0
        self.down = 0
        self.inside: dict[Frame, None] = {}
        self._turn = simpy.Resource(clock, capacity=1)
        self._changed = clock.event()

    def settle(self) -> None:
        """Note what has been done since the last change."""
        self.note(self._rate * self.speed, self._since, self.clock.now)
        self._since = self.clock.now

    def run_at(self, speed: float) -> None:
        """Change the speed."""
        self.settle()
        self.speed = speed
        self._changed.succeed()
        self._changed = self.clock.event()

    def lose(self) -> None:
        """Lose every frame that is inside."""
        for frame in list(self.inside):
            frame.process.interrupt("lost")

    def serve(self, frame: Frame, work_s: float, amount: float, wait: str, service: str) -> Waiting:
        """Let `frame` wait for its turn and be served; note the time spent in its fields `wait`, `service`.

        `work_s` is its service at speed 1, `amount` what that is in FLOP or bits.
        """
        clock = self.clock
        came, begun = clock.now, None
        self.inside[frame] = None
        try:
            with self._turn.request() as turn:
                yield turn
                begun = clock.now
                self.settle()
                self._rate = amount / work_s
                while work_s > 0:
                    since, speed, changed = clock.now, self.speed, self._changed
                    done = clock.at(since + work_s / speed, FINISH) if speed > 0 else clock.event()
                    if done in (yield done | changed):
                        break
                    work_s -= (clock.now - since) * speed
        finally:
            if begun is not None:
                self.settle()
                self._rate = 0.0
            del self.inside[frame]
            setattr(frame, wait, (clock.now if begun is None else begun) - came)
            setattr(frame, service, 0.0 if begun is None else clock.now - begun)
