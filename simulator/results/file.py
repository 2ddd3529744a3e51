"""Results files: the tables of `cutlayer.simulator.results.tables` in SQLite, in and out.

One file holds many runs. A run is written in one transaction: it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.tables import TABLES, Row, column_names
from cutlayer.simulator.results.writer import RunWriter, faults_told

APPLICATION_ID = 0x6375744C  # "cutL", in the file's header: tells our files from other SQLite files
SCHEMA = 4
READABLE = (3, SCHEMA)
"""Schemas that are read; what a file of an older one lacks is empty."""
BUSY_S = 60.0
"""How long to wait for another process that writes [s]."""


class Results:
    """A results file.

    Parameters
    ----------
    path : path
        The SQLite file; made at the first write if it is not there.
    must_exist : bool
        Refuse a file that is not there. Without it, using the file as a context refuses one that cannot be
        written, so that it is said before the run and not after it; with it such a file can still be read.

    Raises
    ------
    InputError
        If the file is there but is not a results file, or cannot be opened or written.
    """

    def __init__(self, path: str | os.PathLike[str], *, must_exist: bool = False) -> None:
        self.path = os.fspath(path)
        self._connection: sqlite3.Connection | None = None
        self._must_exist = must_exist
        self._made = False
        self._file: tuple[int, int] | None = None  # which one is open, wherever it is by now
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
        if not os.path.isfile(self.path):
            raise InputError("is a pipe or a device, not a results file", self.path)
        try:
            with open(self.path, "rb") as file:
                empty = not file.read(1)
            if empty:
                return  # made beforehand, by mktemp say: as good as none
            connection = sqlite3.connect(self._read_only_uri(), uri=True, isolation_level=None)
            try:
                connection.execute("BEGIN")  # one look at it all: another process may be at its first write
                (application,) = connection.execute("PRAGMA application_id").fetchone()
                (schema,) = connection.execute("PRAGMA user_version").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as fault:
            if self._is_fixed() and self._has_log():
                raise InputError(
                    f"cannot be read: its newest runs are in {self._beside('-wal')} still, and nothing may be written "
                    "there; allowed: both in a folder that may be written to",
                    self.path,
                ) from None
            raise InputError(f"not a results file ({fault})", self.path) from None
        if (application, tables) == (0, 0):
            return  # a first write that was killed before it was done
        if application != APPLICATION_ID:
            raise InputError("not a results file of cutlayer", self.path)
        if schema not in READABLE:
            known = " and ".join(map(str, READABLE))
            raise InputError(f"written with schema {schema}; this version reads {known}", self.path)

    def _is_fixed(self) -> bool:
        """Return whether the file or its folder cannot be written: SQLite makes files beside a file it opens."""
        folder = os.path.dirname(self._beside(""))
        return not (os.access(self.path, os.W_OK) and os.access(folder, os.W_OK | os.X_OK))

    def _beside(self, ending: str) -> str:
        """Return where SQLite has the file that belongs to this one."""
        return os.path.realpath(self.path) + ending

    def _has_log(self) -> bool:
        """Return whether runs were written that are not in the file proper yet."""
        log = self._beside("-wal")
        return os.path.exists(log) and os.path.getsize(log) > 0

    def _read_only_uri(self) -> str:
        """Return how to open the file without writing to it, nor beside it where that is not possible."""
        fixed = self._is_fixed() and not self._has_log()
        return f"file:{_quoted(self.path)}?mode=ro{'&immutable=1' if fixed else ''}"

    def __enter__(self) -> Results:
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.exists(self.path):
            if not self._must_exist and self._is_fixed():
                raise self._cannot_be_written()
            self._open()
        elif not os.access(folder, os.W_OK | os.X_OK):  # say so before the run, not after it
            raise InputError(f"cannot be made: no files may be written to {folder!r}", self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cannot_be_written(self) -> InputError:
        return InputError("cannot be written: the file or its folder is read-only", self.path)

    def _open(self) -> sqlite3.Connection:
        """Return the connection; the file is made here if it is not there."""
        if self._connection is None:
            self._made = not os.path.exists(self.path)
            try:
                if not self._made and self._is_fixed():
                    self._connection = sqlite3.connect(self._read_only_uri(), uri=True, isolation_level=None)
                else:
                    self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S)
                    _use_write_ahead_log(self._connection)
                    self._connection.execute("PRAGMA synchronous=FULL")
                self._file = self._identity()
            except sqlite3.Error as fault:
                self._remove_if_empty()
                raise InputError(f"cannot be opened ({fault})", self.path) from None
        return self._connection

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _remove_if_empty(self) -> None:
        """Close the file, and remove it if it was made here, holds no run, and no other process has it open."""
        self._close()
        made, self._made = self._made, False
        if not made or not os.path.isfile(self.path) or os.path.exists(self._beside("-shm")):
            return  # who closes a file last takes what is beside it along
        with contextlib.suppress(sqlite3.Error, OSError):
            connection = sqlite3.connect(f"file:{_quoted(self.path)}?mode=ro&immutable=1", uri=True)
            try:
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
            if tables == 0:
                for rest in ("", "-wal", "-journal"):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(self._beside(rest))

    def _read(self, table: str, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor | None:
        """Run a query on a table; None where it is not there: in a new file, or one of an older schema."""
        if self._connection is None and not os.path.exists(self.path):
            return None
        execute = self._open().execute
        if not execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
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
        with self.writing(run) as writer:
            for table, rows in tables.items():
                writer.take(table, rows)

    @contextlib.contextmanager
    def writing(self, run: Mapping[str, Any], keep: Collection[str] | None = None) -> Iterator[RunWriter]:
        """Write one run as it goes: a context that yields a `RunWriter`, the sink of its rows.

        The run is in the file when the context ends, whole; if it ends with an exception, or the process dies,
        nothing of it is, and a run of the same key is still as it was. Until then others read the file as it
        was before, and others who write wait, `BUSY_S` at most.

        Parameters
        ----------
        run : mapping
            What is known of the row of ``runs`` by now, with its key; the rest goes to `RunWriter.finish`.
        keep : collection of str, optional
            The tables to keep beside ``runs``; all by default.

        Raises
        ------
        InputError
            If the file cannot be written: a full disk, a file that is damaged or written by another.

        Examples
        --------
        >>> with Results(path) as results, results.writing(row) as writer:  # doctest: +SKIP
        ...     recorder = Recorder(sink=writer)
        ...     simulate(network, tasks, scheduler, listeners=[recorder])
        ...     writer.finish(recorder.summary())
        """
        if os.path.exists(self.path) and self._is_fixed():
            raise self._cannot_be_written()
        connection = self._open()
        if self._identity() != self._file:  # what is written to a file without a name is lost
            raise InputError(
                "is not the file any more that was begun with: removed, or another put in its place; allowed: the same "
                "until the end",
                self.path,
            )
        if connection.in_transaction:
            raise RuntimeError(f"{self.path}: a run is being written already; write one after the other")
        execute = connection.execute
        try:
            with faults_told(self.path):
                execute("BEGIN IMMEDIATE")
                self._make_tables(connection)
                for (old,) in execute("SELECT run FROM runs WHERE key = ?", (run["key"],)).fetchall():
                    for table in TABLES:
                        execute(f"DELETE FROM {table} WHERE run = ?", (old,))
                writer = RunWriter(connection, self.path, run, keep)
            yield writer
            with faults_told(self.path):
                execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.OperationalError):  # closing the connection does the same
                    execute("ROLLBACK")
            if self._made:
                self._remove_if_empty()
            raise
        self._made = False

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        """Make the tables and columns that are not there: all in a new file, some in one of an older schema."""
        execute = connection.execute
        (schema,) = execute("PRAGMA user_version").fetchone()
        if schema == SCHEMA:
            return
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {SCHEMA}")
        for table, columns in TABLES.items():
            there = {name for _, name, *_ in execute(f"PRAGMA table_info({table})")}
            if there:
                for column in columns:
                    if column.name not in there:
                        execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}")
                continue
            key = "run INTEGER PRIMARY KEY" if table == "runs" else "run INTEGER NOT NULL"
            execute(f"CREATE TABLE {table} ({key}, {', '.join(f'{c.name} {c.type}' for c in columns)})")
            if table != "runs":
                execute(f"CREATE INDEX {table}_by_run ON {table} (run)")

    def keys(self) -> set[str]:
        """Return the keys of the runs that are there and done."""
        with faults_told(self.path, "read"):
            cursor = self._read("runs", "SELECT key FROM runs WHERE status = 'done'")
            return set() if cursor is None else {key for (key,) in cursor}

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the file as it is now: a context in which nothing that another process writes is seen.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if not os.path.exists(self.path):  # nothing has been written, and reading is not to make the file
            yield
            return
        connection = self._open()
        with faults_told(self.path, "read"):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # SQLite begins with the first look
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):  # nothing was written, so nothing is lost
                connection.execute("ROLLBACK")

    def value(self, key: str, column: str) -> Any:
        """Return one value of the row of ``runs`` of that key; None if there is no such run."""
        if column not in column_names("runs"):
            raise UnknownNameError("column", column, column_names("runs"))
        with faults_told(self.path, "read"):
            cursor = self._read("runs", f"SELECT {column} FROM runs WHERE key = ?", (key,))
            found = None if cursor is None else cursor.fetchone()
        return None if found is None else found[0]

    def rows(self, table: str, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of `table`, of one run if its key is given, as mappings."""
        if table not in TABLES:
            raise UnknownNameError("table", table, TABLES)
        where, values = ("", ()) if key is None else (" WHERE runs.key = ?", (key,))
        query = f"SELECT {table}.* FROM {table}" + ("" if table == "runs" else " JOIN runs USING (run)") + where
        try:
            cursor = self._read(table, f"{query} ORDER BY {table}.rowid", values)
            if cursor is None:
                return
            names = [description[0] for description in cursor.description]
            absent = dict.fromkeys(name for name in column_names(table) if name not in names)
            for row in cursor:
                yield dict(zip(names, row, strict=True)) | absent
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
