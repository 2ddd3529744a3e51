"""Bandwidth in any table or JSON file: the user names the columns of time and rate, their units and what gaps mean."""

from __future__ import annotations

import re
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Literal, get_args

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.units import render
from cutlayer.workloads.bandwidth.trace import BandwidthTrace, lasting
from cutlayer.workloads.rates import known_rate, rate_of
from cutlayer.workloads.traces.cells import BLANKS
from cutlayer.workloads.traces.rows import MOST, NUMBER, Path, shown
from cutlayer.workloads.traces.tables import Layout, Table
from cutlayer.workloads.traces.times import clock_unit, exact, factor_of, patterned, relative, timestamp

FIELDS = ("time", "rate")
Repeated = Literal["mean", "first", "last", "largest", "sum"]
Gap = Literal["hold", "zero", "cut"]
Holds = Literal["from", "until"]

_COMBINED: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda rates: sum(rates) / len(rates),
    "first": lambda rates: rates[0],
    "last": lambda rates: rates[-1],
    "largest": max,
    "sum": sum,
}

_ZONED = re.compile(r"(Z|UTC|[+-]\d\d:?\d\d)$", re.ASCII)

Entry = tuple[Decimal, float]
Span = tuple[float, float, float]
"""Begin and end [s], rate [bit/s]."""


@dataclass(frozen=True, kw_only=True)
class RateTable:
    """How a table of rates is to be read.

    Parameters
    ----------
    columns : mapping of str to str
        Which column is ``time`` and which is ``rate``: by name, by number (from 1) or by path in JSON
        (``sum.bits_per_second``). Without time, `every_s` is needed.
    units : mapping of str to str
        Units of the numbers, where not s and bit/s: ``{"time": "ms", "rate": "kbit/s"}``.
    time_format : str
        ``"seconds"`` or ``"unix"`` (numbers), ``"iso"``, or a pattern with ``%`` as `time.strptime` has it.
    time_zone : str, optional
        Of times without a zone of their own, such as ``Europe/Dublin``: clocks that change are then no gaps.
    skip : mapping of str to list of str
        Rows to leave out: those in which a column has one of these values.
    repeated : {"mean", "first", "last", "largest", "sum"}
        The rate at a time that several rows have.
    blank : str
        What a rate such as ``-`` means: ``"drop"`` leaves the row out, so that the rate before holds on; or a rate.
    unknown : sequence of str
        Further texts that mean the same as an empty cell.
    gap_after_s : float, optional
        Times further apart are a gap [s].
    gap : {"hold", "zero", "cut"}
        What the link carries in a gap, beyond `gap_after_s`: the rate beside it, nothing; or the gap is cut out.
    holds : {"from", "until"}
        Whether a rate holds from its time on, or from the time before up to its own.
    every_s : float, optional
        Time between rows [s], for files without times.
    layout : Layout
        Delimiter, header, and where the rows of a JSON document are.
    """

    columns: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    time_format: str = "seconds"
    time_zone: str | None = None
    skip: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repeated: Repeated = "mean"
    blank: str | float = "drop"
    unknown: Sequence[str] = ()
    gap_after_s: float | None = None
    gap: Gap = "hold"
    holds: Holds = "from"
    every_s: float | None = None
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        for what, given in (("column", self.columns), ("unit", self.units)):
            for name in given:
                if name not in FIELDS:
                    raise UnknownNameError(what, name, FIELDS)
        if "rate" not in self.columns:
            raise InputError("no column is the rate; needed: rate = COLUMN")
        if ("time" in self.columns) == (self.every_s is not None):
            raise InputError("times come from a column (time = COLUMN) or from the interval between rows; allowed: one")
        for what, value, known in (
            ("repeated", self.repeated, get_args(Repeated)),
            ("gap", self.gap, get_args(Gap)),
            ("holds", self.holds, get_args(Holds)),
        ):
            if value not in known:
                raise UnknownNameError(what, str(value), known)
        if self.gap != "hold" and self.gap_after_s is None:
            raise InputError(f"gap is {self.gap!r}; needed: the length from which on it is one (gap_after)")
        known_rate(self.units.get("rate", "bit/s"))
        self._blank_bps()
        _Clock(self)

    def _blank_bps(self) -> float | None:
        if self.blank == "drop":
            return None
        value = rate_of(str(self.blank), self.units.get("rate", "bit/s"))
        if value is None or not 0 <= value <= MOST:
            raise InputError(f"blank is {self.blank!r}; allowed: drop, or a rate, 0 or more")
        return value

    def read(self, path: Path) -> BandwidthTrace:
        """Read a file.

        Raises
        ------
        InputError
            At the first fault, naming file and line.
        """
        seen: Counter[str] = Counter()
        entries = list(self._entries(path, seen))
        if not entries:
            raise InputError(f"no row is left of {seen['skipped'] + seen['blank']}; allowed: 1 or more", path)
        entries.sort(key=lambda entry: entry[0])
        origin = entries[0][0]
        unit = clock_unit(float(origin)) if self.time_format in ("seconds", "unix") and "time" in self.columns else "s"
        if unit not in (None, "s"):
            raise InputError(
                f"the first time is {float(origin):g} s, times of a clock in {unit}? units.time = {unit!r}", path
            )
        groups = [(time, [bps for _, bps in rows]) for time, rows in groupby(entries, key=lambda entry: entry[0])]
        seen["repeated"] = len(entries) - len(groups)
        times = relative([time for time, _ in groups], origin).tolist()
        rates = [_COMBINED[self.repeated](rates) for _, rates in groups]
        if self.holds == "until" and len(times) < 2:
            raise InputError("one time; allowed: 2 or more, since a rate holds from the time before", path)
        ends = times[1:] if self.holds == "until" else [*times[1:], lasting(times)]
        spans = list(zip(times, ends, rates[self.holds == "until" :], strict=False))
        spans = list(self._filled(spans, seen))
        if not all(begin < end for begin, end, _ in spans):
            raise InputError("times too close together to be told apart", path)
        return BandwidthTrace(
            [begin for begin, *_ in spans], [bps for *_, bps in spans], spans[-1][1], "mapped", list(self._notes(seen))
        )

    def _entries(self, path: Path, seen: Counter[str]) -> Iterator[Entry]:
        """Yield time and rate of every row that is not left out."""
        clock, unit, blank = _Clock(self), self.units.get("rate", "bit/s"), self._blank_bps()
        table = Table(path, list(dict.fromkeys([*self.columns.values(), *self.skip])), self.layout)
        every = None if self.every_s is None else Decimal(repr(self.every_s))
        for n, (line, row) in enumerate(table.rows()):
            if any(row[column] in values for column, values in self.skip.items()):
                seen["skipped"] += 1
                continue
            text, column = row[self.columns["rate"]], self.columns["rate"]
            if table.may_have_decimal_comma and text.count(",") == 1 and "." not in text:
                text = text.replace(",", ".")
            value = rate_of(text, unit)
            moment = "" if every is not None else row[self.columns["time"]]
            if text.lower() in BLANKS or text in self.unknown or (every is None and moment.lower() in BLANKS):
                seen["blank"] += 1
                value = blank
                if value is None or (every is None and moment.lower() in BLANKS):
                    continue
            if value is None or not 0 <= value <= MOST:
                raise InputError(f"{column} is {shown(row[column])}; allowed: a number, 0 or more", path, line)
            time = exact(Decimal(n), every) if every is not None else clock.read(moment)
            if time is None:
                what = self.columns["time"]
                raise InputError(f"{what} is {shown(moment)}; allowed: {clock.example}", path, line)
            yield time, value

    def _filled(self, spans: Sequence[Span], seen: Counter[str]) -> Iterator[Span]:
        """Yield the spans with their gaps as declared."""
        most = self.gap_after_s
        cut_s = 0.0
        for begin, end, bps in spans:
            gone = 0.0 if most is None else max(end - begin - most, 0.0)
            seen["gaps"] += gone > 0
            if gone == 0 or self.gap == "hold":
                yield begin - cut_s, end - cut_s, bps
            elif self.gap == "cut":
                yield begin - cut_s, end - gone - cut_s, bps
                cut_s += gone
            elif self.holds == "from":
                yield from ((begin, end - gone, bps), (end - gone, end, 0.0))
            else:
                yield from ((begin, begin + gone, 0.0), (begin + gone, end, bps))

    def _notes(self, seen: Counter[str]) -> Iterator[str]:
        unit = self.units.get("rate", "bit/s")
        yield f"column {self.columns['rate']} in {unit}"
        if seen["skipped"]:
            yield f"{seen['skipped']} rows left out (skip)"
        if seen["blank"]:
            means = "left out" if self.blank == "drop" else f"read as {self.blank}"
            yield f"{seen['blank']} rows without a rate or a time {means} (blank)"
        if seen["repeated"]:
            yield f"{seen['repeated']} rows repeat a time: the {self.repeated} counts (repeated)"
        if seen["gaps"]:
            means = {"hold": "the rate beside them holds", "zero": "0 bit/s", "cut": "cut out"}[self.gap]
            yield f"{seen['gaps']} gaps longer than {render(self.gap_after_s or 0.0, 's')}: {means} (gap)"


class _Clock:
    """Reads times as a table writes them."""

    def __init__(self, table: RateTable) -> None:
        self.format = table.time_format
        unit = table.units.get("time", "s")
        self.factor = factor_of(unit, "s")
        self.zone: zoneinfo.ZoneInfo | None = None
        self.before = Decimal("-Infinity")
        if self.format in ("seconds", "unix"):
            self.text, self.example = None, f"a number of {unit}"
            if table.time_zone is not None:
                raise InputError("time_zone with times that are numbers; allowed: with iso or a pattern")
            return
        if self.format != "iso" and "%" not in self.format:
            raise UnknownNameError("time format", self.format, ("seconds", "unix", "iso", "%d/%m/%Y %H:%M:%S"))
        if "time" in table.units:
            raise InputError(f"time has a unit and the time format {shown(self.format)}; allowed: one")
        self.text = timestamp if self.format == "iso" else patterned(self.format)
        self.example = "a time such as " + ("2023-11-16T18:17:03.97996" if self.format == "iso" else self.format)
        if table.time_zone is not None and "%z" not in self.format:
            try:
                self.zone = zoneinfo.ZoneInfo(table.time_zone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                allowed = "a name such as Europe/Dublin"
                raise InputError(f"time_zone is {shown(table.time_zone)}; allowed: {allowed}") from None

    def read(self, text: str) -> Decimal | None:
        """Return a time in seconds, or None where it is none."""
        if self.text is None:
            if not NUMBER.fullmatch(text) or len(text) > 60 or not abs(float(text)) <= MOST:
                return None
            return exact(Decimal(text), self.factor)
        time = self.text(text)
        if time is None or self.zone is None or (self.format == "iso" and _ZONED.search(text)):
            return time
        naive = datetime(1970, 1, 1) + timedelta(seconds=float(time))
        for fold in (0, 1):  # an hour that clocks show twice is the second one where the first would go back
            offset = naive.replace(tzinfo=self.zone, fold=fold).utcoffset() or timedelta()
            moved = time - Decimal(int(offset.total_seconds()))
            if moved >= self.before:
                break
        self.before = moved
        return moved
