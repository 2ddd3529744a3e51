"""The project's own CSV: ``tasks.csv`` and, where tasks say which servers they feed, ``inputs.csv``."""

from __future__ import annotations

import contextlib
import csv
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.files import drafted
from cutlayer.workloads.traces.index import Index
from cutlayer.workloads.traces.rows import Path, read_header, read_number, read_rows, read_text
from cutlayer.workloads.traces.trace import (
    COLUMNS,
    FORMATS,
    NUMBERS,
    ROWS,
    Chunk,
    Format,
    Inputs,
    Trace,
    in_order,
    streamed,
)
from cutlayer.workloads.traces.writable import checked

TASK_COLUMNS = ("task", "arrival_s", "profile", "frame_rate_hz", "deadline_s")
TASK_OPTIONS = ("lifetime_s", "input_bytes")
INPUT_COLUMNS = ("task", "server", "input_bytes")


class Native(Format):
    """Columns task, arrival_s, profile, frame_rate_hz, deadline_s, lifetime_s, input_bytes; sorted by arrival."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether all columns are ours."""
        return "arrival_s" in header and set(header) <= set(COLUMNS)

    def read(
        self,
        path: Path,
        *,
        inputs: Path | None = None,
        servers: Collection[str] | None = None,
        profiles: Collection[str] | None = None,
        complete: bool = False,
    ) -> Trace:
        """Read ``tasks.csv``; see `cutlayer.workloads.formats.read_tasks` for its columns.

        Parameters
        ----------
        path : path
            The column arrival_s must be there, others may be; a column that is there has a value in every row,
            but for lifetime_s (empty: for ever) and input_bytes (empty: rows in `inputs`).
        inputs : path, optional
            Columns task, server, input_bytes, in any order.
        servers, profiles : collection of str, optional
            The names that may stand in the files; any by default.
        complete : bool
            Whether all of a task must be there: nothing can be drawn.
        """
        index = Index()
        if inputs is not None:
            _read_inputs(inputs, index, servers)
        columns = in_order([*read_header(path), *(["inputs"] if inputs is not None else [])])
        rows = _Rows(path, inputs, index, profiles, complete)
        trace = streamed(columns, {"format": "native"}, lambda: _chunks(columns, rows.read()))
        if inputs is not None and (stray := index.stray()) is not None:
            raise UnknownNameError("task", stray[0], index.names(1000)).located(inputs, stray[1])
        return trace


FORMATS.register("native")(Native())


class _Rows:
    """The checked rows of a file of tasks."""

    def __init__(
        self, path: Path, inputs: Path | None, index: Index, profiles: Collection[str] | None, complete: bool
    ) -> None:
        self.path, self.inputs, self.index, self.profiles, self.complete = path, inputs, index, profiles, complete
        self.needed = TASK_COLUMNS if complete else ("arrival_s", *(["task"] if inputs is not None else []))
        self.options = [name for name in (*TASK_COLUMNS, *TASK_OPTIONS) if name not in self.needed]
        self.known = False
        """Whether all names are in the index: whether the file was read to its end before."""

    def read(self) -> Iterator[dict[str, Any]]:
        last_s = -math.inf
        for line, row in read_rows(self.path, self.needed, self.options):
            found = self._row(row, line, last_s)
            last_s = found["arrival_s"]
            yield found
        self.known = True

    def _row(self, row: Mapping[str, str], line: int, last_s: float) -> dict[str, Any]:
        path = self.path
        found: dict[str, Any] = {}
        if "task" in row:
            name = found["task"] = read_text(row, "task", path, line)
            if not self.known and not self.index.add_task(name):
                raise InputError(f"task {name!r} stands twice", path, line)
        arrival_s = found["arrival_s"] = read_number(row, "arrival_s", path, line)
        if arrival_s < last_s:
            raise InputError(f"arrival_s is {row['arrival_s']}, before {last_s!r}; rows go by time", path, line)
        if "profile" in row:
            profile = found["profile"] = read_text(row, "profile", path, line)
            if self.profiles is not None and profile not in self.profiles:
                raise UnknownNameError("profile", profile, self.profiles).located(path, line)
        self._where(row, found, line)
        if "lifetime_s" in row:
            text = row["lifetime_s"]
            found["lifetime_s"] = read_number(row, "lifetime_s", path, line, positive=True) if text else math.inf
        for column in ("frame_rate_hz", "deadline_s"):
            if column in row:
                found[column] = read_number(row, column, path, line, positive=True)
        return found

    def _where(self, row: Mapping[str, str], found: dict[str, Any], line: int) -> None:
        """Find the input bytes: here, for all servers together, or in the file of inputs, by server."""
        if self.inputs is None and "input_bytes" not in row and not self.complete:
            return  # to be drawn
        name = found.get("task", f"t{line}")
        fed = self.index.inputs_of(name) if self.inputs is not None else []
        found["input_bytes"], found["inputs"] = math.nan, None
        if row.get("input_bytes"):
            if fed:
                raise InputError(
                    f"task {name!r} has input_bytes and rows in the inputs file; allowed: one", self.path, line
                )
            found["input_bytes"] = read_number(row, "input_bytes", self.path, line, positive=True)
            return
        if not fed:
            raise InputError(
                f"task {name!r} has no input_bytes and no rows in an inputs file; allowed: one", self.path, line
            )
        found["inputs"] = tuple((server, input_bytes) for server, input_bytes in fed if input_bytes > 0)
        if not found["inputs"]:
            raise InputError(
                f"task {name!r} has 0 input_bytes everywhere; allowed: above 0 at one or more", self.path, line
            )


def _read_inputs(path: Path, index: Index, servers: Collection[str] | None) -> None:
    for line, row in read_rows(path, INPUT_COLUMNS):
        name, server = read_text(row, "task", path, line), read_text(row, "server", path, line)
        if servers is not None and server not in servers:
            raise UnknownNameError("server", server, servers).located(path, line)
        if not index.add_input(name, server, read_number(row, "input_bytes", path, line), line):
            raise InputError(f"task {name!r} at server {server!r} stands twice", path, line)


def _chunks(columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> Iterator[Chunk]:
    held: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, values in held.items():
            values.append(row[name])
        if len(held["arrival_s"]) == ROWS:
            yield _chunk(held)
            held = {name: [] for name in columns}
    if held.get("arrival_s"):
        yield _chunk(held)


def _chunk(held: Mapping[str, list[Any]]) -> Chunk:
    return {name: np.array(values) if name in NUMBERS else values for name, values in held.items()}


def write_csv(trace: Trace, path: Path) -> list[str]:
    """Write a trace as ``tasks.csv`` and, where it says which servers are fed, ``NAME.inputs.csv`` beside it."""
    stem = os.path.splitext(os.fspath(path))[0]
    columns = [name for name in trace.columns if name != "inputs"]
    fed = "inputs" in trace.columns
    if fed and "task" not in columns:
        columns = ["task", *columns]  # what the inputs go by
    paths = [os.fspath(path), *([f"{stem}.inputs.csv"] if fed else [])]
    with drafted(*paths) as drafts, contextlib.ExitStack() as files:
        _write_rows(
            trace, columns, [files.enter_context(draft.open("w", encoding="utf-8", newline="")) for draft in drafts]
        )
    return paths


def _write_rows(trace: Trace, columns: Sequence[str], files: Sequence[IO[str]]) -> None:
    tasks = csv.writer(files[0], lineterminator="\n")
    tasks.writerow(columns)
    inputs = csv.writer(files[1], lineterminator="\n") if len(files) > 1 else None
    if inputs is not None:
        inputs.writerow(INPUT_COLUMNS)
    for chunk in checked(trace):
        names: list[str] = chunk["task"] if "task" in columns else []
        tasks.writerows(zip(*(_texts(name, chunk[name]) for name in columns), strict=True))
        if inputs is not None:
            fed: Sequence[Inputs | None] = chunk["inputs"]
            inputs.writerows(
                (name, server, repr(float(value)))
                for name, where in zip(names, fed, strict=True)
                for server, value in where or ()
            )


def _texts(name: str, values: Any) -> Sequence[str]:
    """Return values as a file has them: floats to the last bit, nothing for what is not there or has no end."""
    if name not in NUMBERS:
        return values  # type: ignore[no-any-return]
    return [repr(value) if math.isfinite(value) else "" for value in values.tolist()]
