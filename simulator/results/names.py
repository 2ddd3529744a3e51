"""Detects duplicate task names in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from cutlayer.simulator.errors import InputError

FEW = 2000
"""How many names are kept in memory; more of them all go to the file."""


class Names:
    """The names seen so far; many of them go to a private temporary file, since a set in memory would grow with them.

    SQLite makes the file when its cache of some megabytes is full and removes it, even if the process is killed.
    """

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._few: set[str] = set()

    def add(self, names: Sequence[str]) -> str | None:
        """Add names; return the first duplicate, or None.

        Raises
        ------
        InputError
            If the temporary file cannot be written.
        """
        if self._connection is None and len(self._few) + len(names) <= FEW:
            for name in names:
                if name in self._few:
                    return name
                self._few.add(name)
            return None
        names, self._few = [*self._few, *names], set()
        try:
            connection = self._open()
            before = connection.total_changes
            try:
                connection.executemany("INSERT INTO names VALUES (?)", ((name,) for name in names))
            except sqlite3.IntegrityError:
                return names[connection.total_changes - before]
        except sqlite3.DatabaseError as fault:
            raise InputError(f"the names of tasks cannot be kept in a temporary file ({fault})") from None
        return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect("", isolation_level=None)
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")
            connection.execute("BEGIN")
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Forget them all."""
        self._few = set()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        self.close()
