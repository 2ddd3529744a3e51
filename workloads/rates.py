"""Units of rates as files and programs write them: ``Mbit/s``, ``Mbps``, ``Mbits/sec``, ``kB/s``."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.units import PREFIXES, bits
from cutlayer.workloads.traces.rows import LEAST, MOST, NUMBER

KNOWN_RATES = "bit/s, kbit/s, Mbps, Gbits/sec, MB/s and the like"
"""For messages."""

_RATE = re.compile(
    r"\s*(?P<prefix>[kKmMgGtTpP]?)(?P<binary>i?)"
    r"(?:(?P<bit>b|[bB]its?)(?:ps|/s|/sec|/second)?|(?P<byte>B|[bB]ytes?)(?:ps|/s|/sec|/second))?\s*",
    re.ASCII,
)
_TEXT = re.compile(rf"({NUMBER.pattern})\s*(.*)", re.ASCII)


def rate_factor(unit: str) -> Decimal | None:
    """Return what a number in this unit is multiplied by to give bit/s, or None for an unknown unit.

    A prefix alone means bits; powers are those of 1000, and of 1024 with an ``i`` (``MiB/s``).

    Examples
    --------
    >>> [int(rate_factor(unit)) for unit in ("", "M", "Mb", "gbps", "Kbits/sec", "kB/s", "KiB/s")]
    [1, 1000000, 1000000, 1000000000, 1000, 8000, 8192]
    >>> rate_factor("furlong"), rate_factor("MB")
    (None, None)
    """
    match = _RATE.fullmatch(unit)
    if match is None or (match["binary"] and not (match["prefix"] and (match["bit"] or match["byte"]))):
        return None
    prefix = match["prefix"]
    name = prefix.lower() if prefix in "kK" else prefix.upper()
    factor = Decimal(PREFIXES[name])
    if match["binary"]:
        factor = Decimal(1024) ** list(PREFIXES).index(name)
    return factor * Decimal(bits(1.0)) if match["byte"] else factor


def known_rate(unit: str) -> Decimal:
    """Return `rate_factor` of a unit.

    Raises
    ------
    InputError
        If the unit is unknown.
    """
    factor = rate_factor(unit)
    if factor is None:
        raise InputError(f"unit of rates is {unit[:80]!r}; allowed: {KNOWN_RATES}")
    return factor


def rate_of(text: str, unit: str) -> float | None:
    """Return a rate [bit/s] from text: a number in `unit`, or one with a unit of its own.

    None where it cannot be read. A number that no link has is returned as it is, for the caller to refuse.

    Examples
    --------
    >>> rate_of("0.067", "G"), rate_of("228 Mbits/sec", "bit/s"), rate_of("fast", "M")
    (67000000.0, 228000000.0, None)
    """
    match = _TEXT.fullmatch(text.strip())
    factor = None if match is None else rate_factor(match[4] or unit)
    if match is None or factor is None:
        return None
    value = float(match[1])
    if not math.isfinite(value) or not LEAST <= abs(value) <= MOST:
        return value
    return float(Decimal(match[1]) * factor)
