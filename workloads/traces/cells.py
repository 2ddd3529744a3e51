"""The cells of a log, read as declared: units, factors, time formats; zero, blank and unknown values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.units import parse
from cutlayer.workloads.traces.rows import LEAST, MOST, NUMBER, Path, read_text, shown
from cutlayer.workloads.traces.times import difference, exact, factor_of, patterned, timestamp

FIELDS = (
    "task", "arrival_s", "end_s", "count", "profile", "frame_rate_hz", "deadline_s", "lifetime_s", "input_bytes",
)  # fmt: skip
BASE = {"arrival_s": "s", "end_s": "s", "deadline_s": "s", "lifetime_s": "s", "input_bytes": "B", "frame_rate_hz": "Hz"}
TIMES = ("seconds", "unix", "iso")
BLANKS = ("", "nan", "null", "none", "na", "n/a", "\\n", "-")
"""What libraries write where a number is missing, in small letters."""
DROP = "drop"

Policy = Mapping[str, str | float]


class LeftOut(Exception):
    """A row that is to be left out."""


class Cells:
    """Reads the mapped cells of one row after another, and counts what was left out or replaced.

    Parameters
    ----------
    path : path
        The file, for messages.
    columns : mapping of str to str
        Which column is which field (of `FIELDS`).
    units, factors : mapping
        What the numbers of a field are in, and what they are multiplied by.
    time_format : str
        Of arrival_s and end_s: one of `TIMES`, or a pattern.
    zero, blank : mapping of str to str or float
        What a 0 (or an end before the arrival) and an empty cell of a field mean: ``"drop"`` (leave the row out) or a
        value, in SI units or with its unit.
    unknown : mapping of str to sequence of str
        More texts that count as blank.
    comma : bool, optional
        Whether numbers have a decimal comma; None: either, but not both.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, str],
        *,
        units: Mapping[str, str],
        factors: Mapping[str, float],
        time_format: str,
        zero: Policy,
        blank: Policy,
        unknown: Mapping[str, str | Sequence[str]],
        comma: bool | None,
    ) -> None:
        _check_fields(columns, units, factors, zero, blank, unknown)
        self.path, self.columns, self.comma = path, columns, comma
        self.factors = {
            name: exact(factor_of(units.get(name, base), base), factors.get(name, 1)) for name, base in BASE.items()
        }
        self.zero = {name: _replacement(name, value, "zero") for name, value in zero.items()}
        self.blank = {name: _replacement(name, value, "blank") for name, value in blank.items()}
        self.unknown = {name: [texts] if isinstance(texts, str) else list(texts) for name, texts in unknown.items()}
        self.left_out: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()
        self._marks: set[str] = set()
        self._time = _time_reader(time_format, "arrival_s" in units or "arrival_s" in factors)
        self._example = {"iso": "2023-11-16T18:17:03.97996"}.get(time_format, time_format)

    def row(self, row: Mapping[str, str], line: int) -> dict[str, Any]:
        """Return the fields of a row: times as exact decimals, other numbers as floats.

        Raises
        ------
        LeftOut
            If a policy says so.
        InputError
            If a cell holds what is not allowed.
        """
        found: dict[str, Any] = {}
        for field, column in self.columns.items():
            text = row[column]
            if text in self.unknown.get(field, ()) or text.lower() in (BLANKS if field in BASE else ("",)):
                found[field] = None
            elif field in ("arrival_s", "end_s") and self._time is not None:
                found[field] = self._moment(column, text, line)
            elif field in BASE or field == "count":
                found[field] = self._number(field, column, text, line)
            else:
                found[field] = read_text(row, column, self.path, line)
        self._derive(found)
        return {field: self._settled(field, value, row, line) for field, value in found.items()}

    def _moment(self, column: str, text: str, line: int) -> Decimal:
        assert self._time is not None
        time = self._time(text)
        if time is None:
            raise InputError(f"{column} is {shown(text)}; allowed: a time such as {self._example}", self.path, line)
        return time

    def _number(self, field: str, column: str, text: str, line: int) -> Decimal:
        """Read a number that is 0 or more, exactly as it is written."""
        plain = text.replace(",", ".") if self.comma is not False and text.count(",") == 1 and "." not in text else text
        if self.comma and "." in text:
            plain = ""
        self._marks |= {mark for mark in ",." if mark in text}
        if self.comma is None and len(self._marks) == 2:
            raise InputError(
                f"{column} is {shown(text)}: numbers with , and with . in one file; say which is the decimal mark "
                "(--decimal)", self.path, line,
            )  # fmt: skip
        value = Decimal("NaN")
        if NUMBER.fullmatch(plain) and len(plain) <= 60:
            # there are exponents that no decimal holds; what is 0 to a float is 0 here
            value = exact(plain if float(plain) else "0", self.factors.get(field, Decimal(1)))
        whole = field != "count" or value == value.to_integral_value()
        if not (value.is_finite() and whole and (value == 0 or LEAST <= value <= MOST)):
            allowed = "a whole number, 0 or more" if field == "count" else "a number, 0 or more"
            also = f"; or --unknown {field}={text} with --blank {field}=drop" if text.startswith("-") else ""
            raise InputError(f"{column} is {shown(text)}; allowed: {allowed}{also}", self.path, line)
        return value

    def _derive(self, found: dict[str, Any]) -> None:
        """Make arrival and lifetime of what was given: two of arrival, end and lifetime."""
        if "end_s" not in found:
            return
        end = found.pop("end_s")
        if "arrival_s" in found:
            arrival = found["arrival_s"]
            found["lifetime_s"] = None if end is None or arrival is None else difference(end, arrival)
        else:
            lifetime = found["lifetime_s"]
            found["arrival_s"] = None if end is None or lifetime is None else difference(end, lifetime)

    def _settled(self, field: str, value: Any, row: Mapping[str, str], line: int) -> Any:
        """Return the value, or what the policies put in its place."""
        if value is None:
            return self._replaced(field, "blank", self.blank, row, line)
        if field in BASE and field != "arrival_s":
            return self._replaced(field, "zero", self.zero, row, line) if value <= 0 else float(value)
        return value

    def _replaced(self, field: str, what: str, policy: Mapping[str, Any], row: Mapping[str, str], line: int) -> Any:
        value = policy.get("end_s" if field == "lifetime_s" and "end_s" in policy else field)
        if value is None:
            if field == "lifetime_s" and what == "blank":
                return math.inf  # it stays for ever
            column = self.columns.get(field, self.columns.get("end_s", field))
            allowed = {"count": "a whole number", "task": "a name", "profile": "a name"}.get(field, "a number above 0")
            if field == "arrival_s":
                allowed = "a time" if self._time else "a number, 0 or more"
            mean = f"--{what} {field}=drop" + ("" if field in _ONLY_DROPPED else " or =VALUE")
            raise InputError(f"{column} is {shown(row[column])}; allowed: {allowed}, or {mean}", self.path, line)
        if value == DROP:
            self.left_out[f"{field} {what}"] += 1
            raise LeftOut
        self.replaced[f"{field} {what}"] += 1
        return value

    @property
    def counts(self) -> dict[str, Any]:
        """What was left out and what was replaced by what, for the provenance of a trace."""
        replaced = {}
        for key, rows in self.replaced.items():
            field, what = key.split()
            replaced[key] = {"rows": rows, "value": {"zero": self.zero, "blank": self.blank}[what][field]}
        return {name: value for name, value in (("left_out", dict(self.left_out)), ("replaced", replaced)) if value}


_ONLY_DROPPED = ("arrival_s", "end_s", "task", "count")


def _replacement(field: str, value: str | float, what: str) -> Any:
    """Return what a policy says: `DROP`, or a value in SI units."""
    if value == DROP:
        return DROP
    if field not in _ONLY_DROPPED and field not in BASE:
        return value
    found = math.nan
    if field in BASE and field not in _ONLY_DROPPED:
        found = parse(value, BASE[field]) if isinstance(value, str) and not _is_number(value) else float(value)
    if not (LEAST <= found <= MOST or (found == math.inf and field == "lifetime_s")):
        also = "" if field in _ONLY_DROPPED else f", or a value above 0 in {BASE[field]}"
        raise InputError(f"{what}: {field} is {shown(str(value))}; allowed: drop{also}")
    return found


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None or text == "inf"


def _check_fields(columns: Mapping[str, str], *said: Mapping[str, Any]) -> None:
    for name in columns:
        if name not in FIELDS:
            raise UnknownNameError("field", name, FIELDS)
    if "arrival_s" not in columns and not {"end_s", "lifetime_s"} <= set(columns):
        raise InputError("no column is said to be arrival_s; needed: arrival_s=COLUMN, or end_s and lifetime_s")
    if {"arrival_s", "end_s", "lifetime_s"} <= set(columns):
        raise InputError("arrival_s, end_s and lifetime_s; allowed: two of them, the third follows")
    if "count" in columns and len(columns) > 2:
        raise InputError("count is mapped with more than arrival_s; allowed: count and arrival_s alone")
    of_lifetime = {"lifetime_s"} if "end_s" in columns else set()
    of_arrival = set() if "arrival_s" in columns else {"arrival_s"}
    for what, table in zip(("a unit", "a factor", "zero", "blank", "unknown"), said, strict=True):
        for name in table:
            if what in ("a unit", "a factor") and name not in BASE:
                raise UnknownNameError(f"field with {what}", name, BASE)
            if name not in FIELDS:
                raise UnknownNameError("field", name, FIELDS)
            if name not in columns and not (what in ("zero", "blank") and name in of_lifetime | of_arrival):
                raise InputError(f"{name} has {what} and no column")
            if what == "a factor" and not 0 < table[name] < math.inf:
                raise InputError(f"the factor of {name} is {table[name]!r}; allowed: above 0, finite")


def _time_reader(time_format: str, has_unit: bool) -> Callable[[str], Decimal | None] | None:
    """Return what reads a time of day and date; None where times are numbers."""
    if time_format in ("seconds", "unix"):
        return None
    if time_format != "iso" and "%" not in time_format:
        raise UnknownNameError("time format", time_format, (*TIMES, "a pattern such as %d/%m/%Y %H:%M:%S"))
    if has_unit:
        raise InputError(f"arrival_s has a unit and the time format {shown(time_format)}; allowed: one")
    return timestamp if time_format == "iso" else patterned(time_format)
