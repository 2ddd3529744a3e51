"""A sweep on a Dask cluster of one scheduler and two workers started by hand, one of which is killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import pytest
from sweeps import RUNS, SCENARIO, assert_whole, done, environment, finish, kill, marked, start, tables, wait_until
from user_files import rows

from cutlayer.simulator.results.file import Results

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.toml").write_text(SCENARIO)
    return tmp_path


class Started:
    """A scheduler and workers."""

    def __init__(self, folder, mark):
        self.folder, self.mark, self.processes = folder, mark, []
        self.scheduler_file = folder / "scheduler.json"
        self.launch("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        assert wait_until(self.scheduler_file.exists)
        time.sleep(0.1)
        self.address = json.loads(self.scheduler_file.read_text())["address"]

    def launch(self, kind, *words):
        with open(self.folder / f"{kind}{len(self.processes)}.log", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.scheduler_file), *words],
                cwd=self.folder,
                env=environment(self.mark),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def worker(self, nanny="--no-nanny"):
        return self.launch("worker", "--nthreads", "1", nanny, "--no-dashboard")

    def stop(self):
        for pid in marked(self.mark):  # nannies' children, too
            kill(pid)
        for process in self.processes:
            process.wait()


@pytest.fixture
def cluster(folder):
    started = Started(folder, f"{folder.name}-dask")
    yield started
    started.stop()


@pytest.mark.slow
def test_a_sweep_on_two_workers_one_of_them_killed_ends_as_one_undisturbed(folder, cluster):
    finish(folder, "whole.db", "-j", "2")
    first, _ = cluster.worker(), cluster.worker()
    process = start(folder, "k.db", "--cluster", cluster.address)
    assert wait_until(lambda: done(folder / "k.db") >= 3 or process.poll() is not None)
    first.kill()
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert f"{RUNS} runs done" in out and "Traceback" not in err
    assert tables(folder / "k.db") == tables(folder / "whole.db")

    # the one who writes is killed: what it had handed out does not stay behind, and another goes on
    resumed = start(folder, "again.db", "--cluster", cluster.address)
    assert wait_until(lambda: done(folder / "again.db") >= 3)
    resumed.kill()
    resumed.communicate()
    assert 3 <= done(folder / "again.db") < RUNS
    finish(folder, "again.db", "--cluster", cluster.address)
    assert tables(folder / "again.db") == tables(folder / "whole.db")


@pytest.mark.slow
def test_an_interrupt_leaves_no_tasks_on_the_cluster(folder, cluster):
    from distributed import Client

    cluster.worker()
    process = start(folder, "k.db", "--cluster", cluster.address, "--seeds", "200", mark=f"{folder.name}-sweep")
    assert wait_until(lambda: done(folder / "k.db") >= 2)
    begin = time.monotonic()
    kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    print(f"stopped in {time.monotonic() - begin:.2f} s")
    assert process.returncode == 130 and err.splitlines()[-1] == "cutlayer sweep: interrupted", err
    assert "Traceback" not in err
    assert not marked(f"{folder.name}-sweep")
    with Client(cluster.address, timeout=10) as client:
        assert wait_until(lambda: not client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)), 10)


def at_work(process, out, runs):
    return done(out) >= runs or process.poll() is not None


def none_left(mark):
    return not marked(mark)


@pytest.mark.slow
def test_twenty_kills_of_workers_and_coordinators_at_random_moments_change_nothing(folder, cluster):
    finish(folder, "whole.db", "-j", "2")
    whole, draw = tables(folder / "whole.db"), random.Random(3)
    living, kills, killed, files = [cluster.worker(), cluster.worker()], 0, Counter(), 1
    while kills < 20:
        out = folder / f"{files}.db"
        victims = draw.choice([("coordinator",), ("worker",), ("worker", "coordinator")])
        before, mark = done(out), f"{folder.name}-{kills}"
        process = start(folder, out.name, "--cluster", cluster.address, mark=mark)
        assert wait_until(partial(at_work, process, out, before + draw.randrange(4)))
        time.sleep(draw.uniform(0, 0.3))
        if "worker" in victims:
            victim = living.pop(draw.randrange(2))
            victim.kill()
            victim.wait()
        if "coordinator" in victims:
            process.kill()
        if "worker" in victims:
            living.append(cluster.worker())
        _, err = process.communicate(timeout=200)
        killed[victims] += 1
        kills += 1
        assert process.returncode in (0, -signal.SIGKILL), err
        assert wait_until(partial(none_left, mark), 10), marked(mark)
        assert done(out) >= before, "nothing is lost"
        if out.exists():
            assert_whole(out)
        if process.returncode == 0 or kills == 20:
            assert f"{RUNS} already present" in finish(folder, out.name, "--cluster", cluster.address) or kills == 20
            assert tables(out) == whole
            files += 1
    print(f"{kills} kills, {dict(killed)}, {files - 1} sweeps whole")
    assert len(marked(cluster.mark)) >= 3, "scheduler and both workers live: only sweeps were to end"


DEADLY = """\
import os, pathlib, signal
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Deadly(OnlineScheduler):
    def decide(self, task, view):
        with open(pathlib.Path(__file__).with_name("deaths"), "a") as deaths:
            deaths.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_run_that_kills_its_workers_is_a_failed_row_and_those_beside_it_are_done(folder, cluster):
    (folder / "bad.py").write_text(DEADLY)
    for _ in range(2):
        cluster.worker("--nanny")  # starts another worker where one has died
    schedulers = f"scheduler=offline,{folder / 'bad.py'}:Deadly,lbf,fifo"
    more = ("--vary", schedulers, "--seeds", "1", "--set", "workload.tasks=20")
    process = start(folder, "k.db", "--cluster", cluster.address, *more)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 3, err
    with Results(folder / "k.db") as results:
        status = sorted((row["scheduler"].rpartition(":")[2], row["status"]) for row in results.rows("runs"))
        errors = {row["error"] for row in results.rows("runs") if row["error"]}
    assert status == sorted((name, "failed" if name == "Deadly" else "done") for name, _ in status)
    assert len(status) == 8, "two scenarios, four schedulers"
    assert all("its worker died 3 times" in error for error in errors)
    assert len((folder / "deaths").read_text()) == 2 * 3, "two runs, three deaths each, and none of others"


@pytest.mark.slow
def test_a_worker_of_another_model_is_refused_in_one_line(folder, cluster):
    other = folder / "other"
    (other / "simulator").mkdir(parents=True)
    patched = "import cutlayer.experiments.runs.runner as r; r.model_version = lambda: 'another'"
    (other / "preload.py").write_text(patched + "\n")
    cluster.launch("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--preload", str(other / "preload.py"))
    process = start(folder, "k.db", "--cluster", cluster.address)
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (2, "")
    assert "has the model another, this process" in err.splitlines()[-1] and "Traceback" not in err
    assert not (folder / "k.db").exists()


@pytest.mark.slow
def test_a_worker_of_another_model_that_comes_later_does_no_run(folder, cluster):
    (folder / "preload.py").write_text(
        "import cutlayer.experiments.runs.runner as r; r.model_version = lambda: 'another'\n"
    )
    first = cluster.worker()
    process = start(folder, "k.db", "--cluster", cluster.address, "--set", "workload.tasks=20", "--seeds", "100")
    assert wait_until(lambda: done(folder / "k.db") >= 2)
    preload = str(folder / "preload.py")
    cluster.launch("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--preload", preload)
    assert wait_until(lambda: any(row["status"] == "failed" for row in rows(folder / "k.db")))
    first.kill()
    _, err = process.communicate(timeout=200)
    assert process.returncode == 3, err
    found = [row["error"] for row in rows(folder / "k.db")]
    assert len(found) == 2 * 2 * 100 and None in found
    assert all("has the model another, this process" in error for error in found if error)


@pytest.mark.parametrize(
    "address, says", [("tcp://127.0.0.1:9", "no Dask scheduler at 'tcp://127.0.0.1:9'"), ("nonsense:x:y", "nonsense")]
)
def test_a_cluster_that_is_not_there_is_one_line(folder, monkeypatch, cutlayer, address, says):
    from cutlayer.experiments.sweeps import cluster

    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    monkeypatch.chdir(folder)
    found = cutlayer(["sweep", "small.toml", "--seeds", "1", "--cluster", address, "--out", "k.db"])
    assert found.status == 2 and says in found.err.splitlines()[-1] and "Traceback" not in found.err
    both = cutlayer(["sweep", "small.toml", "-j", "2", "--cluster", address, "--out", "k.db"])
    assert both.status == 2 and "-j and --cluster" in both.err
    assert not (folder / "k.db").exists()


def test_a_cluster_that_is_kept_is_connected_to_once_and_gets_a_source_once(tmp_path, monkeypatch):
    import distributed
    from papers import paper

    from cutlayer.experiments.runs.cell import Cell
    from cutlayer.experiments.sweeps.cluster import Cluster, _Round

    sent = []
    held = _Round._held
    monkeypatch.setattr(_Round, "_held", lambda self, source: sent.append(held(self, source).key) or held(self, source))
    source = paper(servers=2, tasks=2)
    here = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**here) as local:
        connected, client = [], distributed.Client
        monkeypatch.setattr(distributed, "Client", lambda *words, **more: connected.append(1) or client(*words, **more))
        with Cluster(local.scheduler_address) as engine:
            assert list(engine.outcomes([])) == [] and not connected
            for seed in range(3):
                ((_, outcome),) = engine.outcomes([Cell(source, "lbf", seed)])
                assert outcome.values["arrived_tasks"] == 2
            assert (len(connected), len(sent), len(set(sent))) == (1, 3, 1)
        monkeypatch.undo()
        with client(local.scheduler_address) as left:
            assert wait_until(lambda: not left.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)), 10)
