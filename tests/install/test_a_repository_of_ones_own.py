"""A user's repository has folders of the names of cutlayer's; its code imports them, and cutlayer beside them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from environments import checkout, with_libraries

NAMES = ("models", "experiments", "simulator", "profiles", "workloads", "tests", "schedulers")
FILES = {
    "models/net.py": """\
class MyNet:
    cut = 2
""",
    "simulator/engine.py": "WORD = 'own engine'\n",
    "workloads/tasks.py": "TASKS = 20\n",
    "experiments/study.py": """\
import cutlayer.experiments, cutlayer.models, cutlayer.simulator.engine, cutlayer.workloads
import cutlayer.profiles.store
from models.net import MyNet
from simulator.engine import WORD
from workloads.tasks import TASKS

if __name__ == "__main__":
    print(WORD, MyNet.cut, TASKS, cutlayer.profiles.store.__name__, cutlayer.simulator.engine.__name__)
""",
    "tests/test_own.py": """\
import cutlayer.simulator.engine
from experiments import study

def test_own():
    assert study.WORD == "own engine" and cutlayer.simulator.engine.simulate is not None
""",
    "mine.py": """\
from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject
from models.net import MyNet

class Mine(OnlineScheduler):
    def decide(self, task, view):
        from simulator.engine import WORD  # when it decides
        fits = MyNet.cut in view.fitting(task)
        return Deploy(MyNet.cut) if fits else Reject(WORD)
""",
    "analysis.ipynb": json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "id": "a",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": "import cutlayer.simulator.engine\nfrom models.net import MyNet\n"
                    "from experiments import study\nopen('seen', 'w').write(f'{study.WORD} {MyNet.cut}')",
                }
            ],
        }
    ),
}
SAID = "own engine 2 20 cutlayer.profiles.store cutlayer.simulator.engine\n"
SWEEP = ("--set", "network.servers=2", "--set", "workload.tasks=20", "--seeds", "4")


@pytest.fixture(scope="module", params=["regular", pytest.param("editable", marks=pytest.mark.slow)])
def installed(request, tmp_path_factory):
    """An environment with cutlayer, installed in either way."""
    made = with_libraries(tmp_path_factory.mktemp("environment"))
    if request.param == "regular":
        made.pip("install", "--no-deps", request.getfixturevalue("wheel"))
    else:
        made.pip("install", "--no-deps", "--editable", checkout(tmp_path_factory.mktemp("checkout")))
    return made


@pytest.fixture
def repository(tmp_path):
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def statuses(path):
    with closing(sqlite3.connect(path)) as database:
        return [status for (status,) in database.execute("SELECT status FROM runs")]


def test_scripts_modules_and_tests_of_its_own(installed, repository):
    assert installed.run("python", "-m", "experiments.study", cwd=repository) == SAID
    (repository / "study.py").write_text(FILES["experiments/study.py"])
    assert installed.run("python", "study.py", cwd=repository) == SAID
    assert "1 passed" in installed.run("python", "-m", "pytest", "-q", cwd=repository)


def test_a_scheduler_that_imports_its_own_packages(installed, repository):
    assert "keeps" in installed.run("cutlayer", "check", "mine.py:Mine", cwd=repository)
    elsewhere = repository / "elsewhere"
    elsewhere.mkdir()
    sweep = ("sweep", "paper", "--vary", "scheduler=../mine.py:Mine,fifo", *SWEEP, "--jobs", "2", "--out", "s.db")
    installed.run("cutlayer", *sweep, cwd=elsewhere)
    assert statuses(elsewhere / "s.db") == ["done"] * 8


@pytest.mark.slow
def test_a_notebook_of_its_own(installed, repository):
    kernel = repository / "kernels/kernels/own"
    kernel.mkdir(parents=True)
    words = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": words, "display_name": "own", "language": "python"}))
    script = (
        "import nbformat, nbclient\n"
        "client = nbclient.NotebookClient(nbformat.read('analysis.ipynb', 4), kernel_name='own')\n"
        "client.execute(cwd='.')\n"
    )
    installed.run("python", "-c", script, cwd=repository, JUPYTER_PATH=str(repository / "kernels"))
    assert (repository / "seen").read_text() == "own engine 2"


@pytest.mark.slow
def test_a_sweep_of_its_scheduler_on_dask(installed, repository):
    pytest.importorskip("distributed")
    elsewhere = repository / "elsewhere"
    elsewhere.mkdir()
    dask, started = installed.folder / "bin/python", []
    address = elsewhere / "scheduler.json"
    try:
        for kind, *more in (["scheduler", "--port", "0"], ["worker", "--nworkers", "2", "--nthreads", "1"]):
            words = [dask, "-m", "dask", kind, "--scheduler-file", address, "--no-dashboard", *more]
            started.append(subprocess.Popen(words, cwd=elsewhere, stderr=subprocess.DEVNULL))
            while not address.exists():
                time.sleep(0.1)
        time.sleep(0.1)
        cluster = json.loads(address.read_text())["address"]
        sweep = ("sweep", "paper", "--vary", "scheduler=mine.py:Mine,fifo", *SWEEP, "--cluster", cluster)
        installed.run("cutlayer", *sweep, "--out", "s.db", cwd=repository)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
    assert statuses(repository / "s.db") == ["done"] * 8


@pytest.mark.slow
def test_the_checkouts_own_folder_is_no_obstacle(wheel, tmp_path):
    """Where the folder cutlayer/ of a checkout comes first on the path, the other folders beside it are found."""
    made = with_libraries(tmp_path / "environment")
    made.pip("install", "--no-deps", wheel)
    source = checkout(tmp_path / "checkout")
    found = "import cutlayer.simulator.engine as engine, cutlayer; print(engine.__file__)"
    assert made.run("python", "-c", found, cwd=source) == f"{source / 'simulator/engine.py'}\n"
    assert made.run("python", "-m", "cutlayer", "--version", cwd=source).startswith("cutlayer ")
