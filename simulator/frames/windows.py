"""Windows of time in which the frames of a server are walked, so that memory stays bounded."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cutlayer.simulator.frames.slices import Slices
from cutlayer.simulator.steps import Clock, constant, held

_MANY = 1 << 10
"""Borders of windows found at a time."""


def borders(slices: Slices, window_frames: int) -> Iterator[float]:
    """Yield where one window ends and the next begins [s]: about so many frames are to be expected in each.

    Windows are cut by expected frame count, so that idle periods cost nothing.
    """
    emitting = slices.stop_s > slices.start_s
    start_s, stop_s, rate_hz = (column[emitting] for column in (slices.start_s, slices.stop_s, slices.rate_hz))
    # what is left at the end and less than half a window is not worth one of its own
    borders = math.ceil(float(((stop_s - start_s) * rate_hz).sum()) / window_frames - 0.5) - 1
    if borders > 0:
        begin, end = float(start_s.min()), float(stop_s.max())
        speed = constant(float(rate_hz.sum()))
        if start_s.max() > begin or stop_s.min() < end:
            speed = held(start_s - begin, stop_s - begin, rate_hz)
        expected = Clock(speed)
        for low in range(1, borders + 1, _MANY):
            yield from (
                begin + expected.when(np.arange(low, min(low + _MANY, borders + 1)) * float(window_frames))
            ).tolist()
