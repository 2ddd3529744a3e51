"""Sweeps killed at any moment go on to the end they would have had; nothing is lost, torn or left behind."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time

import pytest
from sweeps import (
    RUNS,
    SCENARIO,
    argv,
    assert_whole,
    done,
    environment,
    finish,
    kill,
    marked,
    start,
    tables,
    wait_until,
    workers,
)

from cutlayer.simulator.results.file import Results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
_marks = itertools.count()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.toml").write_text(SCENARIO)
    return tmp_path


@pytest.fixture
def mark(tmp_path):
    return f"{tmp_path.name}-{next(_marks)}"


def killed(folder, out, victims, after_runs, jobs, mark, pause_s=0.0):
    """Start a sweep, kill some of it once so many more runs are there; return when nothing of it is left."""
    before = done(folder / out)
    process = start(folder, out, "-j", str(jobs), mark=mark)
    wait_until(lambda: done(folder / out) >= before + after_runs or process.poll() is not None)
    time.sleep(pause_s)
    if "worker" in victims:
        found = []
        assert wait_until(lambda: found.extend(workers(process.pid, mark)) or found or process.poll() is not None)
        for pid in found[:1]:
            kill(pid)
    if "parent" in victims:
        kill(process.pid)
    process.communicate(timeout=300)
    assert wait_until(lambda: not marked(mark), 10), marked(mark)
    return process.returncode


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_sweep_killed_and_resumed_ends_as_one_undisturbed(folder, mark, jobs):
    finish(folder, "whole.db", "-j", "2")
    assert killed(folder, "k.db", ("parent",), 2, jobs, mark + "a") == -signal.SIGKILL
    assert_whole(folder / "k.db")
    left = done(folder / "k.db")
    assert 2 <= left < RUNS
    assert killed(folder, "k.db", ("worker",), 1, jobs, mark + "b") == 0, "a worker's death is made up for"
    assert tables(folder / "k.db") == tables(folder / "whole.db")
    assert f"0 runs done, {RUNS} already present" in finish(folder, "k.db", "-j", str(jobs))


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_twenty_kills_at_random_moments_change_nothing(folder, mark, jobs):
    finish(folder, "whole.db", "-j", "2")
    whole, draw = tables(folder / "whole.db"), random.Random(jobs)
    kills = 0
    for number in itertools.count():
        while kills < 20:
            victims = draw.choice([("parent",), ("worker",), ("worker", "parent")])
            before = done(folder / f"{number}.db")
            status = killed(
                folder, f"{number}.db", victims, draw.randrange(3), jobs, f"{mark}-{kills}", draw.uniform(0, 0.3)
            )
            assert status in (0, -signal.SIGKILL)
            kills += 1
            if (folder / f"{number}.db").exists():
                assert_whole(folder / f"{number}.db")
            assert done(folder / f"{number}.db") >= before, "nothing is lost"
            if status == 0:
                break
        finish(folder, f"{number}.db", "-j", str(jobs))
        assert tables(folder / f"{number}.db") == whole
        if kills == 20:
            return


def test_an_interrupt_stops_within_a_second_and_keeps_what_is_done(folder, mark):
    process = start(folder, "k.db", mark=mark)
    assert wait_until(lambda: done(folder / "k.db") >= 3)
    for pid in marked(mark):  # as a terminal does: everyone at once
        kill(pid, signal.SIGINT)
    begin = time.monotonic()
    _, err = process.communicate(timeout=60)
    stopped_s = time.monotonic() - begin
    assert process.returncode == 130
    assert "Traceback" not in err and err.splitlines()[-1] == "cutlayer sweep: interrupted"
    assert wait_until(lambda: not marked(mark), 5)
    assert 3 <= done(folder / "k.db") <= RUNS
    print(f"stopped in {stopped_s:.2f} s")


def test_a_sweep_can_be_read_while_it_is_written(folder):
    process = start(folder, "k.db", "-j", "1")
    seen, looked_at = [], set()
    while process.poll() is None:
        if (folder / "k.db").exists():
            with Results(folder / "k.db") as results:
                keys = results.keys()
                for key in keys - looked_at:
                    (row,) = (row for row in results.rows("runs", key))
                    assert len(list(results.rows("tasks", key))) == row["arrived_tasks"] == 150
            seen.append(len(keys))
            looked_at |= keys
    process.communicate()
    assert seen == sorted(seen) and len(set(seen)) >= 2
    assert done(folder / "k.db") == RUNS


KILLED = "killed by SIGKILL (out of memory?)"
SELDOM = """\
import os, signal
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Deadly(OnlineScheduler):
    def decide(self, task, view):
        os.kill(os.getpid(), signal.SIGKILL)

class Broken(OnlineScheduler):
    def decide(self, task, view):
        raise KeyError("not\\nthere")

class Leaves(OnlineScheduler):
    def decide(self, task, view):
        raise SystemExit(3)
"""


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_runs_that_fail_are_rows_and_the_rest_goes_on(folder, jobs):
    (folder / "bad.py").write_text(SELDOM)
    schedulers = "scheduler=bad.py:Deadly,offline,bad.py:Broken,lbf,bad.py:Leaves"
    more = ("--vary", schedulers, "-j", str(jobs), "--seeds", "1")
    process = start(folder, "k.db", *more)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "Traceback" not in err
    assert "4 runs done, 6 failed" in out
    with Results(folder / "k.db") as results:
        found = {(row["scheduler"], row["status"], row["error"]) for row in results.rows("runs")}
        traces = {row["scheduler"]: row["traceback"] for row in results.rows("runs")}
    assert found == {
        ("offline", "done", None),
        ("lbf", "done", None),
        ("bad.py:Broken", "failed", "KeyError: 'not\\nthere' (bad.py:10, at task 't0')"),
        ("bad.py:Leaves", "failed", "SystemExit: 3 (bad.py:14, at task 't0')"),
        ("bad.py:Deadly", "failed", f"its worker process died 3 times, the last time {KILLED}"),
    }
    assert "in decide" in traces["bad.py:Broken"] and traces["bad.py:Deadly"] is None

    again = start(folder, "k.db", *more)
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 3 and "0 runs done, 4 already present, 6 failed before (--retry-failed)" in out
    once_more = start(folder, "k.db", *more, "--retry-failed")
    out, _ = once_more.communicate(timeout=120)
    assert once_more.returncode == 3 and "0 runs done, 4 already present, 6 failed\n" in out


FULL = """\
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
sys.argv = sys.argv[1:]
runpy.run_module("cutlayer.experiments.cli.main", run_name="__main__")
"""


def test_a_full_disk_is_one_line_and_what_was_written_stays(folder):
    keep = ("--keep", "tasks,series,decisions,series_by")
    finish(folder, "k.db", *keep, "--seeds", "2")
    whole = tables(folder / "k.db")
    words = argv("k.db", *keep, "--seeds", "40")
    full = subprocess.run(
        [sys.executable, "-c", FULL, *words[2:]],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert full.returncode == 2, full.stderr
    last = full.stderr.splitlines()[-1]
    assert last.startswith("cutlayer sweep: ") and "k.db: cannot be written (" in last
    assert "Traceback" not in full.stderr
    assert_whole(folder / "k.db")
    kept = tables(folder / "k.db")
    keys = {row["key"] for row in whole["runs"]}
    assert [row for row in kept["runs"] if row["key"] in keys] == whole["runs"]
