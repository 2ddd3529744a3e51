"""Any table with a column for the time of arrival: the user says which column is what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import parse
from cutlayer.workloads.traces.cells import Cells, LeftOut, Policy
from cutlayer.workloads.traces.counts import binned
from cutlayer.workloads.traces.index import Index
from cutlayer.workloads.traces.rows import Path
from cutlayer.workloads.traces.tables import Layout, Table
from cutlayer.workloads.traces.times import CLOCK_S, clock_unit, relative
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace, from_columns

_COUNTS = re.compile(
    r"(n|num|number|amount|volume|total|load|rate|counts?|requests?|invocations?|calls?|arrivals?|hits?|jobs|tasks|"
    r"queries|events?|visits?|views|users|sessions|trips|messages|packets|frames)"
    r"|(num|number|n|total)[ _.]?(of[ _.]?)?[a-z]+|[a-z]+[ _.]?(count|counts|total|per[ _.]?[a-z]+)",
    re.IGNORECASE,
)
"""Columns of whole numbers that tell how many came in an interval, where rows are intervals."""


class Mapped(Format):
    """Columns declared by the user; others are ignored. CSV of any delimiter or JSON; rows in any order."""

    def read(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        factors: Mapping[str, float] | None = None,
        time_format: str = "seconds",
        zero: Policy | None = None,
        blank: Policy | None = None,
        unknown: Mapping[str, str | Sequence[str]] | None = None,
        delimiter: str | None = None,
        decimal: str | None = None,
        header: bool | None = None,
        records: str | None = None,
        bin: str | float | None = None,
        each_row: bool = False,
        seed: int = 0,
    ) -> Trace:
        """Read a table.

        Parameters
        ----------
        path : path
        columns : mapping of str to str
            Which column of the file is what: ``{"arrival_s": "start", "lifetime_s": "dur"}``. Columns go by name, by
            number (from 1) where there is no header, or by path in JSON (``attempts.0.start``). Of arrival_s, end_s
            and lifetime_s two give the third. With count, a row stands for that many arrivals.
        units : mapping of str to str, optional
            What the numbers are in, where not in s, B or Hz: ``{"lifetime_s": "ms"}``.
        factors : mapping of str to float, optional
            What the numbers are multiplied by: ``{"input_bytes": 4}``.
        time_format : str
            Of arrival_s and end_s: ``"seconds"`` (numbers, kept as they are; from a date on, such as 1.7e9, relative to
            the first), ``"unix"`` (numbers, relative to the first), ``"iso"`` (``2023-11-16T18:17:03.97996``, relative
            to the first) or a pattern with ``%``, as `time.strptime` has it.
        zero, blank, unknown : mapping, optional
            What zeros and empty cells mean and what else counts as empty; see `cutlayer.workloads.traces.cells.Cells`.
        delimiter, header, records
            See `cutlayer.workloads.traces.tables.Layout`.
        decimal : {".", ","}, optional
            The decimal mark; found out by default, where commas do not divide the cells.
        bin : str or float, optional
            Length of the intervals that `count` counts in [s]; by default the shortest time between two of them. The
            arrivals of an interval are spread evenly at random over it.
        each_row : bool
            Whether every row is one arrival, also in what looks like a table of counts.
        seed : int
            Of the arrivals within an interval.
        """
        return read_mapped(
            path,
            {"format": "mapped", "columns": dict(columns or {}), "time_format": time_format}
            | ({"units": dict(units)} if units else {})
            | ({"factors": dict(factors)} if factors else {}),
            Layout(delimiter, header, "", records),
            zero=zero, blank=blank, unknown=unknown, decimal=decimal, bin=bin, each_row=each_row, seed=seed,
        )  # fmt: skip


FORMATS.register("mapped")(Mapped())


def read_mapped(
    path: Path,
    provenance: Mapping[str, Any],
    layout: Layout = Layout(),  # noqa: B008
    *,
    zero: Policy | None = None,
    blank: Policy | None = None,
    unknown: Mapping[str, str | Sequence[str]] | None = None,
    decimal: str | None = None,
    bin: str | float | None = None,
    each_row: bool = True,
    seed: int = 0,
    declared: Mapping[str, Any] | None = None,
) -> Trace:
    """Read a table whose columns, units, factors and time format are `declared`: in `provenance`, or apart from it."""
    declared = provenance if declared is None else declared
    columns: Mapping[str, str] = declared["columns"]
    time_format: str = declared["time_format"]
    if decimal not in (None, ".", ","):
        raise InputError(f"decimal is {decimal!r}; allowed: . or ,")
    if bin is not None and "count" not in columns:
        raise InputError("bin without a column of counts; needed: count=COLUMN")
    cells = Cells(
        path, columns, units=declared.get("units", {}), factors=declared.get("factors", {}), time_format=time_format,
        zero=zero or {}, blank=blank or {}, unknown=unknown or {}, comma=None if decimal is None else decimal == ",",
    )  # fmt: skip
    table = Table(path, list(dict.fromkeys(columns.values())), layout)
    if decimal is None and not table.may_have_decimal_comma:
        cells.comma = False
    found = _rows(path, table, cells, _Counting(columns) if not each_row and "count" not in columns else None)
    times: list[Decimal] = found["arrival_s"]
    first = min(times)
    unit = clock_unit(float(first)) if time_format == "seconds" else None
    if unit not in (None, "s"):
        raise InputError(f"the first arrival is at {float(first):g} s: times of a clock in {unit}? "
                         f"--unit arrival_s={unit}", path)  # fmt: skip
    origin = first if time_format != "seconds" or unit == "s" else min(first, Decimal(0))
    more: dict[str, Any] = cells.counts
    if unit == "s":
        more["clock_s"] = float(first)
    elif origin < 0 and time_format == "seconds":
        more["moved_s"] = float(-origin)
    times_s = relative(times, origin)
    if "count" in columns:
        width_s = _width_s(bin, times_s, path)
        return binned(times_s, np.array(found["count"], dtype=np.int64), width_s, {**provenance, **more}, seed)
    late = [name for name in ("lifetime_s", "deadline_s") if name in found and min(found[name]) >= CLOCK_S]
    if late and first >= CLOCK_S and min(found[late[0]]) >= float(first) / 2:
        raise InputError(f"{late[0]} is {min(found[late[0]]):g} s or more: times of a clock? map them as end_s", path)
    return from_columns({**found, "arrival_s": times_s}, {**provenance, **more})


def _rows(path: Path, table: Table, cells: Cells, counting: _Counting | None) -> dict[str, list[Any]]:
    """Return the fields of all rows that are not left out."""
    index = Index()
    found: dict[str, list[Any]] = {}
    line = 0
    for line, row in table.rows():
        try:
            values = cells.row(row, line)
        except LeftOut:
            continue
        if "task" in values and not index.add_task(values["task"]):
            raise InputError(f"duplicate task {values['task']!r}", path, line)
        for name, value in values.items():
            found.setdefault(name, []).append(value)
        if counting is not None:
            counting.take(row)
    if not found:
        raise InputError(f"all {sum(cells.left_out.values())} rows are left out", path)
    if counting is not None:
        counting.check(found["arrival_s"], path)
    return found


class _Counting:
    """Finds out whether rows are intervals with a count rather than arrivals."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.mapped = set(columns.values())
        self.whole: dict[str, None] | None = None

    def take(self, row: Mapping[str, str]) -> None:
        if self.whole is None:
            self.whole = {name: None for name in row if name not in self.mapped}
            self.others = len(self.whole)
        for name in [name for name in self.whole if not row.get(name, "").isdecimal()]:
            del self.whole[name]

    def check(self, times: Sequence[Decimal], path: Path) -> None:
        if not self.whole:
            return
        gaps_s = np.diff(np.unique(relative(times, min(times))))
        if not len(gaps_s):
            return
        width_s = float(gaps_s.min())
        parts = gaps_s / width_s
        minutes = width_s >= 60 and width_s % 60 == 0 and bool((np.abs(parts - np.round(parts)) < 1e-6).all())
        even = len(gaps_s) > 1 and float(gaps_s.max()) - width_s < 1e-6 * width_s
        named = [name for name in self.whole if _COUNTS.fullmatch(name)]
        suspect = named or (list(self.whole) if self.others == 1 and minutes else [])
        if suspect and (minutes or even):
            raise InputError(
                f"rows are intervals of {width_s:g} s and column {suspect[0]!r} counts? --map count={suspect[0]}, or "
                "--each-row if every row is one arrival", path,
            )  # fmt: skip


def _width_s(bin: str | float | None, times_s: FloatArray, path: Path) -> float:
    if bin is not None:
        width_s = parse(bin, "s") if isinstance(bin, str) else float(bin)
        if not 0 < width_s <= 1e9:
            raise InputError(f"bin is {bin!r}; allowed: above 0, up to 1e9 s")
        return width_s
    starts_s = np.unique(times_s)
    if len(starts_s) < 2:
        raise InputError("one interval: its length is not known; needed: bin (such as --bin '1 h')", path)
    return float(np.diff(starts_s).min())
