"""Ctrl-C ends a command whatever it is in the middle of."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sweeps import SCENARIO, argv, environment, kill, marked, wait_until
from user_files import rows

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

BEGIN = """\
import os, signal, sys, time
from cutlayer.experiments.cli.interrupts import until_interrupted

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)
"""
SWALLOWED = """\
class Swallows:
    def __del__(self):
        interrupt()

def call():
    Swallows()
    time.sleep(60)
    return 0
"""
TURNED = """\
def call():
    try:
        interrupt()
    except KeyboardInterrupt:
        raise ImportError("initialization failed")
    return 0
"""
HEARD = """\
def call():
    try:
        interrupt()
    except KeyboardInterrupt:
        print("interrupted")
        return 130
"""
END = """\
class Late:
    def __del__(self, sleep=time.sleep):
        sleep(60)

late = Late()  # what Python takes apart at its end
sys.exit(until_interrupted(call, lambda: print("interrupted")))
"""


@pytest.mark.parametrize("what", [SWALLOWED, TURNED, HEARD])
def test_an_interrupt_is_neither_lost_nor_taken_for_another_error(what):
    words = [sys.executable, "-c", BEGIN + what + END]
    done = subprocess.run(
        words, env=environment(), capture_output=True, text=True, check=False, timeout=50, start_new_session=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "interrupted\n", "")


OTHER = """\
def call():
    raise ImportError("of its own")
sys.exit(until_interrupted(call, lambda: print("interrupted")))
"""


def test_what_is_no_interrupt_is_a_traceback_as_ever():
    words = [sys.executable, "-c", BEGIN + OTHER]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.endswith("ImportError: of its own\n")


SLOW = """\
import sys
if any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    class Slow:
        def find_spec(self, name, path=None, target=None):
            if name == "cutlayer.experiments.sweeps.worker":
                import pathlib, time
                pathlib.Path("slow").touch()
                time.sleep(60)
    sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize("with_signal, status", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_server_that_workers_are_forked_from_does_not_stay_to_do_its_imports(tmp_path, with_signal, status):
    (tmp_path / "small.toml").write_text(SCENARIO)
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    mark = tmp_path.name
    process = subprocess.Popen(
        argv("k.db"),
        cwd=tmp_path,
        env=environment(mark) | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert wait_until((tmp_path / "slow").exists)
    for pid in marked(mark) if with_signal == signal.SIGINT else [process.pid]:
        kill(pid, with_signal)
    _, err = process.communicate(timeout=30)
    assert wait_until(lambda: not marked(mark), 30), marked(mark)
    assert process.returncode == status and "Traceback" not in err


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_sweep_needs_no_streams(tmp_path, closed):
    (tmp_path / "small.toml").write_text(SCENARIO)
    close = " ".join(f"{number}>&-" for number in closed)
    words = argv("k.db", "--seeds", "1", "-j", "1", "--set", "workload.tasks=2", "--vary", "scheduler=lbf")
    done = subprocess.run(["sh", "-c", f'"$@" {close}', "sh", *words], cwd=tmp_path, env=environment(), check=False)
    assert done.returncode == 0 and len(rows(tmp_path / "k.db")) == 2
