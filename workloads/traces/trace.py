"""Arrivals as columns, read piece by piece: what every trace file and every generator becomes.

A `Trace` holds when tasks arrive and, as far as it is known, what they are. `workloads.tasks` draws the rest and makes
tasks; `cutlayer.workloads.traces.formats` reads the files.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.traces.rows import LEAST, MOST, Path

NUMBERS = ("arrival_s", "frame_rate_hz", "deadline_s", "lifetime_s", "input_bytes")
COLUMNS = ("task", "arrival_s", "profile", "frame_rate_hz", "deadline_s", "lifetime_s", "input_bytes", "inputs")
"""What a trace may specify of a task. A lifetime may be infinite (for ever). Of input_bytes (one frame, all servers
together, NaN for none) and inputs (pairs of server and bytes, None for none) a task has one."""

ROWS = 1 << 16
"""Rows that are in memory at once."""

MOST_NAMES = 1_000_000
"""Profiles, and servers, that a trace may name."""

Chunk = Mapping[str, Any]
"""Some rows of a trace: arrays of floats (`NUMBERS`) and lists (names; inputs), by column."""
Inputs = tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """Arrivals in order of time, with what is known of each.

    Attributes
    ----------
    columns : tuple of str
        What it specifies: names of `COLUMNS`, in that order; ``arrival_s`` is always among them.
    count : int
        How many arrivals it has; 0 only where they are drawn, or cut off by the end of a run.
    first_s, last_s : float
        When the first and the last arrive [s]; 0 where none does.
    provenance : mapping
        Where it comes from: the format or generator, and what was done to it. Plain values.
    names : mapping of str to mapping of str to int
        The names of a ``"profile"`` and of a ``"server"`` in it, with the row (from 0) each stands in first.
    """

    columns: tuple[str, ...]
    count: int
    first_s: float
    last_s: float
    provenance: Mapping[str, Any]
    names: Mapping[str, Mapping[str, int]]
    _read: Callable[[], Iterator[Chunk]] = field(repr=False)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows from the first on, some `ROWS` at a time; every call begins anew."""
        return self._read()

    def table(self) -> dict[str, Any]:
        """Return all rows at once."""
        return joined(self.columns, self.chunks())

    def arrivals_s(self) -> FloatArray:
        """Return when every task arrives [s], shape (count,)."""
        return np.concatenate([np.zeros(0), *(chunk["arrival_s"] for chunk in self.chunks())])

    @property
    def mean_rate_hz(self) -> float:
        """Arrivals a second between the first and the last, (count - 1) / (last - first); NaN for a single instant."""
        return (self.count - 1) / (self.last_s - self.first_s) if self.last_s > self.first_s else math.nan


def joined(columns: Sequence[str], chunks: Iterable[Chunk]) -> dict[str, Any]:
    """Return the rows of all `chunks` as one."""
    pieces = list(chunks)
    return {
        name: np.concatenate([piece[name] for piece in pieces])
        if name in NUMBERS
        else [value for piece in pieces for value in piece[name]]
        for name in columns
    }


def in_order(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns in the order of `COLUMNS`."""
    given = set(columns)
    return tuple(name for name in COLUMNS if name in given)


def from_columns(columns: Mapping[str, Any], provenance: Mapping[str, Any]) -> Trace:
    """Return the trace of columns held in memory, sorted by arrival; tasks of one instant keep their order."""
    arrival_s = np.asarray(columns["arrival_s"], dtype=np.float64)
    if not len(arrival_s):
        raise InputError("a trace without arrivals; allowed: 1 or more")
    order = np.argsort(arrival_s, kind="stable")
    rows: dict[str, Any] = {}
    for name in in_order(columns):
        if name in NUMBERS:
            rows[name] = np.asarray(columns[name], dtype=np.float64)[order]
        else:
            rows[name] = [columns[name][j] for j in order.tolist()]
    return streamed(tuple(rows), provenance, lambda: iter([rows]))


def streamed(
    columns: Sequence[str],
    provenance: Mapping[str, Any],
    read: Callable[[], Iterator[Chunk]],
    *,
    may_be_empty: bool = False,
) -> Trace:
    """Return the trace that `read` yields, read once now: to count it, and to meet whatever is wrong with it.

    What fits into memory at once stays there; `read` is called again for what does not. With `may_be_empty` there
    may be no arrivals.

    Raises
    ------
    InputError
        If nothing arrives, or there are more than `MOST_NAMES` profiles or servers.
    """
    count, first_s, last_s = 0, 0.0, 0.0
    held: list[Chunk] = []
    names: dict[str, dict[str, int]] = {"profile": {}, "server": {}}
    for chunk in read():
        arrival_s = chunk["arrival_s"]
        if not len(arrival_s):
            continue
        for at, profile in enumerate(chunk.get("profile", ())):
            names["profile"].setdefault(profile, count + at)
        for at, where in enumerate(chunk.get("inputs", ())):
            for server, _ in where or ():
                names["server"].setdefault(server, count + at)
        if many := [what for what in names if len(names[what]) > MOST_NAMES]:
            raise InputError(f"more than {MOST_NAMES} names of a {many[0]}; allowed: fewer")
        first_s = first_s if count else float(arrival_s[0])
        count, last_s = count + len(arrival_s), float(arrival_s[-1])
        held = [*held, chunk] if count <= ROWS else []
    if not count:
        if not may_be_empty:
            raise InputError("a trace without arrivals; allowed: 1 or more")
        first_s = last_s = 0.0
    again = read if count > ROWS else lambda: iter(held)
    return Trace(tuple(columns), count, first_s, last_s, dict(provenance), names, again)


class Format:
    """A kind of file that holds a trace; one file, registered in `FORMATS`, is all that a new one takes."""

    suffix: str = ".csv"

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether a CSV file with these columns is of this format."""
        return False

    def read(self, path: Path) -> Trace:
        """Read a file, all of it checked; parameters of the format are keyword arguments."""
        raise NotImplementedError


FORMATS: Registry[Format] = Registry("trace format")


def with_options(
    call: Callable[..., Trace], what: str, path: Path, options: Mapping[str, Any], known: Mapping[str, Any]
) -> Trace:
    """Call a reader with its options, and of the names `known` those it asks for; refuse options it does not have."""
    allowed = [name for name, found in inspect.signature(call).parameters.items() if found.kind is found.KEYWORD_ONLY]
    offered = [name for name in allowed if name not in known]
    for name in options:
        if name not in offered:
            raise UnknownNameError(f"option of the trace format {what!r}:", name, offered)
    return call(path, **options, **{name: names for name, names in known.items() if name in allowed})


def check_numbers(name: str, values: FloatArray, where: Callable[[int], InputError]) -> None:
    """Check a column that was not read as text: 0 or more for arrivals, above 0 for all else.

    `where` makes the error of the value at an index.
    """
    sound = (values >= LEAST) & (values <= MOST)
    if name == "arrival_s":
        sound |= values == 0
    elif name == "lifetime_s":
        sound |= values == math.inf
    elif name == "input_bytes":
        sound |= np.isnan(values)
    if not sound.all():
        raise where(int(np.flatnonzero(~sound)[0]))
