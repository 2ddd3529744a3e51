"""Every claim of docs/model.md has a worked number and names the test that holds it, which is there."""

from __future__ import annotations

import ast
import functools
import re
import runpy
import sys
from dataclasses import dataclass

import pytest
from pages import ROOT, text_of

PAGE = "docs/model.md"
CASES = "tests/differential/cases.py"


@dataclass
class Claim:
    line: int
    claim: str
    number: str
    held_by: str


def claims(text: str) -> list[Claim]:
    """Return the rows of all tables whose last column says what holds them."""
    found, inside = [], False
    for line, row in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")] if row.startswith("|") else []
        if cells == ["claim", "worked number", "held by"]:
            inside = True
        elif not cells:
            inside = False
        elif inside and set(row) - set("|- "):
            assert len(cells) == 3, f"{PAGE}:{line} has {len(cells)} columns"
            found.append(Claim(line, *cells))
    return found


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the test functions of a file, without running it."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@functools.cache
def cases() -> frozenset[str]:
    """Return the names of the cases worked by hand."""
    sys.path.insert(0, str((ROOT / CASES).parent))
    try:
        return frozenset(case["name"] for case in runpy.run_path(str(ROOT / CASES))["CASES"])
    finally:
        sys.path.pop(0)


def fault(held_by: str) -> str | None:
    """Return what is wrong with a reference to a test, or None."""
    match = re.fullmatch(r"`(tests/[\w/]+\.py)::([^`]+)`", held_by)
    if match is None:
        return f"{held_by!r} is no `tests/FILE.py::NAME`"
    path, name = match.groups()
    if not (ROOT / path).is_file():
        return f"there is no file {path}"
    if path == CASES:
        return None if name in cases() else f"there is no case {name!r}"
    if not name.startswith("test_") or name not in names_in(path):
        return f"{path} has no test {name}"
    return None


CLAIMS = claims(text_of(PAGE))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"line {claim.line}")
def test_every_claim_has_a_number_and_a_test_that_is_there(claim):
    assert claim.claim and claim.number, f"{PAGE}:{claim.line}"
    assert fault(claim.held_by) is None, f"{PAGE}:{claim.line}: {fault(claim.held_by)}"


def test_every_table_of_the_page_is_one_of_claims():
    tables = re.findall(r"^(\|.*)\n\|-", text_of(PAGE), flags=re.MULTILINE)
    assert tables and set(tables) == {"| claim | worked number | held by |"}


def test_every_section_of_the_model_has_claims():
    sections = re.split(r"^## ", text_of(PAGE), flags=re.MULTILINE)[1:]
    assert len(sections) >= 10
    for section in sections:
        assert claims(section), section.splitlines()[0]


def test_every_test_of_the_worked_frames_and_claims_stands_on_the_page():
    """What was worked by hand is there to be read: a new test in these files needs its row."""
    named = {claim.held_by.strip("`") for claim in CLAIMS}
    for path in ("tests/worked/test_worked_claims.py", "tests/worked/test_worked_frames.py"):
        missing = {f"{path}::{name}" for name in names_in(path) if name.startswith("test_")} - named
        assert not missing


@pytest.mark.parametrize(
    "held_by, says",
    [
        ("the suite", "is no"),
        ("`tests/worked`", "is no"),
        ("`tests/worked/test_nothing.py::test_x`", "no file"),
        ("`tests/worked/test_worked_frames.py::test_nothing`", "has no test"),
        ("`tests/worked/test_worked_frames.py::stream`", "has no test"),
        ("`tests/differential/cases.py::fifo evicts the task`", "no case"),
    ],
)
def test_a_reference_that_leads_nowhere_is_noticed(held_by, says):
    assert says in fault(held_by)
