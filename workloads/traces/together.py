"""Several traces as one: what arrives in any of them, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.trace import NUMBERS, Chunk, Trace, joined, streamed


def together(traces: Mapping[str, Trace]) -> Trace:
    """Return the arrivals of several traces as one trace, read piece by piece.

    Parameters
    ----------
    traces : mapping of str to Trace
        By what they are called in messages. Tasks of one instant go in the order of the traces.

    Raises
    ------
    InputError
        If one of them says of its tasks what another does not.
    """
    first, *others = traces
    columns = traces[first].columns
    for name in others:
        if traces[name].columns != columns:
            raise InputError(
                f"says {', '.join(traces[name].columns)}, and {first} says {', '.join(columns)}; allowed: the same",
                name,
            )
    if not others:
        return traces[first]
    provenance = {"together": [dict(trace.provenance) for trace in traces.values()]}
    return streamed(columns, provenance, lambda: _merged(columns, list(traces.values())))


def _merged(columns: Sequence[str], traces: Sequence[Trace]) -> Iterator[Chunk]:
    sources = [trace.chunks() for trace in traces]
    held: list[Chunk | None] = [next(source, None) for source in sources]
    while there := [chunk for chunk in held if chunk is not None]:
        end_s = min(float(chunk["arrival_s"][-1]) for chunk in there)
        pieces = []
        for at, chunk in enumerate(held):
            if chunk is None:
                continue
            count = int(np.searchsorted(chunk["arrival_s"], end_s, side="right"))
            pieces.append({name: chunk[name][:count] for name in columns})
            rest = {name: chunk[name][count:] for name in columns}
            held[at] = rest if len(rest["arrival_s"]) else next(sources[at], None)
        rows: dict[str, Any] = joined(columns, pieces)
        order = np.argsort(rows["arrival_s"], kind="stable")
        yield {
            name: rows[name][order] if name in NUMBERS else [rows[name][j] for j in order.tolist()] for name in columns
        }
