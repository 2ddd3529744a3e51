"""CSV files, row by row: strict, to the first fault, in bounded memory whatever their length."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cutlayer.simulator.errors import InputError, near_name

Path = str | os.PathLike[str]

_LONGEST = 200
"""Letters of a name; more is a file that is something else."""

LEAST, MOST = 1e-50, 1e50
"""Of a number in SI units that is not 0: products and quotients of a few stay finite, and so do all sums."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_BLOCK = 1 << 20


def read_rows(
    path: Path, columns: Sequence[str], options: Sequence[str] | None = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the values of every row, checked against the columns; options None: any others."""
    check_text(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield from parsed(file, columns, options, path)


def read_header(path: Path) -> list[str]:
    """Return the names of the columns of a CSV file; nothing where it has none."""
    check_text(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            for values in csv.reader(file, strict=True):
                if values:
                    return [name.strip() for name in values]
        except csv.Error:
            pass  # whoever reads the rows says what is wrong, with the line
    return []


def content(path: Path) -> str:
    """Return the text of a file that fits into memory."""
    check_text(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        return file.read()


def parsed(
    file: Iterable[str],
    columns: Sequence[str],
    options: Sequence[str] | None,
    path: Path,
    delimiter: str = ",",
    *,
    numbered: bool = False,
    header: bool = True,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the values of every row of CSV text; `numbered` columns are called 1, 2, ..."""
    reader = csv.reader(file, strict=True, delimiter=delimiter)
    names: list[str] = []
    empty = True
    try:
        for values in reader:
            line = reader.line_num
            if not values:
                continue  # a blank line
            if not names:
                names = [str(at) for at in range(1, len(values) + 1)] if numbered else [name.strip() for name in values]
                _check_header(names, columns, options, path, line)
                if header:
                    continue
            if len(values) != len(names):
                raise InputError(f"{len(values)} values for {len(names)} columns", path, line)
            empty = False
            yield line, dict(zip(names, (value.strip() for value in values), strict=True))
    except csv.Error as fault:
        raise InputError(f"not a CSV file ({fault})", path, reader.line_num) from None
    if not names:
        raise InputError(f"is empty; allowed: a header with {','.join(columns)}", path)
    if empty:
        raise InputError("has a header and no rows; allowed: 1 or more", path)


def check_text(path: Path) -> None:
    """Check that a file is text in UTF-8, to its end: a fault in it is found before its first row is used."""
    with opened(path) as file:
        _check_blocks(file, path)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file to read its bytes.

    Raises
    ------
    InputError
        If it is none, or cannot be opened or read to where the context ends.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe gives its content once; we read it twice
            raise InputError("is a folder, a pipe or a device; allowed: a file", path)
        with open(path, "rb") as file:
            yield file
    except (OSError, ValueError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"cannot be read ({getattr(fault, 'strerror', None) or fault})", path) from None


def _check_blocks(file: io.BufferedReader, path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    wrong: InputError | None = None
    while block := file.read(_BLOCK):
        if (nul := block.find(b"\0")) >= 0:
            raise InputError("not a text file in UTF-8 (it holds a NUL byte)", path, line + block.count(b"\n", 0, nul))
        if wrong is None:
            wrong = _undecoded(decoder, block, line, path)
        line += block.count(b"\n")
    wrong = wrong or _undecoded(decoder, b"", line, path, final=True)
    if wrong is not None:
        raise wrong


def _undecoded(
    decoder: codecs.IncrementalDecoder, block: bytes, line: int, path: Path, *, final: bool = False
) -> InputError | None:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as fault:  # what it began with may be the end of the block before: no line ends in it
        at = line + fault.object.count(b"\n", 0, fault.start)
        return InputError(f"not a text file in UTF-8 (byte {fault.object[fault.start]:#04x})", path, at)
    return None


def _check_header(
    header: list[str], columns: Sequence[str], options: Sequence[str] | None, path: Path, line: int
) -> None:
    allowed = (*columns, *(options or ()))
    for name in header:
        if name not in allowed and options is not None:
            raise InputError(f"unknown column {shown(name)}; {near_name(name, allowed)}", path, line)
        if header.count(name) > 1:
            raise InputError(f"column {name!r} stands twice", path, line)
    for name in columns:
        if name not in header:
            hint = f"; {near_name(name, header)}" if options is None else f"; needed: {','.join(columns)}"
            raise InputError(f"column {name!r} is missing{hint}", path, line)


def shown(text: str) -> str:
    """Return the text in quotes, cut where it would fill the screen."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}..."


def is_name(text: str) -> bool:
    """Return whether a file can hold `text` as a name."""
    return bool(text) and text.isprintable() and len(text) <= _LONGEST and text == text.strip()


def read_text(row: Mapping[str, str], column: str, path: Path, line: int) -> str:
    text = row[column]
    if not text:
        raise InputError(f"{column} is empty", path, line)
    if not is_name(text):
        raise InputError(f"{column} is {shown(text)}; allowed: up to {_LONGEST} letters in one line", path, line)
    return text


def read_number(row: Mapping[str, str], column: str, path: Path, line: int, *, positive: bool = False) -> float:
    """Read a number that is 0 or more, or above 0, in a range that no unit of the model leaves."""
    text = row[column]
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not (LEAST <= value <= MOST or (value == 0 and not positive)):
        allowed = "a number above 0" if positive else "a number, 0 or more"
        if math.isfinite(value) and value > 0:
            allowed = f"from {LEAST:g} to {MOST:g}"
        raise InputError(f"{column} is {shown(text)}; allowed: {allowed}", path, line)
    return value
