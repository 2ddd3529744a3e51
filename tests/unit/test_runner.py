"""A key changes with everything that decides the results; a sweep does what is missing, also in other processes."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from cutlayer import profiles, simulator
from cutlayer.experiments.paper_source import PaperSource
from cutlayer.experiments.runs.runner import key_of, model_version
from cutlayer.experiments.scenarios.inputs import Traffic
from cutlayer.experiments.sweeps.cells import Cell, run_cell
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.files import digest_of
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.workloads.generate import PaperScenario

ROOT = Path(__file__).resolve().parents[2]
SMALL = PaperScenario(servers=4, tasks=30)
SOURCE = PaperSource(SMALL)
CELLS = [
    Cell(SOURCE, name, seed, options, keep=("tasks", "decisions", "series"))
    for seed in (0, 1)
    for name, options in (("offline", {}), ("fixed", {"cut": 2}), ("lbf", {}), ("threshold", {}))
]
MAY_DIFFER = ("run", "wall_s", "peak_memory_bytes", "host", "command", "paths")
CHANGES = {
    "servers": 5,
    "tasks": 31,
    "capacity_flop_per_s": 1e9,
    "uplink_bps": (1e6, 1e9),
    "usable_share": 0.9,
    "interarrival_s": 2.0,
    "frame_bytes": (1e3, 1e6),
    "weight": (0.4, 1.5),
    "frame_rate_hz": 6.0,
    "deadline_s": 0.1,
    "reservation": "deadline",
    "reservation_margin": 0.5,
}


OTHER = (
    {"until_s": 40.0},
    {"frames": FrameSettings()},
    {"frames": FrameSettings(arrivals="poisson")},
    {"traffic": Traffic(0.4, 1.0, 3.0)},
    {"traffic": Traffic(0.5, 1.0, 3.0)},
)


def tables(results):
    """Return every table by key, without the columns in which two equal runs may differ."""
    return {
        (name, key): [{c: v for c, v in row.items() if c not in MAY_DIFFER} for row in results.rows(name, key)]
        for name in TABLES
        for key in sorted(results.keys())
    }


def test_every_field_of_the_scenario_is_in_the_key():
    assert set(CHANGES) == {field.name for field in fields(PaperScenario)}
    cells = [CELLS[0], *(replace(CELLS[0], source=PaperSource(replace(SMALL, **{k: v}))) for k, v in CHANGES.items())]
    assert len({cell.key for cell in cells}) == len(CHANGES) + 1


def test_scheduler_parameters_seed_and_tables_kept_are_in_the_key():
    cells = [
        CELLS[0],
        replace(CELLS[0], seed=1),
        replace(CELLS[0], scheduler="fifo"),
        replace(CELLS[0], options={"cut_rule": "largest-product"}),
        replace(CELLS[0], options={"cut_rule": "fixed(1)"}),
        replace(CELLS[0], keep=()),
        replace(CELLS[0], bound="lp"),
        *(replace(CELLS[0], source=replace(SOURCE, **changed)) for changed in OTHER),
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    assert replace(CELLS[0]).key == CELLS[0].key


@pytest.mark.parametrize(
    "package, name", [(simulator, "demand.py"), (simulator, "schedulers/new.py"), (profiles, "data/alexnet.json")]
)
def test_source_and_shipped_profiles_are_in_the_key(tmp_path, monkeypatch, package, name):
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
    assert fresh() != same


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
    drawn = []
    arrivals = PaperScenario.arrivals
    monkeypatch.setattr(PaperScenario, "arrivals", lambda self, seed: drawn.append(seed) or arrivals(self, seed))
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
    assert json.loads(row["scenario"])["paper"]["servers"] == 4
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
from cutlayer.experiments.sweeps.cells import Cell
from cutlayer.experiments.paper_source import PaperSource
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.workloads.generate import PaperScenario
keep = ("tasks", "decisions", "series", "series_by")
cells = [Cell(PaperSource(PaperScenario(servers=4, tasks=60)), name, 3, options, keep)
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
