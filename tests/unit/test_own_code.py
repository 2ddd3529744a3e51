"""The modules that a scheduler's file imports from its folder or project are part of the key of a run."""

import sys

import pytest
from papers import paper

from cutlayer.experiments.runs.cell import Cell, run_cell
from cutlayer.experiments.scenarios import own_code
from cutlayer.experiments.scenarios.plugin import scheduler_class
from cutlayer.experiments.sweeps.pool import Pool
from cutlayer.experiments.sweeps.sweep import sweep
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.results.file import Results

MINE = """\
import json, numpy.linalg
from dataclasses import dataclass
from cutlayer.simulator.policy import OnlineScheduler, Reject
import helper_of_mine
from parts_of_mine import first
{more}

class Mine(OnlineScheduler):
    def decide(self, task, view):
        import late_of_mine
        return Reject(helper_of_mine.REASON + first.WORD + late_of_mine.WORD)
"""
FILES = {
    "helper_of_mine.py": "import parts_of_mine.third\nREASON = 'one'\n",
    "late_of_mine.py": "WORD = 'late'\n",
    "unused_of_mine.py": "WORD = 'unused'\n",
    "parts_of_mine/__init__.py": "",
    "parts_of_mine/first.py": "from .second import WORD\n",
    "parts_of_mine/second.py": "WORD = 'second'\n",
    "parts_of_mine/third.py": "import helper_of_mine\n",
    "lib/python3/site-packages/installed_of_mine.py": "",
}
SOURCE = paper(servers=2, tasks=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(own_code, "_brought", {})
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "mine.py").write_text(MINE.format(more=""))
    yield tmp_path
    for name in [name for name in sys.modules if "_of_mine" in name]:
        del sys.modules[name]


def cell_of(folder, name="mine.py", seed=0):
    return Cell(SOURCE, f"{folder / name}:Mine", seed, {}, ("decisions",), None)


def test_all_that_is_imported_from_the_folder_is_found_and_nothing_else(folder):
    sys.path[:0] = [str(folder / "lib/python3/site-packages")]
    (folder / "mine.py").write_text(MINE.format(more="import installed_of_mine"))
    cell_of(folder).settled()
    assert sorted(own_code.modules(folder / "mine.py")) == [
        "helper_of_mine", "late_of_mine", "parts_of_mine", "parts_of_mine.first", "parts_of_mine.second",
        "parts_of_mine.third",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["helper_of_mine.py", "late_of_mine.py", "parts_of_mine/second.py"])
def test_an_edited_module_gives_another_key_and_its_code_is_what_runs(folder, name):
    cell = cell_of(folder)
    keys, said = [cell.settled().key], [str(run_cell(cell).tables["decisions"])]
    text = FILES[name].replace("'one'", "'two'").replace("late'", "LATE'").replace("second'", "SECOND'")
    (folder / name).write_text(text)  # of the same size, within the same second
    keys.append(cell.settled().key)
    said.append(str(run_cell(cell).tables["decisions"]))
    assert keys[0] != keys[1] and said[0] != said[1]
    (folder / name).write_text(FILES[name])
    assert (cell.settled().key, str(run_cell(cell).tables["decisions"])) == (keys[0], said[0])


@pytest.mark.parametrize("mark", [".git/", "pyproject.toml", "setup.cfg"])
def test_a_file_in_a_folder_of_a_project_imports_what_the_project_has(folder, mark):
    inner = folder / "schedulers/online"
    inner.mkdir(parents=True)
    (folder / "mine.py").rename(inner / "mine.py")
    with pytest.raises(InputError, match="No module named"):
        scheduler_class(f"{inner / 'mine.py'}:Mine")
    (folder / mark).mkdir() if mark.endswith("/") else (folder / mark).touch()
    cell = cell_of(inner)
    before = cell.settled().key
    assert "one" in str(run_cell(cell).tables["decisions"])
    assert "helper_of_mine" in own_code.modules(inner / "mine.py")
    (folder / "helper_of_mine.py").write_text("REASON = 'two'\n")
    assert cell.settled().key != before and "two" in str(run_cell(cell).tables["decisions"])


def test_a_file_that_is_loaded_leaves_the_path_as_it_was_but_for_its_folder_at_the_end(folder):
    before = sys.path[:]
    other = folder / "other"
    other.mkdir()
    (other / "mine.py").write_text(MINE.format(more="").replace("_of_mine", "_of_mine_too"))
    for name, text in FILES.items():
        (other / name.replace("_of_mine", "_of_mine_too")).parent.mkdir(parents=True, exist_ok=True)
        (other / name.replace("_of_mine", "_of_mine_too")).write_text(text.replace("_of_mine", "_of_mine_too"))
    for place in (folder, other, folder):
        cell_of(place).settled()
        assert sys.path == [*before, str(place.resolve())]


def test_a_file_that_is_not_imported_changes_nothing(folder):
    before = cell_of(folder).settled().key
    (folder / "unused_of_mine.py").write_text("WORD = 'other'\n")
    assert cell_of(folder).settled().key == before


def test_a_module_of_the_same_name_in_another_folder_is_another_module(folder):
    other = folder / "other"
    other.mkdir()
    (other / "mine.py").write_text(MINE.format(more=""))
    for name, text in FILES.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text.replace("'one'", "'another'"))
    said = [str(run_cell(cell_of(place)).tables["decisions"]) for place in (folder, other, folder)]
    assert "another" in said[1] and "one" in said[0] and said[0] == said[2]


def test_a_module_that_somebody_else_has_imported_stays_theirs(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    import helper_of_mine

    run_cell(cell_of(folder))
    (folder / "late_of_mine.py").write_text("WORD = 'edited'\n")
    run_cell(cell_of(folder))
    assert sys.modules["helper_of_mine"] is helper_of_mine


def test_edited_in_mid_sweep_no_two_versions_are_taken_for_one(folder, tmp_path):
    def edited_after_two():
        for seed in range(6):
            if seed == 2:
                (folder / "helper_of_mine.py").write_text(FILES["helper_of_mine.py"].replace("one", "two"))
            yield cell_of(folder, seed=seed)

    with Results(tmp_path / "r.db") as results:
        tally = sweep(results, edited_after_two(), engine=OneByOne(1))
        rows = list(results.rows("runs"))
        assert (tally.done, tally.failed) == (2, 4)
        assert len({row["scenario"] for row in rows}) == 1, "the whole sweep is of one version of the code"
        assert {row["error"] for row in rows} == {
            None,
            f"{folder / 'mine.py'}: or a module it imports changed while the sweep ran; allowed: the same content "
            "until its end, on every machine",
        }
        assert {row["reason"][:3] for row in results.rows("decisions")} == {"one"}


class OneByOne(Pool):
    """Takes a cell when the one before is done."""

    def outcomes(self, cells):
        for cell in cells:
            yield from super().outcomes([cell])


def test_what_a_file_prints_when_it_is_loaded_or_made_goes_to_standard_error(folder, capsys):
    text = MINE.format(more="print('loaded')") + "\n    def __init__(self):\n        print('made')\n"
    (folder / "mine.py").write_text(text)
    assert not run_cell(cell_of(folder)).failed
    found = capsys.readouterr()
    assert found.out == "" and "loaded" in found.err and "made" in found.err


def test_a_grid_and_a_plan_keep_to_the_code_they_began_with(folder, tmp_path):
    from cutlayer.experiments.sweeps.grid import grid_of
    from cutlayer.experiments.sweeps.planning import Planner, Wish

    grid = grid_of("paper", ["workload.tasks=2"], [f"scheduler={folder / 'mine.py'}:Mine", "network.servers=2,3"])
    with Results(tmp_path / "r.db") as results:
        planner = Planner(results, grid.points, grid.schedulers[0], Wish(0.0), 1, 1, OneByOne(1))
        before = {cell.key for cell in grid.cells(range(2))}
        (folder / "helper_of_mine.py").write_text("REASON = 'two'\n")
        assert {cell.key for cell in grid.cells(range(2))} == before
        with pytest.raises(CutlayerError, match="or a module it imports changed while the sweep ran"):
            planner.fewest()
