"""What a worker process of `experiments.sweeps.pool` does: one run after another, until its coordinator is gone."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from dataclasses import replace
from multiprocessing.connection import Connection

from cutlayer.experiments.runs.cell import Cell, Outcome, failure, run_cell_alone
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.simulator.errors import in_words


def _begin() -> None:
    """Leave interrupts to the coordinator, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what a scheduler prints is not to get into what the coordinator prints
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


_pickled: dict[int, bytes] = {}
_scenarios: dict[int, Scenario] = {}


def _work(cell: Cell, number: int, pickled: bytes | None) -> Outcome:
    """Do one run of the scenario of that number, which comes along where it is another than before."""
    if pickled is not None:
        _pickled.clear()
        _scenarios.clear()
        _pickled[number] = pickled
    if number not in _scenarios:
        _scenarios[number] = pickle.loads(_pickled[number])
    return run_cell_alone(replace(cell, scenario=_scenarios[number]))


def serve(connection: Connection) -> None:
    """Do runs as they come, until the coordinator closes its end."""
    _begin()
    try:
        connection.send(None)
    except OSError:  # nobody waits for it any more
        return
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        try:
            outcome = _work(*job)
            connection.send(outcome)
        except BaseException as fault:  # the scenario cannot be read here, or what the run left cannot be sent
            try:
                connection.send(failure(in_words(fault)))
            except BaseException:  # no memory is left even to say so: the coordinator sees that, and counts
                os._exit(1)
