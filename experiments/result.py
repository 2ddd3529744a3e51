"""Runs as Python sees them: totals, tables as pandas DataFrames, and figures as matplotlib Axes."""

from __future__ import annotations

import html
import json
import weakref
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, overload

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_TOTALS = ("scheduler", "seed", "arrived_tasks", "deployed_tasks", "departed_tasks", "rejected_tasks", "evicted_tasks")
_SHOWN = (*_TOTALS, "bound_tasks", "gap")
MOST_SHOWN = 20
"""Runs that are shown one a line."""


class _Kept:
    """Runs of a results file: what one run and many have in common.

    Attributes
    ----------
    path : str
        The results file.
    """

    def __init__(self, path: str | PathLike[str], rows: Sequence[Mapping[str, Any]], folder: Any = None) -> None:
        self.path = str(path)
        self._rows = rows
        self._folder = folder  # of a file that goes when nobody holds its runs any more

    def table(self, name: str) -> pd.DataFrame:
        """Return a table as a DataFrame; `cutlayer.simulator.results.tables` says what each column means.

        Of several runs the columns ``run`` (its key), ``scheduler`` and ``seed`` come first.

        Raises
        ------
        InputError
            If there is no such table, or pandas is not installed.
        """
        return _frame(self._columns(name))

    def _columns(self, name: str) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {column.name: [] for column in TABLES.get(name, ())}
        with Results(self.path, must_exist=True) as results:
            for row in self._rows:
                for found in results.rows(name, row["key"]):
                    for column, values in columns.items():
                        values.append(found[column])
        return columns

    @property
    def tasks(self) -> pd.DataFrame:
        """One row a task: when it arrived, what became of it, and at which cut."""
        return self.table("tasks")

    @property
    def decisions(self) -> pd.DataFrame:
        """One row a decision: verdict, cut, the resource that was tightest, and whom it evicted."""
        return self.table("decisions")

    @property
    def series(self) -> pd.DataFrame:
        """One row a change: tasks deployed, bandwidth and compute reserved."""
        return self.table("series")

    @property
    def frames(self) -> pd.DataFrame:
        """One row a task and server: its frames and their latency; empty where no frames were simulated."""
        return self.table("frames")

    def plot(self, what: str = "deployed", ax: Axes | None = None, **options: Any) -> Axes:
        """Draw a figure on matplotlib axes and return these.

        Parameters
        ----------
        what : str
            A figure of ``cutlayer plot``: "deployed", "latency", "late", "tail", "reserved-uplink", "sweep", ...
        ax : Axes, optional
            Where to draw; new axes by default.
        **options
            ``labels``, ``order``, ``title`` and ``legend``, as of `cutlayer.experiments.figures.plot.axes`.

        Raises
        ------
        InputError
            If there is no such figure, or these runs do not have what it shows.
        """
        from cutlayer.experiments.figures.plot import axes

        return axes(self.path, what, ax, runs=[row["key"] for row in self._rows], **options)


class Run(_Kept):
    """One run: its totals, its tables and figures.

    Every column of the table ``runs`` is an attribute, such as ``wall_s`` or ``transfer_mean_s``.

    Attributes
    ----------
    scheduler : str
        The scheduler with its parameters.
    seed : int or None
        None where nothing is drawn.
    arrived_tasks, deployed_tasks, departed_tasks, rejected_tasks, evicted_tasks : int
        Tasks by what became of them; deployed are those still there at the end.
    bound_tasks : float or None
        No scheduler has more tasks deployed at the end.
    gap : float or None
        1 - deployed / bound.

    Examples
    --------
    >>> import cutlayer as cl
    >>> run = cl.run("paper", scheduler="fifo", network__servers=5, workload__tasks=80)
    >>> run
    <Run fifo, seed 0: 80 tasks arrived, 80 deployed, 0 departed, 0 rejected, 0 evicted; at most 80.0 can be deployed>
    >>> run.tasks.columns[:3].tolist()
    ['task', 'arrival_s', 'profile']
    """

    scheduler: str
    seed: int | None
    arrived_tasks: int
    deployed_tasks: int
    departed_tasks: int
    rejected_tasks: int
    evicted_tasks: int
    bound_tasks: float | None
    gap: float | None

    def __init__(self, path: str | PathLike[str], row: Mapping[str, Any], folder: Any = None) -> None:
        super().__init__(path, [row], folder)
        self.row = dict(row)

    def __getattr__(self, name: str) -> Any:
        if name != "row" and name in self.row:
            return self.row[name]
        raise AttributeError(f"a run has no {name!r}; columns of its row: {', '.join(self.__dict__.get('row', ()))}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.row]

    @property
    def scenario(self) -> dict[str, Any]:
        """What was simulated, in SI units."""
        return dict(json.loads(self.row["scenario"]))

    @property
    def notes(self) -> list[str]:
        """What was assumed of the network, a sentence each."""
        return list(json.loads(self.row["notes"] or "[]"))

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        if self.row["status"] != "done":
            return f"<Run {self.scheduler}{seed}: failed: {self.row['error']}>"
        counts = ", ".join(f"{self.row[name]} {name.removesuffix('_tasks')}" for name in _TOTALS[3:])
        bound = "" if self.bound_tasks is None else f"; at most {self.bound_tasks:.1f} can be deployed"
        return f"<Run {self.scheduler}{seed}: {self.arrived_tasks} tasks arrived, {counts}{bound}>"

    def _repr_html_(self) -> str:
        return as_html([self.row], _SHOWN)


class Runs(_Kept, Sequence[Run]):
    """The runs of a results file, in its order.

    Examples
    --------
    >>> import cutlayer as cl
    >>> runs = cl.sweep(
    ...     "paper", vary={"network.servers": [2, 5]}, schedulers=["fifo", "lbf"], seeds=2, jobs=1, workload__tasks=100
    ... )
    >>> len(runs), runs[0].scheduler
    (8, 'fifo')
    >>> runs.select("lbf").runs.deployed_tasks.tolist()
    [61, 95, 100, 100]
    """

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Run: ...

    @overload
    def __getitem__(self, at: slice) -> Runs: ...

    def __getitem__(self, at: int | slice) -> Run | Runs:
        if isinstance(at, slice):
            return Runs(self.path, self._rows[at], self._folder)
        return Run(self.path, self._rows[at], self._folder)

    def __iter__(self) -> Iterator[Run]:
        return (self[at] for at in range(len(self)))

    def select(self, scheduler: str | None = None, seed: int | None = None, **settings: Any) -> Runs:
        """Return the runs of a scheduler, of a seed, or whose scenario has these values.

        Parameters
        ----------
        scheduler : str, optional
            With its parameters, as in ``"fixed(cut=3)"``.
        seed : int, optional
        **settings
            Values in SI units by key: ``network__servers=10``.
        """
        rows = [row for row in self._rows if scheduler is None or row["scheduler"] == scheduler]
        rows = [row for row in rows if seed is None or row["seed"] == seed]
        for key, value in settings.items():
            rows = [row for row in rows if _at(json.loads(row["scenario"]), key) == value]
        return Runs(self.path, rows, self._folder)

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run: every column of the table ``runs``, and of the scenario what differs between runs."""
        from cutlayer.experiments.records.run_groups import parameters_of
        from cutlayer.experiments.records.varied import varied

        flat = [parameters_of(dict(row))[0] for row in self._rows]
        columns = {name: [one.get(name) for one in flat] for name in varied(flat) if name != "cutlayer"}
        return _frame(columns | {column.name: [row[column.name] for row in self._rows] for column in TABLES["runs"]})

    def _columns(self, name: str) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"run": [], "scheduler": [], "seed": []}
        for run in self:
            own = run._columns(name)
            count = len(next(iter(own.values()), []))
            own = {"run": [run.key] * count, "scheduler": [run.scheduler] * count, "seed": [run.seed] * count} | own
            for column, values in own.items():
                columns.setdefault(column, []).extend(values)
        return columns

    def __repr__(self) -> str:
        lines = [repr(run) for run in self[:MOST_SHOWN]]
        if len(self) > MOST_SHOWN:
            lines.append(f"... and {len(self) - MOST_SHOWN:,} more")
        return "\n".join([f"<Runs: {len(self):,} of {self.path}>", *lines])

    def _repr_html_(self) -> str:
        more = f"<p>{len(self):,} runs of {html.escape(self.path)}</p>"
        return more + as_html(self._rows[:MOST_SHOWN], _SHOWN)


def open_results(path: str | PathLike[str]) -> Runs:
    """Open a results file of ``cutlayer run`` or ``sweep``, or of `run` and `sweep`.

    Raises
    ------
    InputError
        If there is no such file, or it is no results file.

    Examples
    --------
    >>> import cutlayer as cl
    >>> cl.open("nowhere.db")
    Traceback (most recent call last):
    cutlayer.simulator.errors.InputError: nowhere.db: cannot be read (No such file or directory)
    """
    return runs_of(path)


def runs_of(path: str | PathLike[str], keys: Sequence[str] | None = None, folder: Any = None) -> Runs:
    """Return the runs of a results file, all of them or those of the keys, in that order."""
    if not Path(path).exists():
        raise InputError("cannot be read (No such file or directory)", path)
    with Results(path, must_exist=True) as results:
        rows = {row["key"]: row for row in results.rows("runs") if row["scheduler"] is not None}
    chosen = list(rows.values()) if keys is None else [rows[key] for key in dict.fromkeys(keys)]
    return Runs(path, chosen, folder)


class Folder:
    """A temporary folder that goes with the last object that holds it."""

    def __init__(self) -> None:
        folder = TemporaryDirectory(prefix="cutlayer-")
        self.path = Path(folder.name)
        weakref.finalize(self, folder.cleanup)


def _frame(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


def _at(value: Any, key: str) -> Any:
    for name in key.replace("__", ".").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def as_html(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as an HTML table; texts are text, never markup."""
    head = "".join(f"<th>{html.escape(name.removesuffix('_tasks').replace('_', ' '))}</th>" for name in columns)
    lines = ["".join(f"<td>{html.escape(_cell(row.get(name)))}</td>" for name in columns) for row in rows]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
