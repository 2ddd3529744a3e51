"""Runs on a Dask cluster: its scheduler and workers are there already, this process hands out runs and writes.

Each scenario goes to the cluster once, as a task of its own: whichever workers need it get it from there or from each
other, and it is made again where a worker has died with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any

from cutlayer.experiments.runs.cell import Cell, Outcome, failure, run_cell_alone, without_scenario
from cutlayer.experiments.runs.runner import versions
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.experiments.sweeps.pool import DEATHS
from cutlayer.simulator.errors import CutlayerError, InputError, in_words

CONNECT_S = 10.0
"""How long to wait for the scheduler [s]."""
WORKERS_S = 30.0
"""How long to wait for its first worker [s]."""
AHEAD = 3
"""Runs handed out for every thread of the workers: one under way, the others on their way there."""
SCENARIOS = 8
"""So many scenarios are kept on the cluster at a time."""


_last = threading.local()


def _work(cell: Cell, scenario: Scenario, name: str, wanted: str) -> Outcome | list[str]:
    """Do one run, on a worker; or return the workers that died of it, where they are too many to try once more.

    The versions are compared with those `wanted`: the worker may have come after all the others were asked.

    Dask counts a worker's death for every run that waited there. Here the scheduler is told of each run before it
    begins, so what has begun there more often than it has ended is the worker's death indeed.
    """
    from distributed import get_worker
    from distributed.utils import sync

    worker: Any = get_worker()
    begins = partial(worker.scheduler.cutlayer_begins, name=name, ended=getattr(_last, "name", None))
    before = list(sync(worker.loop, begins, address=worker.address))
    _last.name = name
    differs = _difference(versions(), wanted)
    if differs:
        return failure(f"the worker {worker.address} has {differs}")
    if len(before) >= DEATHS:
        return before
    return run_cell_alone(replace(cell, scenario=scenario))


def _install(client: Any) -> None:
    """Let the scheduler keep a list of what has begun: functions that travel there, where this file need not be."""

    def install(dask_scheduler: Any) -> None:
        begun: dict[str, list[str]] = {}

        def begins(name: str, ended: str | None, address: str) -> list[str]:
            begun.pop(ended, None)  # type: ignore[arg-type]
            before = begun.get(name, [])
            begun[name] = [*before, address]
            return before

        def forgets(session: str) -> None:
            for name in [name for name in begun if name.startswith(session)]:
                del begun[name]

        dask_scheduler.handlers.setdefault("cutlayer_begins", begins)
        dask_scheduler.handlers.setdefault("cutlayer_forgets", forgets)

    client.run_on_scheduler(install)


class Cluster:
    """A Dask cluster.

    Used as a context it stays connected as long, and serves any number of sweeps one after the other; without one it
    is connected to anew for every sweep.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://host:8786``, or ``tls://host:8786`` with certificates as Dask's
        configuration names them (``distributed.comm.tls``).

    Raises
    ------
    InputError
        If Dask is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise InputError("--cluster needs Dask: pip install 'cutlayer[cluster]'") from None
        self.address = address
        self._kept: contextlib.ExitStack | None = None
        self._round: _Round | None = None

    def __enter__(self) -> Cluster:
        self._kept = contextlib.ExitStack()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        kept, self._kept, self._round = self._kept, None, None
        if kept is not None:
            kept.close()

    def outcomes(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Yield every cell with what became of it, as they are done; `cells` are taken one by one.

        Raises
        ------
        InputError
            If there is no such cluster, or a worker has other versions than this process.
        CutlayerError
            If the cluster is lost on the way.
        """
        remaining = iter(cells)
        first = next(remaining, None)
        if first is None:
            return
        if self._kept is None:
            with self._connected() as one:
                yield from one.outcomes(first, remaining)
            return
        if self._round is None:
            self._round = self._kept.enter_context(self._connected())
        yield from self._round.outcomes(first, remaining)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[_Round]:
        import logging

        import distributed

        connect: Any = distributed.Client
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said here, in one line
        try:
            client: Any = connect(self.address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as fault:
            reason = " ".join(str(fault).split()) or type(fault).__name__
            raise InputError(f"no Dask scheduler at {self.address!r} ({reason})") from None
        try:
            try:
                client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError:
                raise InputError(f"the cluster at {self.address!r} has no workers") from None
            _check_versions(client)
            _install(client)
            one = _Round(client, self.address)
            try:
                yield one
            finally:
                one.forget()
        finally:
            with contextlib.suppress(Exception):
                client.close(timeout=2)


def _check_versions(client: Any) -> None:
    """Refuse workers whose Python, libraries or model differ from this process's: their results would, too."""
    try:
        client.get_versions(check=True)
    except ValueError as fault:
        raise InputError(f"the cluster's versions differ: {' '.join(str(fault).split())}") from None
    for worker, theirs in client.run(_versions, on_error="return").items():
        differs = _difference(theirs, versions()) if isinstance(theirs, str) else f"no cutlayer ({in_words(theirs)})"
        if differs:
            raise InputError(f"the worker {worker} has {differs}")


def _versions() -> str:
    return versions()


def _difference(theirs: str, ours: str) -> str:
    """Return the first version in which two texts of `versions` differ, in words; nothing if none does."""
    there, here = json.loads(theirs), json.loads(ours)
    for name in here:
        if there.get(name) != here[name]:
            what = "the model" if name == "cutlayer" else name
            return f"{what} {there.get(name)}, this process {here[name]}; allowed: equal ones"
    return ""


class _KilledError(Exception):
    """Too many workers died that had a run; `surely` of it, or perhaps of another that they had."""

    def __init__(self, message: str, *, surely: bool) -> None:
        super().__init__(message)
        self.surely = surely


class _Round:
    """Sweeps on a cluster, one after the other."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address
        self._scenarios: OrderedDict[int, tuple[Scenario, Any]] = OrderedDict()
        self._number = count()
        self._suspects: deque[tuple[Cell, str | None]] = deque()
        self._session = f"{uuid.uuid4().hex}-"

    def outcomes(self, first: Cell, remaining: Iterator[Cell]) -> Iterator[tuple[Cell, Outcome]]:
        """Yield every cell with its outcome, with a bounded number of them on the cluster.

        A worker that had one run under way died of it: with the third death the run has failed. Dask counts a
        worker's death also for runs that did no more than wait there. Those it gives up, and those of workers with
        several threads, are done again at the end, each alone: deaths then are a run's own.
        """
        import distributed

        waiting: Any = distributed.as_completed
        under_way: dict[Any, tuple[Cell, str]] = {}
        name: str | None
        completed: Any = waiting(loop=self._client.loop)
        try:
            self._send(first, under_way, completed)
            while under_way or self._suspects:
                alone = not under_way
                if alone:
                    suspect, name = self._suspects.popleft()
                    self._scenarios.clear()  # making it may have been given up, too
                    self._send(suspect, under_way, completed, name)
                threads = sum(self._client.nthreads().values()) or 1
                while not alone and len(under_way) < AHEAD * threads and (cell := next(remaining, None)) is not None:
                    self._send(cell, under_way, completed)
                future = next(completed)
                cell, name = under_way.pop(future)
                try:
                    outcome = self._outcome(future)
                except _KilledError as fault:
                    if not (alone or fault.surely):
                        self._suspects.append((cell, name if self._one_at_a_time() else None))
                        continue
                    outcome = failure(str(fault))
                if outcome is None:
                    self._send(cell, under_way, completed, name)
                else:
                    yield cell, outcome
        except (OSError, TimeoutError) as fault:
            raise CutlayerError(f"the cluster at {self._address!r} is lost ({fault})") from None
        finally:
            self._suspects.clear()
            with contextlib.suppress(Exception):
                self._client.cancel([*under_way], force=True)

    def forget(self) -> None:
        """Let the cluster forget the scenarios."""
        with contextlib.suppress(Exception):
            self._client.sync(self._client.scheduler.cutlayer_forgets, session=self._session)
            self._client.cancel([held for _, held in self._scenarios.values()], force=True)
        self._scenarios.clear()

    def _send(
        self, cell: Cell, under_way: dict[Any, tuple[Cell, str]], completed: Any, name: str | None = None
    ) -> None:
        given, number = cell, next(self._number)
        name = name or f"{self._session}{number}"
        held = self._held(cell.scenario)
        key = f"cutlayer-{cell.key}-{number}"
        own, colon, _ = cell.scheduler.rpartition(":")
        if colon:  # a worker may run in another folder
            cell = replace(cell, scheduler=os.path.abspath(own) + cell.scheduler[len(own) :])
        future = self._client.submit(_work, without_scenario(cell), held, name, versions(), key=key, pure=False)
        under_way[future] = given, name
        completed.add(future)

    def _held(self, scenario: Scenario) -> Any:
        """Return the scenario as the cluster holds it."""
        if id(scenario) not in self._scenarios:
            blob = pickle.dumps(scenario)
            held = self._client.submit(pickle.loads, blob, key=f"cutlayer-scenario-{next(self._number)}", pure=False)
            self._scenarios[id(scenario)] = scenario, held
            while len(self._scenarios) > SCENARIOS:
                self._scenarios.popitem(last=False)
        self._scenarios.move_to_end(id(scenario))
        return self._scenarios[id(scenario)][1]

    def _outcome(self, future: Any) -> Outcome | None:
        """Return what became of a run; None where it is to be sent again.

        Raises
        ------
        _KilledError
            If workers died that had it.
        """
        from distributed import CancelledError, KilledWorker

        if future.status == "cancelled":
            if self._client.status != "running":
                raise CutlayerError(f"the cluster at {self._address!r} is lost")
            return None
        try:
            found: Outcome | list[str] = future.result()
        except KilledWorker as fault:
            last = fault.last_worker.address
            said = f"its worker died {fault.allowed_failures + 1} times; the last was {last}"
            raise _KilledError(said, surely=False) from None
        except CancelledError:
            return None
        except Exception as fault:
            return failure(in_words(fault))
        finally:
            future.release()
        if isinstance(found, list):
            said = f"its worker died {len(found)} times; the last was {found[-1]}"
            raise _KilledError(said, surely=self._one_at_a_time())
        return found

    def _one_at_a_time(self) -> bool:
        """Return whether no worker has two runs under way: then its death is that of the one."""
        return max(self._client.nthreads().values(), default=1) == 1
