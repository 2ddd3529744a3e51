"""Which tasks there are and where they are fed, on disk: a trace may name more of them than memory holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from cutlayer.simulator.errors import InputError

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE tasks (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE inputs (name TEXT, place INTEGER, server TEXT, bytes REAL, line INTEGER, PRIMARY KEY (name, place))
WITHOUT ROWID;
CREATE UNIQUE INDEX once ON inputs (name, server);
"""


class Index:
    """The names of the tasks of a trace, each once, and the servers that feed them.

    Holds some 32 MB in memory; SQLite keeps the rest in a file of its own, which is gone when the index is.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._run(lambda: self._connection.executescript(_TABLES).execute("BEGIN"))

    def add_task(self, name: str) -> bool:
        """Add a task; return whether it is new."""
        done = self._run(lambda: self._connection.execute("INSERT OR IGNORE INTO tasks VALUES (?)", (name,)))
        return bool(done.rowcount)

    def add_input(self, name: str, server: str, input_bytes: float, line: int) -> bool:
        """Add what a server gets of a task's frame; return whether task and server are new."""
        row = (name, line, server, input_bytes, line)
        done = self._run(lambda: self._connection.execute("INSERT OR IGNORE INTO inputs VALUES (?, ?, ?, ?, ?)", row))
        return bool(done.rowcount)

    def inputs_of(self, name: str) -> list[tuple[str, float]]:
        """Return servers and bytes of a task, in the order they were added."""
        asked = "SELECT server, bytes FROM inputs WHERE name = ? ORDER BY place"
        return list(self._run(lambda: self._connection.execute(asked, (name,)).fetchall()))

    def stray(self) -> tuple[str, int] | None:
        """Return the first task with inputs that was never added, and its line."""
        asked = "SELECT name, line FROM inputs WHERE name NOT IN tasks ORDER BY line LIMIT 1"
        found: tuple[str, int] | None = self._run(lambda: self._connection.execute(asked).fetchone())
        return found

    def names(self, limit: int) -> list[str]:
        """Return some names of tasks."""
        asked = "SELECT name FROM tasks LIMIT ?"
        return [name for (name,) in self._run(lambda: self._connection.execute(asked, (limit,)).fetchall())]

    def _run(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except sqlite3.OperationalError as fault:  # its file lies in TMPDIR
            raise InputError(f"no room to see which tasks stand twice ({fault}); allowed: a larger TMPDIR") from None
