"""Times and quantities as logs write them, exactly: sums and differences first, a float last."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import PREFIXES, UNITS
from cutlayer.workloads.traces.rows import shown

TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
CLOCK_S = 1e8
"""From here on (three years), times that begin there are those of a clock, counted from 1970 or another epoch."""
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EXACT = decimal.Context(prec=120, Emin=-10_000, Emax=10_000, traps=[])


def timestamp(text: str) -> Decimal | None:
    """Return the seconds since 1970 of a time such as ``2023-11-16 18:17:03.9799600``, exactly; UTC unless it says.

    Examples
    --------
    >>> timestamp("1970-01-01 00:00:02.9799600")
    Decimal('2.9799600')
    >>> timestamp("1970-01-01T01:00:00+01:00")
    Decimal('0')
    """
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    *fields, fraction, zone = match.groups()
    try:
        moment = datetime.datetime(*(int(field or 0) for field in fields), tzinfo=datetime.UTC)  # type: ignore[misc, arg-type]
    except ValueError:  # the 30th of February
        return None
    seconds = (moment - _EPOCH) // datetime.timedelta(seconds=1)
    if zone and zone[0] in "+-":
        seconds -= int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    return Decimal(f"{seconds}") + Decimal(f"0.{fraction or 0}") if fraction else Decimal(seconds)


def patterned(pattern: str) -> Callable[[str], Decimal | None]:
    """Return what reads times of a pattern such as ``%d/%m/%Y %H:%M:%S``; UTC unless the pattern has a zone."""

    def read(text: str) -> Decimal | None:
        try:
            moment = datetime.datetime.strptime(text, pattern)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
            microseconds = (moment - _EPOCH) // datetime.timedelta(microseconds=1)
        except (ValueError, OverflowError):
            return None
        return Decimal(microseconds).scaleb(-6)

    try:
        datetime.datetime.strptime("", pattern)
    except ValueError as fault:
        if "does not match format" not in str(fault):
            raise InputError(f"time format {shown(pattern)}: {fault}") from None
    except re.error as fault:
        raise InputError(f"time format {shown(pattern)}: {fault}") from None
    return read


def exact(value: str | Decimal, factor: Decimal | float) -> Decimal:
    """Return the product, exactly; text and floats as they are written, also where no decimal holds the exponent."""
    return _EXACT.multiply(*(_EXACT.create_decimal(str(number)) for number in (value, factor)))


def difference(later: Decimal, earlier: Decimal) -> Decimal:
    """Return the difference, exactly."""
    return _EXACT.subtract(later, earlier)


def relative(times: Sequence[Decimal], origin: Decimal) -> FloatArray:
    """Return the times since `origin` [s], each rounded once."""
    return np.array([float(_EXACT.subtract(time, origin)) for time in times])


def clock_unit(first_s: float) -> str | None:
    """Return the unit of a clock that shows this number at the first arrival; None if it is none of a clock.

    Examples
    --------
    >>> clock_unit(1.7e9), clock_unit(1.7e12), clock_unit(86400.0)
    ('s', 'ms', None)
    """
    if first_s < CLOCK_S:
        return None
    return next(unit for unit, most in (("s", 1e11), ("ms", 1e14), ("us", 1e17), ("ns", math.inf)) if first_s < most)


def factor_of(unit: str, base: str) -> Decimal:
    """Return what a number in `unit` is multiplied by: ``ms`` of ``s`` is 0.001.

    Raises
    ------
    UnknownNameError
        If it is not a unit of the same kind.
    """
    known = {name: Decimal(factor) for name, factor in UNITS[base].items()}
    if base == "s":
        known["ns"] = Decimal("1e-9")
    else:
        known = {prefix + name: value * Decimal(by) for name, value in known.items() for prefix, by in PREFIXES.items()}
    if unit not in known:
        raise UnknownNameError("unit", unit, known)
    return known[unit]
