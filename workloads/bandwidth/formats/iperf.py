"""iperf and iperf3: what they print about intervals, as text, JSON (``--json``) or JSON lines (``--json-stream``)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.bandwidth.formats import FORMATS, BandwidthFormat, Lines
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.rates import known_rate
from cutlayer.workloads.traces.rows import Path, shown

_FIRST = re.compile(r"(Connecting to|Server listening|Accepted connection|Client connecting|iperf|-{5,}|\[ ?ID\]|\{)")
_ROW = re.compile(
    r"(?:.*\s)?\[\s*(?P<stream>SUM|\d+)\](?:\[(?P<way>\w+-\w+)\])?\s+(?P<begin>[\d.]+)\s*-\s*(?P<end>[\d.]+)\s+sec"
    r"\s+[\d.]+\s+[KMGTkmgt]?i?Bytes\s+(?P<rate>[\d.]+)\s+(?P<unit>[A-Za-z]+/sec)(?P<rest>.*)",
    re.ASCII,
)

Row = tuple[str, str, float, float, float]
"""Stream, direction, begin and end [s], rate [bit/s]."""


def recognises(line: str) -> bool:
    """Tell how iperf begins, and JSON."""
    return _FIRST.match(line) is not None or _ROW.fullmatch(line) is not None


def read(path: Path, lines: Lines, bin_s: float) -> BandwidthTrace:
    """Read the rate in every interval, of all streams together; totals and what was omitted are left out."""
    rows = _of_json(path, lines) if lines[0][1].startswith("{") else list(filter(None, map(_of_line, lines)))
    ways = sorted({way for _, way, *_ in rows if way})
    if len(ways) > 1:
        raise InputError(f"holds several directions ({', '.join(ways)}); allowed: one", path)
    if any(stream == "SUM" for stream, *_ in rows):
        rows = [row for row in rows if row[0] == "SUM"]
    longest = max((end for *_, end, _ in rows), default=0.0)
    if len({(begin, end) for _, _, begin, end, _ in rows}) > 1:
        first = min(begin for _, _, begin, _, _ in rows)
        rows = [row for row in rows if not (row[2] == first and row[3] == longest)]  # the totals of iperf 2
    found: dict[tuple[float, float], float] = defaultdict(float)
    for (_, begin, end), bps in {(stream, begin, end): bps for stream, _, begin, end, bps in rows}.items():
        found[begin, end] += bps
    if not found:
        raise InputError("holds no interval of iperf; allowed: its text, --json or --json-stream", path)
    spans = sorted(found)
    for (begin, end), (following, _) in zip(spans, [*spans[1:], (longest, 0.0)], strict=True):
        if not begin < end or following < end - 1e-3:
            raise InputError(f"interval from {begin!r} to {end!r} s overlaps another, or has no length", path)
    origin = spans[0][0]
    return BandwidthTrace([begin - origin for begin, _ in spans], [found[span] for span in spans], longest - origin)


def _of_line(line: tuple[int, str]) -> Row | None:
    match = _ROW.fullmatch(line[1])
    if match is None or re.search(r"sender|receiver|omitted", match["rest"]):
        return None
    try:
        factor = known_rate(match["unit"].replace("Bytes", "iBytes" if match["unit"] != "Bytes/sec" else "Bytes"))
        begin, end, rate = (float(match[name]) for name in ("begin", "end", "rate"))
    except ValueError as fault:
        raise InputError(f"{shown(line[1])}: {fault}", None, line[0]) from None
    return match["stream"], match["way"] or "", begin, end, rate * float(factor)


def _of_json(path: Path, lines: Lines) -> list[Row]:
    try:
        if '"event"' in lines[0][1]:
            events = [json.loads(line) for _, line in lines]
            intervals = [event["data"] for event in events if event["event"] == "interval"]
        else:
            intervals = json.loads("\n".join(line for _, line in lines))["intervals"]
        return [("SUM", "", *_numbers(one["sum"])) for one in intervals if not one["sum"].get("omitted", False)]
    except json.JSONDecodeError as fault:
        at = lines[min(fault.lineno, len(lines)) - 1][0]
        raise InputError(f"not JSON ({fault.msg})", path, at) from None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise InputError(
            "JSON without the intervals of iperf3; for other JSON name the members with time and rate (columns)", path
        ) from None


def _numbers(sums: dict[str, Any]) -> tuple[float, float, float]:
    begin, end, bps = (float(sums[name]) for name in ("start", "end", "bits_per_second"))
    if not (0 <= begin < end < 1e12 and 0 <= bps < 1e50):
        raise ValueError
    return round(begin, 6), round(end, 6), bps


FORMATS.register("iperf")(BandwidthFormat("intervals of iperf, text or JSON", recognises, read))
