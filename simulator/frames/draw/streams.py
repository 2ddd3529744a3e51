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
from typing import Any, NamedTuple

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


class Kind(NamedTuple):
    """What frames are like: `PERIODIC`, `JITTERED` or `POISSON`, and `CONSTANT`, `EXPONENTIAL` or `LOGNORMAL`."""

    arrivals: int
    jitter: float
    sizes: int
    sigma: float


class Sources(NamedTuple):
    """Who emits at one server: key, time, rate and phase of each stream. Arrays of shape (n,), keys of (n, 3)."""

    keys: Any
    start: FloatArray
    stop: FloatArray
    rate: FloatArray
    phase: FloatArray


class Next(NamedTuple):
    """The next frame of every stream: its number, arrival and size. Arrays of shape (n,)."""

    number: IntArray
    time: FloatArray
    size: FloatArray


class Frames(NamedTuple):
    """Frames of one window of time: those of the stream ``ids[s]`` are at ``first[s]`` to ``first[s + 1]``.

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

    ids: IntArray
    first: IntArray
    number: IntArray
    arrival_s: FloatArray
    size: FloatArray

    @property
    def total(self) -> int:
        """How many frames."""
        return int(self.first[-1])


@compiled
def _draw(
    sources: Sources, kind: Kind, k: int, number: int, count: int, before: float, words: Any, time: Any, size: Any
) -> None:
    """Write the next `count` frames of stream k from `number`, the one before having arrived at `before`.

    Loops of one thing each: most of them run on several frames at a time.
    """
    k0, k1, k2 = sources.keys[k, 0], sources.keys[k, 1], sources.keys[k, 2]
    start, rate, phase = sources.start[k], sources.rate[k], sources.phase[k]
    gap_words, size_words = words[0], words[1]
    arrivals, jitter, sizes, sigma = kind
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
def _begin(sources: Sources, kind: Kind, next: Next) -> None:
    """Draw the phase and the first frame of every stream."""
    words = np.empty((2, 1), dtype=np.uint64)
    keys, phase = sources.keys, sources.phase
    for k in range(len(phase)):
        phase[k] = unit(two_words(keys[k, 0], keys[k, 1], keys[k, 2], np.uint64(0), PHASE)[0])
        next.number[k] = 0
        _draw(sources, kind, k, 0, 1, sources.start[k], words, next.time[k : k + 1], next.size[k : k + 1])


@compiled
def _fill(until: float, sources: Sources, kind: Kind, next: Next, out: Frames) -> int:
    """Write the frames that arrive before `until`, stream after stream.

    Returns
    -------
    int
        How many streams have some; negative where there is no room: then all is as before, and there is room
        enough, as far as one can tell, for as many frames as the number without its sign.
    """
    stop, rate = sources.stop, sources.rate
    number, time, size = next
    ids, first, number_out, arrival_out, size_out = out
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
            _draw(sources, kind, k, n + 1, count, t, words, arrival_out[low:high], size_out[low:high])
            # the last one drawn, or the first that comes too late, waits for its turn
            come = count
            while come > 1 and arrival_out[at + come - 1] >= end:
                come -= 1
            at += come
            n, t, x = n + come, arrival_out[at], size_out[at]
        number[k], time[k], size[k] = n, t, x
    first[slots] = at
    return slots


@compiled
def count_frames(window: Frames, frames: Any) -> None:
    """Add the frames of a window to those of every stream."""
    for s in range(len(window.ids)):
        frames[window.ids[s]] += window.first[s + 1] - window.first[s]


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
        n = len(slices)
        keys = b"".join([_key(settings.seed, name, server) for name in names])
        words = np.frombuffer(keys, dtype="<u4").astype(np.uint64).reshape(-1, 3)
        self._sources = Sources(words, slices.start_s, slices.stop_s, slices.rate_hz, np.empty(n))
        sigma = math.sqrt(math.log1p(settings.size_cv**2))
        self._kind = Kind(_ARRIVALS[settings.arrivals], settings.jitter, _SIZES[settings.sizes], sigma)
        self._next = Next(np.empty(n, dtype=np.intp), np.empty(n), np.empty(n))
        self._space = Workspace() if space is None else space
        _begin(self._sources, self._kind, self._next)

    def before(self, until_s: float) -> Frames:
        """Return the frames that arrive before `until_s` and have not been returned yet.

        Arrivals and sizes are written over by the next call.
        """
        ids, first, number = np.empty((3, len(self._next.number) + 1), dtype=np.intp)
        while True:
            out = Frames(ids, first, number, self._space.rows.arrival, self._space.rows.size)
            slots = _fill(until_s, self._sources, self._kind, self._next, out)
            if slots >= 0:
                return out._replace(ids=ids[:slots], first=first[: slots + 1], number=number[:slots])
            self._space.reserve(-slots)
