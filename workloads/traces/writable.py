"""What a trace file can hold: exactly what reading it would accept, so that every file written reads back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.index import Index
from cutlayer.workloads.traces.rows import LEAST, MOST, is_name
from cutlayer.workloads.traces.trace import NUMBERS, Chunk, Trace, check_numbers


def checked(trace: Trace, what: str = "the trace") -> Iterator[Chunk]:
    """Yield the rows of `trace`, each checked as those of a file are; `what` it is called in messages."""
    index, first, last_s = Index(), 0, -np.inf
    for given in trace.chunks():
        chunk = dict(given)
        if "inputs" in chunk and "task" not in chunk:
            chunk["task"] = [f"t{j}" for j in range(first, first + len(chunk["arrival_s"]))]
        check_chunk(chunk, first, index, last_s, what)
        first, last_s = first + len(chunk["arrival_s"]), chunk["arrival_s"][-1]
        yield chunk


def check_chunk(chunk: Chunk, first: int, index: Index | None, last_s: float, file: Any) -> None:
    """Check some rows, the first being row `first` (from 0) of `file`, which come after `last_s`."""

    def fault(at: int, message: str) -> InputError:
        return InputError(f"row {first + at + 1}: {message}", file)

    arrival_s = chunk["arrival_s"]
    for name in NUMBERS:
        if name in chunk:
            allowed = "a number, 0 or more" if name == "arrival_s" else "a number above 0"
            check_numbers(
                name,
                chunk[name],
                lambda at, name=name, allowed=allowed: fault(  # type: ignore[misc]
                    at, f"{name} is {float(chunk[name][at])!r}; allowed: {allowed}"
                ),
            )
    late = np.flatnonzero(np.diff(arrival_s, prepend=last_s) < 0)
    if len(late):
        before = last_s if late[0] == 0 else arrival_s[late[0] - 1]
        raise fault(int(late[0]), f"arrival_s is {arrival_s[late[0]]}, before {before}; rows go by time")
    for name in ("task", "profile"):
        for at, text in enumerate(chunk.get(name, ())):
            if not is_name(text):
                raise fault(at, f"{name} is {text[:200]!r}; allowed: up to 200 letters in one line")
            if name == "task" and index is not None and not index.add_task(text):
                raise fault(at, f"task {text!r} stands twice")
    _check_inputs(chunk, fault)


def _check_inputs(chunk: Chunk, fault: Any) -> None:
    total = chunk.get("input_bytes")
    if "inputs" not in chunk:
        if total is not None and np.isnan(total).any():
            raise fault(int(np.flatnonzero(np.isnan(total))[0]), "input_bytes is empty")
        return
    for at, where in enumerate(chunk["inputs"]):
        if (where is None) == (total is None or np.isnan(total[at])):
            raise fault(at, "allowed: input_bytes or inputs, one of them")
        names = [server for server, _ in where or ()]
        if where is not None and (not where or len(set(names)) < len(names)):
            raise fault(at, "inputs name no server, or one twice")
        for server, value in where or ():
            if not is_name(server):
                raise fault(at, f"server is {server[:200]!r}; allowed: up to 200 letters in one line")
            if not LEAST <= value <= MOST:
                raise fault(at, f"input_bytes at {server!r} is {value!r}; allowed: a number above 0")
