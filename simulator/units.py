"""Text with units to SI numbers and back; used only where people read or write.

Inside the program every quantity is a float in seconds, bytes, bit/s, FLOP or FLOP/s, and the unit
is in the name. Prefixes are powers of 1000.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cutlayer.simulator.errors import InputError

PREFIXES = {"": "1", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15"}
"""Factors are decimals: "0.067 GB" is 67,000,000 bytes, which 0.067 * 1e9 in floats misses."""
UNITS = {
    "FLOP/s": {"FLOP/s": "1", "FLOPS": "1"},
    "FLOP": {"FLOP": "1"},
    "bit/s": {"bit/s": "1", "bps": "1"},
    "B": {"B": "1"},
    "s": {"s": "1", "ms": "1e-3", "us": "1e-6", "min": "60", "h": "3600", "d": "86400"},
    "Hz": {"Hz": "1", "1/s": "1"},
}
_PLAIN = {"s"}  # no prefixes: "ms" is in the table, "ks" is nobody's second
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)\s*")

BytesOrArray = TypeVar("BytesOrArray", float, NDArray[np.float64])


def bits(n_bytes: BytesOrArray) -> BytesOrArray:
    """Return how many bits `n_bytes` bytes are. The factor 8 occurs only here."""
    return 8 * n_bytes


def parse(text: str, unit: str) -> float:
    """Read a quantity with its unit.

    Parameters
    ----------
    text : str
        Such as ``"290 GFLOP/s"``, ``"10 Mbit/s"``, ``"100 kB"``, ``"200 ms"``.
    unit : str
        The SI unit wanted: a key of `UNITS`.

    Returns
    -------
    float
        The value in `unit`.

    Raises
    ------
    InputError
        If the text is not a finite number followed by that unit.

    Examples
    --------
    >>> parse("290 GFLOP/s", "FLOP/s")
    290000000000.0
    >>> parse("200 ms", "s")
    0.2
    """
    match = _QUANTITY.fullmatch(text)
    if match:
        for name, factor in UNITS[unit].items():
            prefix = match[2].removesuffix(name)
            if match[2].endswith(name) and (prefix == "" or (prefix in PREFIXES and unit not in _PLAIN)):
                value = float(match[1])
                if math.isfinite(value):  # what is too large for a float may be too large for a decimal
                    value = float(Decimal(match[1]) * Decimal(factor if prefix == "" else PREFIXES[prefix]))
                if math.isfinite(value):
                    return value
    example = {"FLOP/s": "290 GFLOP/s", "FLOP": "1.4 GFLOP", "bit/s": "10 Mbit/s", "B": "100 kB", "s": "200 ms"}
    raise InputError(f"{text!r} is not a quantity in {unit}, such as {example.get(unit, '5 Hz')!r}")


def scale_of(value: float, unit: str) -> tuple[float, str]:
    """Return by what to divide numbers as large as `value`, and the unit they are in then.

    Units without prefixes, as tasks, stay; shares (``%``) become per cent.

    Examples
    --------
    >>> scale_of(7.9e7, "bit/s"), scale_of(0.3, "%"), scale_of(4000.0, "tasks")
    ((1000000.0, 'Mbit/s'), (0.01, '%'), (1.0, 'tasks'))
    """
    if unit == "%":
        return 0.01, unit
    if unit in _PLAIN or unit not in UNITS or not math.isfinite(value) or abs(value) < 1000:
        return 1.0, unit
    exponent = min(int(math.log10(abs(value)) // 3), 5)
    if abs(float(f"{value / 1000.0**exponent:.4g}")) >= 1000 and exponent < 5:  # 999,999 rounds up to 1 M
        exponent += 1
    return 1000.0**exponent, f"{list(PREFIXES)[exponent]}{unit}"


def render(value: float, unit: str) -> str:
    """Write a quantity with the prefix that reads best.

    Examples
    --------
    >>> render(2.9e11, "FLOP/s")
    '290 GFLOP/s'
    >>> render(0.2, "s")
    '0.2 s'
    """
    factor, scaled = scale_of(value, unit)
    return f"{value / factor:.4g} {scaled}"


def moment(time_s: float) -> str:
    """Write a time with its unit so that two moments of one run differ, also counted from 1970.

    Examples
    --------
    >>> moment(2.5), moment(1732871234.25), moment(1e-7)
    ('2.5 s', '1732871234.25 s', '1e-07 s')
    """
    plain = f"{time_s:.6f}".rstrip("0").rstrip(".") if 1e5 <= abs(time_s) < 1e15 else f"{time_s:g}"
    return f"{plain} s"
