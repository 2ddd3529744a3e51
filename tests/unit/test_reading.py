"""What a column cannot hold is told with the table, the column and what is allowed; all else is read as it is."""

import json
import sqlite3

import pytest
from runs_by_hand import run, written

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES, unit_of

DECISION = {"time_s": 1.0, "task": "t", "verdict": "deploy", "evicted": "[]", "needs": "[[1.5, 2e+10], [0.25, 3e-05]]"}


def read(tmp_path, table, column, value):
    """Return the value as it is read, after it was put into a sound file by hand."""
    rows = {"decisions": [[DECISION.get(one.name) for one in TABLES["decisions"]]]}
    with written(tmp_path / "r.db", (run(), rows)):
        pass
    connection = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    connection.close()
    with Results(tmp_path / "r.db", must_exist=True) as results:
        (row,) = results.rows(table)
    return row[column]


@pytest.mark.parametrize(
    "table, column, value, allowed",
    [
        ("runs", "end_s", "soon", "a number from 0 to 1e+100"),
        ("runs", "end_s", None, "a number from 0 to 1e+100"),
        ("runs", "arrived_tasks", -1, "a number from 0 to 1e+100, or empty"),
        ("runs", "reserved_bps", float("inf"), "a number from 0 to 1e+100, or empty"),
        ("runs", "gap", float("-inf"), "a number, or empty"),
        ("runs", "scheduler", b"fifo", "text, or empty"),
        ("runs", "status", "over", "done, failed"),
        ("runs", "key", "a/../b", "1 to 200 printable ASCII letters without /"),
        ("runs", "key", "nul\0", "1 to 200 printable ASCII letters without /"),
        ("runs", "scenario", "{", "a JSON object"),
        ("runs", "scenario", "[]", "a JSON object"),
        ("runs", "scenario", "[" * 100_000, "a JSON object"),
        ("runs", "scenario", '{"a":' * 40 + "1" + "}" * 40, "a JSON object"),
        ("runs", "versions", '{"cutlayer": 5}', "a JSON object of texts"),
        ("runs", "notes", '[["a"]]', "a JSON list of texts"),
        ("decisions", "verdict", "perhaps", "deploy, reject, evict"),
        ("decisions", "evicted", "{}", "a JSON list of texts"),
        ("decisions", "needs", "[[1, 2], [3]]", "a JSON list of pairs of numbers"),
        ("decisions", "needs", "[[1, NaN]]", "a JSON list of pairs of numbers"),
        ("decisions", "needs", "[[1, 1e999]]", "a JSON list of pairs of numbers"),
        ("decisions", "needs", "[[1, -2]]", "a JSON list of pairs of numbers"),
        ("decisions", "needs", "[[1, 2], ]", "a JSON list of pairs of numbers"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(tmp_path, table, column, value, allowed):
    with pytest.raises(InputError) as caught:
        read(tmp_path, table, column, value)
    told = caught.value.message
    assert told.startswith(f"{table}.{column} is ") and told.endswith(f"; allowed: {allowed}")
    assert told.isprintable() and len(told) < 200


@pytest.mark.parametrize(
    "table, column, value",
    [
        ("runs", "gap", -0.5),
        ("runs", "error", "a line\nand another \x1b[31m"),
        ("runs", "scenario", json.dumps({"a": [{"b": [1, None, True, "x"]}]})),
        ("runs", "paths", None),
        ("runs", "notes", "[]"),
        ("decisions", "free_bps", -1.0),
        ("decisions", "needs", DECISION["needs"]),
        ("decisions", "needs", "[]"),
        ("decisions", "needs", "[ [1,2] ]"),
    ],
)
def test_what_a_column_can_hold_is_read_as_it_is(tmp_path, table, column, value):
    assert read(tmp_path, table, column, value) == value


@pytest.mark.parametrize(
    "change, told",
    [
        ("CREATE TRIGGER odd AFTER INSERT ON runs BEGIN SELECT 1; END", "it has a trigger"),
        ("DROP TABLE series; CREATE VIEW series AS SELECT * FROM tasks", "series is a view"),
        ("DROP TABLE series", "series is missing"),
        ("ALTER TABLE tasks RENAME COLUMN cut TO slice", "tasks has no column cut"),
        ("ALTER TABLE tasks DROP COLUMN cut; ALTER TABLE tasks ADD COLUMN cut AS (1)", "tasks.cut is computed"),
    ],
)
def test_tables_that_are_not_ours_are_refused_before_anything_is_read(tmp_path, change, told):
    with written(tmp_path / "r.db", (run(), {})):
        pass
    connection = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    for statement in [change] if "TRIGGER" in change else change.split("; "):
        connection.execute(statement)
    connection.close()
    with pytest.raises(InputError, match=f"not a results file of cutlayer: {told}$"):
        Results(tmp_path / "r.db", must_exist=True)


def test_a_view_beside_the_tables_harms_nobody(tmp_path):
    with written(tmp_path / "r.db", (run(), {})):
        pass
    connection = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    connection.execute("CREATE VIEW mine AS SELECT scheduler, deployed_tasks FROM runs")
    connection.close()
    with Results(tmp_path / "r.db", must_exist=True) as results:
        assert [row["scheduler"] for row in results.rows("runs")] == ["fifo"]


def test_units_are_those_of_the_names():
    assert {name: unit_of(name) for name in ("reserved_flop_per_s", "late_share", "frame_rate_hz", "x", "flop")} == {
        "reserved_flop_per_s": "FLOP/s", "late_share": "%", "frame_rate_hz": "Hz", "x": "", "flop": "FLOP",
    }  # fmt: skip
