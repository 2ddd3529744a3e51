"""Frames whose fate is known, and the room that windows of them are written to."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.frames.count.histogram import histograms
from cutlayer.simulator.frames.order import order_of
from cutlayer.simulator.types import FloatArray, IntArray


class Rows(NamedTuple):
    """Frames whose fate is known. Arrays of one shape; times in seconds.

    Of a lost frame the parts are what had passed when it was lost; of one in flight only those that it
    reached the end of mean something.
    """

    stream: IntArray
    number: IntArray
    arrival: FloatArray
    size: FloatArray
    compute_wait: FloatArray
    compute_service: FloatArray
    uplink_wait: FloatArray
    uplink_service: FloatArray
    fate: Any
    reached: Any


def rows(room: int) -> Rows:
    """Return rows to write to."""
    a, b, c, d, e, f = (np.zeros(room) for _ in range(6))
    return Rows(
        np.zeros(room, dtype=np.intp), np.zeros(room, dtype=np.intp), a, b, c, d, e, f,
        np.zeros(room, dtype=np.int8), np.zeros(room, dtype=np.int8),
    )  # fmt: skip


class Room:
    """Where a window of frames is drawn, sorted and walked: one window after another, one server after another.

    Touching fresh memory takes longer than walking the frames in it, so a thread keeps its room from run to run.

    Attributes
    ----------
    rows : Rows
        Frames are drawn straight into `rows.arrival` and `rows.size`.
    order : Order
    histograms : Histograms
        Those of the server before, to be cleared.
    """

    def __init__(self) -> None:
        self.rows, self.order, self.histograms = rows(0), order_of(0), histograms(0)

    def make(self, frames: int) -> None:
        """Make room for so many frames; nothing that stood there is kept where there was too little."""
        if len(self.rows.fate) < frames:
            frames += frames // 4
            self.rows, self.order = rows(frames), order_of(frames)


_OF_THREAD = threading.local()


def room_of_thread() -> Room:
    """Return the room of this thread; what stands in it is nobody's once a server is done."""
    if not hasattr(_OF_THREAD, "room"):
        _OF_THREAD.room = Room()
    room: Room = _OF_THREAD.room
    return room
