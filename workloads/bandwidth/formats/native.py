"""Native CSV: link,time_s,bps, as `cutlayer.workloads.conditions` reads it for many links; here of one link."""

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.steps import first_fault
from cutlayer.workloads.bandwidth.formats import FORMATS, BandwidthFormat, Lines
from cutlayer.workloads.bandwidth.trace import BandwidthTrace, lasting
from cutlayer.workloads.conditions import CHANGE_COLUMNS
from cutlayer.workloads.traces.rows import Path, read_number, read_rows, read_text


def recognises(line: str) -> bool:
    """Tell a header with these columns, whatever their order."""
    return len({name.strip() for name in line.split(",")} & set(CHANGE_COLUMNS)) > 1


def read(path: Path, lines: Lines, bin_s: float) -> BandwidthTrace:
    """Read the changes of one link; the first time is 0 s."""
    numbers, times, bps, link = [], [], [], None
    for number, row in read_rows(path, CHANGE_COLUMNS):
        name = read_text(row, "link", path, number)
        if link is not None and name != link:
            raise InputError(f"link {name!r} after {link!r}; allowed: one link in a file", path, number)
        link = name
        numbers.append(number)
        times.append(read_number(row, "time_s", path, number))
        bps.append(read_number(row, "bps", path, number))
    times = [time - times[0] for time in times]
    if (fault := first_fault(times, bps)) is not None:
        raise InputError(fault[1], path, numbers[fault[0]])
    return BandwidthTrace(times, bps, lasting(times))


FORMATS.register("csv")(BandwidthFormat("link,time_s,bps of one link", recognises, read))
