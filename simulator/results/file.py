"""Results files: the tables of `cutlayer.simulator.results.tables` in SQLite, in and out.

One file holds many runs. A run is written in one transaction: it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.database import Database, faults_told, make_tables
from cutlayer.simulator.results.reading import checked
from cutlayer.simulator.results.tables import TABLES, Row, column_names
from cutlayer.simulator.results.writer import RunWriter


class Results:
    """A results file.

    Parameters
    ----------
    path : path
        The SQLite file; made at the first write if it does not exist.
    must_exist : bool
        Refuse a file that does not exist. Without it, using the file as a context refuses one that cannot be
        written, before the run and not after it; with it such a file can still be read.

    Raises
    ------
    InputError
        If the file is not a results file, or cannot be opened or written.
    """

    def __init__(self, path: str | os.PathLike[str], *, must_exist: bool = False) -> None:
        self.path = os.fspath(path)
        self._must_exist = must_exist
        self._database = Database(self.path, must_exist)

    def __enter__(self) -> Results:
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.exists(self.path):
            if not self._must_exist:
                self._refuse_read_only()
            self._database.open()
        elif not os.access(folder, os.W_OK | os.X_OK):  # say so before the run, not after it
            raise InputError(f"cannot be made: no files may be written to {folder!r}", self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def _refuse_read_only(self) -> None:
        if os.path.exists(self.path) and self._database.is_fixed():
            raise InputError("cannot be written: the file or its folder is read-only", self.path)

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
        self._refuse_read_only()
        connection = self._database.open()
        if not self._database.is_the_same():
            raise InputError(
                "the results file was removed or replaced while the run was made; nothing of this run is saved",
                self.path,
            )
        if connection.in_transaction:
            raise RuntimeError(f"{self.path}: a run is being written already; write one after the other")
        execute = connection.execute
        try:
            with faults_told(self.path):
                execute("BEGIN IMMEDIATE")
                make_tables(connection)
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
            if self._database.made:
                self._database.remove_if_empty()
            raise
        self._database.made = False

    def keys(self) -> set[str]:
        """Return the keys of the runs that are done."""
        if not self._has("runs"):
            return set()
        return {key for (key,) in self._database.select("SELECT key FROM runs WHERE status = 'done'")}

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read the file as it is now: a context in which nothing that another process writes is seen.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if not os.path.exists(self.path):  # nothing has been written, and reading must not make the file
            yield
            return
        connection = self._database.open()
        with faults_told(self.path, "read"):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # SQLite begins with the first look
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):  # nothing was written, so nothing is lost
                connection.execute("ROLLBACK")

    def _has(self, table: str) -> bool:
        """Return whether the file has the table: a new one does not, nor one of a schema without it."""
        if not self._database.is_open() and not os.path.exists(self.path):
            return False
        return any(self._database.select("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)))

    def value(self, key: str, column: str) -> Any:
        """Return one value of the row of ``runs`` of that key; None if there is no such run."""
        if column not in column_names("runs"):
            raise UnknownNameError("column", column, column_names("runs"))
        if not self._has("runs"):
            return None
        found = self._database.select(f"SELECT {column} FROM runs WHERE key = ?", (key,))
        return next((value for (value,) in found), None)

    def rows(self, table: str, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of `table`, of one run if its key is given, as mappings.

        Raises
        ------
        InputError
            If there is no such table, the file cannot be read, or it holds what a column cannot hold.
        """
        if table not in TABLES:
            raise UnknownNameError("table", table, TABLES)
        if not self._has(table):
            return
        where, values = ("", ()) if key is None else (" WHERE runs.key = ?", (key,))
        found = {name for _, name, *_ in self._database.select(f"PRAGMA table_info({table})")}
        names = ["run", *(name for name in column_names(table) if name in found)]
        columns = ", ".join(f"{table}.{name}" for name in names)
        query = f"SELECT {columns} FROM {table}" + ("" if table == "runs" else " JOIN runs USING (run)") + where
        yield from checked(table, names, self._database.select(f"{query} ORDER BY {table}.rowid", values), self.path)
