"""Results files as CSV or Parquet: one file a table, every row with the key of its run."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import whole
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES, Column

FORMATS = ("csv", "parquet")
CHUNK = 50_000
"""So many rows are in memory at a time."""


def export(results: Results, out: str | os.PathLike[str], form: str = "csv") -> list[Path]:
    """Write every table that has rows, each whole or not at all.

    Parameters
    ----------
    results : Results
    out : path
        The folder; created if it does not exist.
    form : {"csv", "parquet"}

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If the form is unknown or needs a package that is not installed, there are no runs, a file cannot be written, or
        the folder holds a table of an older export that would not be replaced.

    Notes
    -----
    All tables are of one moment, also while another process writes to the results file.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form!r}; allowed: {', '.join(FORMATS)}")
    if form == "parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise InputError("Parquet needs pyarrow: pip install 'cutlayer[parquet]'") from None
    if not os.fspath(out):
        raise InputError("--out is empty; allowed: a folder")
    folder = Path(out)
    written = []
    try:
        with results.snapshot():
            write = _write_csv if form == "csv" else _write_parquet
            tables = [table for table in TABLES if next(results.rows(table), None) is not None]
            if not tables:
                raise InputError("has no runs", results.path)
            _refuse_older(folder, [f"{table}.{form}" for table in TABLES if table not in tables])
            folder.mkdir(parents=True, exist_ok=True)
            for table in tables:
                path = folder / f"{table}.{form}"
                with whole(path) as draft:
                    write(draft, _columns(table, TABLES[table]), _rows(results, table))
                written.append(path)
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror or fault})", folder) from None
    return written


def _refuse_older(folder: Path, names: list[str]) -> None:
    """Refuse a folder with tables that are not written now: they would seem to belong to this export."""
    older = [name for name in names if os.path.lexists(folder / name)]
    if older:
        raise InputError(
            f"has {', '.join(older)} of an older export, and this one has no such rows; use another folder",
            folder,
        )


def _columns(table: str, columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    """Return names and types; rows of other tables say whose they are by the key of the run."""
    own = [(column.name, column.type.split()[0]) for column in columns]
    return own if table == "runs" else [("key", "TEXT"), *own]


def _rows(results: Results, table: str) -> Iterator[list[Any]]:
    names = [column.name for column in TABLES[table]]
    key_of = {} if table == "runs" else {row["run"]: row["key"] for row in results.rows("runs")}
    for row in results.rows(table):
        values = [row[name] for name in names]
        yield values if table == "runs" else [key_of[row["run"]], *values]


def _write_csv(path: Path, columns: list[tuple[str, str]], rows: Iterator[list[Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([name for name, _ in columns])
        writer.writerows(rows)


def _write_parquet(path: Path, columns: list[tuple[str, str]], rows: Iterator[list[Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"TEXT": pa.string(), "REAL": pa.float64(), "INTEGER": pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns])
    with contextlib.closing(parquet.ParquetWriter(path, schema)) as writer:
        while chunk := list(islice(rows, CHUNK)):
            by_column = zip(*chunk, strict=True)
            arrays = [pa.array(values, type=field.type) for values, field in zip(by_column, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
