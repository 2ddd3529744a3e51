"""Arrival traces in files, one module a format. Importing this package registers every one of them."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Collection
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.formats.native import write_csv
from cutlayer.workloads.traces.formats.parquet import write_parquet
from cutlayer.workloads.traces.rows import Path, read_header, shown
from cutlayer.workloads.traces.tables import is_json
from cutlayer.workloads.traces.trace import COLUMNS, FORMATS, Trace, with_options

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def read_trace(
    path: Path,
    format: str | None = None,
    *,
    servers: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> Trace:
    """Read a trace, all of it checked before this returns.

    Parameters
    ----------
    path : path
    format : str, optional
        A name of `FORMATS`; without it, the file's first bytes and its header tell.
    servers, profiles : collection of str, optional
        Names that the file may hold; any other is an error with its line. `workloads.tasks` checks them, too.
    seed : int
        Of what a format draws: the times of arrivals that a file only counts.
    **options
        Parameters of the format, such as ``inputs`` of ``"native"`` or ``columns`` of ``"mapped"``.

    Returns
    -------
    Trace
        One that does not fit into memory is read again, piece by piece, whenever it is gone through.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    name = format_of(path) if format is None else format
    known = {"servers": servers, "profiles": profiles, "seed": seed}
    return with_options(FORMATS[name].read, name, path, options, known)


def format_of(path: Path) -> str:
    """Return the name of the format of a file; one with any of the native columns is taken for native.

    Raises
    ------
    InputError
        If no format recognises it.
    """
    if is_parquet(path):
        return "parquet"
    header = read_header(path)
    found = next((name for name in FORMATS if FORMATS[name].recognises(path, header)), None)
    if found is None and header and not set(header) & set(COLUMNS):
        known = ", ".join(sorted(FORMATS))
        what = "JSON" if is_json(path) else f"columns {shown(','.join(header))}"
        raise InputError(f"{what}: no known format ({known}); map the columns: --map arrival_s=COLUMN", path, 1)
    return found or "native"


def is_parquet(path: Path) -> bool:
    """Return whether a file is called Parquet, or begins as one."""
    if os.fspath(path).endswith(".parquet"):
        return True
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(4) == b"PAR1"
    except (OSError, ValueError):
        return False  # whoever reads it says why it cannot be read


def save_trace(trace: Trace, path: Path) -> list[str]:
    """Write a trace; the file is there whole or not at all, and reads back to the same trace.

    Parameters
    ----------
    trace : Trace
    path : path
        Ends in ``.csv`` or ``.parquet``. Beside a CSV file stands ``NAME.inputs.csv`` where the trace says which
        servers are fed.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    InputError
        If a file cannot be written, or a value is one that reading refuses.
    """
    suffix = os.path.splitext(os.fspath(path))[1]
    if suffix not in (".csv", ".parquet"):
        raise InputError(f"ends in {suffix!r}; allowed: .csv or .parquet", path)
    return (write_csv if suffix == ".csv" else write_parquet)(trace, path)


__all__ = ["FORMATS", "format_of", "read_trace", "save_trace"]
