"""Sweeps in processes of their own, what becomes of those processes, and what they leave."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from user_files import rows, same_but_for_the_machine

SCENARIO = """\
scheduler = ["offline", "lbf"]

[network]
servers = 5
capacity = "290 GFLOP/s"
uplink = ["10 Mbit/s", "1 Gbit/s"]
usable_share = 0.8

[workload]
tasks = 150
arrivals = { process = "periodic", interval = "1 s" }
frame_bytes = ["100 kB", "1 MB"]
weight = [0.5, 1.5]
frame_rate = "5 Hz"
deadline = "200 ms"
"""
SEEDS = 6
RUNS = 2 * 2 * SEEDS


def argv(out: str, *more: str) -> list[str]:
    """Return the command of a small sweep."""
    words = ["sweep", "small.toml", "--vary", "network.servers=5,8", "--seeds", str(SEEDS), "--keep", "tasks,series"]
    return [sys.executable, "-m", "cutlayer.experiments.cli.main", *words, "--out", out, *more]


def environment(mark: str = "") -> dict[str, str]:
    """Return the variables for a process; every process it starts carries the mark."""
    return os.environ | {"CUTLAYER_TEST_MARK": mark}


def start(folder: Path, out: str, *more: str, mark: str = "") -> subprocess.Popen[str]:
    """Start a sweep as a session of its own, so that a signal meets it alone."""
    return subprocess.Popen(
        argv(out, *more),
        cwd=folder,
        env=environment(mark),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, out: str, *more: str) -> str:
    """Do a sweep to its end and return what it printed."""
    process = start(folder, out, *more)
    printed, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints
    return printed


def marked(mark: str) -> dict[int, str]:
    """Return the processes that carry a mark, and their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"CUTLAYER_TEST_MARK={mark}\0".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def workers(parent: int, mark: str) -> list[int]:
    """Return the worker processes of a sweep: children of its fork server."""
    children = []
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            above = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
            if parent not in (above, pid) and above in marked(mark):
                children.append(pid)
    return children


def wait_until(true, seconds: float = 60.0) -> bool:
    """Return whether something became true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def done(database: Path) -> int:
    """Return how many runs a results file has, read while others write."""
    with contextlib.suppress(Exception):
        return len(rows(database))
    return 0


def kill(pid: int, with_signal: int = signal.SIGKILL) -> None:
    """Send a signal to a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, with_signal)


def assert_whole(database: Path) -> None:
    """Fail if a results file is torn."""
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def tables(database: Path) -> dict:
    """Return all tables by key, but for what depends on the machine."""
    return same_but_for_the_machine(database)
