"""What a command line's grid is, and what is wrong with it, said in one line before anything runs."""

import gc
import json
import weakref

import pytest

from cutlayer.experiments.scenarios.plugin import scheduler_of
from cutlayer.experiments.sweeps.grid import TABLES_TO_KEEP, grid_of, values_of
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.tables import TABLES

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
    assert [(c.scenario.network.servers, c.seed, c.label) for c in cells[:4]] == [
        (4, 0, "offline"), (4, 0, "fixed(cut=2)"), (4, 1, "offline"), (4, 1, "fixed(cut=2)")
    ]  # fmt: skip


def test_without_schedulers_to_vary_there_are_those_of_the_scenario():
    assert [name for name, _ in grid_of("paper", SMALL).schedulers] == ["offline", "fifo", "lbf", "threshold"]


@pytest.mark.parametrize(
    "vary, says",
    [
        (["network.servers"], "allowed: KEY=VALUES"),
        (["network.servers="], "allowed: KEY=VALUES"),
        (["network.servers=20:10"], "--vary network.servers: '20:10' is no range; allowed: FIRST:LAST:STEP, rising"),
        (["network.servers=20:90:0"], "--vary network.servers: '20:90:0' is no range; allowed: FIRST:LAST:STEP"),
        (["network.servers=5:1:1"], "--vary network.servers: '5:1:1' is no range; allowed: FIRST:LAST:STEP, rising"),
        (["network.servers=1,,2"], "--vary network.servers: '1,,2' is no list"),
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


def test_tables_to_keep_are_checked_and_do_not_change_the_key():
    with pytest.raises(InputError, match="allowed: resources, layers, tasks, decisions"):
        grid_of("paper", SMALL, [], ["taks"])
    grids = [grid_of("paper", SMALL, [], keep) for keep in ([], ["tasks"])]
    assert set(TABLES_TO_KEEP) == set(TABLES) - {"runs", "measures"}, "what a single run keeps a sweep can"
    one, other = (next(grid.cells(range(1))) for grid in grids)
    assert one.key == other.key and (one.keep, other.keep) == ((), ("tasks",))


def test_a_scheduler_of_ones_own_is_in_the_key_by_its_content(tmp_path):
    mine = tmp_path / "mine.py"
    text = "from cutlayer.simulator.schedulers.cloud import Cloud\nclass Mine(Cloud): pass\n"
    keys = set()
    for more in ("", "# other\n"):
        mine.write_text(text + more)
        grid = grid_of("paper", SMALL, [f"scheduler={mine}:Mine"])
        cell = next(grid.cells(range(1)))
        assert json.loads(json.dumps(cell.description["scheduler"])).keys() == {"sha256"}
        keys.add(cell.key)
    assert len(keys) == 2


def test_a_grid_holds_none_of_its_scenarios_but_hands_out_every_combination_in_order():
    grid = grid_of("paper", ["workload.tasks=20"], ["network.servers=4:43", "workload.frame_rate=1:5 Hz"])
    settings = [point.settings for point in grid.points]
    assert settings == [
        (f"network.servers={servers}", f"workload.frame_rate={rate} Hz")
        for servers in range(4, 44)
        for rate in range(1, 6)
    ]
    assert [grid.points[at].settings for at in (0, 7, -1)] == [settings[at] for at in (0, 7, -1)]
    assert [point.settings for point in grid.points[198:300]] == settings[198:]
    with pytest.raises(IndexError):
        grid.points[200]
    made = [weakref.ref(cell.scenario) for cell in grid.cells(range(1))]
    gc.collect()
    assert len(grid.points) == 200 and [source() for source in made] == [None] * 4 * 200


def test_a_file_is_of_the_content_it_had_when_the_grid_was_made_and_is_read_once(tmp_path, monkeypatch):
    from cutlayer.experiments.scenarios import scenario

    trace, read = tmp_path / "log.csv", []
    trace.write_text("arrival_s\n0\n1\n")
    digest_of = scenario.digest_of
    monkeypatch.setattr(scenario, "digest_of", lambda path: read.append(path) or digest_of(path))
    named = ["workload.trace=log.csv", "workload.frame_bytes=100 kB", "network.servers=4"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text('[workload]\nframe_rate = "5 Hz"\ndeadline = "200 ms"\n')
    grid = grid_of("s.toml", named, ["network.uplink=10:40:10 Mbit/s", "scheduler=lbf"])
    keys = [cell.key for cell in grid.cells(range(2))]
    trace.write_text("arrival_s\n0\n2\n")
    assert [cell.key for cell in grid.cells(range(2))] == keys and len(set(keys)) == 8
    assert len(read) == 1
