"""One run: what decides it, its key, and all that is known of it when it is done."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import resource
import shlex
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cutlayer import __version__, experiments, profiles, simulator, workloads
from cutlayer.experiments.runs.resources import resource_rows
from cutlayer.experiments.scenarios.inputs import Frames
from cutlayer.simulator.bounds.bounds import Bound, certificate, lp_bound
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.frames.spans import Span, SpanRecorder
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.results.sinks import Sink
from cutlayer.simulator.results.tables import Row, column_names
from cutlayer.simulator.results.writer import writable
from cutlayer.simulator.types import Network, Task

if TYPE_CHECKING:
    from cutlayer.simulator.frames.results import FrameResults
    from cutlayer.workloads.topology.build import Topology

ALL_TABLES = ("resources", "tasks", "decisions", "series")
INPUT_MODULES = ("paper_source.py", "scenarios/*.py")
"""The modules of experiments that decide what goes into a run."""


@functools.cache
def model_version() -> str:
    """Return the version of the model: cutlayer's, and a digest of the source and data that decide results."""
    digest = hashlib.sha256()
    for package in (simulator, workloads, profiles):
        folder = Path(package.__path__[0])
        for source in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".json")):
            digest.update(source.relative_to(folder).as_posix().encode() + b"\0" + source.read_bytes())
    here = Path(experiments.__path__[0])
    for pattern in INPUT_MODULES:
        for source in sorted(here.glob(pattern)):
            digest.update(source.relative_to(here).as_posix().encode() + b"\0" + source.read_bytes())
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
    """Return the key of a run: the digest of what decides its results."""
    text = json.dumps([scenario, scheduler, seed, model_version()], sort_keys=True)
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
    """A run that is done: its row of ``runs``, its other tables, the recorder that heard it, its frames and spans."""

    row: dict[str, Any]
    tables: dict[str, list[Row]]
    recorder: Recorder
    frames: FrameResults | None
    spans: list[Span]


def run(
    network: Network,
    tasks: Iterable[Task],
    scheduler: Scheduler,
    *,
    scenario: Mapping[str, Any],
    scheduler_label: str,
    seed: int | None = None,
    until_s: float | None = None,
    keep: Sequence[str] = ALL_TABLES,
    frames: Frames | None = None,
    conditions: Conditions | None = None,
    bound: Bound | None = None,
    sink: Sink | None = None,
    notes: Sequence[str] = (),
    topology: Topology | None = None,
) -> Done:
    """Simulate one run and return all that is known of it.

    Parameters
    ----------
    network, tasks, scheduler, until_s
        As in `cutlayer.simulator.engine.simulate`.
    scenario : mapping
        What is simulated, for the results; with `scheduler_label` and `seed` it makes the key.
    keep : sequence of str
        The tables to keep beside ``runs``; with any of them goes ``resources``, which the others refer to.
    frames : Frames, optional
        What the deployed tasks' frames are like; without it no frame is simulated, at no cost.
    conditions : Conditions, optional
        What befalls links and servers meanwhile.
    bound : Bound, optional
        On the tasks deployed at the end, where the caller has it (see `bound_at`).
    sink : Sink, optional
        Where the rows of tasks, decisions and series go as they come; they are no part of what is returned then.
    notes : sequence of str
        What the network's graph does not say and what was assumed instead, for the results.
    topology : Topology, optional
        The graph from which the network was made, for the results.
    """
    keep = list(dict.fromkeys(("resources", *keep))) if keep else ()
    recorder = Recorder(by_resource="series_by" in keep, sink=sink)
    spans = SpanRecorder()
    start = time.perf_counter()
    outcome = simulate(
        network,
        tasks,
        scheduler,
        until_s=until_s,
        listeners=[recorder] if frames is None else [recorder, spans],
        conditions=conditions,
    )
    row = run_row(scenario, scheduler_label, seed) | recorder.summary()
    if notes:
        row["notes"] = json.dumps(list(notes), ensure_ascii=False)
    row["report"] = json.dumps(dict(outcome.scheduler.report()))
    if bound is not None:
        row |= {"bound_tasks": bound.tasks, "gap": bound.gap(row["deployed_tasks"])}
    tables: dict[str, list[Row]] = recorder.tables() if sink is None else {}
    if keep:
        tables["resources"] = resource_rows(network, topology)
    met = None if frames is None else frames.walk(network, spans, conditions)
    if met is not None:
        row |= met.summary()
        tables |= {"frames": _as_rows("frames", met.table), "frame_series": _as_rows("frame_series", met.series)}
        tables["frame_series_by"] = _as_rows("frame_series_by", met.series_by if "frame_series_by" in keep else {})
    row["wall_s"] = time.perf_counter() - start
    row |= _machine()
    return Done(row, {name: tables[name] for name in keep if name in tables}, recorder, met, spans.spans())


def bound_at(network: Network, tasks: Sequence[Task], end_s: float, kind: str = "dual") -> Bound:
    """Return a bound on how many of `tasks` can be deployed at `end_s`: of those that have not departed by then.

    `kind` is ``"dual"`` (the certificate) or ``"lp"`` (the optimum of the linear relaxation).
    """
    there = [task for task in tasks if task.arrival_s + task.lifetime_s > end_s]
    return {"dual": certificate, "lp": lp_bound}[kind](there, network)


def _as_rows(table: str, columns: Mapping[str, Any]) -> list[Row]:
    if not columns:
        return []
    return list(zip(*(np.asarray(columns[name]).tolist() for name in column_names(table)), strict=True))
