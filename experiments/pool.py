"""The local engine: worker processes of this machine, watched over.

Each worker is a process pool of one, so that a worker's death tells whose run it was. Workers are forked from a
server that has done the imports, where there is one (POSIX), and started afresh elsewhere: never from this process,
whose threads would leave their locks behind. Replacing a worker then costs milliseconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from typing import Any

from experiments.cells import Cell, Outcome, failure, run_cell, without_source, workload_digest
from experiments.inputs import Source
from simulator.errors import CutlayerError

DEATHS = 3
"""A run that kills so many workers is given up."""
CHUNK = 64
"""At most so many runs of one workload are promised to one worker."""
SHORT_S = 0.05
"""After a run shorter than this [s], a worker gets the next ones before it is done with the last."""
AHEAD = 3
"""So many of them."""
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMEXPR", "NUMBA")
}
"""Every core has a worker: libraries with threads of their own would only get in each other's way."""

AnyCell = Cell[Source]


def default_workers() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# In the worker ---------------------------------------------------------------------------------------------


def _begin() -> None:
    """Leave interrupts to the coordinator, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    coordinator = multiprocessing.parent_process()
    if coordinator is None:
        return
    # its end of this pipe closes when it dies, however it dies
    if sys.platform == "linux":
        import fcntl

        # the kernel kills this process then, also in the middle of compiled code
        fcntl.fcntl(coordinator.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(coordinator.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(coordinator.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(coordinator.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)

    def watch() -> None:
        coordinator.join()
        os._exit(1)

    threading.Thread(target=watch, name="cutlayer-coordinator", daemon=True).start()


def _ready() -> None:
    """Come back at once: the worker has started."""


_pickled: dict[int, bytes] = {}
_sources: dict[int, Source] = {}


def _work(cell: Cell[Any], number: int, pickled: bytes | None) -> Outcome:
    """Do one run of the source of that number, which comes along where it is another than before."""
    if pickled is not None:
        _pickled.clear()
        _sources.clear()
        _pickled[number] = pickled
    if number not in _sources:
        _sources[number] = pickle.loads(_pickled[number])
    return run_cell(replace(cell, source=_sources[number]))


# In the coordinator ----------------------------------------------------------------------------------------


@dataclass
class _Flight:
    """A cell under way; None is the greeting of a new worker."""

    cell: AnyCell | None
    future: Future[Any]


@dataclass
class _Worker:
    """One process, or the place of one."""

    executor: ProcessPoolExecutor | None = None
    process: BaseProcess | None = None
    waiting: deque[AnyCell] = field(default_factory=deque)
    flights: deque[_Flight] = field(default_factory=deque)
    source: Source | None = None
    sources: int = 0
    ahead: int = 0

    def start(self) -> None:
        """Start the process; its greeting goes first."""
        context = _context()
        self.executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
        before = set(multiprocessing.active_children())
        with _interrupts_ignored(), _environment(ONE_THREAD):
            self.flights.append(_Flight(None, self.executor.submit(_ready)))
        (self.process,) = set(multiprocessing.active_children()) - before
        self.source = None

    def send(self, cell: AnyCell) -> None:
        """Hand one cell to the process; a source goes along only when it is another one."""
        if self.executor is None:
            self.start()
        assert self.executor is not None
        pickled = None
        if cell.source is not self.source:
            try:
                pickled = pickle.dumps(cell.source)
            except Exception as fault:
                cannot: Future[Any] = Future()
                cannot.set_exception(fault)
                self.flights.append(_Flight(cell, cannot))
                return
            self.source = cell.source
            self.sources += 1
        self.flights.append(_Flight(cell, self.executor.submit(_work, without_source(cell), self.sources, pickled)))

    def stop(self, *, kill: bool) -> None:
        """End the process: at once, or when it is idle."""
        if self.executor is None:
            return
        if kill and self.process is not None:
            with contextlib.suppress(ValueError):  # closed already
                self.process.kill()
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.executor, self.source = None, None


class Pool:
    """Worker processes of this machine.

    Parameters
    ----------
    workers : int, optional
        How many; all cores by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = [_Worker() for _ in range(workers or default_workers())]
        self._deaths: dict[int, int] = {}
        self._failed_starts = 0

    def outcomes(self, cells: Iterable[AnyCell]) -> Iterator[tuple[AnyCell, Outcome]]:
        """Yield every cell with what became of it, as they are done; `cells` are taken one by one.

        Raises
        ------
        CutlayerError
            If worker processes cannot be started.
        """
        chunks = _chunks(cells)
        clean = False
        try:
            while True:
                for worker in self._workers:
                    self._fill(worker, chunks)
                first = [worker.flights[0].future for worker in self._workers if worker.flights]
                if not first:
                    clean = True
                    return
                wait(first, return_when=FIRST_COMPLETED)
                for worker in self._workers:
                    while worker.flights and worker.flights[0].future.done():
                        landed = self._landed(worker)
                        self._fill(worker, chunks)  # first: it works on while what landed is written
                        if landed is not None:
                            yield landed
        finally:
            for worker in self._workers:
                if not clean and worker.process is not None and worker.executor is not None:
                    with contextlib.suppress(ValueError):
                        worker.process.kill()  # all of them before any is waited for
            for worker in self._workers:
                worker.stop(kill=not clean)

    def _fill(self, worker: _Worker, chunks: Iterator[deque[AnyCell]]) -> None:
        """Keep a worker busy: with its own cells, a new chunk, or the last of the one who has most to do."""
        while len(worker.flights) < 1 + worker.ahead:
            if not worker.waiting:
                chunk = next(chunks, None)
                if chunk is not None:
                    worker.waiting = chunk
                else:
                    busiest = max(self._workers, key=lambda other: len(other.waiting))
                    if not busiest.waiting:
                        return
                    worker.waiting.append(busiest.waiting.pop())
            worker.send(worker.waiting.popleft())

    def _landed(self, worker: _Worker) -> tuple[AnyCell, Outcome] | None:
        """Take the first of a worker's cells, which is done, or died with the worker."""
        flight = worker.flights[0]
        try:
            outcome = flight.future.result()
        except BrokenProcessPool:
            return self._died(worker)
        except Exception as fault:  # the run or what it left could not be sent
            outcome = failure(f"{type(fault).__name__}: {fault}")
        worker.flights.popleft()
        self._failed_starts = 0
        if flight.cell is None:
            return None
        self._deaths.pop(id(flight.cell), None)
        worker.ahead = AHEAD if (outcome.values.get("wall_s") or 0.0) < SHORT_S else 0
        return flight.cell, outcome

    def _died(self, worker: _Worker) -> tuple[AnyCell, Outcome] | None:
        """Set up a place anew whose process has died; the run it was at counts one death more."""
        process, flights = worker.process, worker.flights
        worker.stop(kill=True)
        reason = _reason(process)
        worker.flights = deque()
        if flights[0].cell is None:
            self._failed_starts += 1
            if self._failed_starts >= DEATHS * len(self._workers):
                raise CutlayerError(f"worker processes do not start ({reason})")
        worker.waiting.extendleft(flight.cell for flight in reversed(flights) if flight.cell is not None)
        victim = flights[0].cell
        if victim is None:
            return None
        deaths = self._deaths[id(victim)] = self._deaths.get(id(victim), 0) + 1
        if deaths < DEATHS:
            return None
        del self._deaths[id(victim)]
        worker.waiting.popleft()
        return victim, failure(f"its worker process died {DEATHS} times, the last time {reason}")


def _reason(process: BaseProcess | None) -> str:
    """Return how a process ended, in words."""
    code = None if process is None else process.exitcode
    if code is None:
        return "for an unknown reason"
    if code >= 0:
        return f"with exit status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _chunks(cells: Iterable[AnyCell]) -> Iterator[deque[AnyCell]]:
    """Yield runs of cells that share one workload, in order, no more than `CHUNK` at a time."""
    chunk: deque[AnyCell] = deque()
    digest = ""
    for cell in cells:
        previous = chunk[-1] if chunk else None
        same_source = previous is not None and previous.source is cell.source and previous.seed == cell.seed
        of_cell = digest if same_source else workload_digest(cell.source, cell.seed)
        if chunk and (of_cell != digest or len(chunk) == CHUNK):
            yield chunk
            chunk = deque()
        digest = of_cell
        chunk.append(cell)
    if chunk:
        yield chunk


def _context() -> Any:
    """Return how processes are started: from a server that has done the imports, or afresh."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["experiments.cells"])
    return context


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables that processes started meanwhile inherit."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C meanwhile, as processes started meanwhile then do from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
