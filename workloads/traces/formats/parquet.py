"""The native columns as Parquet; which servers are fed is a column of lists."""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError, near_name
from cutlayer.simulator.files import whole
from cutlayer.workloads.traces.index import Index
from cutlayer.workloads.traces.rows import Path
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
from cutlayer.workloads.traces.writable import check_chunk, checked

_KEY = b"cutlayer"

MOST_BYTES = 1 << 27
"""Of a row group before compression: a few kB may hold many GB."""
MOST_PAIRS = 2_000_000
"""Of servers and bytes, in `FED_ROWS` rows."""
FED_ROWS = 1024
_LONGEST = 800
"""Bytes of a name: 200 letters."""


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError("Parquet needs pyarrow; pip install 'cutlayer[parquet]', or use CSV") from None


class Parquet(Format):
    """The same columns as native CSV, sorted by arrival; inputs: a list of (server, input_bytes) a task."""

    suffix = ".parquet"

    def read(
        self,
        path: Path,
        *,
        servers: Collection[str] | None = None,
        profiles: Collection[str] | None = None,
    ) -> Trace:
        """Read a Parquet file, a row group at a time; `servers` and `profiles` are the names that may stand in it."""
        if not os.path.isfile(path):
            there = os.path.exists(path)
            raise InputError(
                "is a folder, a pipe or a device; allowed: a file" if there else "cannot be read (no such file)", path
            )
        columns, provenance = _schema(path)
        known = {"server": servers, "profile": profiles}
        first = [True]  # names are known to be different once the file has been read

        def read() -> Iterator[Chunk]:
            index = Index() if first.pop() else None
            first.append(False)
            yield from _checked(path, columns, known, index)

        return streamed(columns, provenance, read)


FORMATS.register("parquet")(Parquet())


def _opened(path: Path, names: Sequence[str] = ()) -> Any:
    """Open a file; columns of `names` are read as dictionaries: each name is in memory once."""
    arrow, parquet = _arrow()
    try:
        file = parquet.ParquetFile(path, read_dictionary=names)
        sizes = [file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups)]
        if max(sizes, default=0) > MOST_BYTES:
            file.close()
            raise InputError(f"a row group has more than {MOST_BYTES:,} bytes; allowed: smaller ones", path)
        return file
    except (arrow.ArrowException, OSError, ValueError, KeyError, MemoryError) as fault:
        if isinstance(fault, InputError):
            raise
        raise _damaged(path, fault) from None


def _damaged(path: Path, fault: BaseException) -> InputError:
    said = " ".join(str(fault).split()).rstrip(".")
    return InputError(f"not a sound Parquet file ({said[:200]})", path)


def _schema(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the columns of a file, checked by name and type, and what it says of its origin."""
    arrow, _ = _arrow()
    with _opened(path) as file:
        try:
            schema = file.schema_arrow
            told = (schema.metadata or {}).get(_KEY, b"{}")
            names = list(schema.names)
            types = [schema.field(at).type for at in range(len(names))]
        except (arrow.ArrowException, OSError, ValueError, MemoryError) as fault:
            raise _damaged(path, fault) from None
    for name, kind in zip(names, types, strict=True):
        if name not in COLUMNS:
            raise InputError(f"unknown column {name[:200]!r}; {near_name(name, COLUMNS)}", path)
        if names.count(name) > 1:
            raise InputError(f"column {name!r} stands twice", path)
        _check_type(arrow, name, kind, path)
    if "arrival_s" not in names:
        raise InputError("column 'arrival_s' is missing; needed: arrival_s", path)
    try:
        provenance = json.loads(told)
    except (ValueError, RecursionError):
        provenance = None
    if not isinstance(provenance, dict):
        raise InputError("says of its origin what is not a JSON object", path)
    return in_order(names), {"format": "parquet"} | provenance


def _check_type(arrow: Any, name: str, kind: Any, path: Path) -> None:
    types = arrow.types
    if name in NUMBERS:
        sound, allowed = types.is_floating(kind) or types.is_integer(kind), "numbers"
    elif name == "inputs":
        sound = types.is_list(kind) or types.is_large_list(kind)
        fields = {kind.value_type.field(at).name for at in range(kind.value_type.num_fields)} if sound else set()
        sound = sound and types.is_struct(kind.value_type) and fields == {"server", "input_bytes"}
        allowed = "a list of (server, input_bytes)"
    else:
        plain = kind.value_type if types.is_dictionary(kind) else kind
        sound, allowed = types.is_string(plain) or types.is_large_string(plain), "text"
    if not sound:
        raise InputError(f"column {name!r} holds {str(kind)[:200]}; allowed: {allowed}", path)


def _checked(
    path: Path, columns: Sequence[str], known: Mapping[str, Collection[str] | None], index: Index | None
) -> Iterator[Chunk]:
    first, last_s = 0, -math.inf
    for batch in _batches(path, columns):
        chunk = {name: _values(name, column, first, path) for name, column in zip(columns, batch, strict=True)}
        check_chunk(chunk, first, index, last_s, path)
        for what, given in (
            ("profile", enumerate(chunk.get("profile", ()))),
            ("server", ((at, name) for at, where in enumerate(chunk.get("inputs", ())) for name, _ in where or ())),
        ):
            allowed = known[what]
            for at, name in given if allowed is not None else ():
                if name not in allowed:  # type: ignore[operator]
                    fault = UnknownNameError(what, name, allowed)  # type: ignore[arg-type]
                    raise InputError(f"row {first + at + 1}: {fault.message}", path)
        first, last_s = first + len(chunk["arrival_s"]), float(chunk["arrival_s"][-1])
        yield chunk


def _batches(path: Path, columns: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the columns of some rows at a time, in the order of `columns`."""
    arrow, _ = _arrow()
    with _opened(path, [name for name in columns if name in ("task", "profile")]) as file:
        rows = min(FED_ROWS, ROWS) if "inputs" in columns else ROWS
        batches = file.iter_batches(batch_size=rows, columns=list(columns), use_threads=False)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
                held = [batch.column(batch.schema.get_field_index(name)) for name in columns]
            except (arrow.ArrowException, OSError, ValueError, MemoryError) as fault:
                raise _damaged(path, fault) from None
            if batch.num_rows:
                yield held


def _values(name: str, column: Any, first: int, path: Path) -> Any:
    """Return a column as a trace has it; what is not there is no value, but for a lifetime, bytes or inputs."""
    arrow, _ = _arrow()
    if column.null_count and name not in ("lifetime_s", "input_bytes", "inputs"):
        at = column.is_null().to_pylist().index(True)
        raise InputError(f"row {first + at + 1}: {name} is empty", path)
    try:
        if name in NUMBERS:
            plain = column.cast(arrow.float64())
            empty = {"lifetime_s": math.inf}.get(name, math.nan)
            values = np.array(plain.to_numpy(zero_copy_only=False), dtype=np.float64)
            values[np.array(column.is_null().to_pylist(), dtype=bool)] = empty
            return values
        return _fed(column, first, path) if name == "inputs" else _texts(name, column, path)
    except (arrow.ArrowException, ValueError, MemoryError) as fault:  # text that is not UTF-8, an integer too long
        if isinstance(fault, InputError):
            raise
        raise InputError(f"column {name!r}: {' '.join(str(fault).split())[:200]}", path) from None


def _texts(name: str, column: Any, path: Path) -> list[str]:
    """Return a column of names, whose length is checked before there is one for every row."""
    arrow, _ = _arrow()
    names = column.dictionary if arrow.types.is_dictionary(column.type) else column
    longest = max((len(one.as_buffer()) for one in names if one.is_valid), default=0)
    if longest > _LONGEST:
        raise InputError(f"{name} has {longest:,} bytes; allowed: up to 200 letters", path)
    texts: list[str] = column.to_pylist()
    return texts


def _fed(column: Any, first: int, path: Path) -> list[Inputs | None]:
    """Return which servers are fed in each row, and with how much."""
    arrow, _ = _arrow()
    pairs = column.flatten()
    if len(pairs) > MOST_PAIRS:
        raise InputError(f"row {first + 1} on: {len(pairs):,} inputs; allowed: {MOST_PAIRS:,} in {FED_ROWS} rows", path)
    servers = _texts("server", pairs.field("server"), path)
    values = pairs.field("input_bytes").cast(arrow.float64()).to_pylist()
    found: list[Inputs | None] = []
    at = 0
    for row, size in enumerate(column.value_lengths().to_pylist()):
        fed = tuple(zip(servers[at : at + (size or 0)], values[at : at + (size or 0)], strict=True))
        if any(server is None or value is None for server, value in fed):
            raise InputError(
                f"row {first + row + 1}: inputs is {str(fed)[:200]}; allowed: server and input_bytes", path
            )
        found.append(None if size is None else fed)
        at += size or 0
    return found


def write_parquet(trace: Trace, path: Path) -> list[str]:
    """Write a trace as Parquet, its provenance in the metadata."""
    arrow, parquet = _arrow()
    fed = arrow.list_(arrow.struct([("server", arrow.string()), ("input_bytes", arrow.float64())]))
    types = {name: arrow.float64() if name in NUMBERS else arrow.string() for name in COLUMNS} | {"inputs": fed}
    schema = arrow.schema(
        [(name, types[name]) for name in trace.columns],
        metadata={_KEY: json.dumps(dict(trace.provenance), sort_keys=True).encode()},
    )
    with whole(path) as draft, parquet.ParquetWriter(str(draft), schema) as writer:
        for chunk in checked(trace):
            writer.write_table(
                arrow.table([_column(arrow, name, chunk[name], types[name]) for name in trace.columns], schema=schema)
            )
    return [os.fspath(path)]


def _column(arrow: Any, name: str, values: Any, kind: Any) -> Any:
    if name in NUMBERS:
        return arrow.array(values, type=kind, mask=~np.isfinite(values))
    if name == "inputs":
        values = [
            None if where is None else [{"server": server, "input_bytes": value} for server, value in where]
            for where in values
        ]
    return arrow.array(values, type=kind)
