"""`run` and `sweep` for Python programs: what the commands of the same name do, with objects for files."""

from __future__ import annotations

import inspect
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.console import log
from cutlayer.experiments.result import Folder, Run, Runs, runs_of
from cutlayer.experiments.runs.cell import Cell, Outcome, Workload, run_cell, tables_of
from cutlayer.experiments.runs.run_file import run_into
from cutlayer.experiments.scenarios.given import GivenScenario
from cutlayer.experiments.scenarios.plugin import Spec, build_scheduler, given, label, scheduler_of
from cutlayer.experiments.scenarios.scenario import Scenario, as_toml, load, settings_of
from cutlayer.experiments.sweeps.grid import Grid, Points, values_of
from cutlayer.experiments.sweeps.sweep import engine_of
from cutlayer.experiments.sweeps.sweep import sweep as do_missing
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import write_text
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Profile, Task

if TYPE_CHECKING:
    import networkx as nx

AnyScheduler = str | type[Scheduler] | Scheduler
AnyScenario = str | os.PathLike[str] | Scenario


def run(
    scenario: AnyScenario | None = None,
    *,
    network: Network | nx.Graph | None = None,
    tasks: Iterable[Task] | None = None,
    scheduler: AnyScheduler | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Run:
    """Simulate one scheduler on a scenario, or on a network and tasks of your own.

    Parameters
    ----------
    scenario : str, path or Scenario, optional
        A scenario file, or the name of one that comes with cutlayer, such as ``"paper"``. It says what is not given
        otherwise; by default every key has its default.
    network : Network or networkx.Graph, optional
        In place of the scenario's; in a graph, servers stand as ``network.topology`` says: by default at every node
        but the one with most neighbours, where the cloud is.
    tasks : iterable of Task, optional
        In place of the scenario's, in order of arrival.
    scheduler : str, class or instance, optional
        A registered name, ``"path/to/mine.py:Mine"``, a subclass of `OnlineScheduler` or `OfflineScheduler`, or an
        instance of one. By default the scenario's, where it has one.
    seed : int, optional
        Seed of everything that is drawn; the scenario's by default.
    out : path, optional
        A results file, to which the run is added. By default the results go with the object returned.
    **settings
        Keys of the scenario, with ``__`` for the dot: ``network__servers=20``, ``workload__deadline="100 ms"``.

    Raises
    ------
    InputError
        If something is wrong; the message says what is allowed.

    Examples
    --------
    >>> import cutlayer as cl
    >>> result = cl.run("paper", scheduler="price", network__servers=5, workload__tasks=200)
    >>> result.deployed_tasks, round(result.bound_tasks, 1)
    (177, 179.5)

    Two servers and three tasks of one's own:

    >>> network = cl.Network([20e9, 20e9], [2e6, 2e6])
    >>> alexnet = cl.load_profile("alexnet")
    >>> tasks = [cl.Task(f"t{n}", float(n), alexnet, 5.0, 0.2, [0, 1], [150e3, 75e3]) for n in range(3)]
    >>> cl.run(network=network, tasks=tasks, scheduler="fifo").tasks.outcome.tolist()
    ['deployed', 'deployed', 'deployed']
    """
    folder = Folder()
    base = _scenario(scenario, network, tasks, settings, folder)
    if scheduler is None and len(base.schedulers) != 1:
        raise InputError(f"scheduler is not given; the scenario has {', '.join(base.labels) or 'none'}")
    name, options = base.schedulers[0] if scheduler is None else _spec(scheduler, here=True)
    cell = Cell(
        base, name, base.run.seed if seed is None else seed, options, tables_of(base), base.run.bound
    )  # fmt: skip
    path = folder.path / "run.db" if out is None else Path(out)
    with Results(os.path.abspath(path)) as results:
        done = run_into(results, cell, Workload(base.inputs(cell.seed)), build_scheduler(name, options))
    return runs_of(path, [done.row["key"]], folder)[0]


def sweep(
    scenario: AnyScenario | None = None,
    *,
    vary: Mapping[str, Iterable[Any]] | None = None,
    schedulers: Sequence[AnyScheduler] | None = None,
    seeds: int | None = None,
    out: str | os.PathLike[str] | None = None,
    network: Network | nx.Graph | None = None,
    tasks: Iterable[Task] | None = None,
    keep: Sequence[str] = ("tasks", "series"),
    jobs: int | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    **settings: Any,
) -> Runs:
    """Run a scenario over a grid of settings, schedulers and seeds; what `out` has already is not simulated again.

    A scheduler's class that is defined in a module's file goes to worker processes. One that is defined in a script
    or notebook itself runs in this process, one run after the other.

    Parameters
    ----------
    scenario, network, tasks, **settings
        As of `run`.
    vary : mapping, optional
        Values by key, such as ``{"network.servers": range(20, 100, 10)}``; a text is a list or range as of
        ``cutlayer sweep --vary``.
    schedulers : sequence, optional
        Each as of `run`; the scenario's by default.
    seeds : int, optional
        Seeds 0 to ``seeds - 1``; ``run.seeds`` of the scenario by default.
    out : path, optional
        The results file, to which runs are added. By default the results go with the object returned.
    keep : sequence of str
        The tables to keep of every run.
    jobs : int, optional
        Worker processes; one for every core by default.
    cluster : str, optional
        Address of a Dask scheduler.
    retry_failed : bool
        Rerun failed runs.

    Warns
    -----
    UserWarning
        If runs failed; each is among the runs, with its error.

    Examples
    --------
    >>> import cutlayer as cl
    >>> runs = cl.sweep("paper", vary={"network.servers": [5, 10]}, schedulers=["fifo"], seeds=1, workload__tasks=30)
    >>> runs.runs[["network.servers", "deployed_tasks"]].values.tolist()
    [[5, 30], [10, 30]]
    """
    folder = Folder()
    base = _scenario(scenario, network, tasks, settings, folder)
    varied = {key: _values(key, values) for key, values in (vary or {}).items()}
    specs: list[Spec] = [(name, dict(options)) for name, options in base.schedulers]
    if schedulers is not None:
        specs = [_spec(one, here=False) for one in schedulers]
    if not specs:
        raise InputError("no schedulers given; allowed: schedulers=[...], or a scenario that has some")
    labels = [label(*spec) for spec in specs]
    if twice := [one for one in labels if labels.count(one) > 1]:
        raise InputError(f"scheduler {twice[0]} is given twice; allowed: every one once")
    for spec in specs:
        build_scheduler(*spec)
    count = (base.run.seeds if seeds is None else seeds) if base.is_random else 1
    if count < 1:
        raise InputError(f"seeds is {count}; allowed: 1 or more")
    grid = Grid(Points(base, varied, "vary"), specs, tuple(keep), base.run.bound, base.is_random, count)
    path = folder.path / "sweep.db" if out is None else Path(out)
    cells = [cell.settled() for cell in grid.cells(range(count))]
    with Results(os.path.abspath(path)) as results:
        tally = None
        for own in (False, True):
            chosen = [cell for cell in cells if _is_here(cell.scheduler) is own]
            if chosen:
                with engine_of(jobs, cluster) as workers:
                    engine = _Here() if own else workers
                    found = do_missing(results, chosen, engine=engine, retry_failed=retry_failed)
                tally = found if tally is None else tally + found
    if tally is not None and not tally.all_done:
        warnings.warn(f"{tally}; the first that failed: {tally.first_error}", stacklevel=2)
    return runs_of(path, [cell.key for cell in cells], folder)


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile: one that comes with cutlayer by its name, or that of a file.

    Examples
    --------
    >>> import cutlayer as cl
    >>> len(cl.load_profile("alexnet"))
    8
    """
    from cutlayer.profiles.store import load, shipped
    from cutlayer.simulator.errors import near_name

    ours = shipped()
    if os.fspath(name) in ours:
        return ours[os.fspath(name)]
    if not os.path.exists(name):
        raise InputError(f"no such profile; of ours, {near_name(os.fspath(name), ours)}", name)
    return load(name)


class _Here:
    """Does runs in this process, one after the other."""

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        for cell in cells:
            yield cell, run_cell(cell, threads=None)


def _scenario(
    scenario: AnyScenario | None,
    network: Network | nx.Graph | None,
    tasks: Iterable[Task] | None,
    settings: Mapping[str, Any],
    folder: Folder,
) -> Scenario:
    """Return the scenario that the arguments of a call say together."""
    texts = settings_of(settings)
    if network is not None and not isinstance(network, Network):
        path = folder.path / "network.json"
        write_text(path, _node_link(network))
        texts.insert(0, f"network.topology.file={as_toml(str(path))}")
        network = None
    base = scenario if isinstance(scenario, Scenario) else Scenario() if scenario is None else load(scenario)
    if network is None and tasks is None:
        return base.with_settings(texts, "settings")
    own = None if tasks is None else list(tasks)
    for task in own or ():
        if not isinstance(task, Task):
            raise InputError(f"tasks holds {task!r}; allowed: cutlayer.Task (workload__tasks names a file)")
    return GivenScenario.of(base, network, own).with_settings(texts, "settings")


def _node_link(graph: nx.Graph) -> str:
    """Return a graph as node-link JSON, which is one of the formats that are read."""
    nodes = [{**data, "id": str(node)} for node, data in graph.nodes(data=True)]
    edges = [{**data, "source": str(one), "target": str(other)} for one, other, data in graph.edges(data=True)]
    content = {"directed": graph.is_directed(), "nodes": nodes, "edges": edges}
    return json.dumps(content, default=lambda value: value.item() if isinstance(value, np.generic) else str(value))


def _values(key: str, values: Any) -> list[str]:
    found = values_of(values) if isinstance(values, str) else [as_toml(value) for value in values]
    if not found:
        raise InputError(f"vary: {key} has no values; allowed: 1 or more")
    return found


def _spec(scheduler: AnyScheduler, *, here: bool) -> Spec:
    """Return how runs name a scheduler; a class of a module's file by that file, unless it is to run `here`."""
    if isinstance(scheduler, str):
        return scheduler_of(scheduler)
    if isinstance(scheduler, type):
        for name in SCHEDULERS:
            if SCHEDULERS[name] is scheduler:
                return name, {}
        file = None if here else _file_of(scheduler)
        if file is not None:
            return f"{file}:{scheduler.__name__}", {}
    name = given(scheduler)
    if not here:
        log.info("%s is not defined in a module's file: its runs are done in this process, one after the other", name)
    return name, {}


def _file_of(kind: type) -> str | None:
    """Return the file from which worker processes can load a class; None for one of a script or notebook."""
    if kind.__module__ == "__main__" or kind.__qualname__ != kind.__name__:
        return None
    try:
        file = inspect.getsourcefile(kind)
    except TypeError:
        return None
    if file is None or not os.path.isfile(file):
        return None
    short = os.path.relpath(file)
    return file if short.startswith(os.pardir) else short


def _is_here(spec: str) -> bool:
    """Return whether only this process knows a scheduler."""
    from cutlayer.experiments.scenarios import plugin

    return ":" not in spec and spec not in SCHEDULERS and spec in plugin._given
