"""Disks that are full or read-only: nothing is half written, and what exists can be read.

The superuser may write whatever the permissions are, so these are real disks, in a mount namespace that ends with the
process.
"""

import functools
import os
import shlex
import subprocess
import sys

import pytest
from user_files import Done, assert_one_line, rows

FRAMES = ("--frames", "poisson", "--until", "60", "--keep-frames")


@functools.cache
def may_mount():
    """Return whether this process may mount disks where nobody else sees them."""
    words = ["unshare", "--mount", "true"]
    try:
        return os.geteuid() == 0 and subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def mounted(files, mount, *commands):
    """Run command lines, then list the folder, all where `mount` has been done; return each one's `Done`."""
    script = [f"{mount} || exit 99"]
    for at, words in enumerate(commands):
        line = shlex.join([sys.executable, "-m", "cutlayer.experiments.cli.main", *words])
        script.append(f"{line} > {files.path(f'out{at}')} 2> {files.path(f'err{at}')}; echo $?")
    script.append(f"ls -A {files.path('disk')}")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "\n".join(script)],
        env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 99 or not done.stdout:
        pytest.skip(f"cannot mount: {done.stderr}")
    said = done.stdout.split()
    results = [
        Done(int(said[at]), files.path(f"out{at}").read_text(), files.path(f"err{at}").read_text())
        for at in range(len(commands))
    ]
    return *results, said[len(commands) :]


@pytest.fixture
def disk(files):
    if not may_mount():
        pytest.skip("only the superuser may mount a disk")
    files.path("disk").mkdir()
    return files.path("disk")


def test_results_on_a_disk_that_may_not_be_written_are_read_and_not_written(files, cutlayer, disk):
    assert cutlayer(files.argv(out="disk/run.db")).status == 0
    (row,) = rows(disk / "run.db")
    fixed = f"mount --bind {disk} {disk} && mount -o remount,bind,ro {disk}"
    story, listed, run, new, there = mounted(
        files,
        fixed,
        ["explain", f"{disk}/run.db", "t1"],
        ["results", f"{disk}/run.db"],
        files.argv(out="disk/run.db"),
        files.argv(out="disk/new.db"),
    )
    assert (story.status, story.err) == (0, "") and "0 s: deployed at cut" in story.out
    assert (listed.status, listed.err) == (0, "") and "fifo" in listed.out
    assert_one_line(run, "disk/run.db: cannot be written: the file or its folder is read-only")
    assert_one_line(new, "disk/new.db: cannot be made")
    assert there == ["run.db"]
    assert row["status"] == "done"


def test_a_log_that_cannot_be_read_where_nothing_may_be_written_is_named(files, cutlayer, disk):
    assert cutlayer(files.argv(out="disk/run.db")).status == 0
    (disk / "run.db-wal").write_bytes(b"x" * 4096)
    fixed = f"mount --bind {disk} {disk} && mount -o remount,bind,ro {disk}"
    story, _ = mounted(files, fixed, ["explain", f"{disk}/run.db", "t1"])
    assert_one_line(story, "run.db: cannot be read: its newest runs are still in ", "run.db-wal")


@pytest.mark.parametrize("size", ["16k", "128k"])
def test_a_disk_that_gets_full_holds_nothing_of_the_run(files, disk, size):
    run, there = mounted(files, f"mount -t tmpfs -o size={size} none {disk}", files.argv(*FRAMES, out="disk/run.db"))
    assert_one_line(run, "cannot be written (")
    assert there == []


LOOP = """\
import numpy as np
from cutlayer.simulator.compiled import compiled

@compiled
def total(values):
    return values.sum()

assert total(np.arange(5.0)) == 10.0
"""


def test_loops_are_compiled_anew_where_the_disk_of_their_cache_is_full(files, disk):
    files.path("loop.py").write_text(LOOP)
    words = shlex.join([sys.executable, str(files.path("loop.py"))])
    script = f"mount -t tmpfs -o size=4k none {disk} && NUMBA_CACHE_DIR={disk} {words} && find {disk} -type f"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
