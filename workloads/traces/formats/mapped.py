"""Any CSV file with a column for the time of arrival: the user says which column is what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.workloads.traces.index import Index
from cutlayer.workloads.traces.rows import Path, read_rows, read_text, shown
from cutlayer.workloads.traces.times import factor_of, patterned, read_decimal, relative, timestamp
from cutlayer.workloads.traces.trace import COLUMNS, FORMATS, Format, Trace, from_columns

FIELDS = tuple(name for name in COLUMNS if name != "inputs")
BASE = {"arrival_s": "s", "deadline_s": "s", "lifetime_s": "s", "input_bytes": "B", "frame_rate_hz": "Hz"}
TIMES = ("seconds", "unix", "iso")


class Mapped(Format):
    """Columns declared by the user; others are left alone. Rows in any order."""

    def read(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        time_format: str = "seconds",
    ) -> Trace:
        """Read a CSV file.

        Parameters
        ----------
        path : path
        columns : mapping of str to str
            Which column of the file is what: ``{"arrival_s": "start", "lifetime_s": "dur"}``.
        units : mapping of str to str, optional
            What the numbers are in, where not in s, B or Hz: ``{"lifetime_s": "ms"}``.
        time_format : str
            ``"seconds"`` (numbers, kept as they are), ``"unix"`` (numbers, made relative to the first), ``"iso"``
            (``2023-11-16T18:17:03.97996``, relative to the first) or a pattern with ``%``, as `time.strptime` has it.
        """
        _check_fields(columns or {}, units or {})
        columns = dict(columns or {})
        factors = {name: factor_of((units or {}).get(name, base), base) for name, base in BASE.items()}
        when = _time_reader(time_format, factors["arrival_s"])
        index = Index()
        found: dict[str, list[Any]] = {name: [] for name in columns}
        for line, row in read_rows(path, list(dict.fromkeys(columns.values())), None):
            for name, column in columns.items():
                if name == "arrival_s":
                    found[name].append(when(row, column, path, line))
                elif name not in BASE:
                    found[name].append(read_text(row, column, path, line))
                elif name == "lifetime_s" and not row[column]:
                    found[name].append(np.inf)
                else:
                    number = read_decimal(row, column, path, line, positive=True, factor=factors[name])
                    found[name].append(float(number))
            if "task" in found and not index.add_task(found["task"][-1]):
                raise InputError(f"task {found['task'][-1]!r} stands twice", path, line)
        origin = Decimal(0) if time_format == "seconds" else min(found["arrival_s"])
        found["arrival_s"] = relative(found["arrival_s"], origin)  # type: ignore[assignment]
        provenance: dict[str, Any] = {"format": "mapped", "columns": columns, "time_format": time_format}
        return from_columns(found, provenance | ({"units": dict(units)} if units else {}))


FORMATS.register("mapped")(Mapped())


def _check_fields(columns: Mapping[str, str], units: Mapping[str, str]) -> None:
    for name in columns:
        if name not in FIELDS:
            raise UnknownNameError("field", name, FIELDS)
    if "arrival_s" not in columns:
        raise InputError("no column is said to be arrival_s; needed: arrival_s=COLUMN")
    for name in units:
        if name not in BASE:
            raise UnknownNameError("field with a unit", name, BASE)
        if name not in columns:
            raise InputError(f"{name} has a unit and no column")


def _time_reader(time_format: str, factor: Decimal) -> Callable[[Mapping[str, str], str, Path, int], Decimal]:
    """Return what reads a time of arrival."""
    if time_format in ("seconds", "unix"):
        return lambda row, column, path, line: read_decimal(row, column, path, line, factor=factor)
    if time_format != "iso" and "%" not in time_format:
        raise UnknownNameError("time format", time_format, (*TIMES, "a pattern such as %d/%m/%Y %H:%M:%S"))
    if factor != 1:
        raise InputError(f"arrival_s has a unit and the time format {shown(time_format)}; allowed: one")
    read = timestamp if time_format == "iso" else patterned(time_format)
    example = "2023-11-16T18:17:03.97996" if time_format == "iso" else time_format

    def when(row: Mapping[str, str], column: str, path: Path, line: int) -> Decimal:
        time = read(row[column])
        if time is None:
            raise InputError(f"{column} is {shown(row[column])}; allowed: a time such as {example}", path, line)
        return time

    return when
