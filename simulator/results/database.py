"""One SQLite file of ours: recognised, opened with limits, closed. A file of a stranger is only read, never run."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.tables import TABLES

APPLICATION_ID = 0x6375744C  # "cutL", in the file's header: tells our files from other SQLite files
SCHEMA = 4
READABLE = (3, SCHEMA)
"""Schemas that are read; what a file of an older one lacks is empty."""
BUSY_S = 60.0
"""How long to wait for another process that writes [s]."""
PATIENCE_S = 8.0
"""How long the next rows may take to find [s]."""
ROWS_AT_ONCE = 100
MOST_BYTES = 64_000_000
"""Of one row."""


class Database:
    """A results file as SQLite has it: what kind of file it is, and the one connection to it.

    Parameters
    ----------
    path : str
    must_exist : bool
        Refuse a file that does not exist.

    Raises
    ------
    InputError
        If the file is not a results file, or cannot be opened.
    """

    def __init__(self, path: str, must_exist: bool) -> None:
        self.path = path
        self.made = False  # whether the file was made here and holds no run yet
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # which one is open, wherever it is by now
        self._until_s = math.inf
        folder = os.path.dirname(os.path.abspath(path))
        if "\0" in path or not os.path.isdir(folder):
            raise InputError(f"there is no folder {folder!r} to write to", path)
        if must_exist and not os.path.exists(path):
            raise InputError("no such results file", path)
        if os.path.exists(path):
            self._recognise()

    def _recognise(self) -> None:
        if os.path.isdir(self.path):
            raise InputError("is a folder, not a results file", self.path)
        for ending in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(self._beside(ending)) and not os.path.isfile(self._beside(ending)):
                raise InputError("is a pipe or a device, not a results file", self.path + ending)
        try:
            with open(self.path, "rb") as file:
                if not file.read(1):
                    return  # made beforehand, by mktemp say: as good as none
            connection = self._connected(read_only=True)
            try:
                connection.execute("BEGIN")  # one look at it all: another process may be at its first write
                (application,) = connection.execute("PRAGMA application_id").fetchone()
                (schema,) = connection.execute("PRAGMA user_version").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if (application, tables) == (0, 0):
                    return  # a first write that was killed before it was done
                if application != APPLICATION_ID:
                    raise InputError("not a results file of cutlayer", self.path)
                if schema not in READABLE:
                    known = " and ".join(map(str, READABLE))
                    raise InputError(f"written with schema {schema}; this version reads {known}", self.path)
                if (fault := _shape_fault(connection, schema)) is not None:
                    raise InputError(f"not a results file of cutlayer: {fault}", self.path)
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as fault:
            if self.is_fixed() and self._has_log():
                raise InputError(
                    f"cannot be read: its newest runs are still in {self._beside('-wal')}, and no file may be written "
                    "there; allowed: both in a folder that can be written",
                    self.path,
                ) from None
            raise InputError(f"not a results file ({fault})", self.path) from None

    def is_fixed(self) -> bool:
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

    def _connected(self, *, read_only: bool) -> sqlite3.Connection:
        """Return a connection that trusts nothing in the file; neither writes nor makes files if `read_only`."""
        if read_only:
            fixed = self.is_fixed() and not self._has_log()
            uri = f"file:{_quoted(self.path)}?mode=ro{'&immutable=1' if fixed else ''}"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        else:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        connection.set_progress_handler(lambda: time.monotonic() > self._until_s, 10_000)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        return connection

    def open(self) -> sqlite3.Connection:
        """Return the connection; the file is made here if it does not exist."""
        if self._connection is None:
            self.made = not os.path.exists(self.path)
            try:
                read_only = not self.made and self.is_fixed()
                self._connection = self._connected(read_only=read_only)
                if not read_only:
                    _use_write_ahead_log(self._connection)
                    self._connection.execute("PRAGMA synchronous=FULL")
                self._file = self._identity()
            except sqlite3.Error as fault:
                self.remove_if_empty()
                raise InputError(f"cannot be opened ({fault})", self.path) from None
        return self._connection

    def is_open(self) -> bool:
        """Return whether the file is open."""
        return self._connection is not None

    def is_the_same(self) -> bool:
        """Return whether the path still names the file that is open: what is written to another one is lost."""
        return self._identity() == self._file

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def close(self) -> None:
        """Close the file if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def remove_if_empty(self) -> None:
        """Close the file, and remove it if it was made here, holds no run, and no other process has it open."""
        self.close()
        made, self.made = self.made, False
        if not made or not os.path.isfile(self.path) or os.path.exists(self._beside("-shm")):
            return  # whoever closes a file last removes what is beside it
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

    def select(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query; `PATIENCE_S` is as long as one may take.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        connection = self.open()
        with faults_told(self.path, "read"):
            try:
                self._until_s = time.monotonic() + PATIENCE_S
                cursor = connection.execute(query, values)
                while rows := cursor.fetchmany(ROWS_AT_ONCE):
                    self._until_s = math.inf
                    yield from rows
                    self._until_s = time.monotonic() + PATIENCE_S
            finally:
                self._until_s = math.inf


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables and columns that are missing: all in a new file, some in one of an older schema."""
    execute = connection.execute
    (schema,) = execute("PRAGMA user_version").fetchone()
    if schema == SCHEMA:
        return
    execute(f"PRAGMA application_id = {APPLICATION_ID}")
    execute(f"PRAGMA user_version = {SCHEMA}")
    for table, columns in TABLES.items():
        found = {name for _, name, *_ in execute(f"PRAGMA table_info({table})")}
        if found:
            for column in columns:
                if column.name not in found:
                    execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {column.type}")
            continue
        key = "run INTEGER PRIMARY KEY" if table == "runs" else "run INTEGER NOT NULL"
        execute(f"CREATE TABLE {table} ({key}, {', '.join(f'{c.name} {c.type}' for c in columns)})")
        if table != "runs":
            execute(f"CREATE INDEX {table}_by_run ON {table} (run)")


def _shape_fault(connection: sqlite3.Connection, schema: int) -> str | None:
    """Return what is wrong with the tables of a file, or None: views and triggers would run what they hold."""
    kinds = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 1000"):
        if kind == "trigger":
            return "it has a trigger"
        if kind in ("table", "view"):
            virtual = str(sql).split(None, 2)[1:2] != ["TABLE"]
            kinds[name] = "a view" if kind == "view" else "a virtual table" if virtual else "a table"
    for table, columns in TABLES.items():
        own = [column.name for column in columns if column.since <= schema]
        if not own and table not in kinds:
            continue
        if kinds.get(table) != "a table":
            return f"{table} is {kinds.get(table, 'missing')}"
        found = {name: hidden for _, name, *_, hidden in connection.execute(f"PRAGMA table_xinfo({table})")}
        for name in ("run", *(own or [column.name for column in columns])):
            if name not in found:
                return f"{table} has no column {name}"
            if found[name]:
                return f"{table}.{name} is computed"
    return None


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


@contextlib.contextmanager
def faults_told(path: str, what: str = "written") -> Iterator[None]:
    """Say in a line that a file cannot be written or read: a full disk, one that is read-only or damaged."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # rows that are not those of the table: a bug, not the user's file
    except sqlite3.DatabaseError as fault:
        raise InputError(f"cannot be {what} ({fault})", path) from None
