"""The CSV files a user brings: servers, tasks, inputs. Read strictly, to the first fault."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simulator.errors import InputError, UnknownNameError, near_name
from simulator.types import Network, Profile, Task

SERVER_COLUMNS = ("server", "capacity_flop_per_s", "uplink_bps")
TASK_COLUMNS = ("task", "arrival_s", "profile", "frame_rate_hz", "deadline_s")
TASK_OPTIONS = ("lifetime_s", "input_bytes")
INPUT_COLUMNS = ("task", "server", "input_bytes")

_LONGEST = 200
"""Letters of a name; more is a file that is something else."""

_LEAST, _MOST = 1e-50, 1e50
"""Of a number in SI units that is not 0: products and quotients of a few stay finite, and so do all sums."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Path = str | os.PathLike[str]
Inputs = dict[str, tuple[int, dict[int, float]]]


def read_network(path: Path, **options: Any) -> Network:
    """Read ``servers.csv`` into a star network.

    Parameters
    ----------
    path : path
        Columns server, capacity_flop_per_s [FLOP/s], uplink_bps [bit/s].
    **options
        Further parameters of `simulator.types.Network`, such as ``usable_share``.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    names: list[str] = []
    capacity, uplink = [], []
    for line, row in _rows(path, SERVER_COLUMNS):
        name = _text(row, "server", path, line)
        if name in names:
            raise InputError(f"server {name!r} stands twice", path, line)
        names.append(name)
        capacity.append(_number(row, "capacity_flop_per_s", path, line, positive=True))
        uplink.append(_number(row, "uplink_bps", path, line, positive=True))
    return Network(capacity, uplink, servers=names, **options)


def read_tasks(
    path: Path, network: Network, profiles: Mapping[str, Profile], inputs: Path | None = None
) -> list[Task]:
    """Read ``tasks.csv`` and, where tasks say where they are fed, ``inputs.csv``.

    Parameters
    ----------
    path : path
        Columns task, arrival_s, profile, frame_rate_hz, deadline_s and, optionally, lifetime_s (empty: for
        ever) and input_bytes (one frame, spread equally over all servers). Sorted by arrival.
    network : Network
        Gives the names of the servers.
    profiles : mapping of str to Profile
    inputs : path, optional
        Columns task, server, input_bytes. A task has rows here or input_bytes there, never both, never
        neither.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    fed = {} if inputs is None else _read_inputs(inputs, network)
    everywhere = range(len(network.servers))
    tasks: dict[str, Task] = {}
    last_s = -math.inf
    for line, row in _rows(path, TASK_COLUMNS, TASK_OPTIONS):
        name = _text(row, "task", path, line)
        if name in tasks:
            raise InputError(f"task {name!r} stands twice", path, line)
        arrival_s = _number(row, "arrival_s", path, line)
        if arrival_s < last_s:
            raise InputError(f"arrival_s is {row['arrival_s']}, before {last_s!r}; rows go by time", path, line)
        last_s = arrival_s
        profile = _text(row, "profile", path, line)
        if profile not in profiles:
            raise UnknownNameError("profile", profile, profiles).located(path, line)
        where = _where(row, fed.get(name), everywhere, name, path, line)
        lifetime_s = _number(row, "lifetime_s", path, line, positive=True) if row.get("lifetime_s") else math.inf
        try:
            tasks[name] = Task(
                name=name,
                arrival_s=arrival_s,
                profile=profiles[profile],
                frame_rate_hz=_number(row, "frame_rate_hz", path, line, positive=True),
                deadline_s=_number(row, "deadline_s", path, line, positive=True),
                servers=list(where),  # type: ignore[arg-type]
                input_bytes=list(where.values()),  # type: ignore[arg-type]
                lifetime_s=lifetime_s,
            )
        except InputError as fault:
            raise fault if fault.file else fault.located(path, line) from None
    for name, (line, _) in fed.items():
        if name not in tasks:
            raise UnknownNameError("task", name, tasks).located(inputs, line)  # type: ignore[arg-type]
    return list(tasks.values())


def _where(
    row: Mapping[str, str],
    fed: tuple[int, dict[int, float]] | None,
    everywhere: range,
    name: str,
    path: Path,
    line: int,
) -> dict[int, float]:
    """Return the input bytes by server: from the inputs file, or spread equally over all servers."""
    if row.get("input_bytes"):
        if fed is not None:
            raise InputError(f"task {name!r} has input_bytes and rows in the inputs file; allowed: one", path, line)
        share = _number(row, "input_bytes", path, line, positive=True) / len(everywhere)
        return dict.fromkeys(everywhere, share)
    if fed is None:
        raise InputError(f"task {name!r} has no input_bytes and no rows in an inputs file; allowed: one", path, line)
    where = {i: fed[1][i] for i in sorted(fed[1]) if fed[1][i] > 0}
    if not where:
        raise InputError(f"task {name!r} has 0 input_bytes everywhere; allowed: above 0 at one or more", path, line)
    return where


def _read_inputs(path: Path, network: Network) -> Inputs:
    """Return, by task, the line of its first row and its input bytes by server index."""
    index = {name: i for i, name in enumerate(network.servers)}
    fed: Inputs = {}
    for line, row in _rows(path, INPUT_COLUMNS):
        name, server = _text(row, "task", path, line), _text(row, "server", path, line)
        if server not in index:
            raise UnknownNameError("server", server, index).located(path, line)
        where = fed.setdefault(name, (line, {}))[1]
        if index[server] in where:
            raise InputError(f"task {name!r} at server {server!r} stands twice", path, line)
        where[index[server]] = _number(row, "input_bytes", path, line)
    return fed


def _rows(
    path: Path, columns: Sequence[str], options: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the values of every row, checked against the columns."""
    reader = csv.reader(io.StringIO(_content(path), newline=""), strict=True)
    header: list[str] = []
    empty = True
    try:
        for values in reader:
            line = reader.line_num
            if not values:
                continue  # a blank line
            if not header:
                header = [name.strip() for name in values]
                _check_header(header, columns, options, path, line)
                continue
            if len(values) != len(header):
                raise InputError(f"{len(values)} values for {len(header)} columns", path, line)
            empty = False
            yield line, dict(zip(header, (value.strip() for value in values), strict=True))
    except csv.Error as fault:
        raise InputError(f"not a CSV file ({fault})", path, reader.line_num) from None
    if not header:
        raise InputError(f"is empty; allowed: a header with {','.join(columns)}", path)
    if empty:
        raise InputError("has a header and no rows; allowed: 1 or more", path)


def _content(path: Path) -> str:
    """Return the text of a file, whole: a fault in it is found before its first row is used."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe gives its content once; we read it twice
            raise InputError("is a folder, a pipe or a device; allowed: a file", path)
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"cannot be read ({getattr(fault, 'strerror', None) or fault})", path) from None
    if (nul := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise InputError("not a text file in UTF-8 (it holds a NUL byte)", path, line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        byte = fault.object[fault.start]
        raise InputError(f"not a text file in UTF-8 (byte {byte:#04x})", path, line) from None


def _check_header(header: list[str], columns: Sequence[str], options: Sequence[str], path: Path, line: int) -> None:
    allowed = (*columns, *options)
    for name in header:
        if name not in allowed:
            raise InputError(f"unknown column {_shown(name)}; {near_name(name, allowed)}", path, line)
        if header.count(name) > 1:
            raise InputError(f"column {name!r} stands twice", path, line)
    for name in columns:
        if name not in header:
            raise InputError(f"column {name!r} is missing; needed: {','.join(columns)}", path, line)


def _shown(text: str) -> str:
    """Return the text in quotes, cut where it would fill the screen."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}..."


def _text(row: Mapping[str, str], column: str, path: Path, line: int) -> str:
    text = row[column]
    if not text:
        raise InputError(f"{column} is empty", path, line)
    if not (text.isprintable() and len(text) <= _LONGEST):
        raise InputError(f"{column} is {_shown(text)}; allowed: up to {_LONGEST} letters in one line", path, line)
    return text


def _number(row: Mapping[str, str], column: str, path: Path, line: int, *, positive: bool = False) -> float:
    """Read a number that is 0 or more, or above 0, in a range that no unit of the model leaves."""
    text = row[column]
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not (_LEAST <= value <= _MOST or (value == 0 and not positive)):
        allowed = "a number above 0" if positive else "a number, 0 or more"
        if math.isfinite(value) and value > 0:
            allowed = f"from {_LEAST:g} to {_MOST:g}"
        raise InputError(f"{column} is {_shown(text)}; allowed: {allowed}", path, line)
    return value
