"""Rows of a results file, checked against the definitions of their columns: the file may be anybody's, or damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.tables import TABLES, Column

LARGEST = 1e100
"""No quantity of the model is larger, whatever its unit: sums and squares of such numbers stay finite."""
DEEPEST = 32
"""Of values in values, in JSON."""
_PLAIN_PAIRS = re.compile(
    r"\[(?:\[N, N\](?:, (?!\])|(?=\])))*\]".replace("N", r"\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d\d?)?"), re.ASCII
)
_TYPES = {"TEXT": (str,), "REAL": (float,), "INTEGER": (int, float)}  # a count may be a mean


def checked(table: str, names: Sequence[str], rows: Iterable[Sequence[Any]], path: str) -> Iterator[dict[str, Any]]:
    """Yield rows as mappings; columns that the file lacks are None.

    Parameters
    ----------
    table : str
    names : sequence of str
        Of the values in the rows.
    rows : iterable
    path : str
        Of the file, for messages.

    Raises
    ------
    InputError
        At the first value that its column cannot hold.
    """
    columns = {column.name: column for column in TABLES[table]}
    absent = dict.fromkeys(name for name in columns if name not in names)
    at = [(place, columns[name]) for place, name in enumerate(names) if name in columns]
    numbers = [(place, column) for place, column in at if column.kind != "TEXT"]
    texts = [(place, column) for place, column in at if column.allowed or column.json or column.name == "key"]
    known: set[tuple[type, ...]] = set()  # types of values that were seen in a row and may be there

    def fault(value: Any, column: Column) -> InputError:
        shown = ascii(value) if len(ascii(value)) <= 40 else f"{ascii(value)[:40]}..."
        return InputError(f"{table}.{column.name} is {shown}; allowed: {_allowed(column)}", path)

    for row in rows:
        types = tuple(map(type, row))
        if types not in known:
            for place, column in at:
                if row[place] is not None and type(row[place]) not in _TYPES[column.kind]:
                    raise fault(row[place], column)
            known.add(types)
        for place, column in numbers:
            value = row[place]
            if value is not None and not (-LARGEST if column.signed else 0) <= value <= LARGEST:
                raise fault(value, column)
        for place, column in texts:
            value = row[place]
            if value is not None and not _may_be(value, column):
                raise fault(value, column)
        found = dict(zip(names, row, strict=True)) | absent
        for _, column in at:
            if column.filled and found[column.name] is None and _is_done(table, found):
                raise fault(None, column)
        yield found


def _is_done(table: str, row: Mapping[str, Any]) -> bool:
    """Return whether a row is of a run that is done, and so has all its values."""
    return table != "runs" or (row["status"] == "done" and row["scheduler"] is not None)


def _allowed(column: Column) -> str:
    if column.allowed:
        return ", ".join(column.allowed)
    if column.json:
        return _SHAPES[column.json][1]
    if column.name == "key":
        return "1 to 200 printable ASCII letters without /"
    what = {"TEXT": "text", "REAL": "a number", "INTEGER": "a number"}[column.kind]
    at_least = "" if column.kind == "TEXT" or column.signed else f" from 0 to {LARGEST:g}"
    return f"{what}{at_least}{'' if column.filled else ', or empty'}"


def _may_be(value: str, column: Column) -> bool:
    if column.allowed:
        return value in column.allowed
    if not column.json:  # a key, which is also part of file names
        return value.isascii() and value.isprintable() and "/" not in value and 0 < len(value) <= 200
    if value == "[]" or (column.json == "pairs" and _PLAIN_PAIRS.fullmatch(value)):
        return column.json in ("texts", "pairs")  # nearly all of a million decisions: three times as fast as parsing
    try:
        found = json.loads(value, parse_constant=float)
    except (ValueError, RecursionError):
        return False
    return _SHAPES[column.json][0](found) and _depth(found) <= DEEPEST


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, list) and len(one) == 2 and all(type(n) in (int, float) and 0 <= n <= LARGEST for n in one)
        for one in value
    )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_names(value: Any) -> bool:
    return isinstance(value, dict) and _is_texts(list(value.values()))


_SHAPES = {
    "object": (_is_object, "a JSON object"),
    "names": (_is_names, "a JSON object of texts"),
    "texts": (_is_texts, "a JSON list of texts"),
    "pairs": (_is_pairs, "a JSON list of pairs of numbers"),
}
