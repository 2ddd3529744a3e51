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
from cutlayer.workloads.traces.trace import COLUMNS, FORMATS, Trace, with_options

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def read_trace(
    path: Path,
    format: str | None = None,
    *,
    servers: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
    **options: Any,
) -> Trace:
    """Read a trace, all of it checked before this returns.

    Parameters
    ----------
    path : path
    format : str, optional
        A name of `FORMATS`; without it, the file's first bytes and its header tell.
    servers, profiles : collection of str, optional
        Names that may stand in the file: another is then a fault with its line. `workloads.tasks` looks at them, too.
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
    known = {"servers": servers, "profiles": profiles}
    return with_options(FORMATS[name].read, name, path, options, known)


def format_of(path: Path) -> str:
    """Return the name of the format of a file; what has but one of our columns is meant to be a native one.

    Raises
    ------
    InputError
        If no format is like it.
    """
    if is_parquet(path):
        return "parquet"
    header = read_header(path)
    found = next((name for name in FORMATS if FORMATS[name].recognises(path, header)), None)
    if found is None and header and not set(header) & set(COLUMNS):
        known = ", ".join(sorted(FORMATS))
        said = shown(",".join(header))
        raise InputError(f"columns {said} are of no trace known ({known}); any other: map its columns", path, 1)
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
