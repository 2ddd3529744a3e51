"""A trace made faster, slower, thinner or shorter, as it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.traces.rows import LEAST, MOST
from cutlayer.workloads.traces.times import clock_unit
from cutlayer.workloads.traces.trace import NUMBERS, Chunk, Trace, streamed


def faster(trace: Trace, factor: float) -> Trace:
    """Return the trace with `factor` times as many arrivals a second: all times divided by it, not lifetimes."""
    if not 0 < factor < math.inf:
        raise InputError(f"the rate factor is {factor!r}; allowed: above 0, finite")
    last_s = trace.last_s / factor
    if not (last_s == 0 or LEAST <= last_s <= MOST):
        raise InputError(f"the rate factor is {factor!r}, which makes the last arrival {last_s!r} s")
    what = {"rate_factor": float(factor)}
    return _changed(trace, what, lambda chunk, first: _moved(chunk, chunk["arrival_s"] / factor))


def at_mean_rate(trace: Trace, rate_hz: float) -> Trace:
    """Return the trace made faster or slower until its mean rate (see `Trace.mean_rate_hz`) is `rate_hz`."""
    if not 0 < rate_hz < math.inf:
        raise InputError(f"the mean rate is {rate_hz!r} Hz; allowed: above 0, finite")
    if math.isnan(trace.mean_rate_hz):
        raise InputError("all tasks arrive at one instant: they have no rate to scale")
    return faster(trace, rate_hz / trace.mean_rate_hz)


def thinned(trace: Trace, count: int, seed: int = 0) -> Trace:
    """Return `count` arrivals of the trace, drawn evenly without replacement; their times do not change.

    Independent thinning lowers the rate and leaves bursts where they are, unlike taking every n-th.
    """
    if not 1 <= count <= trace.count:
        raise InputError(f"count is {count}; allowed: 1 to {trace.count}, what the trace has")
    kept = np.zeros(trace.count, dtype=bool)
    kept[stream(seed, "trace", "thin").permutation(trace.count)[:count]] = True
    return _changed(
        trace,
        {"count": count, "seed": seed},
        lambda chunk, first: _picked(chunk, kept[first : first + len(chunk["arrival_s"])]),
    )


def clipped(trace: Trace, from_s: float = 0.0, to_s: float = math.inf) -> Trace:
    """Return the arrivals from `from_s`, included, to `to_s`, excluded, counted from `from_s`."""
    if not 0 <= from_s < math.inf or not from_s < to_s:
        raise InputError(f"the trace from {from_s!r} s to {to_s!r} s; allowed: 0 or more, rising")

    def part(chunk: Chunk, first: int) -> Chunk:
        found = _picked(chunk, (chunk["arrival_s"] >= from_s) & (chunk["arrival_s"] < to_s))
        return _moved(found, found["arrival_s"] - from_s)

    if trace.last_s < from_s or trace.first_s >= to_s:
        raise InputError(
            f"no task arrives from {from_s!r} s to {to_s!r} s; the trace has {trace.first_s!r} s to {trace.last_s!r} s"
        )
    to = {} if to_s == math.inf else {"to_s": float(to_s)}
    return _changed(trace, {"from_s": float(from_s), **to}, part)


def until(trace: Trace, end_s: float) -> Trace:
    """Return the arrivals up to `end_s`, included; there may be none."""
    return _changed(
        trace, {"until_s": end_s}, lambda chunk, first: _picked(chunk, chunk["arrival_s"] <= end_s), empty=True
    )


def from_first(trace: Trace) -> Trace:
    """Return the trace counted from its first arrival where its times are those of a clock, unchanged otherwise.

    Raises
    ------
    InputError
        If they are of a clock in milliseconds or less.
    """
    unit = clock_unit(trace.first_s)
    if unit is None:
        return trace
    if unit != "s":
        raise InputError(
            f"the first arrival is at {trace.first_s:g} s: times of a clock in {unit}? "
            f"--map arrival_s=arrival_s --unit arrival_s={unit}"
        )
    moved = _changed(trace, {}, lambda chunk, first: _moved(chunk, chunk["arrival_s"] - trace.first_s))
    return replace(moved, provenance={**trace.provenance, "clock_s": trace.first_s})


def _changed(
    trace: Trace, what: Mapping[str, Any], change: Callable[[Chunk, int], Chunk], *, empty: bool = False
) -> Trace:
    def read() -> Iterator[Chunk]:
        first = 0
        for chunk in trace.chunks():
            yield change(chunk, first)
            first += len(chunk["arrival_s"])

    changes = [*trace.provenance.get("changes", []), dict(what)]
    return streamed(trace.columns, {**trace.provenance, "changes": changes}, read, may_be_empty=empty)


def _moved(chunk: Chunk, arrival_s: FloatArray) -> Chunk:
    return {**chunk, "arrival_s": arrival_s}


def _picked(chunk: Chunk, kept: Any) -> Chunk:
    places = np.flatnonzero(kept)
    return {
        name: values[places] if name in NUMBERS else [values[place] for place in places.tolist()]
        for name, values in chunk.items()
    }
