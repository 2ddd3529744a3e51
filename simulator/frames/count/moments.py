"""Means and standard deviations of latencies, exact however little they vary and however many there are.

A block of so many latencies is added up in differences from a shift near their mean, and blocks are merged
pair by pair as Chan, Golub and LeVeque do ("Algorithms for computing the sample variance: analysis and
recommendations", The American Statistician 37(3), 1983). Means are kept in differences from the first latency,
or else they would be known no better than to an ulp, which may be more than latencies vary.

A block is so many frames of a stream, not those of a window of the walk: no moment depends on the window.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.types import FloatArray

BLOCK = 256
IN_BLOCK = BLOCK - 1
"""Frames of a block, a power of 2: the more the less time merging takes, the fewer the less is lost adding them up.

A block is full where ``count & IN_BLOCK`` is 0.
"""

_PARTS = 4
_ORIGIN, _MEAN, _SQUARES = range(3)


class Moments(NamedTuple):
    """Of every stream, two latencies (transfer, end-to-end) and their four parts.

    Attributes
    ----------
    pending : ndarray, shape (n, 8)
        Sums over the frames of the block that is not full yet: of transfer latency - shift, of its square, of
        end-to-end latency - shift, of its square, and of the four parts.
    shift : ndarray, shape (n, 2)
        What is taken off the latencies of that block; the first frame of a stream sets it.
    merged : ndarray, shape (n, 2, 3)
        Of the full blocks: the first latency of all, mean - first, sum of the squares of latency - mean.
    parts : ndarray, shape (n, 4)
        Sums of the parts over the full blocks.
    """

    pending: FloatArray
    shift: FloatArray
    merged: FloatArray
    parts: FloatArray


def moments(streams: int) -> Moments:
    """Return the moments of nothing."""
    return Moments(np.zeros((streams, 8)), np.zeros((streams, 2)), np.zeros((streams, 2, 3)), np.zeros((streams, 4)))


@compiled
def merge(moments: Moments, k: Any, count: int) -> None:
    """Merge what is pending of stream k, which has `count` frames with those, 1 or more of them pending."""
    pending, shift, merged, parts = moments
    more = ((count - 1) & IN_BLOCK) + 1
    before = count - more
    for which in range(2):
        if before == 0:
            merged[k, which, _ORIGIN] = shift[k, which]
        origin = merged[k, which, _ORIGIN]
        first, second = pending[k, 2 * which], pending[k, 2 * which + 1]
        step = ((shift[k, which] - origin) - merged[k, which, _MEAN]) + first / more  # from mean to mean
        merged[k, which, _MEAN] += step * (more / count)
        merged[k, which, _SQUARES] += max(second - first * first / more, 0.0) + step * step * more * (before / count)
        shift[k, which] = origin + merged[k, which, _MEAN]
    for part in range(4):
        parts[k, part] += pending[k, _PARTS + part]
    pending[k, :] = 0.0


@compiled
def merge_rest(moments: Moments, counts: Any) -> None:
    """Merge what is pending of every stream; `counts`, shape (n,), says how many frames each has."""
    for k in range(len(counts)):
        if counts[k] & IN_BLOCK > 0:
            merge(moments, k, counts[k])


def means(moments: Moments, counts: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the moments of every stream, NaN where there is no frame; nothing may be pending.

    Returns
    -------
    mean, sd : ndarray, shape (n, 2)
        Mean and standard deviation of the latencies.
    parts : ndarray, shape (n, 4)
        Means of the parts.
    """
    number = np.where(counts > 0, counts, math.nan)[:, None]
    origin, mean, squares = np.moveaxis(moments.merged, 2, 0)
    return np.where(counts[:, None] > 0, origin + mean, math.nan), np.sqrt(squares / number), moments.parts / number
