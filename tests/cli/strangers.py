"""Results files as a stranger, an enemy or a failing disk would make them: a sound one, and edits of it."""

from __future__ import annotations

import math
import random
import sqlite3
import time
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cutlayer.experiments.cli.main import main
from cutlayer.simulator.results.tables import TABLES

SCENARIO = """
scheduler = ["fifo", "lbf"]
[network]
capacity = "30 GFLOP/s"
[network.topology]
shape = { name = "tree", nodes = 5 }
link_speed = "3 Mbit/s"
[workload]
tasks = 8
frame_rate = "2 Hz"
lifetime = "4 s"
[frames]
window = "2 s"
[run]
by_resource = true
"""
SLOW = ("plot", "report")
"""Verbs that draw."""

VALUES = (
    None, "", "x", "\x1b[31mred", "../../etc/passwd", "a/b", "nul\0nul", "{", "{}", "[]", '["x"]', "[[1]]",
    "[[1, 2]]", '{"sha256": 5}', '{"a": {"sha256": 7}}', '{"network": [{"file": {"sha256": [1]}}]}',
    '{"scheduler": {"a": 1}}', "null", "5", "NaN", "[" * 5000, '{"a":' * 200 + "1" + "}" * 200, '"\\ud800"',
    '{"a": "\\ud800"}', "$\\frac{", "字" * 300, "<script>", "é" * 5000, "9" * 5000, 0, -1, 5, 2**31, 2**62,
    -(2**63), 0.0, -0.0, 1e-320, 1e-60, 0.5, 1e18, 1e99, 1e308, float("inf"), float("-inf"), b"", b"\xff\xfe",
    b"x" * 100_000, "done", "failed", "deploy", "evict", "server", "link", "cloud",
)  # fmt: skip
"""What a cell of a table may be made to hold."""

SHAPES = (
    "DROP TABLE {t}",
    "ALTER TABLE {t} RENAME TO other",
    "ALTER TABLE {t} RENAME COLUMN {c} TO other",
    "ALTER TABLE {t} RENAME COLUMN run TO other",
    "ALTER TABLE {t} ADD COLUMN more AS (hex(zeroblob(1000000000)))",
    "ALTER TABLE {t} ADD COLUMN plain",
    "DELETE FROM {t}",
    "DELETE FROM runs",
    "DROP INDEX IF EXISTS {t}_by_run",
    "CREATE INDEX odd ON {t} (abs({c}))",
    "CREATE TRIGGER odd BEFORE INSERT ON runs BEGIN SELECT hex(zeroblob(1000000000)); END",
    "ALTER TABLE {t} RENAME TO old; CREATE VIEW {t} AS SELECT * FROM old",
    "ALTER TABLE {t} RENAME TO old; CREATE VIEW {t} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT old.* FROM old, n",
    "CREATE VIEW other AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
    "ALTER TABLE {t} RENAME TO old; CREATE TABLE {t} AS SELECT * FROM old",
    "ALTER TABLE {t} RENAME TO old; CREATE TABLE {t} (run)",
    "ALTER TABLE {t} RENAME TO old; CREATE VIRTUAL TABLE {t} USING fts5(run)",
    "INSERT INTO {t} DEFAULT VALUES",
    "UPDATE {t} SET run = run + 1",
    "UPDATE {t} SET run = 'x'",
    "INSERT INTO {t} SELECT * FROM {t}",
    "PRAGMA user_version = 3",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA application_id = 1",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE {t} (x)' WHERE name = '{t}'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 99999 WHERE name = '{t}'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET type = 'view' WHERE name = '{t}'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = NULL WHERE name = '{t}'",
)  # fmt: skip
"""What may be done to a file's tables."""


class Base(NamedTuple):
    """A sound results file with all there is in one, and the frames kept beside it."""

    path: Path
    key: str

    @property
    def frames(self) -> Path:
        return self.path.with_suffix(f".{self.key[:12]}.frames.npz")


def sound(folder: Path) -> Base:
    """Make the file."""
    scenario, path = folder / "s.toml", folder / "sound.db"
    scenario.write_text(SCENARIO)
    common = [str(scenario), "--out", str(path), "-q"]
    for seed in range(3):
        assert main(["run", *common, "--set", f"run.seed={seed}", *(["--keep-frames"] if seed else [])]) == 0
    with sqlite3.connect(path) as connection:
        key = connection.execute("SELECT key FROM runs ORDER BY run DESC").fetchone()[0]
    connection.close()
    base = Base(path, key)
    assert base.frames.is_file()
    return base


def of_cells(path: Path, rng: random.Random) -> str:
    """Put a value where it does not belong, in one row or all."""
    table = rng.choice([*TABLES, "runs", "runs", "resources"])
    column = rng.choice(["run", *(column.name for column in TABLES[table])])
    value = rng.choice(VALUES)
    where = rng.choice(["", " WHERE rowid = 1", " WHERE rowid = (SELECT max(rowid) FROM {t})", " WHERE rowid % 2"])
    _execute(path, f"UPDATE OR REPLACE {table} SET {column} = ?{where.format(t=table)}", (value,))
    return f"{table}.{column} = {str(value)[:30]!r}{where}"


def of_shapes(path: Path, rng: random.Random) -> str:
    """Change the tables themselves."""
    table = rng.choice(list(TABLES))
    script = rng.choice(SHAPES).format(t=table, c=rng.choice(TABLES[table]).name)
    for statement in script.split("; "):
        _execute(path, statement)
    return script


def of_bytes(path: Path, rng: random.Random) -> str:
    """Flip, cut or overwrite some bytes, as a failing disk does."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 3, 30])):
        at = rng.randrange(len(content)) if rng.random() < 0.8 else rng.randrange(100)
        content[at] = rng.choice([content[at] ^ (1 << rng.randrange(8)), 0, 0xFF, rng.randrange(256)])
    kind = rng.random()
    if kind < 0.1:
        del content[rng.randrange(len(content)) :]
    elif kind < 0.2:
        at = rng.randrange(0, len(content), 512)
        content[at : at + 512] = bytes(512)
    path.write_bytes(content)
    return "bytes"


def _execute(path: Path, statement: str, values: Sequence[object] = ()) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA legacy_alter_table = ON")
    try:
        connection.execute(statement, values)
    except sqlite3.Error:
        pass  # this edit cannot be made of this file
    finally:
        connection.close()


EDITS: dict[str, Callable[[Path, random.Random], str]] = {"cells": of_cells, "shapes": of_shapes, "bytes": of_bytes}


def commands(path: Path, other: Path, folder: Path) -> dict[str, list[str]]:
    """Return one command line of every verb that reads results."""
    db, out = str(path), str(folder / "out")
    return {
        "results": ["results", db],
        "explain": ["explain", db, "t3"],
        "compare": ["compare", db, "fifo", "lbf"],
        "export": ["export", db, "--out", out],
        "merge": ["merge", str(folder / "all.db"), str(other), db],
        "timeline": ["timeline", db, "-o", f"{out}.json"],
        "results json": ["results", db, "--json"],
        "explain json": ["explain", db, "t3", "--json"],
        "compare json": ["compare", db, "lbf", "fifo", "--json"],
        "merge into": ["merge", db, str(other)],
        "report": ["report", db, "-o", f"{out}.html"],
        "plot": ["plot", db, "--out", out],
    }


def fault_of(argv: list[str], capsys) -> str | None:
    """Return what is wrong with how a command ended, or None: it is done, or one line says why not."""
    capsys.readouterr()
    begin = time.monotonic()
    try:
        status = main(argv)
    except BaseException as fault:
        return f"{type(fault).__name__}: {fault}"
    took_s = time.monotonic() - begin
    seen = capsys.readouterr()
    if took_s > (60 if argv[0] in SLOW else 10):  # what is drawn takes seconds as it is
        return f"took {took_s:.1f} s"
    if status not in (0, 2, 3):
        return f"status {status}: {seen.err}"
    if status == 2 and seen.err.count("\ncutlayer ") + seen.err.startswith("cutlayer ") != 1:
        return f"not one line: {seen.err}"
    if "\x1b" in seen.out + seen.err:
        return "an escape sequence reaches the terminal"
    return None


def of_frames(path: Path, rng: random.Random) -> str:
    """Replace the arrays of kept frames: their headers, their content, their file."""
    with np.load(path) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    name = rng.choice(list(columns))
    one, n = columns[name], len(columns["fate"])
    odd = {
        "indices": lambda: np.full(n, rng.choice([-1, 10**6, 2**62, -(2**63)]), np.int64),
        "numbers": lambda: np.full(n, rng.choice([math.nan, math.inf, -1.0, 1e308, 0.0])),
        "shorter": lambda: one[: n // 2],
        "longer": lambda: np.concatenate([one, one]),
        "empty": lambda: one[:0],
        "square": lambda: one.reshape(1, -1),
        "scalar": lambda: np.array(5),
        "bytes": lambda: one.view(np.uint8),
        "complex": lambda: np.zeros(n, complex),
        "dates": lambda: np.zeros(n, "M8[s]"),
        "texts": lambda: np.full(n, "x" * rng.choice([0, 5, 5000])),
        "letters that are none": lambda: np.full(n, 0xFFFFFFFF, np.uint32).view("<U1"),
        "fields": lambda: np.zeros(n, [("a", "f8"), ("b", "U3")]),
        "other end first": lambda: one.astype(one.dtype.newbyteorder(">")),
    }
    headers = {
        "huge": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10 ** rng.choice([9, 12, 18, 30])},), }}",
        "long names": "{'descr': '<U900000000', 'fortran_order': False, 'shape': (1000000000,), }",
        "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        "objects": f"{{'descr': '|O', 'fortran_order': False, 'shape': ({n},), }}",
        "no literal": "__import__('os').system('true')",
        "deep": "(" * 9000,
        "long": " " * 50_000 + "{}",
        "nothing": "",
    }
    files = ("cut off", "flipped", "no zip", "bomb", "bomb of names", "none of it", "twice", "stored wrong", "a folder")
    kind = rng.choice([*odd, *headers, *files])
    if kind in odd:
        try:
            columns[name] = odd[kind]()
        except (TypeError, ValueError):
            columns[name] = np.zeros(3)
        np.savez_compressed(path, **columns)
    elif kind in headers:
        _with_member(path, columns, name, _npy(headers[kind]) + one.tobytes())
    elif kind == "bomb":  # a gigabyte of zeros, everywhere
        length = 2**27
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({length},), }}"
        _with_member(path, columns, name, _npy(header), zeros=8 * length)
    elif kind == "bomb of names":
        header = f"{{'descr': '<U{2**20}', 'fortran_order': False, 'shape': (256,), }}"
        _with_member(path, columns, rng.choice(["tasks", "servers"]), _npy(header), zeros=2**30)
    elif kind == "none of it":
        del columns[name]
        np.savez_compressed(path, **columns)
    elif kind == "twice":
        with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x09\x09")
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    else:
        content = bytearray(path.read_bytes())
        at = rng.randrange(len(content))
        if kind == "cut off":
            del content[at:]
        elif kind == "flipped":
            content[at] ^= 1 << rng.randrange(8)
        elif kind == "stored wrong":  # the directory at the end says where members lie, how long and how compressed
            at = rng.randrange(len(content) * 9 // 10, len(content))
            content[at] = rng.randrange(256)
        path.write_bytes(bytes(content) if kind != "no zip" else rng.randbytes(1000))
    return f"{name}: {kind}"


def _npy(header: str) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text


def _with_member(path: Path, columns: dict, name: str, content: bytes, zeros: int = 0) -> None:
    """Write the arrays anew, one of them as given, followed by zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for own, values in columns.items():
            with archive.open(f"{own}.npy", "w", force_zip64=True) as file:
                if own == name:
                    file.write(content)
                    for _ in range(0, zeros, 2**24):
                        file.write(bytes(2**24))
                else:
                    np.save(file, values)
