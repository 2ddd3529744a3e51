"""Many runs: those that a results file does not have yet, on all cores or on a cluster, written by one process.

Each run is written whole as soon as it is done, so a sweep that was stopped, however, goes on where it was. The
order in which runs are done does not matter to what they leave.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from cutlayer.experiments.runs.cell import Cell, Outcome
from cutlayer.experiments.sweeps.pool import Pool, default_workers
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results


class Engine(Protocol):
    """What does runs; see `engine_of`."""

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Yield every cell with what became of it, in any order."""


@dataclass
class Tally:
    """How a sweep went.

    Attributes
    ----------
    done, there, failed, failed_before : int
        Runs done now, already present, failed now, and already present as failed.
    first_error : str
        Of the first run that failed, now or before.
    """

    done: int = 0
    there: int = 0
    failed: int = 0
    failed_before: int = 0
    first_error: str = ""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.done + other.done,
            self.there + other.there,
            self.failed + other.failed,
            self.failed_before + other.failed_before,
            self.first_error or other.first_error,
        )

    @property
    def all_done(self) -> bool:
        """Whether every run is there and none has failed."""
        return not (self.failed or self.failed_before)

    def __str__(self) -> str:
        parts = [f"{self.done} runs done"]
        parts += [f"{self.there} already present"] if self.there else []
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.failed_before} failed before (--retry-failed)"] if self.failed_before else []
        return ", ".join(parts)


def sweep(
    results: Results,
    cells: Iterable[Cell],
    done: Callable[[int], object] = lambda n: None,
    *,
    engine: Engine | None = None,
    retry_failed: bool = False,
) -> Tally:
    """Do the runs that `results` does not have yet.

    Parameters
    ----------
    results : Results
        Open; every run is in it as soon as it is done, also one that failed.
    cells : iterable of Cell
        Taken one by one. Cells of one scenario and seed that follow each other share its workload.
    done : callable
        Told how many more cells are there.
    engine : Engine, optional
        What does them: by default worker processes on all cores, for this sweep alone.
    retry_failed : bool
        Do those again that are there as failed.

    Raises
    ------
    InputError
        If the results cannot be written; what was written before stays.
    """
    tally = Tally()
    digests: dict[str, str | None] = {}

    def missing() -> Iterator[Cell]:
        for unsettled in cells:
            cell = unsettled
            if cell.scheduler_sha256 is None:  # once: a file edited meanwhile must not make two versions of it
                if cell.scheduler not in digests:
                    digests[cell.scheduler] = cell.settled().scheduler_sha256
                cell = replace(cell, scheduler_sha256=digests[cell.scheduler])
            status = results.value(cell.key, "status")
            if status is None or (status == "failed" and retry_failed):
                yield cell
                continue
            if status == "done" and (lacking := cell.lacking(json.loads(results.value(cell.key, "scenario")))):
                yield lacking
                continue
            if status == "failed":
                tally.failed_before += 1
                tally.first_error = tally.first_error or results.value(cell.key, "error") or ""
            else:
                tally.there += 1
            done(1)

    outcomes = (engine or Pool()).outcomes(missing())
    try:
        for cell, outcome in outcomes:
            results.write(cell.row | outcome.values, outcome.tables)
            if outcome.failed:
                tally.failed += 1
                tally.first_error = tally.first_error or outcome.values["error"]
            else:
                tally.done += 1
            done(1)
    finally:
        outcomes.close()  # type: ignore[attr-defined]
    return tally


def engine_of(jobs: int | None = None, cluster: str | None = None) -> AbstractContextManager[Engine]:
    """Return what does the runs: `jobs` processes of this machine (all cores), or the cluster at an address.

    It is a context: processes and the connection last as long, over all sweeps in it, and begin with the first run.

    Raises
    ------
    InputError
        If there are no such processes, or both are asked for.
    """
    if cluster is not None:
        if jobs is not None:
            raise InputError("-j and --cluster; allowed: one of them (a cluster has workers of its own)")
        from cutlayer.experiments.sweeps.cluster import Cluster

        return Cluster(cluster)
    if jobs is not None and jobs < 1:
        raise InputError(f"-j is {jobs}; allowed: 1 or more")
    return Pool(jobs or default_workers())
