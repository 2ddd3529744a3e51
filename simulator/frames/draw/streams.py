"""When frames arrive and how large they are: counter-based streams, one a task and server.

Frame n of a stream is a function of the stream's key and of n, not of anybody's state: the same frames come
out whatever the scheduler, the window or the number of processes. The generator is Philox4x32-10 (Salmon,
Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011); its published vectors are
among the tests. Of the 128 bits of a frame one half makes its gap or jitter and the other its size
(`cutlayer.simulator.frames.draw.ziggurat`).
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.draw.words import (
    MORE_GAP,
    MORE_SIZE,
    PHASE,
    exponential,
    many_words,
    normal,
    two_words,
)
from cutlayer.simulator.frames.draw.ziggurat import exponential_inside, normal_inside, unit
from cutlayer.simulator.frames.rows import Workspace
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import Slices
from cutlayer.simulator.types import FloatArray, IntArray

PERIODIC, JITTERED, POISSON = 0, 1, 2
CONSTANT, EXPONENTIAL, LOGNORMAL = 0, 1, 2
_ARRIVALS = {"periodic": PERIODIC, "jittered": JITTERED, "poisson": POISSON}
_SIZES = {"constant": CONSTANT, "exponential": EXPONENTIAL, "lognormal": LOGNORMAL}

_THREE_WORDS = struct.Struct("<3I")

_BLOCK = 128
"""Frames drawn at a time: their words come out of one loop without branches."""


@compiled
def _draw(
    k0: Any, k1: Any, k2: Any, number: int, count: int, before: float, start: float, rate: float, phase: float,
    arrivals: int, jitter: float, sizes: int, sigma: float, gap_words: Any, size_words: Any, time: Any, size: Any,
) -> None:  # fmt: skip
    """Write when the next `count` frames from `number` arrive, the one before having come at `before`, and their sizes.

    Loops of one thing each: most of them run on several frames at a time.
    """
    if arrivals != PERIODIC or sizes != CONSTANT:
        many_words(k0, k1, k2, np.uint64(number), count, gap_words, size_words)
    if arrivals == POISSON:
        for i in range(count):
            time[i] = exponential_inside(gap_words[i])
        for i in range(count):
            if time[i] < 0.0:
                time[i] = exponential(k0, k1, k2, np.uint64(number + i), gap_words[i], MORE_GAP)
            before += time[i] / rate
            time[i] = before
    elif arrivals == JITTERED:
        for i in range(count):
            time[i] = start + (float(number + i) + phase + jitter * unit(gap_words[i])) / rate
    else:
        for i in range(count):
            time[i] = start + (float(number + i) + phase) / rate
    if sizes == CONSTANT:
        for i in range(count):
            size[i] = 1.0
    elif sizes == EXPONENTIAL:
        for i in range(count):
            size[i] = exponential_inside(size_words[i])
        for i in range(count):
            if size[i] < 0.0:
                size[i] = exponential(k0, k1, k2, np.uint64(number + i), size_words[i], MORE_SIZE)
    else:
        for i in range(count):
            size[i] = normal_inside(size_words[i])
        for i in range(count):
            if math.isnan(size[i]):
                size[i] = normal(k0, k1, k2, np.uint64(number + i), size_words[i], MORE_SIZE)
            size[i] = math.exp(sigma * (size[i] - 0.5 * sigma))


@compiled
def _begin(
    keys: Any, start: Any, rate: Any, phase: Any, number: Any, time: Any, size: Any,
    arrivals: int, jitter: float, sizes: int, sigma: float,
) -> None:  # fmt: skip
    """Draw the phase and the first frame of every stream."""
    words = np.empty((2, 1), dtype=np.uint64)
    for k in range(len(start)):
        phase[k] = unit(two_words(keys[k, 0], keys[k, 1], keys[k, 2], np.uint64(0), PHASE)[0])
        number[k] = 0
        _draw(
            keys[k, 0], keys[k, 1], keys[k, 2], 0, 1, start[k], start[k], rate[k], phase[k], arrivals, jitter, sizes,
            sigma, words[0], words[1], time[k : k + 1], size[k : k + 1],
        )  # fmt: skip


@compiled
def _fill(
    until: float, keys: Any, start: Any, stop: Any, rate: Any, phase: Any, number: Any, time: Any, size: Any,
    arrivals: int, jitter: float, sizes: int, sigma: float,
    ids: Any, first: Any, number_out: Any, arrival_out: Any, size_out: Any,
) -> int:  # fmt: skip
    """Write the frames that arrive before `until`, stream after stream.

    Returns
    -------
    int
        How many streams have some; negative where there is no room: then all is as before, and there is room
        enough, as far as one can tell, for as many frames as the number without its sign.
    """
    expected = 0.0
    for k in range(len(time)):
        expected += max((min(until, stop[k]) - time[k]) * rate[k] + 1.0, 0.0)
    room = int(expected + 6.0 * math.sqrt(expected)) + _BLOCK
    if room > len(arrival_out):
        return -room
    numbers_before, times_before, sizes_before = number.copy(), time.copy(), size.copy()
    words = np.empty((2, _BLOCK), dtype=np.uint64)
    at, slots = 0, 0
    for k in range(len(time)):
        n, t, x = number[k], time[k], size[k]
        end = min(until, stop[k])
        if not t < end:
            continue
        ids[slots], first[slots], number_out[slots] = k, at, n
        slots += 1
        while t < end:
            count = min(_BLOCK, int((end - t) * rate[k]) + 2)
            if at + count >= len(arrival_out):
                number[:], time[:], size[:] = numbers_before, times_before, sizes_before
                return -2 * len(arrival_out)
            arrival_out[at], size_out[at] = t, x
            low, high = at + 1, at + 1 + count
            _draw(
                keys[k, 0], keys[k, 1], keys[k, 2], n + 1, count, t, start[k], rate[k], phase[k], arrivals, jitter,
                sizes, sigma, words[0], words[1], arrival_out[low:high], size_out[low:high],
            )  # fmt: skip
            # the last one drawn, or the first that comes too late, waits for its turn
            come = count
            while come > 1 and arrival_out[at + come - 1] >= end:
                come -= 1
            at += come
            n, t, x = n + come, arrival_out[at], size_out[at]
        number[k], time[k], size[k] = n, t, x
    first[slots] = at
    return slots


class Frames:
    """Frames of one window of time: those of the stream ``ids[s]`` stand at ``first[s]`` to ``first[s + 1]``.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        The streams, in task order.
    first : ndarray of int, shape (n + 1,)
    number : ndarray of int, shape (n,)
        Which frame of its stream the first one is.
    arrival_s, size : ndarray
        When each arrives [s] and its size / mean size.
    """

    __slots__ = ("arrival_s", "first", "ids", "number", "size")

    def __init__(
        self, ids: IntArray, first: IntArray, number: IntArray, arrival_s: FloatArray, size: FloatArray
    ) -> None:
        self.ids, self.first, self.number = ids, first, number
        self.arrival_s, self.size = arrival_s, size

    def __len__(self) -> int:
        return int(self.first[-1])


@compiled
def count_frames(ids: Any, first: Any, frames: Any) -> None:
    """Add the frames of a window to those of every stream."""
    for s in range(len(ids)):
        frames[ids[s]] += first[s + 1] - first[s]


@lru_cache(maxsize=1 << 14)  # who compares schedulers draws the same frames again and again
def _key(seed: int, task: str, server: str) -> bytes:
    return hashlib.sha256(repr((seed, "frames", task, server)).encode()).digest()[: _THREE_WORDS.size]


def key_of(seed: int, task: str, server: str) -> tuple[int, ...]:
    """Return the key of a stream: three 32-bit words of the SHA-256 of seed, task and server."""
    return _THREE_WORDS.unpack(_key(seed, task, server))


class Streams:
    """The frames of every slice at one server, window after window.

    Parameters
    ----------
    slices : Slices
    names : sequence of str
        The task of each slice.
    server : str
    settings : FrameSettings
    space : Workspace, optional
        Where frames are written to.
    """

    def __init__(
        self, slices: Slices, names: Sequence[str], server: str, settings: FrameSettings, space: Workspace | None = None
    ) -> None:
        self.slices = slices
        keys = b"".join([_key(settings.seed, name, server) for name in names])
        self.keys = np.frombuffer(keys, dtype="<u4").astype(np.uint64).reshape(-1, 3)
        sigma = math.sqrt(math.log1p(settings.size_cv**2))
        self._kind = _ARRIVALS[settings.arrivals], settings.jitter, _SIZES[settings.sizes], sigma
        n = len(slices)
        self._state = np.empty(n), np.empty(n, dtype=np.intp), np.empty(n), np.empty(n)
        self._space = Workspace() if space is None else space
        _begin(self.keys, slices.start_s, slices.rate_hz, *self._state, *self._kind)

    def before(self, until_s: float) -> Frames:
        """Return the frames that arrive before `until_s` and have not been returned yet.

        Arrivals and sizes are written over by the next call.
        """
        slices = self.slices
        ids, first, number = np.empty((3, len(slices) + 1), dtype=np.intp)
        while True:
            arrival, size = self._space.rows.arrival, self._space.rows.size
            slots = _fill(
                until_s, self.keys, slices.start_s, slices.stop_s, slices.rate_hz, *self._state, *self._kind,
                ids, first, number, arrival, size,
            )  # fmt: skip
            if slots >= 0:
                return Frames(ids[:slots], first[: slots + 1], number[:slots], arrival, size)
            self._space.reserve(-slots)
