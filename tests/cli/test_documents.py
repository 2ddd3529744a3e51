"""What README and docs tell a reader to type works as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.plugin import build_scheduler
from simulator.checks import check_scheduler

ROOT = Path(__file__).resolve().parents[2]
NOT_HERE = ("make ", "pip install", "cutlayer profile")
"""Commands whose own tests run them, or that make an environment."""


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_every_shell_block_of_the_readme_runs(tmp_path):
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    command = binaries / "cutlayer"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -m experiments.cli \"$@\"\n")
    command.chmod(0o755)
    ran = 0
    for block in blocks("README.md", "sh"):
        if any(word in block for word in NOT_HERE):
            continue
        done = subprocess.run(
            ["sh", "-e", "-c", block],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ran += 1
    assert ran >= 2
    assert (tmp_path / "run.db").exists()


def test_every_shell_block_about_sweeps_runs(tmp_path):
    (tmp_path / "cutlayer").write_text(f"#!/bin/sh\nexec {sys.executable} -m experiments.cli \"$@\"\n")
    (tmp_path / "cutlayer").chmod(0o755)
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    ran = blocks("docs/sweeps.md", "sh")
    for block in ran:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
        done = subprocess.run(
            ["sh", "-e", "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len(ran) == 2 and (tmp_path / "plan.db").exists()


def test_make_targets_named_in_the_readme_exist():
    targets = re.findall(r"^make ([\w-]+)", "\n".join(blocks("README.md", "sh")), flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("block", blocks("docs/extending.md", "python"))
def test_every_scheduler_in_the_guide_keeps_the_contract(block, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(block)
    (name,) = re.findall(r"^class (\w+)", block, flags=re.MULTILINE)
    check_scheduler(lambda: build_scheduler(f"{path}:{name}", {}))


def test_files_named_in_the_documents_exist():
    for document in ("README.md", "docs/model.md", "docs/extending.md", "docs/paper.md", "docs/sweeps.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for name in re.findall(r"`((?:tests|simulator|docs|models|experiments)/[\w/.]*)`", text):
            assert (ROOT / name).exists(), f"{document} names {name}"
