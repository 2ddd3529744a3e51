"""One run: what its key is made of, and the simulation itself."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import resource
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cutlayer import __version__, profiles, simulator, workloads
from cutlayer.experiments import scenarios
from cutlayer.experiments.runs.resources import resource_rows
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.simulator.bounds.bounds import Bound, certificate, lp_bound
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.frames.spans import Span, SpanRecorder
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.results.sinks import Sink
from cutlayer.simulator.results.tables import TABLES, Row, column_names
from cutlayer.simulator.results.writer import writable
from cutlayer.simulator.types import Task

if TYPE_CHECKING:
    from cutlayer.simulator.frames.results import FrameResults

ALONG = ("resources", "layers")
"""Tables that are kept with any other."""
ALL_TABLES = (*ALONG, "tasks", "decisions", "series")
TABLES_TO_KEEP = tuple(table for table in TABLES if table not in ("runs", "measures"))
OF_THE_MACHINE = ("run", "wall_s", "peak_memory_bytes", "host", "command", "paths")
"""Columns of ``runs`` in which two equal runs may differ."""
KEPT_WORDS = ("keep", "bound")
"""What the description of a run says of what is kept of it, not of what happens in it: no part of its key."""
NOT_OF_THE_MODEL = (
    "simulator/checks", "simulator/frames/reference.py", "simulator/files.py", "simulator/errors.py",
    "simulator/results/database.py", "simulator/results/file.py", "simulator/results/reading.py",
    "simulator/results/writer.py", "profiles/measure", "workloads/arrivals/fit.py",
    "workloads/data", "scenarios/messages.py",
    "scenarios/text.py", "scenarios/plugin.py", "scenarios/own_code.py", "scenarios/cutlayer.schema.json",
)  # fmt: skip
"""Files, by the beginning of their path, that decide no results: a run never loads them, or they only name faults."""


def model_files() -> Iterator[tuple[str, Path]]:
    """Yield the source and data that decide results, by their path in the package."""
    for package in (simulator, workloads, profiles, scenarios):
        folder = Path(package.__path__[0])
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".json")):
            name = f"{package.__name__.rpartition('.')[2]}/{path.relative_to(folder).as_posix()}"
            if not name.startswith(NOT_OF_THE_MODEL):
                yield name, path


@functools.cache
def model_version() -> str:
    """Return the version of the model: cutlayer's, and a digest of the source and data that decide results."""
    digest = hashlib.sha256()
    for name, path in model_files():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


@functools.cache
def versions() -> str:
    """Return the versions of cutlayer's model, Python and the libraries, as JSON."""
    names = ("numpy", "scipy", "simpy", "numba")
    return json.dumps(
        {"cutlayer": model_version(), "python": platform.python_version()}
        | {name: metadata.version(name) for name in names}
    )


def key_of(scenario: Mapping[str, Any], scheduler: str, seed: int | None) -> str:
    """Return the key of a run: the digest of what decides its results, whatever is kept of them."""
    decides = {name: value for name, value in scenario.items() if name not in KEPT_WORDS}
    text = json.dumps([decides, scheduler, seed, model_version()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def run_row(scenario: Mapping[str, Any], scheduler: str | None, seed: int | None) -> dict[str, Any]:
    """Return what is known of a run before it starts, as a row of ``runs``."""
    return {
        "key": key_of(scenario, scheduler or "", seed),
        "scenario": json.dumps(scenario, sort_keys=True),
        "scheduler": scheduler,
        "seed": seed,
        "status": "done",
        "versions": versions(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **_machine(),
    }


def _machine() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def failed_row(error: str, trace: str | None = None, wall_s: float | None = None) -> dict[str, Any]:
    """Return what a run that failed leaves: one line that says why, and the traceback where it is a bug."""
    line, trace = writable(" ".join(error.split())), writable(trace)
    return {"status": "failed", "error": line, "traceback": trace, "wall_s": wall_s, **_machine()}


class Done(NamedTuple):
    """A run that is done.

    Attributes
    ----------
    row : dict
        What was measured, for its row of ``runs``.
    tables : dict
        Its other tables, but for what went to a sink.
    recorder : Recorder
    frames : FrameResults or None
    spans : list of Span
        When each task was deployed, where frames were simulated.
    """

    row: dict[str, Any]
    tables: dict[str, list[Row]]
    recorder: Recorder
    frames: FrameResults | None
    spans: list[Span]


def run(
    inputs: Inputs,
    scheduler: Scheduler,
    *,
    keep: Sequence[str] = ALL_TABLES,
    bound: Bound | None = None,
    sink: Sink | None = None,
) -> Done:
    """Simulate one run and return all that was measured.

    Parameters
    ----------
    inputs : Inputs
    scheduler : Scheduler
        A copy of it is played.
    keep : sequence of str
        The tables to keep beside ``runs``; with any of them go `ALONG`, to which the others refer.
    bound : Bound, optional
        On the tasks deployed at the end, where the caller has it (see `bound_at`).
    sink : Sink, optional
        Where the rows of tasks, decisions and series go as they come; they are no part of what is returned then.
    """
    keep = list(dict.fromkeys((*ALONG, *keep))) if keep else ()
    recorder = Recorder(by_resource="series_by" in keep, sink=sink)
    spans = SpanRecorder()
    start = time.perf_counter()
    outcome = simulate(
        inputs.network,
        inputs.tasks,
        scheduler,
        until_s=inputs.until_s,
        listeners=[recorder] if inputs.frames is None else [recorder, spans],
        conditions=inputs.conditions,
    )
    row = recorder.summary()
    if inputs.notes:
        row["notes"] = json.dumps(list(inputs.notes), ensure_ascii=False)
    row["report"] = json.dumps(dict(outcome.scheduler.report()))
    if bound is not None:
        row |= {"bound_tasks": bound.tasks, "gap": bound.gap(row["deployed_tasks"])}
    tables: dict[str, list[Row]] = recorder.tables() if sink is None else {}
    if keep:
        tables["resources"] = resource_rows(inputs.network, inputs.topology)
    met = None if inputs.frames is None else inputs.frames.walk(inputs.network, spans, inputs.conditions)
    if met is not None:
        row |= met.summary()
        tables |= {"frames": _as_rows("frames", met.table), "frame_series": _as_rows("frame_series", met.series)}
        tables["frame_series_by"] = _as_rows("frame_series_by", met.series_by if "frame_series_by" in keep else {})
    row |= {"wall_s": time.perf_counter() - start, **_machine()}
    return Done(row, {name: tables[name] for name in keep if name in tables}, recorder, met, spans.spans())


def bound_at(inputs: Inputs, kind: str = "dual") -> Bound:
    """Return a bound on how many tasks can be deployed at the end of the run: of those that have not departed by then.

    `kind` is ``"dual"`` (the certificate) or ``"lp"`` (the optimum of the linear relaxation).
    """
    return {"dual": certificate, "lp": lp_bound}[kind](staying(inputs), inputs.network)


def staying(inputs: Inputs) -> list[Task]:
    """Return the tasks that have not departed at the end of the run."""
    return [task for task in inputs.tasks if not task.departed_by(inputs.end_s)]


def _as_rows(table: str, columns: Mapping[str, Any]) -> list[Row]:
    if not columns:
        return []
    return list(zip(*(np.asarray(columns[name]).tolist() for name in column_names(table)), strict=True))
