"""The local engine: worker processes of this machine, watched over.

Each worker has a pipe of its own, so that its death tells whose run it was. (The standard library's process pool does
not tell, and waits for ever where a worker is killed in the middle of sending what a run left.) Workers are forked from
a server that has done the imports, where there is one (POSIX), and started afresh elsewhere: never from this process,
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
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as connections_ready
from multiprocessing.process import BaseProcess
from types import ModuleType, TracebackType
from typing import Any

from cutlayer.experiments.runs.cell import Cell, Outcome, failure, without_scenario, workload_digest
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.experiments.sweeps import fork_server
from cutlayer.experiments.sweeps.worker import serve
from cutlayer.simulator.errors import CutlayerError, in_words

DEATHS = 3
"""A run that kills so many workers is given up."""
CHUNK = 64
"""At most so many runs of one workload are promised to one worker."""
SHORT_S = 0.05
"""After a run shorter than this [s], a worker gets the next ones before it is done with the last."""
AHEAD = 3
"""So many of them."""
IDLE_S = 1.0
"""At the end, so long may workers that are idle take to end [s]."""
SOON_S = 0.1
"""After Ctrl-C, so long is waited for a process that is being started [s]: mostly it is there by then."""
HANDLES = 16
"""To start a process takes fewer files that are open at a time."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "NUMEXPR", "NUMBA")}
"""Every core has a worker: libraries with threads of their own would only get in each other's way."""


def default_workers() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class _Worker:
    """One process, or the place of one, and the pipe to it.

    Only the process holds the other end of the pipe: whatever it was in the middle of, its death ends the pipe.
    `flights` are the cells it was sent, in order; None is the greeting of a new process.
    """

    process: BaseProcess | None = None
    connection: Connection | None = None
    waiting: deque[Cell] = field(default_factory=deque)
    flights: deque[Cell | None] = field(default_factory=deque)
    scenario: Scenario | None = None
    scenarios: int = 0
    ahead: int = 0

    def start(self) -> None:
        """Start the process; its greeting comes first.

        Raises
        ------
        CutlayerError
            If the system has no room for it, or the server it is forked from dies again and again.
        """
        for attempt in range(1, DEATHS + 1):
            try:
                self.process, self.connection = _started()
                break
            except (OSError, EOFError) as fault:
                if not isinstance(fault, (EOFError, ConnectionError)):
                    reason = fault.strerror or str(fault)
                    raise CutlayerError(f"worker processes cannot be started ({reason}); allowed: fewer (-j)") from None
                if attempt == DEATHS:  # otherwise the next start makes another server
                    reason = f"what forks them died {DEATHS} times"
                    raise CutlayerError(f"worker processes cannot be started ({reason})") from None
        self.scenario = None
        self.flights.append(None)

    def alive(self) -> bool:
        """Return whether there is a process."""
        return self.process is not None and self.process.exitcode is None

    def may_take(self, cell: Cell) -> bool:
        """Return whether a cell can be sent now: a new scenario can be large and waits until the process listens."""
        return not self.flights or (len(self.flights) <= self.ahead and cell.scenario is self.scenario)

    def send(self, cell: Cell) -> Outcome | None:
        """Hand one cell to the process, with its scenario if that is new; return its failure if it cannot be sent."""
        if self.connection is not None and not self.flights and not self.alive():
            self.stop(kill=True)  # killed while it was idle: no death of this cell's
        pickled = None
        if cell.scenario is not self.scenario or self.connection is None:
            try:
                pickled = pickle.dumps(cell.scenario)
            except Exception as fault:
                return failure(in_words(fault))
        if self.connection is None:
            self.start()
        assert self.connection is not None
        if pickled is not None:
            self.scenario = cell.scenario
            self.scenarios += 1
        self.flights.append(cell)
        with contextlib.suppress(OSError):  # it has died: its end of the pipe says so
            self.connection.send((without_scenario(cell), self.scenarios, pickled))
        return None

    def hang_up(self, *, kill: bool) -> None:
        """Tell the process to end: at once, or when it is idle."""
        if self.connection is None or self.process is None:
            return
        if kill:
            self.process.kill()
        self.connection.close()

    def stop(self, *, kill: bool, until_s: float = 0.0) -> None:
        """End the process, and wait for that; an idle one that is there still at `until_s` is killed.

        A scheduler may have left it a thread that does not end.
        """
        if self.connection is None or self.process is None:
            return
        self.hang_up(kill=kill)
        if not kill:
            self.process.join(max(until_s - time.monotonic(), 0.0))
            self.process.kill()
        self.process.join()
        self.connection, self.scenario = None, None


class Pool:
    """Worker processes of this machine.

    Used as a context they live as long as it does, and serve any number of sweeps one after the other; without one
    they are started anew for every sweep.

    Parameters
    ----------
    workers : int, optional
        How many; all cores by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = [_Worker() for _ in range(workers or default_workers())]
        self._deaths: dict[int, int] = {}
        self._failed_starts = 0
        self._kept = False

    def __enter__(self) -> Pool:
        self._kept = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept = False
        self._stop(kill=kind is not None)

    def _stop(self, *, kill: bool) -> None:
        for worker in self._workers:
            worker.hang_up(kill=kill)  # all of them before any is waited for
        until_s = time.monotonic() + IDLE_S
        for worker in self._workers:
            worker.stop(kill=kill, until_s=until_s)
            worker.waiting.clear()
            worker.flights.clear()
        self._deaths.clear()

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Yield every cell with what became of it, as they are done; `cells` are taken one by one.

        Raises
        ------
        CutlayerError
            If worker processes cannot be started.
        """
        chunks = _chunks(cells)
        clean = False
        try:
            for worker in self._workers:
                yield from self._fill(worker, chunks)
            while busy := [worker for worker in self._workers if worker.flights]:
                ready = connections_ready([worker.connection for worker in busy if worker.connection is not None])
                for worker in (worker for worker in busy if worker.connection in ready):
                    landed = self._landed(worker)
                    yield from self._fill(worker, chunks)  # first: it works on while what landed is written
                    if landed is not None:
                        yield landed
                for worker in self._workers:
                    if not worker.flights:
                        yield from self._fill(worker, chunks)
            clean = True
        finally:
            if not (clean and self._kept):
                self._stop(kill=not clean)

    def _fill(self, worker: _Worker, chunks: Iterator[deque[Cell]]) -> Iterator[tuple[Cell, Outcome]]:
        """Keep a worker busy: with its own cells, a new chunk, or the last of the one who has most to do.

        Yields the cells that cannot be sent.
        """
        while len(worker.flights) <= worker.ahead:
            if not worker.waiting:
                chunk = next(chunks, None)
                if chunk is not None:
                    worker.waiting = chunk
                else:
                    busiest = max(self._workers, key=lambda other: len(other.waiting))
                    if not busiest.waiting or worker.flights:
                        return
                    worker.waiting.append(busiest.waiting.pop())
            if not worker.may_take(worker.waiting[0]):
                return
            cell = worker.waiting.popleft()
            unsent = worker.send(cell)
            if unsent is not None:
                yield cell, unsent

    def _landed(self, worker: _Worker) -> tuple[Cell, Outcome] | None:
        """Take the first of a worker's cells, which is done, or died with the worker."""
        assert worker.connection is not None
        try:
            outcome: Outcome = worker.connection.recv()
        except (EOFError, OSError):
            return self._died(worker)
        cell = worker.flights.popleft()
        self._failed_starts = 0
        if cell is None:
            return None
        self._deaths.pop(id(cell), None)
        worker.ahead = AHEAD if (outcome.values.get("wall_s") or 0.0) < SHORT_S else 0
        return cell, outcome

    def _died(self, worker: _Worker) -> tuple[Cell, Outcome] | None:
        """Set up a place anew whose process has died; the run it was at counts one death more."""
        worker.stop(kill=True)
        reason = _reason(worker.process)
        flights, worker.flights = worker.flights, deque()
        victim = flights[0]
        worker.waiting.extendleft(cell for cell in reversed(flights) if cell is not None)
        if victim is None:
            self._failed_starts += 1
            if self._failed_starts >= DEATHS * len(self._workers):
                raise CutlayerError(f"worker processes do not start ({reason})")
            return None
        deaths = self._deaths[id(victim)] = self._deaths.get(id(victim), 0) + 1
        if deaths < DEATHS:
            return None
        del self._deaths[id(victim)]
        worker.waiting.popleft()
        return victim, failure(f"its worker process died {DEATHS} times, the last time {reason}")


Started = tuple[BaseProcess, Connection]


def _started() -> Started:
    """Start a process and return it with our end of its pipe.

    A thread does it: it hears no Ctrl-C, and so what it starts does not, while who waits here does. The first process
    comes only when the server that forks it has done its imports.
    """
    found: list[Started | BaseException] = []
    given_up = threading.Event()

    def start() -> None:
        try:
            _hear_no_interrupts()
            found.append(_start())
        except BaseException as fault:
            found.append(fault)
        if given_up.is_set():
            drop()

    def drop() -> None:
        for started in found:
            if not isinstance(started, BaseException):
                started[1].close()  # the process ends then

    thread = threading.Thread(target=start, name="cutlayer-start", daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        given_up.set()
        thread.join(SOON_S)
        drop()
        raise
    started = found[0]
    if isinstance(started, BaseException):
        raise started
    return started


def _start() -> Started:
    context = _context()
    with contextlib.ExitStack() as spare:  # said now: where they run out later, the server prints a traceback
        for _ in range(HANDLES):
            spare.enter_context(open(os.devnull, "rb"))
    ours, theirs = context.Pipe()
    try:
        with theirs, _environment(ONE_THREAD | {fork_server.COORDINATOR: str(os.getpid())}):
            process = context.Process(target=serve, args=(theirs,), name="cutlayer-worker")
            with _no_main():
                process.start()
    except BaseException:
        ours.close()
        raise
    return process, ours


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Keep a new process from importing the main program: it needs nothing of it, and a script would sweep again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _reason(process: BaseProcess | None) -> str:
    """Return how a process ended, in words."""
    code = None if process is None else process.exitcode
    if code is None:
        return "for an unknown reason"
    if code >= 0:
        return f"with exit status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _chunks(cells: Iterable[Cell]) -> Iterator[deque[Cell]]:
    """Yield runs of cells that share one workload, in order, no more than `CHUNK` at a time."""
    chunk: deque[Cell] = deque()
    digest = ""
    for cell in cells:
        previous = chunk[-1] if chunk else None
        same_scenario = previous is not None and previous.scenario is cell.scenario and previous.seed == cell.seed
        of_cell = digest if same_scenario else workload_digest(cell.scenario, cell.seed)
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
    context.set_forkserver_preload([fork_server.__name__])
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


def _hear_no_interrupts() -> None:
    """Let no Ctrl-C reach this thread, nor the processes it starts from their first moment on."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # first: when it is started, it lets interrupts through again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
