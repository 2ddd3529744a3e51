"""Bandwidth measurements as the capacity of links: read, and given to links by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth.formats import FORMATS, lines_of
from cutlayer.workloads.bandwidth.mapped import RateTable
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.traces.rows import Path

T = TypeVar("T")

BIN_S = 1.0
"""What the rate of packets is counted over by default [s]."""


def read_bandwidth(
    path: Path, format: str | None = None, *, bin_s: float = BIN_S, table: RateTable | None = None
) -> BandwidthTrace:
    """Read a bandwidth measurement.

    Parameters
    ----------
    path : path
    format : str, optional
        A name from `FORMATS`; by default the first line tells.
    bin_s : float
        What the rate is counted over [s], for formats that hold the times of packets.
    table : RateTable, optional
        How to read a file of no such format: its columns, their units, what gaps mean.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value; UnknownNameError for a format that is none.
    """
    if not 0 < bin_s < math.inf:
        raise InputError(f"bin_s is {bin_s!r}; allowed: above 0, finite")
    if table is not None:
        if format is not None:
            raise InputError(f"format {format!r} of a table with columns of its own; allowed: one of them")
        return table.read(path)
    name = format
    chosen = None if name is None else FORMATS[name]
    lines = lines_of(path)
    if chosen is None:
        number, first = lines[0]
        name = next((name for name in FORMATS if FORMATS[name].recognises(first)), None)
        if name is None:
            names = ", ".join(f"{name} ({FORMATS[name].meaning})" for name in FORMATS)
            raise InputError(
                f"{first[:80]!r} begins no bandwidth measurement; known: {names}; for any other table name the columns "
                "of time and rate (bandwidth.columns, bandwidth.units; --map, --unit)", path, number,
            )  # fmt: skip
        chosen = FORMATS[name]
    try:
        trace = chosen.read(path, lines, bin_s)
    except InputError as fault:
        raise fault if fault.file else fault.located(path, fault.line) from None
    return BandwidthTrace(trace.times_s, trace.bps, trace.end_s, f"{name}", (chosen.meaning, *trace.notes))


def give(
    network: Network,
    traces: Mapping[str, BandwidthTrace] | Sequence[BandwidthTrace],
    *,
    until_s: float | None = None,
    seed: int | None = None,
) -> dict[str, Steps]:
    """Give traces to links, as ``capacity_bps`` of `cutlayer.simulator.conditions.Conditions`.

    Parameters
    ----------
    network : Network
        Gives the names of the links.
    traces : mapping of str to BandwidthTrace, or sequence of BandwidthTrace
        By name of link, others keep their bandwidth; or for all links in turn (one trace: for every link).
    until_s : float, optional
        Loop every trace up to then [s]; by default a trace is given as long as it is, and its last value stays.
    seed : int, optional
        Begin each link's trace at a random point of it, drawn from a stream of the link's own, and loop it;
        by default all begin at their beginning.

    Raises
    ------
    InputError
        For a link that is not there, or no trace.
    """
    return {name: placed(trace, name, until_s, seed).steps() for name, trace in given_to(network, traces).items()}


def given_to(network: Network, traces: Mapping[str, T] | Sequence[T]) -> dict[str, T]:
    """Return what each link is given: by name, or a sequence in turn; raise as `give` does."""
    if isinstance(traces, Mapping):
        for name in traces:
            if name not in network.links:
                raise UnknownNameError("link", name, network.links)
        return dict(traces)
    if not traces:
        raise InputError("no bandwidth trace for the links; allowed: 1 or more")
    return {name: traces[m % len(traces)] for m, name in enumerate(network.links)}


def placed(trace: BandwidthTrace, link: str, until_s: float | None, seed: int | None) -> BandwidthTrace:
    """Return the trace of one link, looped up to `until_s` and begun at a random point where there is a seed."""
    if until_s is None and seed is None:
        return trace
    offset_s = 0.0 if seed is None else float(stream(seed, "bandwidth", link).uniform(0.0, trace.end_s))
    return trace.looped(trace.end_s if until_s is None else until_s, offset_s)
