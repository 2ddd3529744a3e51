"""Rows: frames whose fate is known, and the memory that windows of them are written to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.frames.order import order_of
from cutlayer.simulator.types import FloatArray, IntArray


class Rows(NamedTuple):
    """Frames whose fate is known. Arrays of one shape; times in seconds.

    Of a lost frame the parts are what had passed when it was lost. Those of one in flight may go on after the end
    of the run; of a stage that it did not reach they are 0.
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


def rows(room: int) -> Rows:
    """Return rows to write to."""
    a, b, c, d, e, f = (np.zeros(room) for _ in range(6))
    return Rows(
        np.zeros(room, dtype=np.intp), np.zeros(room, dtype=np.intp), a, b, c, d, e, f, np.zeros(room, dtype=np.int8),
    )  # fmt: skip


class Workspace:
    """Memory in which a window of frames is drawn, sorted and walked, one window after another.

    Attributes
    ----------
    rows : Rows
        Frames are drawn straight into `rows.arrival` and `rows.size`.
    order : Order
    """

    def __init__(self) -> None:
        self.rows, self.order = rows(0), order_of(0)

    def reserve(self, frames: int) -> None:
        """Make it large enough for so many frames; where it grows, its contents are lost."""
        if len(self.rows.fate) < frames:
            frames += frames // 4
            self.rows, self.order = rows(frames), order_of(frames)
