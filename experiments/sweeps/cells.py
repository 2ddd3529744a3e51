"""One run of a sweep, as the coordinator names it and as a worker does it.

Whatever happens to a run is an outcome, also an error: the sweep goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from cutlayer.experiments.runs.runner import bound_at, failed_row, key_of, run, run_row
from cutlayer.experiments.scenarios import own_code
from cutlayer.experiments.scenarios.inputs import Inputs, Source
from cutlayer.experiments.scenarios.plugin import build_scheduler, code_digest, label, scheduler_class
from cutlayer.simulator.bounds.bounds import Bound, hindsight
from cutlayer.simulator.checks.pinpoint import raised_at
from cutlayer.simulator.errors import CapacityError, DecisionError, InputError, in_words
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.tables import Row
from cutlayer.simulator.types import Task

S_co = TypeVar("S_co", bound=Source, covariant=True)

HINDSIGHT = "hindsight"
"""The kind of bound that is also found as arrivals go on; the others are those of `bound_at`."""
POINTS = 10
"""At so many points of the arrivals."""


@dataclass(frozen=True)
class Cell(Generic[S_co]):
    """One run of a sweep.

    Attributes
    ----------
    source : Source
        Where the inputs come from.
    scheduler : str
        A registered name, or ``path/to/file.py:ClassName``.
    seed : int
    options : mapping
        Parameters of the scheduler.
    keep : sequence of str
        The tables to keep beside ``runs``.
    bound : {"dual", "lp", "hindsight", None}
        Which bound to find, once for all cells of one source and seed; ``"hindsight"`` is ``"dual"`` and, in the
        table ``measures``, the bound over the tasks arrived at ten points of the arrivals.
    scheduler_sha256 : str or None
        What the scheduler's code was when the sweep began, ``""`` where it has no file of its own; see `settled`.
    """

    source: S_co
    scheduler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Sequence[str] = ()
    bound: str | None = "dual"
    scheduler_sha256: str | None = None

    def settled(self) -> Cell[S_co]:
        """Return the cell with its key fixed: it does not change with the scheduler's code any more."""
        if self.scheduler_sha256 is not None:
            return self
        if ":" in self.scheduler:
            with contextlib.suppress(InputError):  # it may say where its modules are; what is wrong is said by the run
                scheduler_class(self.scheduler)
        return replace(self, scheduler_sha256=code_digest(self.scheduler))

    @property
    def label(self) -> str:
        """The scheduler with its parameters."""
        return label(self.scheduler, self.options)

    @property
    def description(self) -> dict[str, Any]:
        """What is simulated, for the results."""
        described = {**self.source.description, "keep": list(self.keep), "bound": self.bound}
        digest = self.settled().scheduler_sha256
        if digest:
            described["scheduler"] = {"sha256": digest}
        return described

    @property
    def key(self) -> str:
        """The key of the run."""
        return key_of(self.description, self.label, self.seed)

    @property
    def row(self) -> dict[str, Any]:
        """What is known of the run before it starts, as a row of ``runs``."""
        row = run_row(self.description, self.label, self.seed)
        if hasattr(self.source, "files"):  # a scenario's
            from cutlayer.experiments.cli.options import written_files

            row["paths"] = json.dumps(written_files(self.source), sort_keys=True)  # type: ignore[arg-type]
        return row


def without_source(cell: Cell[Source]) -> Cell[Any]:
    """Return the cell for where its source is known already: sources can be large."""
    return Cell[Any](None, cell.scheduler, cell.seed, cell.options, cell.keep, cell.bound, cell.scheduler_sha256)


def workload_digest(source: Source, seed: int) -> str:
    """Return the digest of all that decides the inputs: equal for cells that can share them."""
    text = json.dumps([source.description, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Outcome(NamedTuple):
    """What became of a run: values for its row of ``runs``, and its other tables."""

    values: dict[str, Any]
    tables: dict[str, list[Row]]

    @property
    def failed(self) -> bool:
        """Whether there was an error."""
        return self.values.get("status") == "failed"


def failure(error: str, trace: str | None = None, wall_s: float | None = None) -> Outcome:
    """Return the outcome of a run that failed."""
    return Outcome(failed_row(error, trace, wall_s), {})


_OWN = ("key", "scenario", "scheduler", "seed", "versions", "command")
"""What the coordinator says of a run, not the worker."""
_kept = threading.local()


def run_cell(cell: Cell[Source], threads: int | None = 1) -> Outcome:
    """Do one run; the inputs of the one before are used again where they are the same.

    Parameters
    ----------
    cell : Cell
    threads : int, optional
        In how many threads to walk its frames; None for all cores.
    """
    cell = cell.settled()
    outcome = _outcome(cell, threads)
    if outcome.failed:  # by what a file holds now, perhaps
        try:
            check_scheduler(cell)
            check_files(cell.source)
        except InputError as fault:
            return failure(str(fault), None, outcome.values["wall_s"])
    return outcome


def run_cell_alone(cell: Cell[Source]) -> Outcome:
    """Return what became of a run in a process that is there for runs: also an interrupt is the run's own doing."""
    try:
        return run_cell(cell)
    except BaseException as fault:
        return failure(in_words(fault), traceback.format_exc())


def _text(fault: Exception) -> str:
    try:
        return str(fault)
    except BaseException:  # of a user's own class
        return in_words(fault)


def _place(fault: BaseException, scheduler: Scheduler | None) -> str:
    """Return where in its own file a scheduler has failed, the same in every folder, and at which task."""
    place = None if scheduler is None else raised_at(fault, scheduler)
    if place is None:
        return ""
    task = "" if place.task is None else f", at task {place.task!r}"
    return f" ({os.path.basename(place.file)}:{place.line}{task})"


def _outcome(cell: Cell[Source], threads: int | None) -> Outcome:
    start, scheduler = time.perf_counter(), None
    try:
        scheduler = build_scheduler(cell.scheduler, cell.options)
        check_scheduler(cell)
        workload = _workload(cell)
        inputs, tasks = workload.inputs, workload.tasks
        frames = None if inputs.frames is None else replace(inputs.frames, keep=False, threads=threads)
        done = run(
            inputs.network,
            inputs.tasks if tasks is None else tasks,
            scheduler,
            scenario=cell.description,
            scheduler_label=cell.label,
            seed=cell.seed,
            until_s=inputs.until_s,
            keep=cell.keep,
            frames=frames,
            conditions=inputs.conditions,
            bound=workload.bound(cell.bound),
            notes=inputs.notes,
            topology=inputs.topology,
        )
        if tasks is None:  # they were read as the run went on
            check_files(cell.source)
        tables = done.tables
        if cell.bound == HINDSIGHT:
            tables = tables | {"measures": workload.in_hindsight()}
    except (CapacityError, DecisionError) as fault:  # the scheduler's
        return failure(_text(fault), traceback.format_exc(), time.perf_counter() - start)
    except InputError as fault:
        return failure(_text(fault), None, time.perf_counter() - start)
    except (Exception, SystemExit) as fault:
        return failure(in_words(fault) + _place(fault, scheduler), traceback.format_exc(), time.perf_counter() - start)
    return Outcome({name: value for name, value in done.row.items() if name not in _OWN}, tables)


CHANGED = "changed while the sweep ran; allowed: the same content until its end, on every machine"


def check_scheduler(cell: Cell[Source]) -> None:
    """Refuse a scheduler's code that is not what the key of a settled cell was made of: call it after reading.

    Raises
    ------
    InputError
    """
    if cell.scheduler_sha256 != code_digest(cell.scheduler):
        path = cell.scheduler.rpartition(":")[0]
        beside = Path(path).is_file() and own_code.modules(path)
        raise InputError(f"{'or a module it imports ' if beside else ''}{CHANGED}", path)


def check_files(source: Source) -> None:
    """Refuse files that are not what the description of the source was made of: call it after reading them.

    Raises
    ------
    InputError
        If a file differs, or is gone.
    """
    files: Mapping[str, Any] = getattr(source, "files", {})  # of a scenario, by the key that names each
    if not files:
        return
    from cutlayer.experiments.scenarios.scenario import by_content

    for key, file in files.items():
        described: Any = source.description
        for name in key.split("."):
            if isinstance(described, Mapping):
                described = described.get(name)
            elif isinstance(described, Sequence) and int(name) < len(described):
                described = described[int(name)]
            else:
                described = None
        if described is not None and described != by_content(file):  # None: another key makes this one idle
            raise InputError(CHANGED, file.written)


class _Workload:
    """The inputs of one source and seed with the bounds on them, each found once."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.tasks: Sequence[Task] | None = inputs.tasks if isinstance(inputs.tasks, Sequence) else None
        self._found: dict[str, Any] = {}

    def _once(self, kind: str, find: Callable[[Sequence[Task]], Any]) -> Any:
        if kind not in self._found:
            if self.tasks is None:
                raise InputError(f"bound {kind!r} needs all tasks at once, and these come one by one; allowed: none")
            self._found[kind] = find(self.tasks)
        return self._found[kind]

    def bound(self, kind: str | None) -> Bound | None:
        """Return the bound of that kind on the tasks deployed at the end."""
        if kind is None:
            return None
        network, until_s = self.inputs.network, self.inputs.until_s
        plain = "dual" if kind == HINDSIGHT else kind

        def find(tasks: Sequence[Task]) -> Bound:
            last_s = tasks[-1].arrival_s if tasks else 0.0
            return bound_at(network, tasks, last_s if until_s is None else until_s, plain)

        found: Bound = self._once(plain, find)
        return found

    def in_hindsight(self) -> list[Row]:
        """Return the bound over the tasks arrived, at some points of the arrivals, as rows of ``measures``."""

        def find(tasks: Sequence[Task]) -> list[Row]:
            at = hindsight_at(len(tasks))
            bounds = hindsight(tasks, self.inputs.network, at)
            return [
                ("bound in hindsight [tasks]", None, "arrived tasks", n, value, None, None, 1)
                for n, value in zip(at, bounds, strict=True)
            ]

        rows: list[Row] = self._once(HINDSIGHT, find)
        return rows


def hindsight_at(n_tasks: int) -> list[int]:
    """Return after how many arrivals the bound in hindsight is found, the last of all included.

    Examples
    --------
    >>> hindsight_at(25)
    [2, 5, 8, 10, 12, 15, 18, 20, 22, 25]
    """
    return sorted({round(n_tasks * point / POINTS) for point in range(1, POINTS + 1)} - {0})


def _workload(cell: Cell[Source]) -> _Workload:
    digest = workload_digest(cell.source, cell.seed)
    kept: _Workload | None = getattr(_kept, "workload", None)
    if kept is None or _kept.digest != digest:
        _kept.workload = None  # what is there goes before what comes is made: never two at a time
        kept = _Workload(cell.source.inputs(cell.seed))
        check_files(cell.source)
        if kept.tasks is not None:  # what comes one by one can be had once
            _kept.workload, _kept.digest = kept, digest
    return kept
