"""What `import cutlayer` gives: names, runs, sweeps, tables and figures, in scripts and for a type checker."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import cutlayer as cl

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"network__servers": 3, "workload__tasks": 40}
PUBLIC = {
    "CutlayerError", "Deploy", "Fixed", "InputError", "Layer", "Network", "OfflineScheduler", "OnlineScheduler",
    "Profile", "Reject", "Run", "Runs", "Scenario", "Task", "View", "balanced", "check_scheduler", "largest_product",
    "load_profile", "lp_bound", "open", "run", "sweep",
}  # fmt: skip


class Shy(cl.OnlineScheduler):
    """Deploys at the first cut that fits, but never more than `most` tasks."""

    def __init__(self, most: int = 4):
        self.most = most

    def decide(self, task, view):
        cut = view.first_fit(task, cl.balanced) if len(view.deployed) < self.most else None
        return cl.Reject("enough") if cut is None else cl.Deploy(cut)


@pytest.fixture
def star():
    return cl.Network([20e9, 20e9], [2e6, 2e6])


@pytest.fixture
def tasks():
    alexnet = cl.load_profile("alexnet")
    return [cl.Task(f"t{n}", float(n), alexnet, 5.0, 0.2, [0, 1], [150e3, 75e3], 60.0) for n in range(5)]


def test_what_is_public_is_listed_and_there():
    assert set(cl.__all__) == PUBLIC
    assert all(getattr(cl, name).__doc__ for name in PUBLIC)
    assert set(dir(cl)) > PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        cl.rum  # noqa: B018


@pytest.mark.parametrize("name", ["cutlayer", *sorted({getattr(cl, name).__module__ for name in PUBLIC})])
def test_examples_of_what_is_public_are_true(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0


def test_importing_it_loads_none_of_what_it_gives():
    code = "import sys, cutlayer; print({'numpy', 'scipy', 'pydantic', 'pandas', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout == "set()\n"


def test_a_run_by_name_class_and_instance(tmp_path):
    named = cl.run("paper", scheduler="lbf", seed=3, **SMALL)
    assert (named.scheduler, named.seed, named.arrived_tasks) == ("lbf", 3, 40)
    assert named.deployed_tasks == (named.tasks.outcome == "deployed").sum() == named.row["deployed_tasks"]
    assert cl.run("paper", scheduler=Shy, **SMALL).deployed_tasks == 4
    assert cl.run("paper", scheduler=Shy(7), **SMALL).deployed_tasks == 7
    with pytest.raises(AttributeError, match="a run has no 'deployed'"):
        named.deployed  # noqa: B018


def test_instances_of_other_parameters_are_other_runs(tmp_path):
    out = tmp_path / "r.db"
    for most in (4, 7, 4):
        cl.run("paper", scheduler=Shy(most), out=out, **SMALL)
    assert [run.deployed_tasks for run in cl.open(out)] == [7, 4]


def test_tables_are_data_frames(star, tasks):
    run = cl.run(network=star, tasks=tasks, scheduler="fifo", frames__arrivals="periodic", run__until="30 s")
    assert run.seed == 0 and list(run.tasks.task) == ["t0", "t1", "t2", "t3", "t4"]
    assert set(run.decisions.verdict) == {"deploy"} and run.series.time_s.is_monotonic_increasing
    assert run.frames.frames.sum() == run.row["frames"] > 0
    assert run.transfer_mean_s == run.row["transfer_mean_s"]
    assert run.table("resources").shape[0] == 5  # and the cloud
    with pytest.raises(cl.InputError, match="unknown table 'task'; did you mean 'tasks'"):
        run.table("task")


def test_objects_give_what_files_give(star, tasks, tmp_path):
    one = cl.run(network=star, tasks=tasks, scheduler="fifo")
    (tmp_path / "servers.csv").write_text("server,capacity_flop_per_s,uplink_bps\ns0,20e9,2e6\ns1,20e9,2e6\n")
    rows = "".join(f"t{n},{n},alexnet,5,0.2,60\n" for n in range(5))
    (tmp_path / "tasks.csv").write_text("task,arrival_s,profile,frame_rate_hz,deadline_s,lifetime_s\n" + rows)
    rows = "".join(f"t{n},s0,150e3\nt{n},s1,75e3\n" for n in range(5))
    (tmp_path / "inputs.csv").write_text("task,server,input_bytes\n" + rows)
    trace = {"file": tmp_path / "tasks.csv", "inputs": tmp_path / "inputs.csv", "format": "native", "complete": True}
    other = cl.run(scheduler="fifo", network__file=tmp_path / "servers.csv", workload__trace=trace)
    assert one.seed is other.seed is None
    assert one.tasks.equals(other.tasks) and one.series.equals(other.series)


def test_what_is_given_decides_the_key_and_keys_of_it_are_refused(star, tasks):
    keys = [
        cl.run(network=star, tasks=tasks, scheduler="fifo").key,
        cl.run(network=star, tasks=tasks[:4], scheduler="fifo").key,
        cl.run(network=cl.Network([20e9, 20e9], [2e6, 2.5e6]), tasks=tasks, scheduler="fifo").key,
    ]
    assert len(set(keys)) == 3 and cl.run(network=star, tasks=tasks, scheduler="fifo").key == keys[0]
    with pytest.raises(cl.InputError, match=r"network\.usable_share has no effect: network is given"):
        cl.run(network=star, tasks=tasks, scheduler="fifo", network__usable_share=0.5)
    with pytest.raises(cl.InputError, match="a task is called 't0' twice"):
        cl.run(network=star, tasks=[tasks[0], tasks[0]], scheduler="fifo")


def test_a_graph_is_a_network():
    graph = nx.star_graph(4)
    run = cl.run(network=graph, scheduler="lbf", network__capacity="20 GFLOP/s", workload__tasks=20)
    graph.add_node(7, lon=np.float64(4.5), site=("a", "tuple"))
    graph.add_edge(0, 7, LinkSpeedRaw=np.int64(10**9))
    assert (
        cl.run(network=graph, scheduler="lbf", workload__tasks=5).table("resources").resource == "server"
    ).sum() == 5
    kinds = run.table("resources")
    assert (kinds.resource == "server").sum() == 4 and run.arrived_tasks == 20


def test_what_is_wrong_is_one_line():
    for call, says in (
        (lambda: cl.run("paper"), "scheduler is not given; the scenario has offline, fifo, lbf, threshold"),
        (lambda: cl.run("paper", schedular="fifo"), "settings: unknown key 'schedular'; did you mean 'scheduler'?"),
        (lambda: cl.run("paper", scheduler="fifi"), "unknown scheduler 'fifi'; did you mean 'fifo'?"),
        (lambda: cl.run("paper", scheduler=int), "is no subclass of OnlineScheduler or OfflineScheduler"),
        (lambda: cl.sweep("paper", vary={"network.servers": []}), "vary: network.servers has no values"),
        (lambda: cl.sweep("paper", schedulers=["fifo", "fifo"]), "scheduler fifo is given twice"),
        (lambda: cl.sweep("paper", seeds=0), "seeds is 0; allowed: 1 or more"),
        (lambda: cl.load_profile("alexnett"), "did you mean 'alexnet'?"),
        (lambda: cl.run(network=cl.Network([1e9], [1e6]), tasks="x.csv", scheduler="fifo"), "tasks holds 'x'"),
        (lambda: cl.open("no.db"), "no.db: cannot be read"),
    ):
        with pytest.raises(cl.InputError) as caught:
            call()
        assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_sweep_has_a_table_of_runs_and_resumes(tmp_path):
    out = tmp_path / "s.db"
    words = {"vary": {"network.servers": np.arange(2, 5, 2)}, "schedulers": ["fifo", Shy], "seeds": 2, "jobs": 1}
    runs = cl.sweep("paper", out=out, workload__tasks=30, **words)
    assert len(runs) == 8 and not runs.runs.status.ne("done").any()
    assert runs.runs.groupby("network.servers").size().to_dict() == {2: 4, 4: 4}
    assert len(runs.select(seed=1, network__servers=4)) == 2
    assert set(runs.tasks.scheduler) == set(runs.runs.scheduler) and len(runs.tasks) == 8 * 30
    before = out.stat().st_mtime_ns
    assert [run.key for run in cl.sweep("paper", out=out, workload__tasks=30, **words)] == [run.key for run in runs]
    assert out.stat().st_mtime_ns == before and len(cl.open(out)) == 8


def test_a_failed_run_is_a_warning_and_among_the_runs():
    class Broken(cl.OnlineScheduler):
        def decide(self, task, view):
            raise ValueError("no idea")

    with pytest.warns(UserWarning, match="1 failed; the first that failed: ValueError: no idea"):
        (run,) = cl.sweep("paper", schedulers=[Broken], seeds=1, **SMALL)
    assert "failed: ValueError: no idea" in repr(run)


def test_a_plot_is_axes_to_go_on_with():
    from matplotlib import pyplot as plt

    _, ax = plt.subplots()
    assert cl.run("paper", scheduler="fifo", **SMALL).plot("deployed", ax) is ax
    assert ax.lines and ax.get_xlabel()
    plt.close("all")


SCRIPT = """\
import cutlayer as cl
from mine import Own

class Here(cl.OnlineScheduler):
    def decide(self, task, view):
        return cl.Reject("no")

runs = cl.sweep("paper", schedulers=["fifo", Own, Here], seeds=2, jobs=2, network__servers=2, workload__tasks=5)
print([(run.scheduler, run.seed, run.deployed_tasks) for run in runs])
"""
MINE = """\
from cutlayer import Deploy, OnlineScheduler, Reject, balanced

class Own(OnlineScheduler):
    def decide(self, task, view):
        cut = view.first_fit(task, balanced)
        return Reject("full") if cut is None or view.deployed else Deploy(cut)
"""


def test_a_script_without_a_guard_sweeps_with_classes_of_files_and_of_its_own(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "mine.py").write_text(MINE)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == (
        "[('fifo', 0, 5), ('mine.py:Own', 0, 1), ('Here', 0, 0), "
        "('fifo', 1, 5), ('mine.py:Own', 1, 1), ('Here', 1, 0)]\n"
    ), done.stderr
    assert done.stderr == ""


TYPED = """\
import cutlayer as cl
from cutlayer import Deploy, OnlineScheduler, Reject, balanced

class Mine(OnlineScheduler):
    def decide(self, task: cl.Task, view: cl.View) -> Deploy | Reject:
        cut = view.first_fit(task, balanced)
        return Reject("full") if cut is None else Deploy(cut)

run: cl.Run = cl.run("paper", scheduler=Mine, seed=1, network__servers=4)
deployed: int = run.deployed_tasks
runs = cl.sweep("paper", vary={"network.servers": range(2, 5)}, schedulers=["fifo", Mine], out="s.db")
print(deployed, run.bound_tasks, runs[0].seed, len(cl.open("s.db")), run.tasks.columns, run.plot("deployed").figure)
wrong: str = run.deployed_tasks
"""


def test_a_type_checker_knows_what_is_public(tmp_path):
    """Of an ordinary install, which is a folder with the rooms in it, mypy accepts what is right and nothing else."""
    import shutil

    tree = tmp_path / "site"
    shutil.copytree(ROOT / "cutlayer", tree / "cutlayer")
    for room in ("simulator", "models", "profiles", "workloads", "experiments"):
        shutil.copytree(ROOT / room, tree / "cutlayer" / room, ignore=shutil.ignore_patterns("__pycache__", "data"))
    (tmp_path / "user.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "user.py"]
    env = {"MYPYPATH": str(tree), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=env)
    found = [line for line in done.stdout.splitlines() if line.startswith("user.py")]
    assert [line.partition(": ")[0] for line in found] == ["user.py:13"], done.stdout + done.stderr
    assert "Incompatible types in assignment" in found[0]


def test_things_show_themselves_as_text(star, tasks):
    odd = cl.Task("<b>&", 0.0, tasks[0].profile, 5.0, 0.2, [0], [1e3])
    assert repr(star) == (
        "<Network servers 2 (20 GFLOP/s), links one each (2 Mbit/s), usable share 1, reservation sustained>"
    )
    assert repr(tasks[1]).startswith("<Task name t1, arrival 1 s, profile alexnet, frames 5 Hz, 225 kB at 2 servers")
    assert repr(cl.Scenario.load("paper", network__servers=7)).startswith("<Scenario network.servers=7, ")
    for one in (star, odd, tasks[0].profile, cl.Scenario(), cl.run("paper", scheduler="fifo", **SMALL)):
        assert one._repr_html_().startswith("<table>") and "<b>" not in one._repr_html_()
    runs = cl.sweep("paper", schedulers=["fifo"], seeds=1, **SMALL)
    assert repr(runs).splitlines()[0].startswith("<Runs: 1 of ") and "<table>" in runs._repr_html_()
