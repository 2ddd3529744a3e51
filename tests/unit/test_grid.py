"""What a command line's grid is, and what is wrong with it, said in one line before anything runs."""

import json

import pytest

from experiments.sweeps.grid import grid_of, scheduler_of, values_of
from simulator.errors import InputError

SMALL = ["workload.tasks=20", "network.servers=4"]


def test_ranges_are_inclusive_and_exact():
    assert values_of("20:90:10") == ["20", "30", "40", "50", "60", "70", "80", "90"]
    assert values_of("1:4") == ["1", "2", "3", "4"]
    assert values_of("0.1:1:0.1") == [f"0.{n}" for n in range(1, 10)] + ["1"]
    assert values_of("20:45:10") == ["20", "30", "40"], "the last step does not overshoot"
    assert values_of("100:300:100 kbit/s") == ["100 kbit/s", "200 kbit/s", "300 kbit/s"]


def test_lists_are_split_outside_brackets_and_quotes():
    assert values_of("offline,fixed(cut=3),a.py:Mine") == ["offline", "fixed(cut=3)", "a.py:Mine"]
    assert values_of('"a,b", c') == ['"a,b"', "c"]


def test_a_scheduler_is_written_as_results_write_it():
    assert scheduler_of("threshold(admission=printed)") == ("threshold", {"admission": "printed"})
    assert scheduler_of("mine.py:Mine(every=3, name=x)") == ("mine.py:Mine", {"every": 3, "name": "x"})


def test_the_grid_is_scenarios_times_schedulers_times_seeds_workload_by_workload():
    grid = grid_of("paper", ["workload.tasks=20"], ["network.servers=4:6", "scheduler=offline,fixed(cut=2)"])
    cells = list(grid.cells(range(3)))
    assert len(cells) == 3 * 2 * 3 and len({cell.key for cell in cells}) == len(cells)
    assert grid.size(3) == "3 scenarios x 2 schedulers x 3 seeds = 18 runs"
    assert [(c.source.network.servers, c.seed, c.label) for c in cells[:4]] == [
        (4, 0, "offline"), (4, 0, "fixed(cut=2)"), (4, 1, "offline"), (4, 1, "fixed(cut=2)")
    ]  # fmt: skip


def test_without_schedulers_to_vary_there_are_those_of_the_scenario():
    assert [name for name, _ in grid_of("paper", SMALL).schedulers] == ["offline", "fifo", "lbf", "threshold"]


@pytest.mark.parametrize(
    "vary, says",
    [
        (["network.servers"], "allowed: KEY=VALUES"),
        (["network.servers="], "allowed: KEY=VALUES"),
        (["network.servers=20:10"], "allowed: FIRST:LAST:STEP, rising"),
        (["network.servers=1:10:0"], "is no range"),
        (["network.servers=1:10:-1"], "allowed: FIRST:LAST:STEP, rising"),
        (["network.servers=1:1e9"], "at most 10,000 values"),
        (["network.servers=1:x"], "1:x"),
        (["network.servers=3,4,3"], "network.servers has 3 twice"),
        (["network.servers=3", "network.servers=4"], "network.servers is there twice"),
        (["workload.tasks=3,4"], "workload.tasks is there twice"),
        (["network.usable_share=0.5,0.50"], "are the same scenario"),
        (["scheduler=offline,offline"], "scheduler has offline twice"),
        (["scheduler=ofline"], "did you mean 'offline'?"),
        (["scheduler=fixed"], "needs the parameter 'cut'"),
        (["scheduler=fixed(cut=1"], "is no list"),
        (["scheduler=fixed(cut)"], "allowed: NAME or NAME(parameter=value, ...)"),
        (["scheduler=offline,,lbf"], "is no list"),
        (["netwrok.servers=3,4"], "did you mean 'network'?"),
        (["network.servers=0,4"], "network.servers"),
    ],
)
def test_a_fault_in_the_grid_is_told(vary, says):
    with pytest.raises(InputError) as caught:
        grid_of("paper", ["workload.tasks=20"], vary)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_tables_to_keep_are_checked_and_are_in_the_key():
    with pytest.raises(InputError, match="allowed: tasks, decisions"):
        grid_of("paper", SMALL, [], ["taks"])
    grids = [grid_of("paper", SMALL, [], keep) for keep in ([], ["tasks"])]
    keys = [next(grid.cells(range(1))).key for grid in grids]
    assert keys[0] != keys[1]


def test_a_scheduler_of_ones_own_is_in_the_key_by_its_content(tmp_path):
    mine = tmp_path / "mine.py"
    text = "from simulator.schedulers.cloud import Cloud\nclass Mine(Cloud): pass\n"
    keys = set()
    for more in ("", "# other\n"):
        mine.write_text(text + more)
        grid = grid_of("paper", SMALL, [f"scheduler={mine}:Mine"])
        cell = next(grid.cells(range(1)))
        assert json.loads(json.dumps(cell.description["scheduler"])).keys() == {"sha256"}
        keys.add(cell.key)
    assert len(keys) == 2
