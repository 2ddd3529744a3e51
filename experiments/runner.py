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
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import profiles
import simulator
import workloads
from experiments.plugin import build_scheduler, label
from simulator.engine import simulate
from simulator.policy import Scheduler
from simulator.recorder import Recorder
from simulator.results import Results, Row
from simulator.types import Network, Task
from workloads.generate import PaperScenario

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
) -> tuple[dict[str, Any], dict[str, list[Row]], Recorder]:
    """Simulate one run and return its row, its tables and the recorder that heard it.

    Parameters
    ----------
    network, tasks, scheduler, until_s
        As in `simulator.engine.simulate`.
    scenario : mapping
        What is simulated, for the results; with `scheduler_label` and `seed` it makes the key.
    keep : sequence of str
        The tables to keep beside ``runs``.
    """
    recorder = Recorder(by_resource="series_by" in keep)
    start = time.perf_counter()
    simulate(network, tasks, scheduler, until_s=until_s, listeners=[recorder])
    row = run_row(scenario, scheduler_label, seed) | recorder.summary()
    row["wall_s"] = time.perf_counter() - start
    row["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    tables = recorder.tables()
    return row, {name: tables[name] for name in keep}, recorder


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: a scenario, a scheduler and a seed."""

    scenario: PaperScenario
    scheduler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Sequence[str] = ()

    @property
    def label(self) -> str:
        """The scheduler with its parameters."""
        return label(self.scheduler, self.options)

    @property
    def description(self) -> dict[str, Any]:
        """What the scenario is, for the results."""
        return {"paper": asdict(self.scenario), "keep": list(self.keep)}

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
    for cell in cells:
        if cell.key not in there:
            if workload is None or workload[0] != (cell.scenario, cell.seed):
                network, tasks = cell.scenario.network(cell.seed), cell.scenario.arrivals(cell.seed)
                workload = (cell.scenario, cell.seed), network, tasks
            row, tables, _ = run(
                *workload[1:],
                build_scheduler(cell.scheduler, cell.options),
                scenario=cell.description,
                scheduler_label=cell.label,
                seed=cell.seed,
                keep=cell.keep,
            )
            results.write(row, tables)
        done(1)
