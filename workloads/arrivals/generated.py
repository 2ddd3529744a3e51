"""Arrivals drawn at random, piece by piece, as a trace; the processes are in `workloads.arrivals.processes`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import parse
from cutlayer.workloads.arrivals.process import DAY_S, LATEST_S, Process
from cutlayer.workloads.arrivals.processes import PROCESSES
from cutlayer.workloads.arrivals.processes.diurnal import Diurnal, Hourly
from cutlayer.workloads.arrivals.processes.flash_crowd import FlashCrowd
from cutlayer.workloads.arrivals.processes.mmpp2 import MMPP2
from cutlayer.workloads.arrivals.processes.steady import Periodic, Poisson
from cutlayer.workloads.distributions import check_parameters, described
from cutlayer.workloads.traces.trace import ROWS, Chunk, Trace, streamed

__all__ = [
    "DAY_S",
    "MMPP2",
    "PROCESSES",
    "Diurnal",
    "FlashCrowd",
    "Hourly",
    "Periodic",
    "Poisson",
    "Process",
    "generated",
    "process_of",
]


def generated(
    process: Process,
    seed: int,
    *,
    tasks: int | None = None,
    until_s: float | None = None,
    may_be_empty: bool = False,
) -> Trace:
    """Return the arrivals of `process` as a trace that is drawn as it is read.

    Parameters
    ----------
    process : Process
    seed : int
    tasks : int, optional
        How many arrivals there are.
    until_s : float, optional
        No arrival at this time or later [s]. One of the two, or both: whichever comes first.
    may_be_empty : bool
        Whether no arrival at all is a trace, too.

    Raises
    ------
    InputError
        If neither is given, or no task arrives where that is not allowed.
    """
    if tasks is None and until_s is None:
        raise InputError("arrivals without an end; allowed: a number of tasks, a time, or both")
    if tasks is not None and tasks < 1:
        raise InputError(f"tasks is {tasks}; allowed: 1 or more")
    if until_s is not None and not 0 < until_s < math.inf:
        raise InputError(f"until_s is {until_s!r}; allowed: above 0, finite")
    provenance: dict[str, Any] = {"generator": described(process, PROCESSES), "seed": seed}
    provenance |= {name: value for name, value in (("tasks", tasks), ("until_s", until_s)) if value is not None}
    return streamed(
        ("arrival_s",), provenance, lambda: _chunks(process, seed, tasks, until_s), may_be_empty=may_be_empty
    )


def _chunks(process: Process, seed: int, tasks: int | None, until_s: float | None) -> Iterator[Chunk]:
    left = math.inf if tasks is None else tasks
    held: list[FloatArray] = []
    last_s = 0.0
    for times_s in process.blocks(seed):
        block = np.maximum.accumulate(np.maximum(times_s, last_s))  # where the clock all but stands, rounding shows
        last_s = float(block[-1]) if len(block) else last_s
        found = block if until_s is None else block[block < until_s]
        found = found[: int(min(left, len(found)))]
        if len(found) and not found[-1] <= LATEST_S:
            raise InputError(f"tasks arrive after {LATEST_S:g} s; allowed: fewer tasks, or a higher rate")
        left -= len(found)
        held.append(found)
        done = left == 0 or len(found) < len(block)
        if done or sum(map(len, held)) >= ROWS:
            yield {"arrival_s": np.concatenate(held)}
            held = []
        if done:
            return
    if held:
        yield {"arrival_s": np.concatenate(held)}


def process_of(name: str, parameters: dict[str, Any]) -> Process:
    """Return the process of that name; text among the parameters is read with its unit.

    Raises
    ------
    InputError
        If a parameter is unknown, missing or out of range.

    Examples
    --------
    >>> process_of("poisson", {"rate_hz": "3 Hz"})
    Poisson(rate_hz=3.0)
    """
    kind = PROCESSES[name]
    check_parameters(kind, name, parameters)

    def read(parameter: str, value: Any) -> Any:
        if isinstance(value, str) and parameter in kind.units:
            return parse(value, kind.units[parameter])
        if isinstance(value, list | tuple):
            return tuple(read(parameter, one) for one in value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{parameter} is {value!r}; allowed: a number")
        return float(value)

    return kind(**{parameter: read(parameter, value) for parameter, value in parameters.items()})
