"""Results files: the tables of `simulator.tables` in SQLite, in and out.

One file holds many runs. A run is written in one transaction: it is there whole or not at all.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from simulator.errors import InputError, UnknownNameError
from simulator.tables import TABLES, Row, column_names

APPLICATION_ID = 0x6375744C  # "cutL", in the file's header: tells our files from other SQLite files
SCHEMA = 2
BUSY_S = 60.0
"""How long to wait for another process that writes [s]."""


class Results:
    """A results file.

    Parameters
    ----------
    path : path
        The SQLite file; made at the first write if it is not there.
    must_exist : bool
        Refuse a file that is not there.

    Raises
    ------
    InputError
        If the file is there but is not a results file, or cannot be opened or written.
    """

    def __init__(self, path: str | os.PathLike[str], *, must_exist: bool = False) -> None:
        self.path = os.fspath(path)
        self._connection: sqlite3.Connection | None = None
        folder = os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder):
            raise InputError(f"there is no folder {folder!r} to write to", self.path)
        if must_exist and not os.path.isfile(self.path):
            raise InputError("no such results file", self.path)
        if os.path.exists(self.path):
            self._recognise()

    def _recognise(self) -> None:
        if os.path.isdir(self.path):
            raise InputError("is a folder, not a results file", self.path)
        try:
            with open(self.path, "rb") as file:
                empty = not file.read(1)
            if empty:
                return  # made beforehand, by mktemp say: as good as none
            connection = sqlite3.connect(f"file:{_quoted(self.path)}?mode=ro", uri=True)
            try:
                (application,) = connection.execute("PRAGMA application_id").fetchone()
                (schema,) = connection.execute("PRAGMA user_version").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as fault:
            raise InputError(f"not a results file ({fault})", self.path) from None
        if (application, tables) == (0, 0):
            return  # a first write that was killed before it was done
        if application != APPLICATION_ID:
            raise InputError("not a results file of cutlayer", self.path)
        if schema != SCHEMA:
            raise InputError(f"written with schema {schema}; this version reads {SCHEMA}", self.path)

    def __enter__(self) -> Results:
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.exists(self.path):
            self._open()
        elif not os.access(folder, os.W_OK | os.X_OK):  # say so before the run, not after it
            raise InputError(f"cannot be made: no files may be written to {folder!r}", self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        """Return the connection; the file is made here if it is not there."""
        if self._connection is None:
            try:
                connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S)
                _use_write_ahead_log(connection)
                connection.execute("PRAGMA synchronous=FULL")
            except sqlite3.Error as fault:
                raise InputError(f"cannot be opened ({fault})", self.path) from None
            self._connection = connection
        return self._connection

    def _read(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor | None:
        """Run a query; None where nothing has been written yet."""
        if self._connection is None and not os.path.exists(self.path):
            return None
        execute = self._open().execute
        if not execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
            return None
        return execute(query, values)

    def write(self, run: Mapping[str, Any], tables: Mapping[str, Iterable[Row]]) -> None:
        """Write one run, whole or not at all; a run of the same key is replaced.

        Parameters
        ----------
        run : mapping
            The row of ``runs``, by column name.
        tables : mapping of str to iterable of rows
            The rows of the other tables, columns as in `TABLES`.
        """
        connection = self._open()
        execute = connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            try:
                self._make_tables(connection)
                for (old,) in execute("SELECT run FROM runs WHERE key = ?", (run["key"],)).fetchall():
                    for table in TABLES:
                        execute(f"DELETE FROM {table} WHERE run = ?", (old,))
                names = column_names("runs")
                marks = ", ".join("?" * len(names))
                number = execute(
                    f"INSERT INTO runs ({', '.join(names)}) VALUES ({marks})", [run.get(name) for name in names]
                ).lastrowid
                for table, rows in tables.items():
                    marks = ", ".join("?" * (1 + len(TABLES[table])))
                    connection.executemany(
                        f"INSERT INTO {table} VALUES ({marks})", ((number, *row) for row in rows)
                    )
                execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    execute("ROLLBACK")
                raise
        except sqlite3.ProgrammingError:
            raise  # rows that are not those of the table: a bug, not the user's file
        except sqlite3.DatabaseError as fault:  # a full disk, a file that may not be written or is damaged
            raise InputError(f"cannot be written ({fault})", self.path) from None

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        execute = connection.execute
        if execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
            return
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {SCHEMA}")
        for table, columns in TABLES.items():
            key = "run INTEGER PRIMARY KEY" if table == "runs" else "run INTEGER NOT NULL"
            execute(f"CREATE TABLE {table} ({key}, {', '.join(f'{c.name} {c.type}' for c in columns)})")
            if table != "runs":
                execute(f"CREATE INDEX {table}_by_run ON {table} (run)")

    def keys(self) -> set[str]:
        """Return the keys of the runs that are there and done."""
        cursor = self._read("SELECT key FROM runs WHERE status = 'done'")
        return set() if cursor is None else {key for (key,) in cursor}

    def status(self, key: str) -> str | None:
        """Return the status of the run of that key, None if it is not there."""
        cursor = self._read("SELECT status FROM runs WHERE key = ?", (key,))
        found = None if cursor is None else cursor.fetchone()
        return None if found is None else found[0]

    def error(self, key: str) -> str:
        """Return why the run of that key failed; empty if it did not."""
        cursor = self._read("SELECT error FROM runs WHERE key = ?", (key,))
        found = None if cursor is None else cursor.fetchone()
        return "" if found is None else found[0] or ""

    def rows(self, table: str, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of `table`, of one run if its key is given, as mappings."""
        if table not in TABLES:
            raise UnknownNameError("table", table, TABLES)
        where, values = ("", ()) if key is None else (" WHERE runs.key = ?", (key,))
        query = f"SELECT {table}.* FROM {table}" + ("" if table == "runs" else " JOIN runs USING (run)") + where
        try:
            cursor = self._read(f"{query} ORDER BY {table}.rowid", values)
            if cursor is None:
                return
            names = [description[0] for description in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
        except sqlite3.DatabaseError as fault:
            raise InputError(f"cannot be read ({fault})", self.path) from None


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turn WAL on; SQLite does not wait for others who do the same to a new file, so this does."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as fault:
            if "locked" not in str(fault) or time.monotonic() > until:
                raise
        time.sleep(0.01)
