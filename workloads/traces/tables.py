"""Tables of text as other programs write them: any delimiter, with a header or without, JSON lines, JSON arrays."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cutlayer.simulator.errors import InputError, near_name
from cutlayer.workloads.traces.rows import Path, check_text, content, parsed, shown

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
_SAMPLE = 20
"""Lines that decide on the delimiter."""

Rows = Iterator[tuple[int, dict[str, str]]]
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)  # numbers as they are written


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Attributes
    ----------
    delimiter : str, optional
        One letter, or a name of `DELIMITERS` (space: any number of them); found out by default.
    header : bool, optional
        Whether the first row is a header. By default it is, unless all columns are asked for by number (from 1) and
        the first row holds values there.
    comment : str
        Lines that begin with this are skipped.
    records : str, optional
        In a JSON document, which member holds the rows; by default the only list of objects.
    """

    delimiter: str | None = None
    header: bool | None = None
    comment: str = ""
    records: str | None = None


class Table:
    """A text file as rows of named cells.

    Raises
    ------
    InputError
        If the file is not text; when gone through, if it is no such table, or lacks one of the columns.
    """

    def __init__(self, path: Path, columns: Sequence[str], layout: Layout) -> None:
        check_text(path)
        self.path, self.columns, self.layout = path, columns, layout
        self.delimiter = None if is_json(path) else _delimiter(path, columns, layout)

    @property
    def may_have_decimal_comma(self) -> bool:
        """Whether a comma in a number can be but a decimal mark."""
        return self.delimiter not in (None, ",")

    def rows(self) -> Rows:
        """Yield the line number and the cells of every row; what a JSON object lacks is empty."""
        if self.delimiter is None:
            yield from _json_rows(self.path, self.columns, self.layout.records)
            return
        first = next((_cells(line, self.delimiter) for line in _sample(self.path, self.layout)), [])
        numbered, header = _heading(self.columns, self.layout, first)
        with open(self.path, encoding="utf-8-sig", newline="") as file:
            lines = (_plain(line, self.delimiter, self.layout.comment) for line in file)
            yield from parsed(lines, self.columns, None, self.path, self.delimiter, numbered=numbered, header=header)


def is_json(path: Path) -> bool:
    """Return whether the first letter of a text file is one that JSON objects and arrays begin with."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return file.read(1 << 12).lstrip()[:1] in ("{", "[")


def _plain(line: str, delimiter: str, comment: str) -> str:
    if comment and line.startswith(comment):
        return "\n"
    return " ".join(line.split()) + "\n" if delimiter == " " else line


def _sample(path: Path, layout: Layout) -> list[str]:
    """Return the first lines that are not blank."""
    found: list[str] = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        while len(found) < _SAMPLE and (line := file.readline(1 << 16)):
            if line.strip() and not (layout.comment and line.startswith(layout.comment)):
                found.append(line)
    return found


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([_plain(line, delimiter, "")], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _delimiter(path: Path, columns: Sequence[str], layout: Layout) -> str:
    """Return what divides the cells: what was said, what makes the header name all columns, or what rows agree on."""
    if layout.delimiter is not None:
        said = DELIMITERS.get(layout.delimiter, layout.delimiter)
        if len(said) != 1 or said in '\r\n"':
            raise InputError(f"delimiter {shown(layout.delimiter)}; allowed: one letter, or {', '.join(DELIMITERS)}")
        return said
    lines = _sample(path, layout)
    for delimiter in DELIMITERS.values():
        if lines and set(columns) <= set(_cells(lines[0], delimiter)):
            return delimiter
    most = max((int(column) for column in columns if column.isdecimal() and len(column) < 6), default=1)
    for delimiter in (";", "\t", "|", ",", " "):
        widths = {len(_cells(line, delimiter)) for line in lines}
        if len(widths) == 1 and min(widths) >= max(most, 2):
            return delimiter
    return ","


def _heading(columns: Sequence[str], layout: Layout, first: Sequence[str]) -> tuple[bool, bool]:
    """Return whether the columns go by number, and whether the first row is a header."""
    numbered = all(column.isdecimal() for column in columns) and not set(columns) <= set(first)
    if layout.header is not None:
        return numbered or not layout.header, layout.header
    asked = [first[int(column) - 1] for column in columns if 0 < int(column) <= len(first)] if numbered else []
    words = [cell for cell in asked if any(map(str.isalpha, cell)) and not any(map(str.isdecimal, cell))]
    return numbered, not numbered or (bool(words) and len(words) == len(asked))


def _json_rows(path: Path, columns: Sequence[str], records: str | None) -> Rows:
    try:
        first = next((record for _, record in _records(path, records) if record), None)
        if first is None:
            raise InputError("is JSON without rows; allowed: 1 or more", path)
        for column in columns:
            if _at(first, column) is None and all(_at(record, column) is None for _, record in _records(path, records)):
                raise InputError(f"column {column!r} is missing; {near_name(column, first)}", path)
        for line, record in _records(path, records):
            if not isinstance(record, dict):
                raise InputError(f"is {shown(str(record))}; allowed: an object in every row", path, line)
            row = {name: str(value) for name, value in record.items() if isinstance(value, str)}
            for column in columns:
                value = _at(record, column)
                if isinstance(value, dict | list):
                    raise InputError(f"{column} holds a list or an object; allowed: a number or text", path, line)
                row[column] = "" if value is None else str(value).strip()
            yield line, row
    except RecursionError:
        raise InputError("nested too deeply", path) from None


def _at(value: Any, column: str) -> Any:
    """Return the value of a column; dots go into objects and lists: ``attempts.0.start_time``."""
    if isinstance(value, dict) and column in value:
        return value[column]
    name, dot, rest = column.partition(".")
    inner = None
    if isinstance(value, list):
        inner = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
    elif isinstance(value, dict):
        inner = value.get(name)
    return _at(inner, rest) if dot else inner


def _records(path: Path, records: str | None) -> Iterator[tuple[int, Any]]:
    """Yield the rows of JSON lines, or of an array in a document, with their lines."""
    if records is None and _is_lines(path):
        with open(path, encoding="utf-8-sig") as file:
            for number, row in enumerate(file, start=1):
                if row.strip():
                    yield number, _decoded(row, path, number)
        return
    text = content(path)
    at = 0
    while text[at] not in "{[":
        at += 1
    if text[at] == "{":
        at = _begin_of(text, _decoded(text, path, 1), records, path)
    line, counted = text.count("\n", 0, at) + 1, at
    blank = re.compile(r"[\s,]*")
    at += 1
    while True:
        at = blank.match(text, at).end()  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as fault:
            raise InputError(f"not JSON ({fault.msg})", path, fault.lineno) from None
        yield line, value


def _is_lines(path: Path) -> bool:
    """Return whether the first row alone is an object, and another follows or it holds no rows itself."""
    with open(path, encoding="utf-8-sig") as file:
        rows = (line for line in file if line.strip())
        try:
            first = _DECODER.decode(next(rows))
        except (json.JSONDecodeError, RecursionError):
            return False
        return isinstance(first, dict) and (next(rows, None) is not None or not _lists(first))


def _decoded(text: str, path: Path, line: int) -> Any:
    try:
        return _DECODER.decode(text.strip())
    except json.JSONDecodeError as fault:
        raise InputError(f"not JSON ({fault.msg})", path, line + fault.lineno - 1) from None


def _lists(document: dict[str, Any]) -> list[str]:
    return [
        name for name, value in document.items() if isinstance(value, list) and value and isinstance(value[0], dict)
    ]


def _begin_of(text: str, document: dict[str, Any], records: str | None, path: Path) -> int:
    """Return where the array of a document begins that holds the rows."""
    lists = _lists(document)
    name = records if records is not None else lists[0] if len(lists) == 1 else None
    if name not in lists:
        held = ", ".join(lists) or "none"
        raise InputError(f"is a JSON object; rows may be in these of its members: {held}; say which (records)", path)
    for found in re.finditer(rf'"{re.escape(str(name))}"\s*:\s*\[', text):
        if _DECODER.raw_decode(text, found.end() - 1)[0] == document[name]:
            return found.end() - 1
    raise InputError(f"member {name!r} is written in escapes; allowed: plain text", path)
