"""A key changes with everything that decides the results; a sweep does what is missing, also in other processes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from papers import paper

from cutlayer import profiles, simulator
from cutlayer.experiments.runs.cell import Cell, run_cell
from cutlayer.experiments.runs.runner import key_of, model_version
from cutlayer.experiments.scenarios.scenario import Scenario, load
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.files import digest_of
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES
from cutlayer.simulator.schedulers import SCHEDULERS

ROOT = Path(__file__).resolve().parents[2]
SMALL = paper(servers=4, tasks=30)
CELLS = [
    Cell(SMALL, name, seed, options, keep=("tasks", "decisions", "series"))
    for seed in (0, 1)
    for name, options in (("offline", {}), ("fixed", {"cut": 2}), ("lbf", {}), ("threshold", {}))
]
MAY_DIFFER = ("run", "wall_s", "peak_memory_bytes", "host", "command", "paths")
CHANGES = (
    "network.servers=5", "network.capacity=1 GFLOP/s", "network.uplink=['1 Mbit/s', '1 Gbit/s']",
    "network.usable_share=0.9", "network.reservation=deadline", "network.reservation_margin=0.5",
    "network.cloud=1 TFLOP/s", "workload.tasks=31", "workload.arrivals.interval=2 s", "workload.frame_bytes=1 kB",
    "workload.weight=[0.4, 1.5]", "workload.frame_rate=6 Hz", "workload.deadline=0.1 s", "workload.lifetime=9 s",
    "workload.duration=20 s", "workload.profiles=['alexnet']", "run.until=40 s",
    "frames.arrivals=periodic", "frames.arrivals=poisson", "interaction.share=0.4", "interaction.share=0.5",
)  # fmt: skip


def tables(results):
    """Return every table by key, without the columns in which two equal runs may differ."""
    return {
        (name, key): [{c: v for c, v in row.items() if c not in MAY_DIFFER} for row in results.rows(name, key)]
        for name in TABLES
        for key in sorted(results.keys())
    }


def test_every_key_of_the_scenario_is_in_the_key_of_a_run():
    cells = [CELLS[0], *(replace(CELLS[0], scenario=SMALL.with_settings([text])) for text in CHANGES)]
    assert len({cell.key for cell in cells}) == len(CHANGES) + 1


def test_scheduler_its_parameters_and_seed_are_in_the_key_and_what_is_kept_is_not():
    cells = [
        CELLS[0],
        replace(CELLS[0], seed=1),
        replace(CELLS[0], scheduler="fifo"),
        replace(CELLS[0], options={"cut_rule": "largest-product"}),
        replace(CELLS[0], options={"cut_rule": "fixed(1)"}),
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    assert {replace(CELLS[0], keep=()).key, replace(CELLS[0], bound="lp").key} == {CELLS[0].key}


def test_a_sweep_does_a_run_again_of_which_too_little_was_kept(tmp_path):
    plain = replace(CELLS[0], keep=(), bound="none")
    here = Here()
    with Results(tmp_path / "r.db") as results:
        for cell in (plain, replace(plain, keep=("tasks",)), replace(plain, bound="dual"), plain, CELLS[0], plain):
            sweep(results, [cell], engine=here)
        assert len(here.ran) == 4, "nothing is lacking the fourth time, nor the last"
        (row,) = results.rows("runs")
        assert json.loads(row["scenario"])["keep"] == ["tasks", "decisions", "series"]
        assert row["bound_tasks"] > 0 and len(list(results.rows("tasks"))) == 30


def test_a_run_without_anything_drawn_is_the_same_for_every_seed(tmp_path):
    (tmp_path / "servers.csv").write_text("server,capacity_flop_per_s,uplink_bps\na,1e9,1e6\n")
    tasks = "task,arrival_s,profile,frame_rate_hz,deadline_s,input_bytes\nt,0,alexnet,5,0.2,1000\n"
    (tmp_path / "tasks.csv").write_text(tasks)
    trace = f"workload.trace={{file='{tmp_path / 'tasks.csv'}', format='native', complete=true}}"
    cell = Cell(load("paper", [f"network.file={tmp_path / 'servers.csv'}", trace]), "lbf", 3)
    assert (cell.row["seed"], cell.key) == (None, replace(cell, seed=4).key)


@pytest.mark.parametrize(
    "package, name, counts",
    [
        (simulator, "demand.py", True),
        (simulator, "schedulers/new.py", True),
        (profiles, "data/alexnet.json", True),
        (simulator, "checks/contract.py", False),
        (simulator, "frames/reference.py", False),
    ],
)
def test_source_and_shipped_profiles_that_decide_results_are_in_the_key(tmp_path, monkeypatch, package, name, counts):
    copied = tmp_path / package.__name__
    for path in Path(package.__path__[0]).rglob("*.*"):
        if path.suffix in (".py", ".json"):
            target = copied / path.relative_to(package.__path__[0])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    monkeypatch.setattr(package, "__path__", [str(copied)])
    fresh = model_version.__wrapped__
    same = fresh()
    assert same == model_version()
    with open(copied / name, "a") as file:
        file.write("\n")
    assert (fresh() != same) == counts


def test_the_key_does_not_depend_on_the_order_of_what_it_is_made_of():
    assert key_of({"a": 1, "b": {"c": 2, "d": 3}}, "fifo", 1) == key_of({"b": {"d": 3, "c": 2}, "a": 1}, "fifo", 1)


def test_the_digest_is_of_the_content_alone(tmp_path):
    (tmp_path / "a").write_text("same")
    (tmp_path / "b").write_text("same")
    (tmp_path / "c").write_text("same ")
    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b") != digest_of(tmp_path / "c")


class Here:
    """An engine that does runs in this process and remembers which."""

    def __init__(self):
        self.ran = []

    def outcomes(self, cells):
        for cell in cells:
            self.ran.append(cell.label)
            yield cell, run_cell(cell)


def test_a_sweep_runs_only_what_is_missing(tmp_path):
    steps, here = [], Here()
    with Results(tmp_path / "r.db") as results:
        sweep(results, CELLS[:3], steps.append, engine=here)
        assert (here.ran, steps) == (["offline", "fixed(cut=2)", "lbf"], [1, 1, 1])
        tally = sweep(results, CELLS, steps.append, engine=here)
        assert (tally.done, tally.there) == (len(CELLS) - 3, 3)
        assert len(here.ran) == len(CELLS) and len(steps) == 3 + len(CELLS)
        sweep(results, CELLS, engine=here)
        assert len(here.ran) == len(CELLS)
        assert results.keys() == {cell.key for cell in CELLS}


def test_cells_of_one_scenario_and_seed_share_one_workload(monkeypatch):
    drawn, inputs = [], Scenario.inputs
    monkeypatch.setattr(Scenario, "inputs", lambda self, seed: drawn.append(seed) or inputs(self, seed))
    for cell in CELLS:
        run_cell(replace(cell, seed=cell.seed + 100))
    assert drawn == [100, 101]


def test_in_any_order_in_any_pieces_the_tables_are_the_same(tmp_path):
    whole, pieces = {}, {}
    with Results(tmp_path / "whole.db") as results:
        sweep(results, CELLS)
        whole = tables(results)
    for part in (CELLS[5:], CELLS[:2], CELLS[::-1]):
        with Results(tmp_path / "pieces.db") as results:
            sweep(results, part)
            pieces = tables(results)
    assert whole == pieces
    for name in ("runs", "tasks", "decisions", "series"):
        assert all(rows for (table, _), rows in whole.items() if table == name)


def test_a_row_of_runs_says_what_was_run(tmp_path):
    with Results(tmp_path / "r.db") as results:
        sweep(results, CELLS[1:2])
        (row,) = results.rows("runs")
    assert json.loads(row["scenario"])["network"]["servers"] == 4
    assert (row["scheduler"], row["seed"], row["status"]) == ("fixed(cut=2)", 0, "done")
    assert json.loads(row["versions"])["cutlayer"] == model_version()
    assert row["wall_s"] > 0 and row["peak_memory_bytes"] > 1e6
    assert (
        row["arrived_tasks"]
        == 30
        == sum(row[f"{outcome}_tasks"] for outcome in ("deployed", "departed", "rejected", "evicted"))
    )


HASHED = """
import sys
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.schedulers import SCHEDULERS
keep = ("tasks", "decisions", "series", "series_by")
scenario = load("paper", ["network.servers=4", "workload.tasks=60"])
cells = [Cell(scenario, name, 3, options, keep)
         for name in SCHEDULERS for options in SCHEDULERS[name].examples]
with Results(sys.argv[1]) as results:
    sweep(results, cells)
"""


def test_every_hash_seed_gives_the_same_tables_for_every_scheduler(tmp_path):
    found = []
    for seed in ("0", "1", "123456"):
        out = str(tmp_path / f"{seed}.db")
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", HASHED, out], check=True, env=environment, cwd=tmp_path)
        with Results(out) as results:
            found.append(tables(results))
    assert found[0] == found[1] == found[2]
    names = [name for name, key in found[0] if name == "runs"]
    assert len(names) == sum(len(SCHEDULERS[name].examples) for name in SCHEDULERS)
