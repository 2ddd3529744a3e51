"""The rows of a run into the open transaction of a results file (`cutlayer.simulator.results.file`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cutlayer.simulator.results.database import faults_told
from cutlayer.simulator.results.tables import TABLES, Row, column_names


class RunWriter:
    """Takes the rows of a run into an open transaction; see `Results.writing`."""

    def __init__(
        self, connection: sqlite3.Connection, path: str, run: Mapping[str, Any], keep: Collection[str] | None
    ) -> None:
        self._connection, self._path, self._keep = connection, path, keep
        names = [name for name in column_names("runs") if name in run]
        marks = ", ".join("?" * len(names))
        insert = f"INSERT INTO runs ({', '.join(names)}) VALUES ({marks})"
        self._run = connection.execute(insert, [writable(run[name]) for name in names]).lastrowid
        self._first: dict[str, int] = {}

    def take(self, table: str, rows: Iterable[Row], places: Sequence[int] | None = None) -> None:
        """Write rows; see `cutlayer.simulator.results.sinks.Sink`.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        names = ["run", *column_names(table)]
        if self._keep is not None and table not in self._keep:
            return
        values: Iterable[Row] = ((self._run, *row) for row in _writable_rows(table, rows))
        with faults_told(self._path):
            if places is not None:  # rows are read in the order of their rowid
                first = self._first_rowid(table)
                names.insert(0, "rowid")
                values = ((first + place, *row) for place, row in zip(places, values, strict=True))
            marks = ", ".join("?" * len(names))
            self._connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)

    def _first_rowid(self, table: str) -> int:
        if table not in self._first:
            (last,) = self._connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()
            self._first[table] = last + 1
        return self._first[table]

    def finish(self, more: Mapping[str, Any]) -> None:
        """Add what is known of the row of ``runs`` at the end of the run.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        names = [name for name in column_names("runs") if name in more]
        if not names:
            return
        with faults_told(self._path):
            self._connection.execute(
                f"UPDATE runs SET {', '.join(f'{name} = ?' for name in names)} WHERE run = ?",
                [*(writable(more[name]) for name in names), self._run],
            )


def writable(value: Any) -> Any:
    r"""Return the value; half a surrogate pair in a text, which is no character and cannot be written, as an escape.

    Examples
    --------
    >>> print(writable("half \ud800"))
    half \ud800
    """
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _writable_rows(table: str, rows: Iterable[Row]) -> Iterator[Row]:
    texts = [at for at, column in enumerate(TABLES[table]) if column.type == "TEXT"]
    for row in rows:
        if all(writable(row[at]) is row[at] for at in texts):
            yield row
        else:
            yield tuple(writable(value) for value in row)
