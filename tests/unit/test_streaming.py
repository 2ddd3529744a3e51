"""The rows of a run go to the results file as they come: the same rows, in bounded memory, whole or not at all."""

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cutlayer.simulator.checks.histories import histories, profile
from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.engine import Simulation, simulate
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results import database
from cutlayer.simulator.results import file as results_module
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.names import Names
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.results.sinks import BATCH, Collected
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.rng import stream
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

NETWORK = Network([30.0] * 2, [160.0] * 2)
PROFILE = profile("p", [1.0, 9.0], [1.0, 0.5])
TABLES_OF_A_RUN = ("tasks", "decisions", "series", "series_by")


def arrivals(n, lifetime_s=30.0):
    """Yield tasks one by one: about twenty fit, and twice as many want to be there."""
    rng = stream(0, "streaming")
    for j in range(n):
        server, size, life = rng.integers(2), 0.5 + rng.random(), rng.exponential(lifetime_s)
        yield Task(f"t{j}", float(j), PROFILE, 1.0, 1.0, [int(server)], [size], life)


def play(results, tasks, scheduler="lbf", key="k", keep=None, network=NETWORK, **options):
    with results.writing({"key": key, "status": "done"}, keep) as writer:
        recorder = Recorder(by_resource=True, sink=writer)
        outcome = simulate(network, tasks, SCHEDULERS[scheduler](**options), listeners=[recorder])
        writer.finish(recorder.summary())
    return outcome


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.db"


@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_rows_are_the_same_kept_or_written_as_they_come(path, scheduler, monkeypatch):
    monkeypatch.setattr(
        "cutlayer.simulator.results.recorder.BATCH", 7
    )  # so that tasks end in other batches than they came in
    options = SCHEDULERS[scheduler].examples[0]
    with Results(path) as results:
        for n, history in enumerate(histories()):
            recorder = Recorder(by_resource=True)
            simulate(history.network, history.tasks, SCHEDULERS[scheduler](**options), listeners=[recorder])
            play(results, history.tasks, scheduler, f"{n}", network=history.network, **options)
            (row,) = results.rows("runs", f"{n}")
            assert {name: row[name] for name in recorder.summary()} == recorder.summary()
            for table, rows in recorder.tables().items():
                written = [tuple(row.values())[1:] for row in results.rows(table, f"{n}")]
                assert written == [tuple(row) for row in rows], table
            assert [row["task"] for row in results.rows("tasks", f"{n}")] == [task.name for task in history.tasks]


def test_only_the_tables_asked_for_are_written(path):
    with Results(path) as results:
        play(results, arrivals(50), keep=["series"])
        assert {table: any(results.rows(table)) for table in TABLES_OF_A_RUN} == {
            "tasks": False, "decisions": False, "series": True, "series_by": False
        }  # fmt: skip
        (row,) = results.rows("runs")
        assert row["arrived_tasks"] == 50


def test_rows_kept_in_lists_can_go_to_another_process_and_be_written_there(path):
    kept = Collected()
    recorder = Recorder(sink=kept)
    simulate(NETWORK, arrivals(300), SCHEDULERS["fifo"](), listeners=[recorder])
    kept = pickle.loads(pickle.dumps(kept))
    tables = {table: kept.rows(table) for table in ("tasks", "decisions", "series")}
    with Results(path) as results:
        results.write({"key": "sent", "status": "done"} | recorder.summary(), tables)
        play(results, arrivals(300), "fifo", "streamed", keep=tables)
        for table in tables:
            sent, streamed = ([{**row, "run": 0} for row in results.rows(table, key)] for key in ("sent", "streamed"))
            assert sent == streamed and len(sent) >= 300
    with pytest.raises(ValueError, match="went to a sink"):
        Recorder(sink=results_module.RunWriter.__new__(results_module.RunWriter)).tables()


def test_others_read_the_file_as_it_was_until_the_run_is_whole(path):
    with Results(path) as results, Results(path) as other:
        play(results, arrivals(20), key="before")
        with results.writing({"key": "k", "status": "done"}) as writer:
            simulate(NETWORK, arrivals(3000), SCHEDULERS["fifo"](), listeners=[Recorder(sink=writer)])
            assert other.keys() == {"before"} and len(list(other.rows("tasks"))) == 20
        assert other.keys() == {"before", "k"} and len(list(other.rows("tasks"))) == 3020


def test_another_who_writes_meanwhile_is_told_in_a_line(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    locked = pytest.raises(InputError, match=r"results.db: cannot be written \(database is locked\)")
    with Results(path) as results, results.writing({"key": "k"}), Results(path) as other, locked:
        other.write({"key": "other"}, {})


def test_one_run_at_a_time_and_the_first_is_not_harmed(path):
    with Results(path) as results:
        with results.writing({"key": "k", "status": "done"}), pytest.raises(RuntimeError, match="already"):
            results.write({"key": "other"}, {})
        assert results.keys() == {"k"}


def failing(n):
    yield from arrivals(n)
    raise RuntimeError("in the middle")


def test_a_run_that_fails_leaves_the_file_as_it_was_and_the_old_run_of_its_key(path):
    with Results(path) as results:
        play(results, arrivals(20), key="k")
        with pytest.raises(RuntimeError):
            play(results, failing(2 * BATCH), key="k")
        (row,) = results.rows("runs")
        assert row["arrived_tasks"] == len(list(results.rows("tasks"))) == 20
        play(results, arrivals(30), key="k")
        assert [row["arrived_tasks"] for row in results.rows("runs")] == [30]


@pytest.mark.parametrize("keep", [None, ()], ids=["tasks are kept", "no table is kept"])
@pytest.mark.parametrize("n", [5, 3 * BATCH])
def test_a_name_that_comes_again_long_after_its_task_has_left_is_refused(path, n, keep):
    tasks = [*arrivals(n, lifetime_s=0.1), Task("t1", float(n), PROFILE, 1.0, 1.0, [0], [1.0])]
    with Results(path) as results:
        with pytest.raises(InputError, match=r"^task 't1' arrives twice; every task needs a name of its own$"):
            play(results, tasks, keep=keep)
        with pytest.raises(InputError, match=r"^task 't1' arrives twice"):
            simulate(NETWORK, tasks, SCHEDULERS["fifo"](), listeners=[Recorder()])
        assert results.keys() == set() and not any(results.rows("tasks"))


@pytest.mark.parametrize("few", [0, 3, 5, 2000])
def test_names_finds_the_first_that_has_come_before(monkeypatch, few):
    monkeypatch.setattr("cutlayer.simulator.results.names.FEW", few)  # more go to a file, at once or later
    names = Names()
    assert names.add([]) is names.add(["a", "b", "ü"]) is names.add(["B"]) is None
    assert names.add(["c", "d", "b", "a"]) == "b"
    assert names.add(["e", "e"]) == "e"
    names.close()
    assert names.add(["a"]) is None


def test_events_come_in_order_whatever_is_cancelled():
    rng = stream(3, "cancel")
    clock, happened, events = EventClock(), [], {}
    for n in range(5000):
        events[n] = (float(rng.integers(500)), int(rng.integers(2, 5)))
        event = clock.at(*events[n])
        event.callbacks.append(lambda _, n=n: happened.append(n))
        if rng.random() < 0.9:
            clock.cancel(event)
            del events[n]
    assert len(clock._queue) < 2 * len(events) + 200
    clock.run(1000)
    assert happened == sorted(events, key=lambda n: (*events[n], n))


def test_departures_of_evicted_tasks_do_not_pile_up():
    simulation = Simulation(NETWORK, arrivals(2000, lifetime_s=1e9), SCHEDULERS["fifo"]())
    outcome = simulation.run()
    assert outcome.counts["evicted"] > 1900
    assert len(simulation.clock._queue) < 300
    assert set(simulation._leaving) == set(outcome.deployed)


STREAMED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_streaming import arrivals, play
from cutlayer.simulator.results.file import Results

def tasks(n, killed):
    yield from arrivals(n)
    if killed:
        written = sum(os.path.getsize(sys.argv[2] + end) for end in ("", "-wal"))
        assert written > 1e6, "rows have gone to the disk"
        os.kill(os.getpid(), signal.SIGKILL)

with Results(sys.argv[2]) as results:
    play(results, tasks(int(sys.argv[3]), "killed" in sys.argv), sys.argv[4], keep=sys.argv[5].split(","))
with open("/proc/self/status") as status:  # of this program alone: getrusage counts the one that started it
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def streamed(path, n, scheduler, *more, keep="tasks,decisions,series"):
    command = [sys.executable, "-c", STREAMED, str(Path(__file__).parent), str(path), str(n), scheduler, keep, *more]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def peak_bytes(path, n, scheduler):
    done = streamed(path, n, scheduler)
    assert done.returncode == 0, done.stderr
    with Results(path) as results:
        (row,) = results.rows("runs")
        assert row["arrived_tasks"] == n
        assert row["departed_tasks"] > n / 10, "tasks come and go"
        assert sum(1 for _ in results.rows("tasks")) == n
    return int(done.stdout) * 1024


pytest_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from /proc")


@pytest_linux
def test_memory_does_not_grow_with_the_arrivals(tmp_path):
    few, many = (peak_bytes(tmp_path / f"{n}.db", n, "fifo") for n in (6_000, 20_000))
    assert many - few < 5e6, (few, many)


@pytest_linux
@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["lbf", "fifo", "threshold"])
def test_memory_does_not_grow_with_a_million_arrivals(tmp_path, scheduler):
    few, many = (peak_bytes(tmp_path / f"{n}.db", n, scheduler) for n in (100_000, 1_000_000))
    assert many - few < 10e6, (few, many)


@pytest.mark.parametrize("before", [False, True], ids=["the first run", "a later run"])
def test_a_run_that_is_killed_leaves_no_trace_and_a_file_that_goes_on(path, before):
    if before:
        with Results(path) as results:
            play(results, arrivals(20), key="before")
    done = streamed(path, 6000, "fifo", "killed", keep="tasks,decisions,series,series_by")
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Results(path) as results:
        assert results.keys() == ({"before"} if before else set())
        assert len(list(results.rows("tasks"))) == (20 if before else 0)
        play(results, arrivals(30))
        assert results.keys() >= {"k"}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


FULL = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from test_streaming import arrivals, play
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results

limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with Results(sys.argv[2]) as results:
        play(results, arrivals(20_000), "fifo")
except InputError as fault:
    print(fault)
    sys.exit(2)
"""


def full(path, limit):
    """Stream a run onto a disk where it does not fit, and return the line that says so."""
    command = [sys.executable, "-c", FULL, str(Path(__file__).parent), str(path), str(limit)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    with Results(path) as results:
        assert results.keys() == {"before"}
        assert len(list(results.rows("tasks"))) == 20
    return done.stdout


def test_a_file_that_may_grow_no_further_is_told_in_a_line_and_stays_readable(path):
    with Results(path) as results:
        play(results, arrivals(20), key="before")
    assert full(path, 1_000_000) == f"{path}: cannot be written (disk I/O error)\n"


def test_a_full_disk_is_told_in_a_line_and_what_was_there_stays_readable(tmp_path):
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("a small disk can be made by the superuser only")
    try:
        path = tmp_path / "results.db"
        with Results(path) as results:
            play(results, arrivals(20), key="before")
        assert full(path, 0) == f"{path}: cannot be written (database or disk is full)\n"
        with Results(path) as results:
            play(results, arrivals(30), key="after")
            assert results.keys() == {"before", "after"}, "and it goes on where there is room"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_database_that_may_grow_no_further_is_told_in_a_line(path):
    with Results(path) as results:
        play(results, arrivals(20), key="before")
        results._database.open().execute("PRAGMA max_page_count = 100")
        with pytest.raises(InputError, match=r"results.db: cannot be written \(database or disk is full\)$"):
            play(results, arrivals(5000))
        assert results.keys() == {"before"}
        assert len(list(results.rows("tasks"))) == 20


def test_rows_of_a_streamed_run_are_read_by_plain_sqlite(path):
    with Results(path) as results:
        play(results, arrivals(2000), "threshold")
    connection = sqlite3.connect(path)
    decided = connection.execute("SELECT task, evicted FROM decisions ORDER BY rowid").fetchall()
    assert [task for task, _ in decided] == [f"t{j}" for j in range(2000)]
    assert {json.loads(evicted) == [] for _, evicted in decided} == {True}
    assert [name for _, name, *_ in connection.execute("PRAGMA table_info(tasks)")] == ["run", *column_names("tasks")]
    connection.close()
