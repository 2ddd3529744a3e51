"""One run, as a sweep names it and a worker does it; ``cutlayer run`` is a sweep of one.

Whatever happens to a run of a sweep is an outcome, also an error: the sweep goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cutlayer.experiments.runs.runner import ALL_TABLES, ALONG, Done, bound_at, failed_row, key_of, run, run_row
from cutlayer.experiments.scenarios import own_code
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.plugin import build_scheduler, code_digest, label, scheduler_class
from cutlayer.experiments.scenarios.scenario import Scenario, by_content
from cutlayer.simulator.bounds.bounds import Bound, hindsight
from cutlayer.simulator.checks.pinpoint import raised_at
from cutlayer.simulator.errors import CapacityError, DecisionError, InputError, in_words
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.sinks import Sink
from cutlayer.simulator.results.tables import Row

HINDSIGHT = "hindsight"
"""The kind of bound that is also found as arrivals go on; the others are those of `bound_at`."""
POINTS = 10
"""At so many points of the arrivals."""


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes
    ----------
    scenario : Scenario
        Where the inputs come from; its own schedulers and seed do not matter.
    scheduler : str
        A registered name, or ``path/to/file.py:ClassName``.
    seed : int
    options : mapping
        Parameters of the scheduler.
    keep : sequence of str
        The tables to keep beside ``runs``.
    bound : {None, "none", "dual", "lp", "hindsight"}
        Which bound to find, once for all cells of one scenario and seed: by default ``"dual"`` where all tasks are in
        memory. ``"hindsight"`` is ``"dual"`` and, in the table ``measures``, the bound over the tasks arrived at ten
        points of the arrivals.
    scheduler_sha256 : str or None
        What the scheduler's code was when the sweep began, ``""`` where it has no file of its own; see `settled`.
    """

    scenario: Scenario
    scheduler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Sequence[str] = ()
    bound: str | None = None
    scheduler_sha256: str | None = None

    def settled(self) -> Cell:
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
        """What is simulated and what is kept of it, for the results."""
        described = {**self.scenario.description, "keep": list(self.keep), "bound": self.bound}
        digest = self.settled().scheduler_sha256
        if digest:
            described["scheduler"] = {"sha256": digest}
        return described

    @property
    def drawn_with(self) -> int | None:
        """The seed; None where nothing is drawn, so that every seed is the same run."""
        return self.seed if self.scenario.is_random else None

    @property
    def key(self) -> str:
        """The key of the run: the same whatever is kept of it, and by whichever command."""
        return key_of(self.description, self.label, self.drawn_with)

    @property
    def row(self) -> dict[str, Any]:
        """What is known of the run before it starts, as a row of ``runs``."""
        paths = json.dumps(self.scenario.written_files, sort_keys=True)
        return run_row(self.description, self.label, self.drawn_with) | {"paths": paths}

    def lacking(self, described: Mapping[str, Any]) -> Cell | None:
        """Return the cell to do where there is a run of its key; None if that has kept all that this one asks for.

        Parameters
        ----------
        described : mapping
            The description of the run that is there. What it has kept is kept again.
        """
        kept, bound = described.get("keep") or (), described.get("bound")
        more = [table for table in self.keep if table not in (*kept, *(ALONG if kept else ()))]
        enough = self.bound in (bound, "none") or (self.bound or "dual") in (bound or "dual", _PLAIN.get(bound or ""))
        if enough and not more:
            return None
        return replace(self, keep=(*kept, *more), bound=bound if enough else self.bound)


def without_scenario(cell: Cell) -> Cell:
    """Return the cell for where its scenario is known already: they can be large."""
    return replace(cell, scenario=None)  # type: ignore[arg-type]


_PLAIN = {HINDSIGHT: "dual"}
"""The bound that is found along with another."""


def tables_of(scenario: Scenario) -> list[str]:
    """Return the tables that a scenario says to keep of a single run."""
    keep = [*ALL_TABLES, *(["series_by"] if scenario.run.by_resource else [])]
    if scenario.frames is not None:
        keep += ["frames", "frame_series", *(["frame_series_by"] if scenario.run.by_resource else [])]
    return keep


def cells_of(scenario: Scenario) -> list[tuple[Cell, Scheduler]]:
    """Return the single runs that a scenario asks for: one for each of its schedulers, with the scheduler made.

    Raises
    ------
    InputError
        If it names no scheduler.
    """
    if scenario.scheduler is None:
        raise InputError("no scheduler given; set `scheduler` in the scenario or pass --scheduler")
    keep, said = tables_of(scenario), scenario.run
    cells = []
    for one in scenario.scheduler:
        made = one.built  # loads its file: only then is known of what its code is made
        digest = code_digest(one.name.written)
        cells.append((Cell(scenario, one.name.written, said.seed, one.options, keep, said.bound, digest), made))
    return cells


def workload_digest(scenario: Scenario, seed: int) -> str:
    """Return the digest of all that decides the inputs: equal for cells that can share them."""
    text = json.dumps([scenario.description, seed], sort_keys=True)
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


_kept = threading.local()


def run_cell(cell: Cell, threads: int | None = 1) -> Outcome:
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
            check_files(cell.scenario)
        except InputError as fault:
            return failure(str(fault), None, outcome.values["wall_s"])
    return outcome


def run_cell_alone(cell: Cell) -> Outcome:
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


def _outcome(cell: Cell, threads: int | None) -> Outcome:
    start, scheduler = time.perf_counter(), None
    try:
        scheduler = build_scheduler(cell.scheduler, cell.options)
        check_scheduler(cell)
        workload = _workload(cell)
        done = played(cell, workload.with_frames(keep=False, threads=threads), scheduler)
        if not workload.inputs.held:  # they were read as the run went on
            check_files(cell.scenario)
    except (CapacityError, DecisionError) as fault:  # the scheduler's
        return failure(_text(fault), traceback.format_exc(), time.perf_counter() - start)
    except InputError as fault:
        return failure(_text(fault), None, time.perf_counter() - start)
    except (Exception, SystemExit) as fault:
        return failure(in_words(fault) + _place(fault, scheduler), traceback.format_exc(), time.perf_counter() - start)
    return Outcome(done.row, done.tables)


def played(cell: Cell, workload: Workload, scheduler: Scheduler, sink: Sink | None = None) -> Done:
    """Simulate one run with the inputs and bounds of its workload; see `cutlayer.experiments.runs.runner.run`."""
    done = run(workload.inputs, scheduler, keep=cell.keep, bound=workload.bound(cell.bound), sink=sink)
    if cell.bound == HINDSIGHT:
        done.tables["measures"] = workload.in_hindsight()
    return done


CHANGED = "changed while the sweep ran; allowed: the same content until its end, on every machine"


def check_scheduler(cell: Cell) -> None:
    """Refuse a scheduler's code that is not what the key of a settled cell was made of: call it after reading.

    Raises
    ------
    InputError
    """
    if cell.scheduler_sha256 != code_digest(cell.scheduler):
        path = cell.scheduler.rpartition(":")[0]
        beside = Path(path).is_file() and own_code.modules(path)
        raise InputError(f"{'or a module it imports ' if beside else ''}{CHANGED}", path)


def check_files(scenario: Scenario) -> None:
    """Refuse files that are not what the description of the scenario was made of: call it after reading them.

    Raises
    ------
    InputError
        If a file differs, or is gone.
    """
    for key, file in scenario.files.items():
        described: Any = scenario.description
        for name in key.split("."):
            if isinstance(described, Mapping):
                described = described.get(name)
            elif isinstance(described, Sequence) and int(name) < len(described):
                described = described[int(name)]
            else:
                described = None
        if described is not None and described != by_content(file):  # None: another key makes this one idle
            raise InputError(CHANGED, file.written)


class Workload:
    """The inputs of one scenario and seed with the bounds on them, each found once."""

    def __init__(self, inputs: Inputs, found: dict[str, Any] | None = None) -> None:
        self.inputs = inputs
        self._found: dict[str, Any] = {} if found is None else found

    def with_frames(self, **changed: Any) -> Workload:
        """Return the same workload whose frames are walked otherwise."""
        frames = self.inputs.frames
        if frames is None:
            return self
        return Workload(replace(self.inputs, frames=replace(frames, **changed)), self._found)

    def bound(self, kind: str | None) -> Bound | None:
        """Return the bound of that kind on the tasks deployed at the end."""
        kind = kind or ("dual" if self.inputs.held else "none")
        if kind == "none":
            return None
        plain = _PLAIN.get(kind, kind)
        if plain not in self._found:
            self._found[plain] = bound_at(self.inputs, plain)
        found: Bound = self._found[plain]
        return found

    def in_hindsight(self) -> list[Row]:
        """Return the bound over the tasks arrived, at some points of the arrivals, as rows of ``measures``."""
        if HINDSIGHT not in self._found:
            tasks = list(self.inputs.tasks)
            at = hindsight_at(len(tasks))
            self._found[HINDSIGHT] = [
                ("bound in hindsight [tasks]", None, "arrived tasks", n, value, None, None, 1)
                for n, value in zip(at, hindsight(tasks, self.inputs.network, at), strict=True)
            ]
        rows: list[Row] = self._found[HINDSIGHT]
        return rows


def hindsight_at(n_tasks: int) -> list[int]:
    """Return after how many arrivals the bound in hindsight is found, the last of all included.

    Examples
    --------
    >>> hindsight_at(25)
    [2, 5, 8, 10, 12, 15, 18, 20, 22, 25]
    """
    return sorted({round(n_tasks * point / POINTS) for point in range(1, POINTS + 1)} - {0})


def _workload(cell: Cell) -> Workload:
    digest = workload_digest(cell.scenario, cell.seed)
    kept: Workload | None = getattr(_kept, "workload", None)
    if kept is None or _kept.digest != digest:
        _kept.workload = None  # what is there goes before what comes is made: never two at a time
        kept = Workload(cell.scenario.inputs(cell.seed))
        check_files(cell.scenario)
        if kept.inputs.held:  # what is read as the run goes on is read again, and checked
            _kept.workload, _kept.digest = kept, digest
    return kept
