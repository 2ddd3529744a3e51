"""Compiled loops are kept in the user's cache folder, found by content, and compiled anew where that is impossible."""

import errno
import logging
import os
import pickle
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from numba import config

import cutlayer.simulator.compiled as module
from cutlayer.simulator.compiled import cache_folder, compiled, inlined
from cutlayer.simulator.frames.walk import stage as frame_walk


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, in a process that has told nothing yet."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_told", set())
    return tmp_path / "cutlayer"


@pytest.fixture
def notices(folder, caplog):
    caplog.set_level(logging.INFO, "cutlayer.compiled")
    return caplog


def kept(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    for unset in ("", "relative/cache"):  # of no effect, says the standard
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert cache_folder() == tmp_path / "home/.cache/cutlayer/loops"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache/cutlayer/loops"
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "numba"))
    assert cache_folder() == tmp_path / "numba/cutlayer"


def test_a_loop_is_kept_once_a_type_and_read_from_then_on(notices, folder):
    loop = compiled(total)
    assert loop(np.arange(5.0)) == 10.0 and loop(np.arange(5)) == 10.0
    assert len(kept(folder)) == 2 and len(notices.messages) == 1 and "once" in notices.messages[0]
    notices.clear()
    module._told.clear()
    again = compiled(total)
    assert again(np.arange(5.0)) == 10.0 and again(np.arange(5)) == 10.0
    assert len(kept(folder)) == 2 and notices.messages == []


def scaled(how, factor, decorator=compiled):
    """Return a loop that calls another, which uses a constant."""

    @decorator
    def inner(value):
        return value * factor

    @compiled
    def outer(value):
        return inner(value) + how

    return outer


@pytest.mark.parametrize("decorator", [compiled, inlined])
def test_a_loop_is_found_only_while_all_that_it_uses_is_the_same(folder, decorator):
    table = np.array([1.0, 2.0])
    for how, factor in ((1.0, 2.0), (1.0, 3.0), (1, 2.0), (1.0, table), (1.0, table * 3)):
        assert np.array_equal(scaled(how, factor, decorator)(5.0), 5.0 * factor + how)
    names = kept(folder)
    assert len([name for name in names if "outer" in name]) == 5
    scaled(1.0, 3.0, decorator)(5.0)
    assert kept(folder) == names


def test_a_loop_over_records_is_not_found_when_their_fields_have_changed_places(folder):
    @compiled
    def first(record):
        return record.a

    for fields in ("a b", "b a"):
        Record = namedtuple("Record", fields)
        compiled(first.py_func)(Record(a=1.0, b=2.0))
    assert len(kept(folder)) == 2


SCRIPT = """\
import sys
sys.path.insert(0, {path!r})
from own import double
double(2.0)
"""


def test_equal_code_elsewhere_and_after_a_move_within_its_file_is_found_in_another_process(tmp_path):
    source = "from cutlayer.simulator.compiled import compiled\n{}@compiled\ndef double(x):\n    return x + x\n"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for number, before in enumerate(("", "\n# moved\n\n")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "own.py").write_text(source.format(before))
        script = SCRIPT.format(path=str(tmp_path / str(number)))
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        assert len(kept(tmp_path / "cache/cutlayer")) == 1
        assert kept(tmp_path / str(number)) == ["__pycache__", "own.py"] or kept(tmp_path / str(number)) == ["own.py"]
        assert not list(tmp_path.rglob("*.nb?"))


def test_what_was_used_longest_ago_is_removed_beyond_the_limit(folder, monkeypatch):
    values = [np.arange(3).astype(kind) for kind in (float, np.float32, np.int64)]
    loop = compiled(total)
    loop(values[0])
    (oldest,) = kept(folder)
    loop(values[1])
    (second,) = set(kept(folder)) - {oldest}
    os.utime(folder / oldest, (1, 1))
    os.utime(folder / second, (2, 2))
    compiled(total)(values[0])  # used: the second is the oldest now
    size = sum(path.stat().st_size for path in folder.iterdir())
    monkeypatch.setattr(module, "KEPT_BYTES", int(1.2 * size))
    loop(values[2])
    assert oldest in kept(folder) and second not in kept(folder) and len(kept(folder)) == 2


@pytest.mark.parametrize("damage", ["cut short", "one bit", "empty", "a folder"])
def test_a_damaged_file_is_compiled_again(folder, damage):
    compiled(total)(np.arange(5.0))
    (path,) = folder.iterdir()
    data = path.read_bytes()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        changed = data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes({"cut short": data[: len(data) // 2], "one bit": changed, "empty": b""}[damage])
    assert compiled(total)(np.arange(5.0)) == 10.0
    if damage != "a folder":
        assert pickle.loads(path.read_bytes()[32:])  # whole again
    assert len(kept(folder)) == 1  # and nothing unfinished beside it


@pytest.mark.parametrize("fails", ["mkdir", "mkstemp", "replace", "read"])
def test_a_cache_that_is_full_or_cannot_be_read_is_done_without(folder, monkeypatch, fails):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    compiled(total)(np.arange(5.0))
    where = {"mkdir": (Path, "mkdir"), "mkstemp": (module.tempfile, "mkstemp")}
    where |= {"replace": (module.os, "replace"), "read": (Path, "read_bytes")}
    monkeypatch.setattr(*where[fails], full)
    assert compiled(total)(np.arange(5)) == 10.0
    assert not list(folder.glob("*.tmp"))


def test_without_a_folder_it_tells_that_every_run_compiles(notices, folder, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", os.devnull)
    assert compiled(total)(np.arange(5.0)) == 10.0
    monkeypatch.setattr(module, "_told", set())
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    compiled(total)(np.arange(5.0))
    assert len(notices.messages) == 2 and "in every run" in notices.messages[1]


def test_loops_of_the_walk_are_kept():
    assert isinstance(frame_walk.stage._cache, module._Cache)
