"""How much of its compute and of its slices is asked for, on average, and which slices are asked for too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.slices import Slices
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import FloatArray, IntArray

UNSTABLE = 1e-9
"""A slice is unstable where its load exceeds 1 by more than this."""


@compiled
def held_means(first: Any, start_s: Any, end_s: Any, amounts: Any) -> Any:
    """Return the mean, over the time of each holder, of what all of its group hold together.

    Parameters
    ----------
    first : ndarray of int, shape (groups + 1,)
        The holders of group g are those from ``first[g]`` to ``first[g + 1]``.
    start_s, end_s : ndarray, shape (n,)
        From when to when each holds, finite, no end before its start. Where both are equal: what is held then.
    amounts : ndarray, shape (m, n)
        Several things that each holds.

    Returns
    -------
    ndarray, shape (m, n)
    """
    means = np.zeros(amounts.shape)
    for g in range(len(first) - 1):
        low, high = first[g], first[g + 1]
        n = high - low
        if n == 0:
            continue
        times = np.concatenate((start_s[low:high], end_s[low:high]))
        order = np.argsort(times, kind="mergesort")
        times = times[order]
        begin = np.searchsorted(times, start_s[low:high], side="right") - 1
        end = np.searchsorted(times, end_s[low:high], side="right") - 1
        together, since = np.zeros(2 * n), np.zeros(2 * n)  # the sum, and its integral from the first start
        for row in range(len(amounts)):
            amount = amounts[row, low:high]
            total, integral = 0.0, 0.0
            for o in range(2 * n):
                if o > 0:
                    integral += total * (times[o] - times[o - 1])
                total += amount[order[o]] if order[o] < n else -amount[order[o] - n]
                together[o], since[o] = total, integral
            # Sums that went up and down again keep what rounding left of holders that are gone: an ulp each of the
            # largest. Where nothing is held that would be a load out of nothing, and an idle link in use. A holder
            # has its own for all of its time, however little that is.
            rounding = 1e-12 * max(amount.max(), 0.0)
            for k in range(n):
                length = end_s[low + k] - start_s[low + k]
                mean = (since[end[k]] - since[begin[k]]) / length if length > 0 else together[begin[k]]
                means[row, low + k] = max(mean, amount[k]) if mean > rounding else amount[k]
    return means


def loads(
    slices: Sequence[Slices], compute: Sequence[Steps], uplink: Sequence[Steps], *, fair: bool
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return the load of compute and of every slice, and whether either is above 1, on average.

    With fair sharing a slice's load is that of its guaranteed share, and a slice is unstable only where
    the link as a whole is asked for more than it has.

    Parameters
    ----------
    slices : sequence of Slices
        Of several servers.
    compute, uplink : sequence of Steps
        The speed of each server's compute and of its slices; with fair sharing what those share [bit/s].
    fair : bool

    Returns
    -------
    (compute, uplink, unstable)
        One entry a slice.
    """
    if not slices:
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.intp)
    start, stop, rate, edge_s, slice_s, reserved_bps = (
        np.concatenate([getattr(mine, name) for mine in slices])
        for name in ("start_s", "stop_s", "rate_hz", "edge_s", "slice_s", "reserved_bps")
    )
    stop = np.maximum(stop, start)
    first = np.cumsum([0, *(len(mine) for mine in slices)])
    own = rate * slice_s
    asked, reserved, sent = held_means(first, start, stop, np.array([rate * edge_s, reserved_bps, own * reserved_bps]))
    up, speed = (_means(first, steps, start, stop) for steps in (compute, uplink))
    with np.errstate(divide="ignore", invalid="ignore"):
        compute_load = np.where(asked > 0, asked / up, 0.0)
        uplink_load = own * reserved / speed if fair else own / speed
        full = sent > speed * (1 + UNSTABLE) if fair else True
    unstable = (compute_load > 1 + UNSTABLE) | ((uplink_load > 1 + UNSTABLE) & full)
    return compute_load, uplink_load, unstable.astype(np.intp)


def _means(first: IntArray, steps: Sequence[Steps], start_s: FloatArray, stop_s: FloatArray) -> FloatArray:
    """Return the mean of each server's steps over the time of each of its slices."""
    means = np.empty(len(start_s))
    for server, low, high in zip(steps, first[:-1].tolist(), first[1:].tolist(), strict=True):
        constant = len(server.values) == 1
        means[low:high] = server.values[0] if constant else server.mean(start_s[low:high], stop_s[low:high])
    return means
