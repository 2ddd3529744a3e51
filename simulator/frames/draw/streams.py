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

from cutlayer.simulator.compiled import compiled, inlined
from cutlayer.simulator.frames.draw.ziggurat import (
    exponential_at_edge,
    exponential_inside,
    in_tail,
    normal_at_edge,
    normal_inside,
    normal_tail,
    unit,
)
from cutlayer.simulator.frames.rows import Room
from cutlayer.simulator.frames.settings import FrameSettings, Slices
from cutlayer.simulator.types import FloatArray, IntArray

PERIODIC, JITTERED, POISSON = 0, 1, 2
CONSTANT, EXPONENTIAL, LOGNORMAL = 0, 1, 2
_ARRIVALS = {"periodic": PERIODIC, "jittered": JITTERED, "poisson": POISSON}
_SIZES = {"constant": CONSTANT, "exponential": EXPONENTIAL, "lognormal": LOGNORMAL}

# What a block of random words is for: the third word of the counter. A number that its word does not decide
# takes further blocks, counted in the bits above these.
_FRAME, _PHASE, _MORE_GAP, _MORE_SIZE = np.uint64(0), np.uint64(2), np.uint64(3), np.uint64(4)
_ATTEMPT = np.uint64(1 << 8)

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

_THREE_WORDS = struct.Struct("<3I")

_BLOCK = 128
"""Frames drawn at a time: their words come out of one loop without branches."""


@inlined  # or else no loop runs on several frames
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the four 32-bit words of Philox4x32-10 at a counter of four words under a key of two (all uint64)."""
    for _ in range(10):
        p0 = _MULTIPLY_0 * c0
        p1 = _MULTIPLY_1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@compiled
def _words(k0: Any, k1: Any, k2: Any, number: Any, purpose: Any) -> Any:
    """Return two random words of 64 bits for frame `number`."""
    a, b, c, d = philox(number & _LOW, number >> _HALF, purpose, k2, k0, k1)
    return a << _HALF | b, c << _HALF | d


@compiled
def _exponential(k0: Any, k1: Any, k2: Any, number: Any, word: Any, purpose: Any) -> float:
    """Return the exponential number of a word that did not decide alone."""
    while True:
        purpose += _ATTEMPT
        a, b = _words(k0, k1, k2, number, purpose)
        x = exponential_at_edge(word, a)
        if x < 0.0:
            word = b
            x = exponential_inside(word)
        if x >= 0.0:
            return x


@compiled
def _normal(k0: Any, k1: Any, k2: Any, number: Any, word: Any, purpose: Any) -> float:
    """Return the normal number of a word that did not decide alone."""
    while True:
        purpose += _ATTEMPT
        a, b = _words(k0, k1, k2, number, purpose)
        if in_tail(word):
            x = normal_tail(word, a, b)
        else:
            x = normal_at_edge(word, a)
            if math.isnan(x):
                word = b
                x = normal_inside(word)
        if not math.isnan(x):
            return x


@compiled
def _many_words(k0: Any, k1: Any, k2: Any, number: Any, count: int, gap_words: Any, size_words: Any) -> None:
    """Write the words of `count` frames from `number`."""
    for i in range(count):
        n = number + np.uint64(i)
        a, b, c, d = philox(n & _LOW, n >> _HALF, _FRAME, k2, k0, k1)
        gap_words[i], size_words[i] = a << _HALF | b, c << _HALF | d


@compiled
def _draw(
    k0: Any, k1: Any, k2: Any, number: int, count: int, before: float, start: float, rate: float, phase: float,
    arrivals: int, jitter: float, sizes: int, sigma: float, gap_words: Any, size_words: Any, time: Any, size: Any,
) -> None:  # fmt: skip
    """Write when the next `count` frames from `number` arrive, the one before having come at `before`, and their sizes.

    Loops of one thing each: most of them run on several frames at a time.
    """
    if arrivals != PERIODIC or sizes != CONSTANT:
        _many_words(k0, k1, k2, np.uint64(number), count, gap_words, size_words)
    if arrivals == POISSON:
        for i in range(count):
            time[i] = exponential_inside(gap_words[i])
        for i in range(count):
            if time[i] < 0.0:
                time[i] = _exponential(k0, k1, k2, np.uint64(number + i), gap_words[i], _MORE_GAP)
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
                size[i] = _exponential(k0, k1, k2, np.uint64(number + i), size_words[i], _MORE_SIZE)
    else:
        for i in range(count):
            size[i] = normal_inside(size_words[i])
        for i in range(count):
            if math.isnan(size[i]):
                size[i] = _normal(k0, k1, k2, np.uint64(number + i), size_words[i], _MORE_SIZE)
            size[i] = math.exp(sigma * (size[i] - 0.5 * sigma))


@compiled
def _begin(
    keys: Any, start: Any, rate: Any, phase: Any, number: Any, time: Any, size: Any,
    arrivals: int, jitter: float, sizes: int, sigma: float,
) -> None:  # fmt: skip
    """Draw the phase and the first frame of every stream."""
    words = np.empty((2, 1), dtype=np.uint64)
    for k in range(len(start)):
        phase[k] = unit(_words(keys[k, 0], keys[k, 1], keys[k, 2], np.uint64(0), _PHASE)[0])
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
    room : Room, optional
        Where frames are written to.
    """

    def __init__(
        self, slices: Slices, names: Sequence[str], server: str, settings: FrameSettings, room: Room | None = None
    ) -> None:
        self.slices = slices
        keys = b"".join([_key(settings.seed, name, server) for name in names])
        self.keys = np.frombuffer(keys, dtype="<u4").astype(np.uint64).reshape(-1, 3)
        sigma = math.sqrt(math.log1p(settings.size_cv**2))
        self._kind = _ARRIVALS[settings.arrivals], settings.jitter, _SIZES[settings.sizes], sigma
        n = len(slices)
        self._state = np.empty(n), np.empty(n, dtype=np.intp), np.empty(n), np.empty(n)
        self._room = Room() if room is None else room
        _begin(self.keys, slices.start_s, slices.rate_hz, *self._state, *self._kind)

    def before(self, until_s: float) -> Frames:
        """Return the frames that arrive before `until_s` and have not been returned yet.

        Arrivals and sizes are written over by the next call.
        """
        slices = self.slices
        ids, first, number = np.empty((3, len(slices) + 1), dtype=np.intp)
        while True:
            arrival, size = self._room.rows.arrival, self._room.rows.size
            slots = _fill(
                until_s, self.keys, slices.start_s, slices.stop_s, slices.rate_hz, *self._state, *self._kind,
                ids, first, number, arrival, size,
            )  # fmt: skip
            if slots >= 0:
                return Frames(ids[:slots], first[: slots + 1], number[:slots], arrival, size)
            self._room.make(-slots)


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
            low, high = np.searchsorted(times, (start, stop), side="left")
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
