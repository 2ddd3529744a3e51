"""Runs simulations and keeps them: one at a time, or a grid of scenarios, schedulers and seeds.

A run whose key is in the results file already is not done again, so a sweep that was stopped goes on
where it was.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import resource
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import profiles
import simulator
import workloads
from experiments.inputs import Frames, Traffic
from experiments.plugin import build_scheduler, label
from simulator.bounds import Bound, certificate, lp_bound
from simulator.engine import simulate
from simulator.frame_model import FrameSettings
from simulator.policy import Scheduler
from simulator.recorder import Recorder
from simulator.results import Results
from simulator.spans import Span, SpanRecorder
from simulator.tables import Row, column_names
from simulator.types import Network, Task
from simulator.uplink import Conditions
from workloads.generate import PaperScenario

if TYPE_CHECKING:
    from simulator.frames import FrameResults

ALL_TABLES = ("tasks", "decisions", "series")


@functools.cache
def model_version() -> str:
    """Return the version of the model: cutlayer's, and a digest of the source and data that decide results."""
    digest = hashlib.sha256()
    for package in (simulator, workloads, profiles):
        folder = Path(package.__path__[0])
        for source in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".json")):
            digest.update(source.relative_to(folder).as_posix().encode() + b"\0" + source.read_bytes())
    return f"{simulator.__version__}+{digest.hexdigest()[:12]}"


@functools.cache
def versions() -> str:
    """Return the versions of cutlayer's model, Python and the libraries, as JSON."""
    names = ("numpy", "scipy", "simpy", "numba")
    return json.dumps(
        {"cutlayer": model_version(), "python": platform.python_version()}
        | {name: metadata.version(name) for name in names}
    )


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


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
        "host": platform.node(),
    }


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
) -> Done:
    """Simulate one run and return all that is known of it.

    Parameters
    ----------
    network, tasks, scheduler, until_s
        As in `simulator.engine.simulate`.
    scenario : mapping
        What is simulated, for the results; with `scheduler_label` and `seed` it makes the key.
    keep : sequence of str
        The tables to keep beside ``runs``.
    frames : Frames, optional
        What the deployed tasks' frames are like; without it no frame is simulated, at no cost.
    conditions : Conditions, optional
        What befalls links and servers meanwhile.
    bound : Bound, optional
        On the tasks deployed at the end, where the caller has it (see `bound_at`).
    """
    recorder = Recorder(by_resource="series_by" in keep)
    spans = SpanRecorder()
    start = time.perf_counter()
    outcome = simulate(
        network, tasks, scheduler, until_s=until_s, listeners=[recorder] if frames is None else [recorder, spans],
        conditions=conditions,
    )
    row = run_row(scenario, scheduler_label, seed) | recorder.summary()
    row["report"] = json.dumps(dict(outcome.scheduler.report()))
    if bound is not None:
        row |= {"bound_tasks": bound.tasks, "gap": bound.gap(row["deployed_tasks"])}
    tables: dict[str, list[Row]] = recorder.tables()
    met = None if frames is None else frames.walk(network, spans, conditions)
    if met is not None:
        row |= met.summary()
        tables |= {"frames": _as_rows("frames", met.table), "frame_series": _as_rows("frame_series", met.series)}
        tables["frame_series_by"] = _as_rows("frame_series_by", met.series_by if "frame_series_by" in keep else {})
    row["wall_s"] = time.perf_counter() - start
    row["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Done(row, {name: tables[name] for name in keep}, recorder, met, spans.spans())


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


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: a scenario, a scheduler and a seed."""

    scenario: PaperScenario
    scheduler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Sequence[str] = ()
    frames: FrameSettings | None = None
    traffic: Traffic | None = None
    until_s: float | None = None

    @property
    def label(self) -> str:
        """The scheduler with its parameters."""
        return label(self.scheduler, self.options)

    @property
    def description(self) -> dict[str, Any]:
        """What the scenario is, for the results."""
        described: dict[str, Any] = {"paper": asdict(self.scenario), "keep": list(self.keep)}
        if self.frames is not None:
            traffic = None if self.traffic is None else asdict(self.traffic)
            described |= {"frames": asdict(self.frames), "traffic": traffic, "until_s": self.until_s}
        return described

    @property
    def own_frames(self) -> Frames | None:
        """The frames of this run, drawn with its seed."""
        return None if self.frames is None else Frames(replace(self.frames, seed=self.seed))

    @property
    def key(self) -> str:
        """The key of the run."""
        return key_of(self.description, self.label, self.seed)


def sweep(results: Results, cells: Sequence[Cell], done: Callable[[int], object] = lambda n: None) -> None:
    """Run the cells that `results` does not have yet; cells of one scenario and seed share its workload.

    Parameters
    ----------
    results : Results
        Open; every run is in it as soon as it is done.
    cells : sequence of Cell
    done : callable
        Told how many more cells are there.
    """
    there = results.keys()
    workload: tuple[Any, Network, list[Task]] | None = None
    bound: Bound | None = None
    for cell in cells:
        if cell.key not in there:
            if workload is None or workload[0] != (cell.scenario, cell.seed):
                network, tasks = cell.scenario.network(cell.seed), cell.scenario.arrivals(cell.seed)
                workload = (cell.scenario, cell.seed), network, tasks
                bound = bound_at(network, tasks, tasks[-1].arrival_s if cell.until_s is None else cell.until_s)
            done_run = run(
                *workload[1:],
                build_scheduler(cell.scheduler, cell.options),
                scenario=cell.description,
                scheduler_label=cell.label,
                seed=cell.seed,
                until_s=cell.until_s,
                keep=cell.keep,
                frames=cell.own_frames,
                conditions=None
                if cell.traffic is None
                else cell.traffic.on(workload[1], cell.seed, cell.until_s or 0.0),
                bound=bound,
            )
            results.write(done_run.row, done_run.tables)
        done(1)
