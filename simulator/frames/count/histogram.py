"""Histograms of latencies with a stated relative error, of many streams, in little memory.

Bins are octaves cut into `BINS_PER_OCTAVE` equal parts: exponent and first bits of the number itself. An
octave of a stream takes room when the first latency falls into it; most streams see a few of the `OCTAVES`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.types import IntArray

OCTAVE = 7
IN_OCTAVE = (1 << OCTAVE) - 1
"""A bin's octave is ``bin >> OCTAVE``, its place there ``bin & IN_OCTAVE``."""
BINS_PER_OCTAVE = 1 << OCTAVE
OCTAVES = 48
LOWEST_EXPONENT = -24
SMALLEST_S = 2.0**LOWEST_EXPONENT
"""Latencies below this (0.06 us), or above 2^24 s, fall into the outermost bins."""
QUANTILE_ERROR = 1 / (2 * BINS_PER_OCTAVE)
"""Largest relative error of a quantile out of the histogram: half a bin."""

_LAST = OCTAVES * BINS_PER_OCTAVE - 1
_BITS_BELOW = 52 - OCTAVE  # of the 52 bits of a float's fraction, those that do not choose the bin
_ORIGIN = (1023 + LOWEST_EXPONENT) * BINS_PER_OCTAVE


class Histograms(NamedTuple):
    """Two histograms a stream: of transfer and of end-to-end latency."""

    block: IntArray  # (2 n, octaves): which block has the counts of an octave, -1 while none was seen
    counts: IntArray  # (room, bins of an octave)
    used: IntArray  # (1,): blocks in use


def histograms(streams: int) -> Histograms:
    """Return empty histograms."""
    return Histograms(
        np.full((2 * streams, OCTAVES), -1, dtype=np.intp),
        np.zeros((6 * streams, BINS_PER_OCTAVE), dtype=np.intp),
        np.zeros(1, dtype=np.intp),
    )


def cleared(old: Histograms, streams: int) -> Histograms:
    """Return empty histograms, in the memory of others where it is enough."""
    if len(old.block) < 2 * streams:
        return histograms(streams)
    _clear(*old)
    return old


@compiled
def _clear(block: Any, counts: Any, used: Any) -> None:
    block[:] = -1
    counts[: used[0]] = 0
    used[0] = 0


def with_more_room(old: Histograms) -> Histograms:
    """Return the same histograms with room for twice as many octaves."""
    return old._replace(counts=np.concatenate([old.counts, np.zeros_like(old.counts)]))


@compiled
def bin_of(value: float) -> int:
    """Return the bin of a latency."""
    bits = np.float64(value).view(np.int64)
    bin = int(bits >> _BITS_BELOW) - _ORIGIN
    return min(max(bin, 0), _LAST)


@compiled
def bins_of_ranks(histograms: Histograms, which: int, ranks: Any, bins: Any) -> None:
    """Write the bin of each rank of one histogram; ranks are counted from 1 and rise."""
    block, counts = histograms.block, histograms.counts
    seen, q = 0, 0
    for octave in range(OCTAVES):
        place = block[which, octave]
        if place < 0:
            continue
        for bin in range(BINS_PER_OCTAVE):
            seen += counts[place, bin]
            while q < len(ranks) and ranks[q] <= seen:
                bins[q] = octave * BINS_PER_OCTAVE + bin
                q += 1


@compiled
def middle_of(bin: int) -> float:
    """Return the middle of a bin [s]: no latency in it is further away than `QUANTILE_ERROR` of itself."""
    fraction = 1 + (bin % BINS_PER_OCTAVE + 0.5) / BINS_PER_OCTAVE
    return math.ldexp(fraction, bin // BINS_PER_OCTAVE + LOWEST_EXPONENT)
