"""Arrivals counted by the minute or hour, spread evenly at random over their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray, IntArray
from cutlayer.workloads.traces.trace import ROWS, Chunk, Trace, streamed

MOST = 1_000_000_000
"""Arrivals of a trace."""


def binned(
    starts_s: FloatArray, counts: IntArray, width_s: float, provenance: Mapping[str, Any], seed: int = 0
) -> Trace:
    """Return the trace of counted arrivals, drawn piece by piece from the stream ``trace, bin``.

    Parameters
    ----------
    starts_s : array, shape (n,)
        When each interval begins [s], in any order; counts of equal ones add up.
    counts : array of int, shape (n,)
    width_s : float
        Length of an interval [s].
    provenance : mapping
    seed : int

    Raises
    ------
    InputError
        If nothing arrives, or more than `MOST` do.
    """
    bins_s, places = np.unique(starts_s, return_inverse=True)
    totals = np.bincount(places, weights=counts).astype(np.int64)
    if not 0 < (total := float(np.sum(totals, dtype=float))) <= MOST:
        raise InputError(f"{total:.0f} arrivals are counted; allowed: 1 to {MOST}")
    if len(bins_s) > 1 and float(np.diff(bins_s).min()) < width_s * (1 - 1e-9):
        raise InputError(f"intervals of {width_s:g} s overlap: some are {float(np.diff(bins_s).min()):g} s apart")

    def read() -> Iterator[Chunk]:
        rng = stream(seed, "trace", "bin")
        held: list[FloatArray] = []
        for start_s, count in zip(bins_s.tolist(), totals.tolist(), strict=True):
            for times_s in _spread(rng, count, start_s, width_s):
                held.append(times_s)
                if sum(map(len, held)) >= ROWS:
                    yield {"arrival_s": np.concatenate(held)}
                    held = []
        if held:
            yield {"arrival_s": np.concatenate(held)}

    return streamed(("arrival_s",), {**provenance, "bin_s": width_s, "seed": seed}, read)


def _spread(rng: np.random.Generator, count: int, start_s: float, width_s: float) -> Iterator[FloatArray]:
    """Yield `count` times of an interval, rising; how many fall into each half is drawn first where they are many."""
    if count > ROWS:
        left = int(rng.binomial(count, 0.5))
        yield from _spread(rng, left, start_s, width_s / 2)
        yield from _spread(rng, count - left, start_s + width_s / 2, width_s / 2)
    elif count:
        yield np.sort(start_s + width_s * rng.random(count))
