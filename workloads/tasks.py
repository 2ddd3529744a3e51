"""From a trace to tasks: what the trace does not say is drawn, every quantity from a stream of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.workloads.distributions import Choice, Distribution, OwnInput
from cutlayer.workloads.spreads import Everywhere, Spread, Spreading
from cutlayer.workloads.traces.trace import ROWS, Chunk, Inputs, Trace, in_order, streamed

DRAWN = {"profile": "", "frame_rate_hz": "Hz", "deadline_s": "s", "lifetime_s": "s", "input_bytes": "B"}
"""What can be drawn, and its unit. A task whose lifetime is neither given nor drawn stays for ever."""

STREAMS = {"profile": "network", "input_bytes": "frame bytes"}
"""What two of the streams are called, as published results have it."""

PIECE = 1024
"""Tasks whose places are in memory at once: each may have a weight for every server."""


def tasks_of(
    trace: Trace,
    network: Network,
    profiles: Mapping[str, Profile],
    *,
    draws: Mapping[str, Distribution | Choice] | None = None,
    spread: Spreading | None = None,
    seed: int = 0,
) -> list[Task]:
    """Return the tasks of a trace, in order of arrival; see `iter_tasks`."""
    return list(iter_tasks(trace, network, profiles, draws=draws, spread=spread, seed=seed))


def iter_tasks(
    trace: Trace,
    network: Network,
    profiles: Mapping[str, Profile],
    *,
    draws: Mapping[str, Distribution | Choice] | None = None,
    spread: Spreading | None = None,
    seed: int = 0,
) -> Iterator[Task]:
    """Return the tasks of a trace one after the other: the same tasks as `tasks_of`, in bounded memory.

    Parameters
    ----------
    trace : Trace
        Tasks without a name are called t0, t1, ... in order of arrival.
    network : Network
    profiles : mapping of str to Profile
    draws : mapping of str to Distribution or Choice, optional
        What is drawn: names of `DRAWN`. What the trace does not say must be here (lifetimes may be missing), what
        it says must not. Each has its own stream: one more leaves the others as they were.
    spread : Spreading, optional
        Where a task is fed whose servers the trace does not name; everywhere, in equal shares, by default.
    seed : int

    Raises
    ------
    InputError
        Before the first task, if something is missing, said twice or unknown.
    """
    draws = dict(draws or {})
    spread = Everywhere() if spread is None else spread
    _check_draws(trace, draws, profiles)
    spread.check(network)
    _check_names(trace, network, profiles)
    return _tasks(trace, network, profiles, draws, spread, seed)


def _check_draws(trace: Trace, draws: Mapping[str, Any], profiles: Mapping[str, Profile]) -> None:
    for name, how in draws.items():
        if name not in DRAWN:
            raise UnknownNameError("quantity to draw", name, DRAWN)
        if name in trace.columns or (name == "input_bytes" and "inputs" in trace.columns):
            raise InputError(f"{name} is in the trace and drawn; allowed: one")
        if isinstance(how, Choice) != (name == "profile"):
            raise InputError(f"{name} is drawn from {how!r}; allowed: {'names' if name == 'profile' else 'numbers'}")
        if isinstance(how, OwnInput) and name != "input_bytes":
            raise InputError(f"{name} is drawn from {how!r}; allowed for input_bytes")
        if isinstance(how, Choice):
            how.among(profiles)
    given = {*trace.columns, *draws, "lifetime_s"} | ({"input_bytes"} if "inputs" in trace.columns else set())
    if missing := [name for name in DRAWN if name not in given]:
        raise InputError(f"the trace does not say {', '.join(missing)}; needed: how to draw {missing[0]}")


def _check_names(trace: Trace, network: Network, profiles: Mapping[str, Profile]) -> None:
    """Check the names in the trace, which may not have been known when it was read."""
    for what, known in (("profile", profiles), ("server", dict.fromkeys(network.servers))):
        for name, row in trace.names[what].items():
            if name not in known:
                raise InputError(f"row {row + 1} of the trace: {UnknownNameError(what, name, known).message}")


def _name(chunk: Chunk, first: int, at: int) -> str:
    return str(chunk["task"][at]) if "task" in chunk else f"t{first + at}"


def _tasks(
    trace: Trace,
    network: Network,
    profiles: Mapping[str, Profile],
    draws: Mapping[str, Distribution | Choice],
    spread: Spreading,
    seed: int,
) -> Iterator[Task]:
    streams = {name: stream(seed, STREAMS.get(name, name)) for name in draws}
    index = {name: i for i, name in enumerate(network.servers)}
    places = spread.placing(network, seed)
    first = 0
    for chunk in trace.chunks():
        count = len(chunk["arrival_s"])
        rows = dict(chunk)
        for name, how in draws.items():
            if isinstance(how, OwnInput):
                continue
            if isinstance(how, Choice):
                rows[name] = how.draw_from(how.among(profiles), streams[name], count)
            else:
                rows[name] = how.draw(streams[name], count)
        if isinstance(draws.get("input_bytes"), OwnInput):
            rows["input_bytes"] = np.array([profiles[name].input_bytes for name in rows["profile"]], dtype=np.float64)
        rows.setdefault("lifetime_s", np.full(count, math.inf))
        rows.setdefault("inputs", [None] * count)
        rows.setdefault("input_bytes", np.full(count, math.nan))
        numbers = {
            name: rows[name].tolist()
            for name in ("arrival_s", "frame_rate_hz", "deadline_s", "lifetime_s", "input_bytes")
        }
        pieces = (places(min(PIECE, count - at)) for at in range(0, count, PIECE))
        for at, place in enumerate(itertools.chain.from_iterable(pieces)):
            servers, input_bytes = _fed(rows["inputs"][at], numbers["input_bytes"][at], place, index)
            yield Task(
                name=_name(chunk, first, at),
                arrival_s=numbers["arrival_s"][at],
                profile=profiles[rows["profile"][at]],
                frame_rate_hz=numbers["frame_rate_hz"][at],
                deadline_s=numbers["deadline_s"][at],
                servers=servers,
                input_bytes=input_bytes,
                lifetime_s=numbers["lifetime_s"][at],
            )
        first += count


def _fed(where: Inputs | None, total: float, place: Spread, index: Mapping[str, int]) -> tuple[Any, Any]:
    """Return the servers of a task, rising, and its bytes at each."""
    if where is not None:
        fed = sorted((index[server], value) for server, value in where)
        return [i for i, _ in fed], [value for _, value in fed]
    servers, weights = place
    if weights is None:
        return servers, np.full(len(servers), total / len(servers))
    return servers, total * weights / weights.sum()


def trace_of(tasks: Sequence[Task], network: Network) -> Trace:
    """Return the trace of some tasks: all of each, bit for bit, so that its replay is the same run."""
    names = network.servers
    columns: dict[str, Any] = {
        "task": [task.name for task in tasks],
        "arrival_s": np.array([task.arrival_s for task in tasks], dtype=np.float64),
        "profile": [task.profile.name for task in tasks],
        **{
            name: np.array([getattr(task, name) for task in tasks], dtype=np.float64)
            for name in ("frame_rate_hz", "deadline_s", "lifetime_s")
        },
        "inputs": [
            tuple((names[i], value) for i, value in zip(task.servers.tolist(), task.input_bytes.tolist(), strict=True))
            for task in tasks
        ],
    }
    return _sliced(columns)


def _sliced(columns: Mapping[str, Any]) -> Trace:
    order = in_order(columns)
    count = len(columns["arrival_s"])
    pieces = [{name: columns[name][at : at + ROWS] for name in order} for at in range(0, count, ROWS)]
    return streamed(order, {"format": "tasks"}, lambda: iter(pieces))
