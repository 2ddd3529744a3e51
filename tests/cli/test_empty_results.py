"""Results with no run, no task, no deployment or no frame, and files with the longest names: answers or one line."""

import json

import pytest

from cutlayer.experiments.runs.resources import resource_rows
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.types import Network

COUNTS = ("arrived", "deployed", "departed", "rejected", "evicted", "peak_deployed")


def write(path, scheduler="fifo", seed=0, tables=None, **more):
    row = {"key": f"{scheduler}-{seed}", "scheduler": scheduler, "seed": seed, "status": "done", "end_s": 0.0}
    row |= {"scenario": "{}", "versions": "{}", "reserved_bps": 0.0, "reserved_flop_per_s": 0.0, "raw_bps": 0.0}
    row |= {f"{name}_tasks": 0 for name in COUNTS} | more
    with Results(path) as results:
        results.write(row, tables or {"resources": resource_rows(Network([1e9], [1e6]))})


def rejected():
    """Return the tables of a run that rejected its only task."""
    task = {"task": "t", "arrival_s": 0.0, "profile": "p", "outcome": "rejected"}
    decision = {"time_s": 0.0, "task": "t", "verdict": "reject", "evicted": "[]", "reason": "no cut fits"}
    return {
        table: [[row.get(name) for name in column_names(table)]]
        for table, row in (("tasks", task), ("decisions", decision))
    }


@pytest.fixture
def made(tmp_path, request):
    path = tmp_path / "r.db"
    if request.param == "no byte":
        path.touch()
    elif request.param == "no task":
        write(path)
        write(path, "lbf")
    elif request.param == "no deployment":
        for scheduler in ("fifo", "lbf"):
            write(path, scheduler, tables=rejected(), arrived_tasks=1, rejected_tasks=1)
    elif request.param == "no scheduler":
        write(path, None)
    elif request.param == "none done":
        write(path, "fifo", status="failed", error="no", end_s=None)
    return request.param, path


@pytest.mark.parametrize("made", ["no byte", "no task", "no deployment", "no scheduler", "none done"], indirect=True)
@pytest.mark.parametrize(
    "argv",
    [
        ["results", "@"],
        ["results", "@", "--json"],
        ["explain", "@", "t"],
        ["compare", "@"],
        ["compare", "@", "fifo", "lbf"],
        ["export", "@", "--out", "@out"],
        ["merge", "@all.db", "@"],
        ["timeline", "@"],
    ],
    ids=" ".join,
)
def test_a_verb_answers_or_says_in_a_line_what_is_missing(made, cutlayer, argv):
    what, path = made
    done = cutlayer([word.replace("@", str(path)) for word in argv])
    assert done.status in (0, 2)
    if done.status == 2:
        assert done.out == "" and done.err.count(f"cutlayer {argv[0]}: ") == 1 and "Traceback" not in done.err
    told = done.out + done.err
    if argv[0] == "compare" and what == "no task":
        assert "all numbers of all runs are 0" in told
    if argv[0] == "explain" and what == "no deployment":
        assert "rejected: no cut fits" in told
    if argv[:1] == ["results"] and what == "no byte":
        assert told == "no runs\n" or json.loads(told) == {"groups": []}


@pytest.mark.parametrize("letters", [244, 238, 230])
def test_names_of_all_lengths_end_in_a_file_or_in_one_line(tmp_path, cutlayer, letters):
    path = tmp_path / f"{'n' * (letters - 3)}.db"
    write(path, tables=rejected(), arrived_tasks=1, rejected_tasks=1)
    for argv in (["timeline", str(path)], ["merge", str(tmp_path / "all.db"), str(path)], ["explain", str(path), "t"]):
        done = cutlayer(argv)
        assert done.status == 0 or (done.status == 2 and len(done.err.splitlines()) == 1), done.err
