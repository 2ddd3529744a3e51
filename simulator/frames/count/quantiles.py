"""Quantiles of latencies, exact or out of histograms.

Quantiles are nearest-rank: the smallest latency that at least that share of the frames does not exceed. Out
of the histogram they are within `cutlayer.simulator.frames.count.histogram.QUANTILE_ERROR` of it, relatively, down to
`cutlayer.simulator.frames.count.histogram.SMALLEST_S`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.count.histogram import bins_of_ranks, middle_of
from cutlayer.simulator.frames.count.sums import N_DELIVERED, Sums
from cutlayer.simulator.results.tables import QUANTILES
from cutlayer.simulator.types import FloatArray


@compiled
def _rank(share: float, count: int) -> int:
    """Return the rank of a quantile, counted from 1: the least that is at least this share of all."""
    return max(math.ceil(share * count - 1e-9), 1)


@compiled
def quantiles(sums: Sums) -> Any:
    """Return the quantiles of every stream out of its histograms, shape (n, 2, quantiles): transfer, end-to-end.

    The middle of the bin of that rank, but no further out than the smallest and largest latency seen.
    """
    streams, wanted = len(sums.counts), len(QUANTILES)
    seen = np.full((streams, 2, wanted), math.nan)
    ranks, bins = np.empty(wanted, dtype=np.intp), np.empty(wanted, dtype=np.intp)
    for k in range(streams):
        delivered = sums.counts[k, N_DELIVERED]
        if delivered == 0:
            continue
        for q in range(wanted):
            ranks[q] = _rank(QUANTILES[q], delivered)
        for which in range(2):
            bins_of_ranks(sums.histograms, 2 * k + which, ranks, bins)
            for q in range(wanted):
                seen[k, which, q] = min(max(middle_of(bins[q]), sums.smallest[k, which]), sums.largest[k, which])
    return seen


def exact_quantiles(values: FloatArray) -> list[float]:
    """Return the quantiles of these values."""
    if len(values) == 0:
        return [math.nan] * len(QUANTILES)
    ordered = np.sort(values)
    return [float(ordered[_rank(q, len(ordered)) - 1]) for q in QUANTILES]
