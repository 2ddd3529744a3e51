"""A results file holds whole runs, refuses what is not one, and survives being killed."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from cutlayer.simulator.checks.histories import draw
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.database import SCHEMA
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.results.tables import TABLES, column_names
from cutlayer.simulator.schedulers import SCHEDULERS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.db"


def run(key="k", **changes):
    return {"key": key, "status": "done", "seed": 1, **changes}


def series(*times):
    return {"series": [(t, *range(7)) for t in times]}


def test_every_column_has_a_meaning_and_a_number_its_unit():
    plain = {"seed", "cut", "x", "value", "low", "high", "replications", "unstable"}
    for table, columns in TABLES.items():
        assert len(set(column_names(table))) == len(columns)
        for column in columns:
            assert column.meaning, column
            if column.kind != "TEXT":
                assert (column.unit != "") is (column.name not in plain), (table, column.name)


def test_what_is_written_is_read_back(path):
    history, recorder = draw("star 0", 5, 40), Recorder(by_resource=True)
    simulate(history.network, history.tasks, SCHEDULERS["lbf"](), listeners=[recorder])
    with Results(path) as results:
        results.write(run() | recorder.summary(), recorder.tables())
    with Results(path, must_exist=True) as results:
        (row,) = results.rows("runs")
        assert {name: row[name] for name in recorder.summary()} == recorder.summary()
        for table, written in recorder.tables().items():
            read = [tuple(row[name] for name in column_names(table)) for row in results.rows(table)]
            assert read == [tuple(row) for row in written], table
            assert len(read) > 0, table


def test_rows_of_one_run_and_of_all(path):
    with Results(path) as results:
        results.write(run("a"), series(1.0))
        results.write(run("b"), series(2.0, 3.0))
        assert [row["time_s"] for row in results.rows("series")] == [1.0, 2.0, 3.0]
        assert [row["time_s"] for row in results.rows("series", "b")] == [2.0, 3.0]
        assert [row["key"] for row in results.rows("runs", "a")] == ["a"]
        assert list(results.rows("series", "c")) == []
        with pytest.raises(UnknownNameError, match="unknown table 'serie'; did you mean 'series'"):
            list(results.rows("serie"))


def test_only_runs_that_are_done_count_for_resuming(path):
    with Results(path) as results:
        assert results.keys() == set()
        results.write(run("a"), {})
        results.write(run("b", status="failed", error="no room"), {})
        assert results.keys() == {"a"}


def test_a_run_of_the_same_key_is_replaced_with_all_its_rows(path):
    with Results(path) as results:
        results.write(run("a", status="failed"), series(1.0, 2.0))
        results.write(run("b"), series(9.0))
        results.write(run("a"), series(3.0))
        assert results.keys() == {"a", "b"}
        assert [row["time_s"] for row in results.rows("series", "a")] == [3.0]
        assert [row["time_s"] for row in results.rows("series", "b")] == [9.0]
        assert len(list(results.rows("series"))) == 2


def failing_rows():
    yield (1.0, *range(7))
    raise RuntimeError("in the middle")


@pytest.mark.parametrize(
    "tables",
    [
        {"series": failing_rows()},
        {"series": [(1.0, 2)]},
        {"series": [(1.0, *range(7))], "nonsense": [(1,)]},
    ],
    ids=["rows that fail", "too few columns", "no such table"],
)
def test_a_write_that_fails_leaves_nothing(path, tables):
    with Results(path) as results:
        results.write(run("a"), series(5.0))
        with pytest.raises((RuntimeError, sqlite3.Error, KeyError)):
            results.write(run("b"), tables)
        with pytest.raises((RuntimeError, sqlite3.Error, KeyError)):
            results.write(run("a"), {"series": failing_rows()})
        assert results.keys() == {"a"}
        assert [row["time_s"] for row in results.rows("series")] == [5.0], "nor is the old run gone"


def test_a_first_write_that_fails_leaves_no_file(path):
    with Results(path) as results:
        with pytest.raises(RuntimeError):
            results.write(run("a"), {"series": failing_rows()})
        assert list(path.parent.iterdir()) == []
        assert list(results.rows("runs")) == []
        results.write(run("a"), series(5.0))
        assert results.keys() == {"a"}
    assert path.exists()


def test_a_file_made_beforehand_stays_where_a_first_write_fails(path):
    path.touch()
    with Results(path) as results, pytest.raises(RuntimeError):
        results.write(run("a"), {"series": failing_rows()})
    assert path.exists()


def test_a_first_write_that_fails_leaves_the_file_to_another_who_has_it_open(path):
    def rows_while_another_opens(other):
        assert other.keys() == set()
        yield from failing_rows()

    with Results(path) as results, Results(path) as other:
        with pytest.raises(RuntimeError):
            results.write(run("a"), {"series": rows_while_another_opens(other)})
        other.write(run("b"), series(5.0))
    with Results(path, must_exist=True) as results:
        assert results.keys() == {"b"}


def test_a_file_that_cannot_be_written_is_read_and_nothing_is_made_beside_it(path, monkeypatch):
    with Results(path) as results:
        results.write(run("a"), series(5.0))
    monkeypatch.setattr(os, "access", lambda at, mode: False)  # the superuser may write anywhere
    with Results(path, must_exist=True) as results:
        assert results.keys() == {"a"}
        assert [row["time_s"] for row in results.rows("series")] == [5.0]
        assert list(path.parent.iterdir()) == [path]
        with pytest.raises(InputError, match="cannot be written: the file or its folder is read-only"):
            results.write(run("b"), {})
    with pytest.raises(InputError, match="cannot be written: the file or its folder is read-only"), Results(path):
        pass


def test_a_file_is_made_by_the_first_write_and_not_before(path):
    with Results(path) as results:
        assert results.keys() == set()
        assert list(results.rows("tasks")) == []
        assert list(path.parent.iterdir()) == []
        results.write(run(), {})
        assert path.exists()


def test_nothing_lies_about_after_a_run(path):
    with Results(path) as results:
        results.write(run(), series(1.0))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


KILLED = """
import os, signal, sys
from cutlayer.simulator.results.file import Results
def rows():
    yield (1.0, *range(7))
    os.kill(os.getpid(), signal.SIGKILL)
with Results(sys.argv[1]) as results:
    if sys.argv[2] == "second":
        results.write({"key": "a", "status": "done"}, {})
    results.write({"key": "b", "status": "done"}, {"series": rows()})
"""


@pytest.mark.parametrize("which, keys", [("first", set()), ("second", {"a"})])
def test_a_killed_write_leaves_a_file_that_goes_on(path, which, keys):
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), which], check=False)
    assert done.returncode == -signal.SIGKILL
    with Results(path) as results:
        assert results.keys() == keys
        assert list(results.rows("series")) == []
        results.write(run("b"), series(1.0))
        assert results.keys() == keys | {"b"}


def test_two_may_write_to_one_file_in_turn(path):
    with Results(path) as one, Results(path) as other:
        one.write(run("a"), {})
        other.write(run("b"), {})
        assert one.keys() == other.keys() == {"a", "b"}


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_file_or_none_is_as_good_as_new(path, content):
    if content is not None:
        path.write_bytes(content)
    with Results(path) as results:
        assert results.keys() == set()
        results.write(run(), {})
        assert results.keys() == {"k"}


def test_a_path_with_odd_letters_is_a_path(tmp_path):
    path = tmp_path / "50% of? #1 ü.db"
    with Results(path) as results:
        results.write(run(), {})
    with Results(path) as results:
        assert results.keys() == {"k"}


def refusal(path, **options):
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError) as caught, Results(path, **options):
        pass
    assert (path.read_bytes() if path.is_file() else None) == before, "nothing is written"
    assert caught.value.file == str(path)
    assert "\n" not in str(caught.value)
    return caught.value.message


def test_a_foreign_database_is_refused(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (name TEXT)")
    connection.commit()
    connection.close()
    assert refusal(path) == "not a results file of cutlayer"


def test_another_schema_is_refused(path):
    with Results(path) as results:
        results.write(run(), {})
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    assert refusal(path) == f"written with schema {SCHEMA + 1}; this version reads {SCHEMA - 1} and {SCHEMA}"


@pytest.mark.parametrize("content", [b"task,arrival_s\n", b"x" * 5000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_of_something_else_is_refused(path, content):
    path.write_bytes(content)
    assert refusal(path).startswith("not a results file (")


def test_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path) == "is a folder, not a results file"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "nowhere" / "a.db").startswith("there is no folder '")


def test_a_file_that_must_be_there_is_missed(path):
    assert refusal(path, must_exist=True) == "no such results file"


def test_a_folder_that_may_not_be_written_to_is_refused_before_the_run(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: False)  # the superuser may write anywhere
    assert refusal(path).startswith("cannot be made: no files may be written to '")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read and write anything")
def test_a_file_that_may_not_be_read_is_refused(path):
    with Results(path) as results:
        results.write(run(), {})
    path.chmod(0)
    with pytest.raises(InputError, match="not a results file"):
        Results(path)
    path.chmod(0o600)


def test_a_file_that_is_damaged_past_its_begin_is_told_in_a_line(path):
    with Results(path) as results:
        for n in range(200):
            results.write({"key": f"k{n}", "status": "done", "error": "x" * 3000}, {})
    content = bytearray(path.read_bytes())
    intact = 40 * 4096  # what the tables are; their rows are beyond
    content[intact:] = bytes(len(content) - intact)
    path.write_bytes(content)
    with Results(path) as results:
        for read in (
            lambda: results.value("k150", "status"),
            results.keys,
            lambda: list(results.rows("runs")),
        ):
            with pytest.raises(InputError, match="cannot be read"):
                read()


@pytest.mark.parametrize("other", [None, "an empty one", "another"])
def test_a_file_that_is_taken_away_while_it_is_written_is_missed_at_the_next_run(path, other):
    with Results(path) as results:
        results.write({"key": "a"}, {})
        os.rename(path, f"{path}.moved")
        if other == "an empty one":
            open(path, "w").close()
        elif other == "another":
            with Results(path) as another:
                another.write({"key": "b"}, {})
        with pytest.raises(InputError, match="was removed or replaced while the run was made"):
            results.write({"key": "c"}, {})
