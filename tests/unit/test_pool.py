"""The pool of workers: who gets which run, how far ahead, and what happens to what cannot be sent."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from papers import paper

from cutlayer.experiments.runs.cell import Cell, run_cell
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.experiments.sweeps.grid import grid_of
from cutlayer.experiments.sweeps.pool import AHEAD, CHUNK, Pool
from cutlayer.experiments.sweeps.sweep import Tally, engine_of, sweep
from cutlayer.experiments.sweeps.until import sweep_until, wish_of
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.results.file import Results

WHO = """\
import os, time
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Who(OnlineScheduler):
    def decide(self, task, view):
        time.sleep(0.02)
        return Reject("no")

    def report(self):
        return {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}
"""


class Told(Scenario):
    """A scenario that notes in a file whenever inputs are made of it, and may refuse to travel."""

    told: str = ""
    travels: bool = True

    def inputs(self, seed):
        with open(self.told, "a") as file:
            file.write(f"{self.network.servers} {seed}\n")
        return super().inputs(seed)

    def __getstate__(self):
        if not self.travels:
            raise ValueError("does not travel")
        return super().__getstate__()


def told(file, servers, *, travels=True):
    said = {"network": {"servers": servers}, "workload": {"tasks": 5}}
    return Told.model_validate({**said, "told": file, "travels": travels})


def cells(source, seeds=2):
    return [Cell(source, name, seed) for seed in range(seeds) for name in ("offline", "fifo", "lbf")]


def test_inputs_are_made_once_a_workload_by_one_worker(tmp_path):
    file = str(tmp_path / "made")
    wanted = [*cells(told(file, 2)), *cells(told(file, 3))]
    found = list(Pool(1).outcomes(wanted))
    assert [cell for cell, _ in found] == wanted, "one worker does them in order"
    assert Path(file).read_text().splitlines() == ["2 0", "2 1", "3 0", "3 1"]


def test_what_cannot_travel_fails_and_is_never_taken_for_another(tmp_path):
    file = str(tmp_path / "made")
    good, bad = cells(told(file, 2)), cells(told(file, 3, travels=False))
    found = {id(cell): outcome for cell, outcome in Pool(1).outcomes([*good[:3], *bad, *good[3:]])}
    for cell in good:
        assert found[id(cell)].values["deployed_tasks"] == run_cell(cell).values["deployed_tasks"]
    assert all(found[id(cell)].failed for cell in bad)
    assert all("does not travel" in found[id(cell)].values["error"] for cell in bad)


def test_cells_are_taken_only_a_little_ahead():
    taken = []
    source = paper(servers=2, tasks=2)

    def endless():
        for seed in range(10**9):
            taken.append(seed)
            yield Cell(source, "offline", seed, bound="none")

    outcomes = Pool(2).outcomes(endless())
    for done in range(1, 50):
        next(outcomes)
        assert len(taken) <= done + 2 * (AHEAD + 1) + 2
    outcomes.close()
    assert CHUNK > AHEAD


def test_idle_workers_take_over_and_libraries_get_one_thread(tmp_path):
    (tmp_path / "who.py").write_text(WHO)
    source = paper(servers=2, tasks=5)
    wanted = [Cell(source, f"{tmp_path / 'who.py'}:Who", 0, {}, bound="none") for _ in range(8)]
    reports = [outcome.values["report"] for _, outcome in Pool(2).outcomes(wanted)]
    assert len({report.split(",")[0] for report in reports}) == 2
    assert all('"threads": "1"' in report for report in reports)


def test_what_comes_one_by_one_has_a_bound_only_where_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("cutlayer.experiments.scenarios.build.MOST_HELD", 4)
    streamed = paper(servers=2, tasks=5)
    both = [run_cell(Cell(streamed, name, 0)).values for name in ("lbf", "fifo")]
    assert [(values["arrived_tasks"], values.get("bound_tasks")) for values in both] == [(5, None)] * 2
    assert run_cell(Cell(streamed, "lbf", 0, bound="dual")).values["bound_tasks"] > 0


def test_workers_that_cannot_start_are_one_error(monkeypatch):
    from cutlayer.experiments.sweeps import pool

    monkeypatch.setattr(pool, "serve", _leave)
    with pytest.raises(CutlayerError, match="worker processes do not start"):
        list(Pool(1).outcomes(cells(paper(servers=2, tasks=2))))


def _leave(connection):
    os._exit(7)


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_processes_are_refused(jobs):
    with pytest.raises(InputError, match=f"-j is {jobs}; allowed: 1 or more"):
        engine_of(jobs)


def test_a_tally_says_all_that_happened():
    assert str(Tally(done=3)) == "3 runs done"
    assert str(Tally(1, 2, 3, 4)) == "1 runs done, 2 already present, 3 failed, 4 failed before (--retry-failed)"
    assert (Tally(1, 2, 0, 0) + Tally(1, 0, 1, 0, "no room")) == Tally(2, 2, 1, 0, "no room")


def test_failed_runs_stay_until_they_are_to_be_tried_again(tmp_path):
    source = paper(servers=2, tasks=2)
    wrong = [Cell(source, "nowhere.py:Mine", 0), Cell(source, "lbf", 0)]
    with Results(tmp_path / "r.db") as results:
        first = sweep(results, wrong, engine=Pool(1))
        assert (first.done, first.there, first.failed, first.failed_before) == (1, 0, 1, 0)
        assert first.first_error.startswith("nowhere.py: no such file; allowed: ")
        again = sweep(results, wrong, engine=Pool(1))
        assert (again.done, again.there, again.failed, again.failed_before) == (0, 1, 0, 1)
        tried = sweep(results, wrong, engine=Pool(1), retry_failed=True)
        assert (tried.done, tried.there, tried.failed, tried.failed_before) == (0, 1, 1, 0)
        assert len(list(results.rows("runs"))) == 2


LARGE = """\
import os, pathlib, signal, threading
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Large(OnlineScheduler):
    def decide(self, task, view):
        return Reject("no")

    def report(self):
        flag = pathlib.Path(__file__).with_name("killed")
        if not flag.exists():
            flag.write_text("")
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return {"large": "x" * 60_000_000}
"""


def test_a_worker_killed_while_it_sends_is_no_reason_to_wait(tmp_path):
    (tmp_path / "large.py").write_text(LARGE)
    source = paper(servers=2, tasks=2)
    cell = Cell(source, f"{tmp_path / 'large.py'}:Large", 0, bound="none")
    ((_, outcome),) = Pool(1).outcomes([cell])
    assert (tmp_path / "killed").exists() and len(outcome.values["report"]) > 60_000_000


HALF = """\
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Raises(OnlineScheduler):
    def decide(self, task, view):
        raise ValueError("half \\ud800")

class Says(OnlineScheduler):
    def decide(self, task, view):
        return Reject("half \\ud800")
"""


def test_texts_that_are_no_characters_are_written_as_escapes(tmp_path):
    (tmp_path / "half.py").write_text(HALF)
    source = paper(servers=2, tasks=2)
    wanted = [Cell(source, f"{tmp_path / 'half.py'}:{name}", 0, {}, ("decisions",)) for name in ("Raises", "Says")]
    with Results(tmp_path / "r.db") as results:
        tally = sweep(results, wanted, engine=Pool(1))
        assert (tally.done, tally.failed, tally.first_error) == (
            1,
            1,
            "ValueError: half \\ud800 (half.py:5, at task 't0')",
        )
        assert {row["reason"] for row in results.rows("decisions")} == {"half \\ud800"}
        assert [row["error"] for row in results.rows("runs") if row["error"]] == [tally.first_error]


def test_a_fork_server_that_dies_is_made_anew_and_given_up_the_third_time(monkeypatch):
    from cutlayer.experiments.sweeps import pool

    started, faults = pool._started, [EOFError("unexpected EOF"), ConnectionRefusedError(111, "Connection refused")]
    monkeypatch.setattr(pool, "_started", lambda: started() if not faults else _raise(faults.pop()))
    wanted = cells(paper(servers=2, tasks=2))
    assert not any(outcome.failed for _, outcome in Pool(1).outcomes(wanted))
    faults += [EOFError()] * 3
    with pytest.raises(CutlayerError, match=r"cannot be started \(what forks them died 3 times\)$"):
        list(Pool(1).outcomes(wanted))


def test_too_few_file_handles_are_one_error_and_leave_no_process(monkeypatch):
    from cutlayer.experiments.sweeps import pool

    started, left = pool._started, [1]
    monkeypatch.setattr(
        pool, "_started", lambda: started() if left and left.pop() else _raise(OSError(24, "Too many open files"))
    )
    with pytest.raises(CutlayerError, match=r"cannot be started \(Too many open files\); allowed: fewer \(-j\)"):
        list(Pool(2).outcomes(cells(paper(servers=2, tasks=2))))
    assert not multiprocessing.active_children()


def _raise(fault):
    raise fault


THREADS = """\
import threading, time
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Threads(OnlineScheduler):
    def decide(self, task, view):
        threading.Thread(target=time.sleep, args=(100_000,)).start()
        return Reject("no")
"""


def test_a_thread_that_a_scheduler_leaves_running_does_not_keep_its_worker(tmp_path):
    (tmp_path / "threads.py").write_text(THREADS)
    source = paper(servers=2, tasks=2)
    ((_, outcome),) = Pool(1).outcomes([Cell(source, f"{tmp_path / 'threads.py'}:Threads", 0)])
    assert not outcome.failed


def test_a_pool_that_is_kept_serves_every_round_with_the_same_processes(tmp_path, monkeypatch):
    from cutlayer.experiments.sweeps import pool

    started, starts = pool._started, []
    monkeypatch.setattr(pool, "_started", lambda: starts.append(1) or started())
    grid = grid_of("paper", ["workload.tasks=5"], ["network.servers=2", "scheduler=lbf"])
    with Results(tmp_path / "r.db") as results, Pool(1) as engine:
        tally, _ = sweep_until(results, grid, wish_of("reserved_bps +-0.001%"), 20, engine)
    assert (tally.done, len(starts)) == (20, 1), "ten seeds, then twelve, then some more: several rounds"
    assert not multiprocessing.active_children()


def test_a_kept_worker_killed_between_rounds_costs_the_next_run_nothing(tmp_path):
    (tmp_path / "who.py").write_text(WHO)
    source = paper(servers=2, tasks=2)
    wanted = [Cell(source, f"{tmp_path / 'who.py'}:Who", seed, bound="none") for seed in range(6)]
    pids = set()
    with Pool(1) as engine:
        for cell in wanted:
            ((_, outcome),) = engine.outcomes([cell])
            assert not outcome.failed
            pid = json.loads(outcome.values["report"])["pid"]
            os.kill(pid, signal.SIGKILL)
            assert all(worker.process.join(10) is None for worker in engine._workers) and pid not in pids
            pids.add(pid)
            assert engine._deaths == {}


def test_a_kept_pool_left_in_the_middle_of_a_round_begins_anew(tmp_path):
    source = paper(servers=2, tasks=5)
    with Pool(2) as engine:
        left = engine.outcomes(cells(source, 5))
        next(left)
        left.close()
        assert not multiprocessing.active_children()
        assert len(list(engine.outcomes(cells(source)))) == 6


ODD = """\
from cutlayer.simulator.errors import DecisionError
from cutlayer.simulator.policy import OnlineScheduler

def decides(fault):
    class Odd(OnlineScheduler):
        def decide(self, task, view):
            raise fault
    return Odd

class Mute(Exception):
    def __str__(self):
        raise ValueError("no text")

class Leaves(Exception):
    def __str__(self):
        raise SystemExit(4)

class MuteDecision(DecisionError):
    __str__ = Mute.__str__

A, B, C, D, E = map(decides, (Mute(), Leaves(), MuteDecision(), KeyboardInterrupt("own"), GeneratorExit()))
"""


def test_an_error_of_whatever_kind_is_a_failed_row_and_costs_no_process(tmp_path, monkeypatch):
    from cutlayer.experiments.sweeps import pool

    started, starts = pool._started, []
    monkeypatch.setattr(pool, "_started", lambda: starts.append(1) or started())
    (tmp_path / "odd.py").write_text(ODD)
    source = paper(servers=2, tasks=2)
    wanted = [Cell(source, f"{tmp_path / 'odd.py'}:{name}", 0) for name in "ABCDE"]
    errors = [outcome.values["error"] for _, outcome in Pool(1).outcomes(wanted)]
    assert errors == [
        "Mute (which has no text: ValueError) (odd.py:7, at task 't0')",
        "Leaves (which has no text: SystemExit) (odd.py:7, at task 't0')",
        "MuteDecision (which has no text: ValueError)",
        "KeyboardInterrupt: own",
        "GeneratorExit:",
    ]
    assert len(starts) == 1
