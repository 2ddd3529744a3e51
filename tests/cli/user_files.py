"""A small network and its tasks as files, and ways to run the command line on them and look at the results."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SERVERS = """\
server,capacity_flop_per_s,uplink_bps
a,1e6,40e3
b,1e6,40000
"""
TASKS = """\
task,arrival_s,profile,frame_rate_hz,deadline_s,lifetime_s,input_bytes
t1,0,small,5,0.2,,2000
t2,1,small,5,0.2,1.5,2e3
t3,2,small,5,0.2,,
t4,3,wide,5,0.2,,2000.0
"""
INPUTS = """\
task,server,input_bytes
t3,a,1000
t3,b,1000
"""
SMALL = """\
{"schema": 1, "name": "small", "input": {"shape": [1, 10, 10], "bytes": 100},
 "layers": [
  {"name": "conv1", "flop": 1000, "output_shape": [50], "output_bytes": 50},
  {"name": "fc2", "flop": 4000, "output_shape": [10], "output_bytes": 10}
 ],
 "provenance": {"kind": "assumed"}}
"""
WIDE = """\
{"schema": 1, "name": "wide", "input": {"shape": [1, 10, 10], "bytes": 100},
 "layers": [{"name": "conv1", "flop": 200, "output_shape": [40], "output_bytes": 40}],
 "provenance": {"kind": "assumed"}}
"""
MINE = """\
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject


class MyScheduler(OnlineScheduler):
    '''Deploys every other task.'''

    def __init__(self, *, every: int = 2) -> None:
        self.every, self.seen = every, 0

    def decide(self, task, view):
        self.seen += 1
        cut = view.first_fit(task, balanced)
        return Deploy(cut) if cut is not None and self.seen % self.every == 1 else Reject("not its turn")
"""


@dataclass
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def verdicts(self):
        return {name: (task["verdict"], task["cut"]) for name, task in self.json["tasks"].items()}


@dataclass
class Files:
    """A folder with ``servers.csv``, ``tasks.csv``, ``inputs.csv``, ``mine.py`` and ``profiles/``."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, content: str | bytes) -> None:
        self.path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert text.count(old) >= 1, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new, 1))

    def argv(self, *more: str, scheduler: str = "fifo", out: str = "run.db") -> list[str]:
        """Return the command line of ``run`` on these files; what is said again in `more` counts."""
        named = {name: str(self.path(f"{name}.csv")) for name in ("tasks", "inputs")}
        options = {"network": str(self.path("servers.csv")), **named, "profiles": str(self.path("profiles"))}
        given = [word for name, value in options.items() for word in (f"--{name}", value)]
        return ["run", *given, "--scheduler", scheduler, "--out", str(self.path(out)), *more]

    def everything(self) -> dict[str, bytes | None]:
        """Return every file below the folder with its content."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
        }


def python(*argv: str, cwd: Path, path: Sequence[Path] = (), **variables: str) -> Done:
    """Run Python in a process of its own, in another folder than the project's."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), **variables}
    done = subprocess.run(
        [sys.executable, *argv], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    return Done(done.returncode, done.stdout, done.stderr)


def command(*argv: str, cwd: Path, path: Sequence[Path] = (), **variables: str) -> Done:
    """Run the command line in a process of its own."""
    return python("-m", "cutlayer.experiments.cli.main", *argv, cwd=cwd, path=path, **variables)


def rows(database: Path, table: str = "runs") -> list[dict]:
    """Return the rows of a table, read without cutlayer."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]
    finally:
        connection.close()


def same_but_for_the_machine(database: Path) -> dict[str, list[dict]]:
    """Return all tables, run by run in the order of keys, without the columns in which two equal runs may differ."""
    names = [row["name"] for row in rows(database, "sqlite_master") if row["type"] == "table"]
    key_of = {row["run"]: row["key"] for row in rows(database)}
    free = ("run", "wall_s", "peak_memory_bytes", "host", "command", "paths")
    tables = {}
    for name in names:
        by_run = sorted(rows(database, name), key=lambda row: key_of[row["run"]])
        kept = [{column: value for column, value in row.items() if column not in free} for row in by_run]
        tables[name] = [{"key": key_of[row["run"]], **left} for row, left in zip(by_run, kept, strict=True)]
    return tables


def assert_one_line(done: Done, *says: str) -> None:
    """Check that a command was refused: status 2, nothing on standard output, one line that says all this."""
    assert "Traceback" not in done.err
    assert (done.status, done.out) == (2, "")
    assert done.err.endswith("\n") and done.err.count("\n") == 1, done.err
    for text in says:
        assert text in done.err
