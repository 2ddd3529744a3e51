"""Notebooks run from top to bottom in an empty folder and put out what they show."""

from __future__ import annotations

import pytest
from pages import ROOT, Reader

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


def texts(cell) -> list[str]:
    """Return what a cell has put out, as text."""
    return ["".join(output.get("text") or output["data"]["text/plain"]).rstrip() for output in cell.get("outputs", ())]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_puts_out_what_it_shows(path, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    reader = Reader(tmp_path)
    for name, value in reader.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shown = nbformat.read(path, as_version=4)
    done = nbformat.read(path, as_version=4)
    client.NotebookClient(done, timeout=300, resources={"metadata": {"path": str(reader.folder)}}).execute()
    for before, after in zip(shown.cells, done.cells, strict=True):
        assert texts(after) == texts(before), before.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_text_only_and_no_trace_of_where_it_ran(path):
    nbformat = pytest.importorskip("nbformat")
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    assert set(kept.metadata) == {"kernelspec", "language_info"}
    for cell in kept.cells:
        assert cell.metadata == {}
        assert cell.get("execution_count") is None
        for output in cell.get("outputs", ()):
            assert output.get("execution_count") is None
            assert set(output.get("data", {})) <= {"text/plain"}


def test_there_is_a_notebook():
    assert [path.name for path in NOTEBOOKS] == ["results.ipynb"]
