"""Files that are edited while a sweep runs: no outcome goes under a key that was made of another content."""

import pytest

from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.sweeps.grid import grid_of
from cutlayer.experiments.sweeps.pool import Pool
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.results.file import Results

SCENARIO = """\
scheduler = "SCHEDULER"
[network]
servers = 3
capacity = "290 GFLOP/s"
uplink = "100 Mbit/s"
[workload]
trace = "log.csv"
frame_bytes = "100 kB"
frame_rate = "5 Hz"
deadline = "200 ms"
"""
MINE = """\
from cutlayer.simulator.policy import OnlineScheduler, Reject

class Mine(OnlineScheduler):
    def decide(self, task, view):
        return Reject("one")
"""
CHANGED = "changed while the sweep ran; allowed: the same content until its end, on every machine"


def arrivals(path, *times_s):
    path.write_text("arrival_s\n" + "".join(f"{time_s}\n" for time_s in times_s))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrivals(tmp_path / "log.csv", 0, 1, 2)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "s.toml").write_text(SCENARIO.replace("SCHEDULER", "mine.py:Mine"))
    return tmp_path


def test_a_trace_edited_after_the_key_was_made_fails_and_comes_back_with_its_content(folder):
    grid = grid_of("s.toml")
    arrivals(folder / "log.csv", 0, 1, 2, 3)
    with Results("r.db") as results:
        tally = sweep(results, grid.cells(range(1)), engine=Pool(1))
        (row,) = results.rows("runs")
        assert (tally.done, tally.failed, row["arrived_tasks"]) == (0, 1, None)
        assert row["error"] == f"log.csv: {CHANGED}"
        arrivals(folder / "log.csv", 0, 1, 2)
        assert sweep(results, grid.cells(range(1)), engine=Pool(1), retry_failed=True).done == 1
        (again,) = results.rows("runs")
        assert (again["key"], again["arrived_tasks"]) == (row["key"], 3)


def test_a_trace_that_is_gone_or_cannot_be_read_is_an_edited_one(folder):
    grid = grid_of("s.toml")
    (folder / "log.csv").write_text("arrival_s\nnever\n")
    ((_, outcome),) = Pool(1).outcomes(grid.cells(range(1)))
    assert outcome.values["error"] == f"log.csv: {CHANGED}"
    (folder / "log.csv").unlink()
    ((_, outcome),) = Pool(1).outcomes(grid.cells(range(1)))
    assert outcome.failed and outcome.values["error"].startswith("log.csv: ")


def test_a_scheduler_edited_between_handing_out_and_running_fails_under_the_key_of_before(folder):
    class Edits(Pool):
        def outcomes(self, cells):
            for cell in cells:
                (folder / "mine.py").write_text(MINE.replace("one", "another"))
                yield from super().outcomes([cell])

    cell = Cell(grid_of("s.toml").points[0].scenario, f"{folder / 'mine.py'}:Mine", 0)
    before = cell.settled()
    with Results("r.db") as results:
        sweep(results, [cell], engine=Edits(1))
        (row,) = results.rows("runs")
        assert row["key"] == before.key != cell.key
        assert (row["status"], row["error"]) == ("failed", f"{folder / 'mine.py'}: {CHANGED}")
        assert sweep(results, [cell], engine=Pool(1)).done == 1, "a run of its own: the edited file has another key"
