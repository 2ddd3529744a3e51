"""Whatever a results file or kept frames hold, a verb ends in an answer or in one line, soon and in little memory."""

import os
import random
import resource
import shutil
import sqlite3

import pytest
from strangers import EDITS, SLOW, VALUES, commands, fault_of, of_frames, sound

from cutlayer.experiments.runs.kept_frames import read_kept
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return sound(tmp_path_factory.mktemp("sound"))


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def edited(base, folder, edit, rng):
    """Copy the file and its frames, edited; return the copy and what was done to it."""
    folder.mkdir()
    path = folder / "r.db"
    shutil.copy(base.path, path)
    frames = folder / base.frames.name.replace("sound", "r", 1)
    shutil.copy(base.frames, frames)
    return path, edit(frames if edit is of_frames else path, rng)


def tried(base, tmp_path, capsys, edit, number, verbs):
    """Return what went wrong in an edit with the verbs chosen."""
    rng = random.Random(f"{edit.__name__} {number}")
    folder = tmp_path / str(number)
    path, what = edited(base, folder, edit, rng)
    faults = []
    for name, argv in commands(path, base.path, folder).items():
        if name in verbs(rng) and (fault := fault_of(argv, capsys)) is not None:
            faults.append(f"{number}: {what}: {name}: {fault}")
    shutil.rmtree(folder)
    return faults


QUICK = ("results", "explain", "compare", "export", "merge", "timeline", "results json", "explain json", "merge into")


@pytest.mark.parametrize("kind", EDITS)
def test_a_file_of_a_stranger_ends_in_an_answer_or_a_line(base, tmp_path, capsys, kind):
    faults = []
    for number in range(20):
        faults += tried(base, tmp_path, capsys, EDITS[kind], number, lambda rng: rng.sample(QUICK, 2))
    assert faults == []


def test_frames_of_a_stranger_end_in_an_answer_or_a_line(base, tmp_path, capsys):
    before_mb, faults = peak_mb(), []
    for number in range(40):
        faults += tried(base, tmp_path, capsys, of_frames, number, lambda rng: ("timeline",))
    assert faults == []
    assert peak_mb() - before_mb < 900


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*EDITS, "frames"])
def test_a_thousand_edits_of_every_kind_end_in_an_answer_or_a_line(base, tmp_path, capsys, kind):
    """Every verb that reads results; those that draw, for one edit in twenty, since they take a second or two."""
    before_mb, faults = peak_mb(), []
    edit = of_frames if kind == "frames" else EDITS[kind]
    quick = ("timeline", "merge") if kind == "frames" else QUICK
    for number in range(1000):
        drawn = SLOW if number % 20 == 0 else ()
        faults += tried(base, tmp_path, capsys, edit, number, lambda rng, drawn=drawn: (*rng.sample(quick, 2), *drawn))
    assert faults == []
    assert peak_mb() - before_mb < 1000


@pytest.mark.slow
@pytest.mark.parametrize("table", ["runs", "resources", "tasks"])
def test_every_value_in_every_column_ends_in_an_answer_or_a_line(base, tmp_path, capsys, table):
    from cutlayer.simulator.results.tables import column_names

    faults = []
    for column in column_names(table):
        for value in VALUES:

            def edit(path, rng, column=column, value=value):
                with sqlite3.connect(path) as connection:
                    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
                connection.close()
                return f"{table}.{column} = {value!r:.40}"

            faults += tried(base, tmp_path, capsys, edit, len(faults), lambda rng: ("results", "explain", "timeline"))
    assert faults == []


@pytest.mark.parametrize("what", ["pipe", "device", "link to a device"])
@pytest.mark.parametrize("ending", ["", "-wal", "frames"])
def test_nothing_but_a_plain_file_is_opened(base, tmp_path, what, ending):
    path, _ = edited(base, tmp_path / "x", lambda path, rng: "", random.Random(0))
    at = path.with_name(base.frames.name.replace("sound", "r", 1)) if ending == "frames" else f"{path}{ending}"
    if os.path.exists(at):
        os.unlink(at)
    if what == "pipe":
        os.mkfifo(at)
    elif what == "device":
        os.symlink("/dev/zero", at)
    else:
        os.symlink("/dev/null", tmp_path / "null")
        os.symlink(tmp_path / "null", at)
    with pytest.raises(InputError, match="a pipe or a device"), Results(path, must_exist=True) as results:
        read_kept(results, {"key": base.key, "frames": None})


def test_the_frames_of_another_run_are_not_taken_for_those_of_this(base, tmp_path):
    path, _ = edited(base, tmp_path / "x", lambda path, rng: "", random.Random(0))
    with Results(path, must_exist=True) as results:
        (row,) = results.rows("runs", base.key)
        assert len(read_kept(results, row).task) == row["delivered"]
        with pytest.raises(InputError, match="frames, where the run has 5"):
            read_kept(results, row | {"frames": 5})
