"""Runs are chosen by scheduler or key, and those alike but for the seed are one line of a figure."""

import json

import pytest
from runs_by_hand import run, series, written

from cutlayer.experiments.records.run_groups import Missing, chosen_rows, group_runs, with_table
from cutlayer.simulator.errors import InputError


def labels(*rows):
    return [(group.label, [row["seed"] for row in group.rows]) for group in group_runs(rows)]


def test_runs_that_differ_in_the_seed_alone_are_one_group():
    assert labels(run(seed=0), run("lbf", seed=0), run(seed=1)) == [("fifo", [0, 1]), ("lbf", [0])]


def test_a_seed_may_also_stand_in_the_scenario():
    seeds = [run(seed=None, scenario={"frames": {"seed": n, "jitter": 0.5}}) for n in (1, 2)]
    assert labels(*seeds) == [("fifo", [None, None])]


def test_what_sets_groups_apart_stands_in_their_names():
    rows = [run(scenario={"paper": {"servers": n, "tasks": 5}}) for n in (10, 20)] + [
        run("lbf", scenario={"paper": {"servers": 10, "tasks": 5}})
    ]
    assert [name for name, _ in labels(*rows)] == ["fifo, servers 10", "fifo, servers 20", "lbf, servers 10"]


def test_files_are_told_apart_by_what_they_hold_and_called_by_their_names():
    rows = [
        run(
            scenario={"workload": {"trace": [{"file": {"sha256": digest * 32}}]}},
            paths=json.dumps({"workload.trace.file": f"x/{name}"}),
        )
        for digest, name in (("aa", "one.csv"), ("bb", "two.csv"))
    ]
    assert [name for name, _ in labels(*rows)] == ["fifo, file one.csv (aaaaaaaa)", "fifo, file two.csv (bbbbbbbb)"]


def test_where_a_file_lies_and_what_is_kept_sets_nothing_apart_and_the_fullest_is_taken():
    one = run(scenario={"keep": ["tasks", "series_by"]}, paths='{"workload.trace.file": "a.csv"}', end_s=1.0)
    two = run(scenario={"keep": ["tasks"]}, paths='{"workload.trace.file": "b.csv"}', end_s=2.0)
    for rows in ((one, two), (two, one)):
        (group,) = group_runs(rows)
        assert [row["end_s"] for row in group.rows] == [1.0]


def test_another_version_of_the_model_is_another_group():
    assert [name for name, _ in labels(run(), run(versions='{"cutlayer": "2"}'))] == [
        "fifo, cutlayer 1",
        "fifo, cutlayer 2",
    ]


def test_runs_are_chosen_by_scheduler_or_key(tmp_path):
    rows = [run(), run("lbf"), run("cloud", status="failed"), run(None)]
    with written(tmp_path / "r.db", *((row, {}) for row in rows)) as results:
        assert [row["scheduler"] for row in chosen_rows(results)] == ["fifo", "lbf"]
        assert [row["scheduler"] for row in chosen_rows(results, ["lbf"])] == ["lbf"]
        assert [row["scheduler"] for row in chosen_rows(results, [rows[0]["key"][:8]])] == ["fifo"]
        with pytest.raises(InputError, match="unknown run 'fif'; did you mean 'fifo'"):
            chosen_rows(results, ["lbf", "fif"])
        with pytest.raises(InputError, match="unknown run ''"):
            chosen_rows(results, [""])


def test_a_file_without_runs_is_refused(tmp_path):
    with written(tmp_path / "r.db", (run(None), {})) as results, pytest.raises(InputError, match="has no runs"):
        chosen_rows(results)


def test_groups_without_the_table_are_left_out_and_none_at_all_is_missing(tmp_path):
    with written(tmp_path / "r.db", (run(), {"series": series((0, 1))}), (run("lbf"), {})) as results:
        groups = group_runs(chosen_rows(results))
        assert [group.label for group in with_table(results, groups, "series", "no")] == ["fifo"]
        with pytest.raises(Missing, match="frames need an option"):
            with_table(results, groups, "frames", "frames need an option")
