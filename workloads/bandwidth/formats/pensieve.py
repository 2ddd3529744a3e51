"""Pensieve's "cooked" traces: seconds and Mbit/s, apart by white space, one pair a line.

Mao, Netravali and Alizadeh, "Neural adaptive video streaming with Pensieve", SIGCOMM 2017; sim/env.py of its code.
"""

import re

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.steps import first_fault
from cutlayer.workloads.bandwidth.formats import FORMATS, BandwidthFormat, Lines
from cutlayer.workloads.bandwidth.trace import BandwidthTrace, up_to
from cutlayer.workloads.traces.rows import Path, read_number

_NUMBER = r"[+-]?[\d.][\d.eE+-]*"


def recognises(line: str) -> bool:
    """Tell a line that is two numbers."""
    return re.fullmatch(rf"{_NUMBER}\s+{_NUMBER}", line, re.ASCII) is not None


def read(path: Path, lines: Lines, bin_s: float) -> BandwidthTrace:
    """Read pairs. A value is the throughput up to its time, from the time before; the first one is never used."""
    times, bps = [], []
    for number, line in lines:
        fields = line.split()
        if len(fields) != 2:
            raise InputError(f"{len(fields)} values in a line; allowed: 2, seconds and Mbit/s", path, number)
        times.append(read_number({"time": fields[0]}, "time", path, number))
        bps.append(read_number({"Mbit/s": fields[1]}, "Mbit/s", path, number) * 1e6)
    times = [time - times[0] for time in times]
    if (fault := first_fault(times, bps)) is not None:
        raise InputError(fault[1], path, lines[fault[0]][0])
    if len(times) == 1:
        raise InputError("one pair; allowed: 2 or more, since a value holds from the time before", path, lines[0][0])
    return up_to(times, bps)


FORMATS.register("pensieve")(BandwidthFormat("seconds and Mbit/s up to then, apart by white space", recognises, read))
