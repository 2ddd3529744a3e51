"""A link whose busy slices share what it carries in proportion to their reservations."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.frames.reference.stations import FINISH, Frame, Note, Waiting


class FairLink:
    """A link whose busy slices share what it carries in proportion to their reservations.

    Attributes
    ----------
    bps : float
        What it can carry now.
    """

    def __init__(self, clock: EventClock, note: Note) -> None:
        self.clock = clock
        self.note = note
        self.bps = 0.0
        self.down = 0
        self._queues: dict[FairSlice, deque[list[Any]]] = {}  # busy slices: [frame, bits left, begun, sent]
        self._since = 0.0
        self._plan = 0  # number of the plan that holds; older plans are void

    def settle(self) -> None:
        """Take off what has been sent since the last change."""
        if self._queues:
            self.note(self.bps, self._since, self.clock.now)
        for slice_, queue in self._queues.items():
            queue[0][1] = max(queue[0][1] - self._rate(slice_) * (self.clock.now - self._since), 0.0)
        self._since = self.clock.now

    def _rate(self, slice_: FairSlice) -> float:
        return self.bps * slice_.reserved_bps / math.fsum(busy.reserved_bps for busy in self._queues)

    def plan(self) -> None:
        """Find who finishes next, as things are."""
        self._plan += 1
        if self.bps == 0 or not self._queues:
            return
        needs = {slice_: queue[0][1] / self._rate(slice_) for slice_, queue in self._queues.items()}
        first = min(needs, key=lambda slice_: needs[slice_])
        number = self._plan
        done = self.clock.at(self.clock.now + needs[first], FINISH)
        done.callbacks.append(lambda _: self._finish(first) if number == self._plan else None)

    def carry(self, bps: float) -> None:
        """Change what the link can carry."""
        self.settle()
        self.bps = bps
        self.plan()

    def put(self, slice_: FairSlice, frame: Frame, n_bits: float) -> list[Any]:
        """Queue a frame in its slice and return its entry."""
        self.settle()
        queue = self._queues.setdefault(slice_, deque())
        queue.append([frame, n_bits, None if queue else self.clock.now, self.clock.event()])
        self.plan()
        return queue[-1]

    def _finish(self, slice_: FairSlice) -> None:
        self.settle()
        sent = self._queues[slice_][0][3]
        self._take(slice_, 0)
        self.plan()
        sent.succeed()

    def _take(self, slice_: FairSlice, place: int) -> None:
        queue = self._queues[slice_]
        del queue[place]
        if not queue:
            del self._queues[slice_]
        elif queue[0][2] is None:
            queue[0][2] = self.clock.now

    def remove(self, slice_: FairSlice, entry: list[Any]) -> None:
        """Take out a frame that is lost."""
        self.settle()
        queue = self._queues.get(slice_, ())
        for place, other in enumerate(queue):
            if other is entry:
                self._take(slice_, place)
                break
        self.plan()


class FairSlice:
    """One task's share of a `FairLink`; used like a `Station`."""

    def __init__(self, link: FairLink, reserved_bps: float) -> None:
        self.link = link
        self.reserved_bps = reserved_bps
        self.inside: dict[Frame, None] = {}

    @property
    def down(self) -> int:
        """How many outages its link is in."""
        return self.link.down

    def lose(self) -> None:
        """Lose every frame that is inside, the last one first: none moves up."""
        for frame in reversed(list(self.inside)):
            frame.process.interrupt("lost")

    def serve(self, frame: Frame, work_s: float, amount: float, wait: str, service: str) -> Waiting:
        """Send `frame` of `amount` bits; `work_s`, its time at the reserved rate, does not matter here."""
        clock = self.link.clock
        came = clock.now
        entry = self.link.put(self, frame, amount)
        self.inside[frame] = None
        try:
            yield entry[3]
        finally:
            if not entry[3].triggered:
                self.link.remove(self, entry)
            del self.inside[frame]
            begun = clock.now if entry[2] is None else entry[2]
            setattr(frame, wait, begun - came)
            setattr(frame, service, clock.now - begun)
