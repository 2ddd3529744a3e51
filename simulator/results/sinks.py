"""Where the rows of a run go: into lists, or into a results file as they come (`results.writer.RunWriter`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from cutlayer.simulator.results.tables import Row, column_names


class Sink(Protocol):
    """Takes the rows of one run."""

    def take(self, table: str, rows: Iterable[Row], places: Sequence[int] | None = None) -> None:
        """Take rows of a table.

        Parameters
        ----------
        table : str
        rows : iterable of Row
            Columns as in `cutlayer.simulator.results.tables.TABLES`.
        places : sequence of int, optional
            The place of each row in its table, from 0, for a table whose rows do not come in their order.
        """


BATCH = 1000
"""Rows of a table that go to the sink together."""


class Batches:
    """Passes rows on to a sink, many at a time."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._places: dict[str, list[int]] = defaultdict(list)

    def add(self, table: str, row: Row, place: int | None = None) -> None:
        """Add a row, with its place in the table if the rows do not come in their order."""
        rows = self._rows[table]
        rows.append(row)
        if place is not None:
            self._places[table].append(place)
        if len(rows) >= BATCH:
            self._pass_on(table)

    def flush(self) -> None:
        """Pass on what is left."""
        for table in list(self._rows):
            self._pass_on(table)

    def _pass_on(self, table: str) -> None:
        self._sink.take(table, self._rows.pop(table), self._places.pop(table, None))


class Collected:
    """Keeps the rows in lists: for a run whose rows are wanted in memory, or sent to another process."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._places: dict[str, list[int]] = defaultdict(list)

    def take(self, table: str, rows: Iterable[Row], places: Sequence[int] | None = None) -> None:
        """Keep them."""
        self._rows[table].extend(rows)
        if places is not None:
            self._places[table].extend(places)

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table, in order."""
        rows, places = self._rows.get(table, []), self._places.get(table)
        if places is None:
            return rows
        return [rows[n] for n in sorted(range(len(rows)), key=places.__getitem__)]

    def mappings(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table as mappings, in order."""
        names = column_names(table)
        return [dict(zip(names, row, strict=True)) for row in self.rows(table)]
