"""When frames arrive and how large they are: counter-based streams, one a task and server.

Frame n of a stream is a function of the stream's key and of n, not of anybody's state: the same frames come
out whatever the scheduler, the window or the number of processes. The generator is Philox4x32-10 (Salmon,
Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011); its published vectors are
among the tests.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from simulator.frame_model import FrameSettings, Slices
from simulator.types import FloatArray, IntArray

PERIODIC, JITTERED, POISSON = 0, 1, 2
CONSTANT, EXPONENTIAL, LOGNORMAL = 0, 1, 2
_ARRIVALS = {"periodic": PERIODIC, "jittered": JITTERED, "poisson": POISSON}
_SIZES = {"constant": CONSTANT, "exponential": EXPONENTIAL, "lognormal": LOGNORMAL}

# What a block of random words is for: the third word of the counter.
_FRAME, _NORMAL, _PHASE = np.uint64(0), np.uint64(1), np.uint64(2)

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ELEVEN = np.uint64(11)
_TO_UNIT = 2.0**-53


@njit(cache=True, nogil=True, error_model="numpy")
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return the four 32-bit words of Philox4x32-10 at a counter of four words under a key of two (all uint64)."""
    for _ in range(10):
        p0 = _MULTIPLY_0 * c0
        p1 = _MULTIPLY_1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, error_model="numpy")
def _two_uniforms(k0: Any, k1: Any, k2: Any, number: int, purpose: Any) -> Any:
    """Return two numbers uniform in [0, 1), 53 bits each."""
    n = np.uint64(number)
    a, b, c, d = philox(n & _LOW, n >> _HALF, purpose, k2, k0, k1)
    return ((a << _HALF | b) >> _ELEVEN) * _TO_UNIT, ((c << _HALF | d) >> _ELEVEN) * _TO_UNIT


@njit(cache=True, nogil=True, error_model="numpy")
def _size(k0: Any, k1: Any, k2: Any, number: int, kind: int, sigma: float, uniform: float) -> float:
    if kind == EXPONENTIAL:
        return -math.log(1.0 - uniform)
    if kind == LOGNORMAL:
        u, v = _two_uniforms(k0, k1, k2, number, _NORMAL)
        normal = math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)
        return math.exp(sigma * (normal - 0.5 * sigma))
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    k0: Any, k1: Any, k2: Any, number: int, before: float, start: float, rate: float, phase: float,
    arrivals: int, jitter: float, sizes: int, sigma: float,
) -> Any:  # fmt: skip
    """Return when frame `number` arrives, the one before having come at `before`, and its size."""
    u, v = 0.0, 0.0
    if arrivals != PERIODIC or sizes == EXPONENTIAL:
        u, v = _two_uniforms(k0, k1, k2, number, _FRAME)
    if arrivals == POISSON:
        time = before - math.log(1.0 - u) / rate
    else:
        time = start + (number + phase + jitter * u) / rate
    return time, _size(k0, k1, k2, number, sizes, sigma, v)


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(
    keys: Any, start: Any, rate: Any, phase: Any, number: Any, time: Any, size: Any,
    arrivals: int, jitter: float, sizes: int, sigma: float,
) -> None:  # fmt: skip
    """Draw the phase and the first frame of every stream."""
    for k in range(len(start)):
        phase[k] = _two_uniforms(keys[k, 0], keys[k, 1], keys[k, 2], 0, _PHASE)[0]
        number[k] = 0
        time[k], size[k] = _draw(
            keys[k, 0], keys[k, 1], keys[k, 2], 0, start[k], start[k], rate[k], phase[k], arrivals, jitter, sizes, sigma
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(
    ids: Any, until: float, keys: Any, start: Any, stop: Any, rate: Any, phase: Any, number: Any, time: Any,
    size: Any, arrivals: int, jitter: float, sizes: int, sigma: float,
    first: Any, arrival_out: Any, size_out: Any,
) -> bool:  # fmt: skip
    """Write the frames of the streams `ids` that arrive before `until`; return whether there was room."""
    at = 0
    for slot in range(len(ids)):
        k = ids[slot]
        first[slot] = at
        k0, k1, k2, begin, pace, offset = keys[k, 0], keys[k, 1], keys[k, 2], start[k], rate[k], phase[k]
        n, t, x = number[k], time[k], size[k]
        end = min(until, stop[k])
        while t < end:
            if at == len(arrival_out):
                return False
            arrival_out[at] = t
            size_out[at] = x
            at += 1
            n += 1
            t, x = _draw(k0, k1, k2, n, t, begin, pace, offset, arrivals, jitter, sizes, sigma)
        number[k], time[k], size[k] = n, t, x
    first[len(ids)] = at
    return True


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


def key_of(seed: int, task: str, server: str) -> FloatArray:
    """Return the key of a stream: three 32-bit words of the SHA-256 of seed, task and server, as uint64."""
    digest = hashlib.sha256(repr((seed, "frames", task, server)).encode()).digest()
    return np.frombuffer(digest, dtype="<u4")[:3].astype(np.uint64)


class Streams:
    """The frames of every slice at one server, window after window.

    Parameters
    ----------
    slices : Slices
    names : sequence of str
        The task of each slice.
    server : str
    settings : FrameSettings
    """

    def __init__(self, slices: Slices, names: Sequence[str], server: str, settings: FrameSettings) -> None:
        self.slices = slices
        self.keys = np.array([key_of(settings.seed, name, server) for name in names], dtype=np.uint64).reshape(-1, 3)
        sigma = math.sqrt(math.log1p(settings.size_cv**2))
        self._kind = _ARRIVALS[settings.arrivals], settings.jitter, _SIZES[settings.sizes], sigma
        n = len(slices)
        self._phase, self._time, self._size = np.empty(n), np.empty(n), np.empty(n)
        self._number = np.empty(n, dtype=np.intp)
        self._arrival_out, self._size_out = np.empty(64), np.empty(64)
        state = self._phase, self._number, self._time, self._size
        _begin(self.keys, slices.start_s, slices.rate_hz, *state, *self._kind)

    def before(self, until_s: float) -> Frames:
        """Return the frames that arrive before `until_s` and have not been returned yet.

        The arrays are written over by the next call.
        """
        slices = self.slices
        ids = np.flatnonzero((self._time < until_s) & (self._time < slices.stop_s))
        first = np.zeros(len(ids) + 1, dtype=np.intp)
        number = self._number[ids]
        state = self._time[ids], self._size[ids]
        while not _fill(
            ids, until_s, self.keys, slices.start_s, slices.stop_s, slices.rate_hz, self._phase, self._number,
            self._time, self._size, *self._kind, first, self._arrival_out, self._size_out,
        ):  # fmt: skip
            self._number[ids] = number
            self._time[ids], self._size[ids] = state
            room = 2 * len(self._arrival_out)
            self._arrival_out, self._size_out = np.empty(room), np.empty(room)
        return Frames(ids, first, number, self._arrival_out, self._size_out)


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
