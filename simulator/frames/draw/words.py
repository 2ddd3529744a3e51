"""Random words of frames by counter, and the exponential and normal numbers that one word does not decide alone."""

from __future__ import annotations

import math
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
)

# What a block of random words is for: the third word of the counter. A number that its word does not decide
# takes further blocks, counted in the bits above these.
FRAME, PHASE, MORE_GAP, MORE_SIZE = np.uint64(0), np.uint64(2), np.uint64(3), np.uint64(4)
_ATTEMPT = np.uint64(1 << 8)

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


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
def two_words(k0: Any, k1: Any, k2: Any, number: Any, purpose: Any) -> Any:
    """Return two random words of 64 bits for frame `number`."""
    a, b, c, d = philox(number & _LOW, number >> _HALF, purpose, k2, k0, k1)
    return a << _HALF | b, c << _HALF | d


@compiled
def exponential(k0: Any, k1: Any, k2: Any, number: Any, word: Any, purpose: Any) -> float:
    """Return the exponential number of a word that did not decide alone."""
    while True:
        purpose += _ATTEMPT
        a, b = two_words(k0, k1, k2, number, purpose)
        x = exponential_at_edge(word, a)
        if x < 0.0:
            word = b
            x = exponential_inside(word)
        if x >= 0.0:
            return x


@compiled
def normal(k0: Any, k1: Any, k2: Any, number: Any, word: Any, purpose: Any) -> float:
    """Return the normal number of a word that did not decide alone."""
    while True:
        purpose += _ATTEMPT
        a, b = two_words(k0, k1, k2, number, purpose)
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
def many_words(k0: Any, k1: Any, k2: Any, number: Any, count: int, gap_words: Any, size_words: Any) -> None:
    """Write the words of `count` frames from `number`."""
    for i in range(count):
        n = number + np.uint64(i)
        a, b, c, d = philox(n & _LOW, n >> _HALF, FRAME, k2, k0, k1)
        gap_words[i], size_words[i] = a << _HALF | b, c << _HALF | d
