"""The tables of a run, worked by hand, and the identities between their columns."""

import json
import math

import pytest

from cutlayer.simulator.checks.histories import histories, profile
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.recorder import OUTCOMES, Recorder
from cutlayer.simulator.results.tables import TABLES, column_names
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

NETWORK = Network([10.0, 10.0], [16.0, 16.0], servers=["north", "south"])


def task(name, arrival_s=0.0, size=1.0, servers=(0,), **changes):
    """One byte takes 8 bit/s and 1 FLOP/s at cut 1, 4 and 10 at cut 2."""
    sizes = [size] * len(servers)
    return Task(name, arrival_s, profile("p", [1.0, 9.0], [1.0, 0.5]), 1.0, 1.0, servers, sizes, **changes)


TASKS = [
    task("stays", 0.0, servers=[1]),
    task("leaves", 1.0, 2.0, lifetime_s=1.0),
    task("evicted", 3.0, 2.0),
    task("hopeless", 4.0, 20.0),
    task("evicts", 5.0),
]


def record(tasks=TASKS, scheduler="fifo", network=NETWORK, **options):
    recorder = Recorder(by_resource=True)
    simulate(network, tasks, SCHEDULERS[scheduler](**options), listeners=[recorder])
    return recorder


def test_outcomes_by_hand():
    """lbf evicts who holds most: 16 bit/s, against the 8 of the older task at the other server."""
    found = {row["task"]: (row["outcome"], row["cut"], row["deployed_s"], row["ended_s"]) for row in record(
        scheduler="lbf"
    ).rows("tasks")}  # fmt: skip
    assert found == {
        "stays": ("deployed", 1, 0.0, None),
        "leaves": ("departed", 1, 1.0, 2.0),
        "evicted": ("evicted", 1, 3.0, 5.0),
        "hopeless": ("rejected", None, None, None),
        "evicts": ("deployed", 1, 5.0, None),
    }


def test_a_row_of_tasks_by_hand():
    _, row, *_ = record().rows("tasks")
    assert row == {
        "task": "leaves",
        "arrival_s": 1.0,
        "profile": "p",
        "servers": 1,
        "input_bytes": 2.0,
        "frame_rate_hz": 1.0,
        "deadline_s": 1.0,
        "lifetime_s": 1.0,
        "outcome": "departed",
        "cut": 1,
        "deployed_s": 1.0,
        "ended_s": 2.0,
        "reserved_bps": 16.0,
        "reserved_flop_per_s": 2.0,
        "raw_bps": 16.0,
        "transfer_s": 1.0,
    }


def test_decisions_by_hand():
    stays, _, _, hopeless, evicts = record(scheduler="lbf").rows("decisions")
    assert (stays["verdict"], stays["cut"], stays["reason"], stays["evicted"]) == ("deploy", 1, None, "[]")
    assert (hopeless["time_s"], hopeless["verdict"], hopeless["evicted"]) == (4.0, "reject", "[]")
    assert hopeless["reason"]
    assert (evicts["verdict"], json.loads(evicts["evicted"])) == ("deploy", ["evicted"])


def test_series_by_hand():
    found = [tuple(row.values()) for row in record(scheduler="lbf").rows("series")]
    assert found == [
        # time, arrived, deployed, departed, rejected, evicted, bit/s, FLOP/s
        (0.0, 1, 1, 0, 0, 0, 8.0, 1.0),
        (1.0, 2, 2, 0, 0, 0, 24.0, 3.0),
        (2.0, 2, 1, 1, 0, 0, 8.0, 1.0),
        (3.0, 3, 2, 1, 0, 0, 24.0, 3.0),
        (4.0, 4, 2, 1, 1, 0, 24.0, 3.0),
        (5.0, 5, 2, 1, 1, 1, 16.0, 2.0),
    ]


def test_series_by_resource_has_a_row_where_something_changed():
    found = [tuple(row.values()) for row in record(TASKS[:2]).rows("series_by")]
    assert found == [
        (0.0, "link", "south", 8.0, None),
        (0.0, "server", "south", None, 1.0),
        (1.0, "link", "north", 16.0, None),
        (1.0, "server", "north", None, 2.0),
    ]


def test_the_summary_by_hand():
    summary = record(scheduler="lbf").summary()
    expected = {
        "end_s": 5.0,
        "arrived_tasks": 5,
        "deployed_tasks": 2,
        "departed_tasks": 1,
        "rejected_tasks": 1,
        "evicted_tasks": 1,
        "peak_deployed_tasks": 2,
        "first_eviction_arrivals": 5,
        "reserved_bps": 16.0,
        "reserved_flop_per_s": 2.0,
    }
    assert {name: summary[name] for name in expected} == expected
    assert set(summary) <= set(column_names("runs"))


def test_a_run_without_tasks_has_empty_tables_and_a_summary():
    recorder = record([])
    assert not any(recorder.tables().values())
    summary = recorder.summary()
    assert (summary["arrived_tasks"], summary["end_s"], summary["reserved_bps"]) == (0, 0.0, 0.0)
    assert summary["first_eviction_arrivals"] is None


def test_a_task_whose_name_comes_again_after_it_has_left_is_refused():
    with pytest.raises(InputError, match="task 'a' arrives twice"):
        record([task("a", 0.0, lifetime_s=1.0), task("a", 2.0)])


@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_identities_hold_at_every_row(scheduler):
    parameters = SCHEDULERS[scheduler].examples[0]
    for history in histories():
        recorder = record(history.tasks, scheduler, history.network, **parameters)
        series, tasks, decisions = (recorder.rows(table) for table in ("series", "tasks", "decisions"))
        for row in series:
            assert row["arrived_tasks"] == sum(row[f"{outcome}_tasks"] for outcome in OUTCOMES)
        assert [row["time_s"] for row in series] == sorted(row["time_s"] for row in series)
        summary = recorder.summary()
        for outcome in OUTCOMES:
            count = sum(row["outcome"] == outcome for row in tasks)
            assert count == summary[f"{outcome}_tasks"] == series[-1][f"{outcome}_tasks"]
        assert len(tasks) == len(decisions) == len(history.tasks) == summary["arrived_tasks"]
        assert len(series) == len(decisions) + summary["departed_tasks"]
        assert summary["peak_deployed_tasks"] == max(row["deployed_tasks"] for row in series)
        assert sum(len(json.loads(row["evicted"])) for row in decisions) == summary["evicted_tasks"]
        assert {row["verdict"] for row in decisions} <= {"deploy", "reject"}
        for row in tasks:
            if row["outcome"] == "rejected":
                assert row["cut"] is row["deployed_s"] is row["reserved_bps"] is None
            else:
                assert row["deployed_s"] == row["arrival_s"]
                assert row["transfer_s"] <= row["deadline_s"] * (1 + 1e-9)
                assert (row["ended_s"] is None) == (row["outcome"] == "deployed")
            if row["outcome"] == "departed":
                assert row["ended_s"] == row["deployed_s"] + row["lifetime_s"]
        held = [row for row in tasks if row["outcome"] == "deployed"]
        assert math.isclose(
            math.fsum(row["reserved_flop_per_s"] for row in held), summary["reserved_flop_per_s"], rel_tol=1e-9
        )
        if history.network.is_star:
            total = math.fsum(row["reserved_bps"] for row in held)
            assert math.isclose(total, summary["reserved_bps"], rel_tol=1e-9)


def test_every_row_has_the_columns_of_its_table():
    for table, found in record().tables().items():
        assert all(len(row) == len(TABLES[table]) for row in found), table


def test_a_table_that_no_recorder_makes_is_told():
    with pytest.raises(UnknownNameError, match="unknown table of a recorder 'decision'; did you mean 'decisions'"):
        record().rows("decision")
