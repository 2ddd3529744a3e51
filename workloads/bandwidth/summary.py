"""What a bandwidth measurement holds: for ``cutlayer trace info`` and for the notes of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cutlayer.simulator.types import Network
from cutlayer.simulator.units import render
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.topology.graphs import counted, listed

FAR = 10.0
"""A mean so many times a link's bandwidth, or less than one such part of it, is wondered at."""


def summary(trace: BandwidthTrace) -> dict[str, Any]:
    """Return what a measurement holds, in SI units, for programs."""
    gaps_s = np.diff(trace.times_s, append=trace.end_s)
    return {
        "format": trace.format,
        "values": len(trace.bps),
        "length_s": trace.end_s,
        "mean_bps": trace.mean_bps,
        "least_bps": float(trace.bps.min()),
        "most_bps": float(trace.bps.max()),
        "interval_s": {"median": float(np.median(gaps_s)), "longest": float(gaps_s.max())},
        "zero_s": float(gaps_s[trace.bps == 0].sum()),
        "notes": list(trace.notes),
    }


def in_words(trace: BandwidthTrace) -> str:
    """Return the same in a line: length, mean, range, intervals, unit and what was left out."""
    found = summary(trace)
    intervals = found["interval_s"]
    zero = f", 0 bit/s for {render(found['zero_s'], 's')} of it" if found["zero_s"] else ""
    return (
        f"{found['format']} ({'; '.join(found['notes'])}): {counted(found['values'], 'value')} in "
        f"{render(found['length_s'], 's')}, mean {render(found['mean_bps'], 'bit/s')} "
        f"({render(found['least_bps'], 'bit/s')} to {render(found['most_bps'], 'bit/s')}){zero}; an interval is "
        f"{render(intervals['median'], 's')}, the longest {render(intervals['longest'], 's')}"
    )


def wonder(network: Network, of_links: Mapping[str, tuple[str, float]]) -> list[str]:
    """Return a note for every measurement whose mean is far from the bandwidth of its links.

    Parameters
    ----------
    network : Network
    of_links : mapping of str to (str, float)
        By link, the file of its measurement and the mean [bit/s].
    """
    nominal = dict(zip(network.links, network.link_bps.tolist(), strict=True))
    far: dict[tuple[str, float], list[str]] = {}
    for link, (file, mean_bps) in of_links.items():
        if not nominal[link] / FAR <= mean_bps <= nominal[link] * FAR:
            far.setdefault((file, mean_bps), []).append(link)
    notes = []
    for (file, mean_bps), links in far.items():
        ratio = mean_bps / nominal[links[0]]
        what = f"{ratio:.3g} times" if ratio >= 1 else f"{100 * ratio:.3g} % of"
        notes.append(
            f"{file}: its mean is {what} the {render(nominal[links[0]], 'bit/s')} of {counted(len(links), 'link')} "
            f"({listed(links)}); is the unit right? (bandwidth.format, units or mean)"
        )
    return notes
