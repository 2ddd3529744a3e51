"""A file is written whole or not at all, and what stands in its way is told in one line."""

import hashlib
import os

import pytest

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import digest_of, draft_of, drafted, whole, write_text


def refusal(target, text="new"):
    with pytest.raises(InputError) as caught:
        write_text(target, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_block_that_fails_leaves_all_files_as_they_were_and_its_own_error(tmp_path, fault):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    with pytest.raises(type(fault)), drafted(one, two) as drafts:
        for draft in drafts:
            draft.write_text("new")
        raise fault
    assert one.read_text() == "old" and list(tmp_path.iterdir()) == [one]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\N{SNOWMAN}" * 85])
def test_the_longest_names_there_are_can_be_written(tmp_path, name):
    write_text(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]
    assert len(os.fsencode(draft_of(tmp_path / name).name)) <= 255


@pytest.mark.parametrize(
    "name, told",
    [
        ("x" * 256, "cannot be written (File name too long)"),
        ("nowhere/a", "cannot be written (No such file or directory)"),
        ("a\0b", "cannot be written"),
        (".", "is a folder, a pipe or a device; allowed: a file"),
        ("pipe", "is a folder, a pipe or a device; allowed: a file"),
    ],
)
def test_what_cannot_be_written_is_told_in_a_line(tmp_path, name, told):
    os.mkfifo(tmp_path / "pipe")
    assert told in refusal(f"{tmp_path}/{name}")
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_late_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    """Also where the draft cannot be removed, as on a file system that has become read-only."""

    def fails(*_):
        raise OSError(30, "Read-only file system")

    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, step, fails)
    monkeypatch.setattr(os, "unlink", fails)
    assert refusal(path) == f"{path}: cannot be written (Read-only file system)"
    assert path.read_text() == "old"


def test_a_digest_is_that_of_the_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"cut" * 100_000)
    assert digest_of(path) == hashlib.sha256(b"cut" * 100_000).hexdigest()
