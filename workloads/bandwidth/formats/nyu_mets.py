"""NYU-METS: throughput in mobile networks, one value with its unit a line, one line a second.

Mei et al., "Realtime mobile bandwidth prediction using LSTM neural network", PAM 2019; the units are iperf's.
"""

import re

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.bandwidth.formats import FORMATS, BandwidthFormat, Lines
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.traces.rows import Path, read_number

UNITS_BPS = {"bits/sec": 1.0, "Kbits/sec": 1e3, "Mbits/sec": 1e6, "Gbits/sec": 1e9}
"""What one of each unit is [bit/s]; iperf counts bits in powers of 1000."""

INTERVAL_S = 1.0


def recognises(line: str) -> bool:
    """Tell a line such as ``0.57,Mbits/sec``."""
    return re.search(r",\s*[A-Za-z]?bits/sec$", line) is not None


def read(path: Path, lines: Lines, bin_s: float) -> BandwidthTrace:
    """Read value and unit line by line."""
    bps = []
    for number, line in lines:
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 2:
            raise InputError(f"{len(fields)} values in a line; allowed: 2, as in 0.57,Mbits/sec", path, number)
        value, unit = fields
        if unit not in UNITS_BPS:
            raise InputError(f"unit is {unit[:80]!r}; allowed: {', '.join(UNITS_BPS)}", path, number)
        bps.append(read_number({"value": value}, "value", path, number) * UNITS_BPS[unit])
    return BandwidthTrace([n * INTERVAL_S for n in range(len(bps))], bps, len(bps) * INTERVAL_S)


FORMATS.register("nyu-mets")(BandwidthFormat("value,unit, one line a second", recognises, read))
