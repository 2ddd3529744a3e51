"""Mahimahi: when a link can deliver a packet of 1500 bytes, one whole millisecond a line, rising; some repeat.

Netravali et al., "Mahimahi: accurate record-and-replay for HTTP", USENIX ATC 2015; mm-link(1). The trace is as
long as its last time, after which mm-link starts anew.
"""

import re

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.units import bits
from cutlayer.workloads.bandwidth.formats import FORMATS, BandwidthFormat, Lines
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.traces.rows import Path

PACKET_BYTES = 1500.0
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)
_ROUNDING = 1e-9
"""Of a bin: a packet this close to the end of a bin is at its end."""


def recognises(line: str) -> bool:
    """Tell a line that is one whole number."""
    return re.fullmatch(r"[+-]?\d+", line, re.ASCII) is not None


def read(path: Path, lines: Lines, bin_s: float) -> BandwidthTrace:
    """Read the times of packets into the mean rate of each bin of `bin_s`.

    A packet counts in the bin at whose end, or within which, it is delivered, so a packet a millisecond is
    12 Mbit/s in every bin. The last bin is as long as the trace goes on.
    """
    times_ms: list[int] = []
    for number, line in lines:
        if _MILLISECONDS.fullmatch(line) is None:
            raise InputError(f"time is {line[:80]!r}; allowed: a whole number of milliseconds, 0 or more", path, number)
        times_ms.append(int(line))
        if len(times_ms) > 1 and times_ms[-1] < times_ms[-2]:
            raise InputError(f"time goes back from {times_ms[-2]} to {times_ms[-1]} ms; rows go by time", path, number)
    end_s = times_ms[-1] / 1000
    if end_s == 0:
        raise InputError("ends at 0 ms; allowed: a last time above 0", path, lines[-1][0])
    if end_s / bin_s > 2**53:
        raise InputError(f"bin_s is {bin_s!r} in a trace of {end_s!r} s; allowed: wider bins", path)
    position = np.asarray(times_ms, dtype=float) / 1000 / bin_s
    bins, packets = np.unique(np.maximum(np.ceil(position - _ROUNDING), 1) - 1, return_counts=True)
    times, bps = [0.0], [0.0]
    for begin, end, count in zip(bins * bin_s, (bins + 1) * bin_s, packets, strict=True):
        width_s = min(float(end), end_s) - float(begin)
        for time, value in ((float(begin), bits(PACKET_BYTES * float(count)) / width_s), (float(end), 0.0)):
            if time == times[-1]:
                bps[-1] = value
            elif time < end_s:
                times.append(time)
                bps.append(value)
    return BandwidthTrace(times, bps, end_s)


FORMATS.register("mahimahi")(BandwidthFormat("milliseconds at which a packet is delivered", recognises, read))
