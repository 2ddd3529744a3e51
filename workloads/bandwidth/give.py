"""Bandwidth measurements as the capacity of links: read, and given to links by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth.formats import FORMATS, lines_of
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.traces.rows import Path

BIN_S = 1.0
"""What the rate of packets is counted over by default [s]."""


def read_bandwidth(path: Path, format: str | None = None, *, bin_s: float = BIN_S) -> BandwidthTrace:
    """Read a bandwidth measurement.

    Parameters
    ----------
    path : path
    format : str, optional
        A name from `FORMATS`; by default the first line tells.
    bin_s : float
        What the rate is counted over [s], for formats that hold the times of packets.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value; UnknownNameError for a format that is none.
    """
    if not 0 < bin_s < math.inf:
        raise InputError(f"bin_s is {bin_s!r}; allowed: above 0, finite")
    chosen = None if format is None else FORMATS[format]
    lines = lines_of(path)
    if chosen is None:
        number, first = lines[0]
        chosen = next((known for known in map(FORMATS.__getitem__, FORMATS) if known.recognises(first)), None)
        if chosen is None:
            names = ", ".join(f"{name} ({FORMATS[name].meaning})" for name in FORMATS)
            raise InputError(f"{first[:80]!r} begins no bandwidth measurement; known: {names}", path, number)
    try:
        return chosen.read(path, lines, bin_s)
    except InputError as fault:
        raise fault if fault.file else fault.located(path) from None


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
    if isinstance(traces, Mapping):
        for name in traces:
            if name not in network.links:
                raise UnknownNameError("link", name, network.links)
        of = dict(traces)
    else:
        if not traces:
            raise InputError("no bandwidth trace for the links; allowed: 1 or more")
        of = {name: traces[m % len(traces)] for m, name in enumerate(network.links)}
    return {name: _placed(trace, name, until_s, seed).steps() for name, trace in of.items()}


def _placed(trace: BandwidthTrace, link: str, until_s: float | None, seed: int | None) -> BandwidthTrace:
    if until_s is None and seed is None:
        return trace
    offset_s = 0.0 if seed is None else float(stream(seed, "bandwidth", link).uniform(0.0, trace.end_s))
    return trace.looped(trace.end_s if until_s is None else until_s, offset_s)
