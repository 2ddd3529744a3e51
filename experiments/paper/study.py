"""What every experiment shares: the registry, where things go, and claims."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutlayer.experiments import paper
from cutlayer.experiments.console import coloured, progress
from cutlayer.experiments.verdicts import Verdict
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.results.file import Results

if TYPE_CHECKING:
    from cutlayer.experiments.runs.cell import Cell
    from cutlayer.experiments.scenarios.scenario import Scenario


@dataclass(frozen=True)
class Claim:
    """One claim of the paper beside what was measured.

    Attributes
    ----------
    source : str
        Where the paper says it.
    says : str
        What it says.
    measured : str
        What was measured, in words, with the number and its interval.
    verdict : str
        *holds*, *does not hold*, *not shown* (the interval lies on both sides: more seeds may say either), or *for
        information* where there is nothing to hold, only something to know.
    reading : str
        Under which reading of the paper, and what was compared.
    numbers : dict
        The numbers in `measured`, for programs.
    """

    source: str
    says: str
    measured: str
    verdict: Verdict
    reading: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass
class Study:
    """Where an experiment gets its seeds and leaves its figures and numbers.

    Attributes
    ----------
    out : Path
        The folder for figures.
    results : Results
        The open results file.
    seeds : range
        Seeds to run over.
    files : list of Path
        What was written so far.
    jobs : int, optional
        In how many processes to run; on all cores by default.
    settings : sequence of str
        ``KEY=VALUE`` to set over the scenario of every experiment.
    """

    out: Path
    results: Results
    seeds: Sequence[int]
    files: list[Path] = field(default_factory=list)
    jobs: int | None = None
    settings: Sequence[str] = ()

    def scenario(self, *settings: str) -> Scenario:
        """Return the paper's scenario with keys set, such as ``"network.servers=30"``."""
        from cutlayer.experiments.scenarios.scenario import load

        return load("paper", (*settings, *self.settings))

    def sweep(self, what: str, cells: Sequence[Cell]) -> list[dict[str, Any]]:
        """Do the runs that are not there yet, and return the row of every cell, in order.

        Raises
        ------
        CutlayerError
            If a run failed: a figure needs all of them.
        """
        from cutlayer.experiments.sweeps.sweep import engine_of, sweep

        with progress(what, len(cells)) as done, engine_of(self.jobs) as engine:
            tally = sweep(self.results, cells, done, engine=engine, retry_failed=True)
        if not tally.all_done:
            raise CutlayerError(f"{what}: {tally}; the first: {tally.first_error}")
        rows = {row["key"]: row for row in self.results.rows("runs")}
        return [rows[cell.key] for cell in cells]

    def draw(self, name: str, function: Callable[..., Any], *what: Any) -> None:
        """Draw a figure with ``function(*what)`` in the common style and write it as PNG and SVG."""
        from cutlayer.experiments.figures.style import draw

        try:
            self.files += draw(self.out / name, function, *what)
        except OSError as fault:
            raise InputError(f"cannot be written ({fault.strerror})", self.out / name) from None

    def record(self, experiment: str, measures: Iterable[Sequence[Any]]) -> None:
        """Keep the numbers of an experiment: rows of the table ``measures``."""
        from cutlayer.experiments.runs.runner import run_row

        row = run_row({"experiment": experiment, "seeds": len(self.seeds)}, None, None)
        self.results.write(row, {"measures": measures})


@dataclass(frozen=True)
class Experiment:
    """A question and the function that answers it."""

    name: str
    paper: str | None
    run: Callable[..., list[Claim]]

    @property
    def title(self) -> str:
        """The first line of its documentation."""
        return (self.run.__doc__ or self.name).strip().splitlines()[0]


EXPERIMENTS: Registry[Experiment] = Registry("experiment")


def experiment(name: str, *, paper: str | None = None) -> Callable[[Callable[..., list[Claim]]], Experiment]:
    """Register a function as an experiment; `paper` says which figure of the paper it redraws."""

    def add(run: Callable[..., list[Claim]]) -> Experiment:
        return EXPERIMENTS.register(name)(Experiment(name, paper, run))

    return add


def find_experiments() -> Registry[Experiment]:
    """Import every module of `cutlayer.experiments.paper`, so that all experiments are registered."""
    for module in pkgutil.iter_modules(paper.__path__):
        importlib.import_module(f"{paper.__name__}.{module.name}")
    return EXPERIMENTS


@contextlib.contextmanager
def open_study(out: str | Path, seeds: int, jobs: int | None = None, settings: Sequence[str] = ()) -> Iterator[Study]:
    """Make the folder, open its results file and yield the study.

    Raises
    ------
    InputError
        If the number of seeds is below 1 or the folder cannot be made.
    """
    if seeds < 1:
        raise InputError(f"seeds is {seeds}; allowed: 1 or more")
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputError(f"cannot be made ({fault.strerror})", folder) from None
    with Results(folder / "results.db") as results:
        yield Study(folder, results, range(seeds), jobs=jobs, settings=settings)


_COLOURS = {"holds": "green", "does not hold": "red", "not shown": "yellow"}


def told(claim: Claim) -> str:
    """Return a claim as two lines of text."""
    colour = _COLOURS.get(claim.verdict)
    word = coloured(claim.verdict, colour) if colour else claim.verdict
    return f"[{word}] {claim.says} ({claim.source})\n    {claim.measured}"
