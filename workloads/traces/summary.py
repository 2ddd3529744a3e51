"""What a trace holds, in numbers: found in one pass, in bounded memory whatever its length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.tasks import DRAWN
from cutlayer.workloads.traces.trace import NUMBERS, Trace

UNITS = DRAWN | {"arrival_s": "s"}
_SHOWN = 5


def summary(trace: Trace) -> dict[str, Any]:
    """Return what a trace holds, for programs: SI units, as in the names; what is not there is missing."""
    spans = trace.last_s > trace.first_s
    gaps = _Gaps(trace) if spans else None
    columns = {name: _Numbers() if name in NUMBERS else _Names() for name in trace.columns if name != "arrival_s"}
    for chunk in trace.chunks():
        if gaps is not None:
            gaps.take(chunk["arrival_s"])
        for name, column in columns.items():
            column.take(chunk[name])
    found: dict[str, Any] = {
        "format": trace.provenance.get("format", "trace"),
        "arrivals": trace.count,
        "first_s": trace.first_s,
        "last_s": trace.last_s,
    }
    if gaps is not None:
        found |= {"mean_rate_hz": trace.mean_rate_hz, "gaps": gaps.told(), "counts": gaps.counted()}
    told = {name: column.told(name, trace) for name, column in columns.items()}
    said = {*trace.columns, *(["input_bytes"] if "inputs" in trace.columns else [])}
    return found | {"columns": told, "does_not_say": [name for name in DRAWN if name not in said]}


def windows_s(span_s: float, count: int) -> list[float]:
    """Return three round lengths of windows: some 10, 100 and 1000 mean gaps, where the trace has 10 of them [s]."""
    lengths = [float(f"{span_s / (count - 1) * many:.0e}") for many in (10, 100, 1000)]
    return [length for length in lengths if 10 * length <= span_s] or [span_s / 10]


class _Gaps:
    """Gaps between arrivals, and how many arrive in a window, from the first arrival on."""

    def __init__(self, trace: Trace) -> None:
        self.last_s, self.count = trace.first_s, trace.count - 1
        self.mean_s = (trace.last_s - trace.first_s) / self.count
        self.squares, self.largest_s, self.zeros = 0.0, 0.0, -1  # the first arrival has no gap before it
        self.edges = {}
        for window_s in windows_s(trace.last_s - trace.first_s, trace.count):
            windows = int((trace.last_s - trace.first_s) / window_s)
            self.edges[window_s] = trace.first_s + np.arange(windows + 1) * window_s
        self.before = {window_s: np.zeros(len(edges), dtype=np.int64) for window_s, edges in self.edges.items()}

    def take(self, arrival_s: FloatArray) -> None:
        gaps_s = np.diff(arrival_s, prepend=self.last_s)
        self.squares += float(((gaps_s - self.mean_s) ** 2).sum())
        self.largest_s = max(self.largest_s, float(gaps_s.max()))
        self.zeros += int(np.count_nonzero(gaps_s == 0))
        self.last_s = float(arrival_s[-1])
        for window_s, edges in self.edges.items():
            self.before[window_s] += np.searchsorted(arrival_s, edges)

    def told(self) -> dict[str, Any]:
        squares = self.squares - self.mean_s**2  # of the gap that is none
        return {
            "mean_s": self.mean_s,
            "coefficient_of_variation": math.sqrt(max(squares, 0.0) / self.count) / self.mean_s,
            "largest_s": self.largest_s,
            "of_0_s": self.zeros,
        }

    def counted(self) -> list[dict[str, float]]:
        found = []
        for window_s, before in self.before.items():
            counts = np.diff(before)
            spread = float(counts.var(ddof=1) / counts.mean()) if len(counts) > 1 and counts.any() else math.nan
            found.append({"window_s": window_s, "variance_by_mean": spread})
        return found


class _Numbers:
    """Least, most and mean of a column, and how many have no value (or no end)."""

    def __init__(self) -> None:
        self.count, self.known, self.total, self.least, self.most = 0, 0, 0.0, math.inf, -math.inf

    def take(self, values: FloatArray) -> None:
        known = values[np.isfinite(values)]
        self.count, self.known = self.count + len(values), self.known + len(known)
        if len(known):
            self.total += float(known.sum())
            self.least, self.most = min(self.least, float(known.min())), max(self.most, float(known.max()))

    def told(self, name: str, trace: Trace) -> dict[str, Any]:
        told: dict[str, Any] = {"unit": UNITS[name], "without": self.count - self.known}
        if self.known:
            told |= {"least": self.least, "most": self.most, "mean": self.total / self.known}
        return told


class _Names:
    """The first names of a column, or to how many servers the tasks are fed."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.fed, self.least, self.most = 0, math.inf, 0

    def take(self, values: Sequence[Any]) -> None:
        if values and all(isinstance(value, str) for value in values):
            self.first = sorted({*self.first, *values})[:_SHOWN]
            return
        sizes = [len(where) for where in values if where is not None]
        self.fed += len(sizes)
        self.least, self.most = min(self.least, *sizes, math.inf), max(self.most, *sizes, 0)

    def told(self, name: str, trace: Trace) -> dict[str, Any]:
        if name == "inputs":
            return {"tasks": self.fed, "least_servers": self.least if self.fed else 0, "most_servers": self.most}
        count = trace.count if name == "task" else len(trace.names["profile"])
        return {"count": count, "first": self.first}


def notes_of(trace: Trace) -> list[str]:
    """Return what was assumed of a trace, a sentence each."""
    said = trace.provenance
    notes = []
    for key, rows in said.get("left_out", {}).items():
        field, what = key.split()
        notes.append(f"{rows} {_rows(rows)} with {what} {field} left out")
    for key, how in said.get("replaced", {}).items():
        field, what = key.split()
        value = f"{how['value']:g} {UNITS[field]}" if field in NUMBERS else repr(how["value"])
        notes.append(f"{how['rows']} {_rows(how['rows'])} with {what} {field}: {value} assumed")
    if "clock_s" in said:
        notes.append(f"times are those of a clock and count from the first arrival, {said['clock_s']!r} s")
    if "moved_s" in said:
        notes.append(f"all times moved by {said['moved_s']:g} s, so that the first arrival is at 0")
    if "bin_s" in said:
        notes.append(f"arrivals are counted in intervals of {said['bin_s']:g} s and spread evenly at random over them")
    return [note for part in said.get("together", []) for note in _part(part)] + notes


def _part(provenance: Any) -> list[str]:
    return notes_of(Trace((), 0, 0.0, 0.0, provenance, {}, lambda: iter(())))


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
