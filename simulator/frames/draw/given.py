"""Frames that are given instead of drawn: a replay of frames, and the worked examples of tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutlayer.simulator.frames.draw.streams import Frames
from cutlayer.simulator.frames.slices import Slices
from cutlayer.simulator.ties import first_of_instant
from cutlayer.simulator.types import FloatArray


class Given:
    """Frames that were given instead of drawn; the same interface as `Streams`.

    Parameters
    ----------
    slices : Slices
    arrivals, sizes : sequence of ndarray
        Of every slice: when its frames arrive, never going back, and their size / mean size. Frames outside
        the slice's time are left out.
    """

    def __init__(self, slices: Slices, arrivals: Sequence[FloatArray], sizes: Sequence[FloatArray]) -> None:
        self.slices = slices
        self._arrivals, self._sizes = [], []
        for start, stop, times, size in zip(slices.start_s, slices.stop_s, arrivals, sizes, strict=True):
            low, high = np.searchsorted(times, first_of_instant((start, stop)), side="left")
            self._arrivals.append(np.array(times[low:high], dtype=float))
            self._sizes.append(np.array(size[low:high], dtype=float))
        self._done = np.zeros(len(slices), dtype=np.intp)

    def before(self, until_s: float) -> Frames:
        """Return the frames that arrive before `until_s` and have not been returned yet."""
        upto = np.array([np.searchsorted(times, until_s) for times in self._arrivals], dtype=np.intp)
        ids = np.flatnonzero(upto > self._done)
        first = np.concatenate([[0], np.cumsum(upto[ids] - self._done[ids])]).astype(np.intp)
        ranges = [slice(self._done[k], upto[k]) for k in ids]
        arrival = np.concatenate([np.empty(0), *(self._arrivals[k][r] for k, r in zip(ids, ranges, strict=True))])
        size = np.concatenate([np.empty(0), *(self._sizes[k][r] for k, r in zip(ids, ranges, strict=True))])
        number = self._done[ids]
        self._done[ids] = upto[ids]
        return Frames(ids, first, number, arrival, size)
