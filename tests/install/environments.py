"""Environments of Python in which cutlayer is installed as a user would, and copies of the checkout to install from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("cutlayer", "simulator", "models", "profiles", "workloads", "experiments")
BESIDE = ("setup.cfg", "setup.py", "pyproject.toml", "Makefile", "README.md", "LICENSE")


def checkout(folder: Path) -> Path:
    """Copy what is installed, without what was built or run in it."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(ROOT / name, folder / name)
    return folder


@dataclass
class Environment:
    """A virtual environment; everything runs in it without a trace of the checkout under test."""

    folder: Path

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(self, *words: str | Path, cwd: Path, status: int = 0, **variables: str) -> str:
        """Run a program of the environment, or any other; return what it printed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"PATH": f"{self.folder / 'bin'}{os.pathsep}{environment['PATH']}", **variables}
        program = shutil.which(words[0], path=environment["PATH"])
        done = subprocess.run(
            [str(program), *map(str, words[1:])], cwd=cwd, env=environment, capture_output=True, text=True,
            check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def pip(self, *words: str | Path) -> None:
        """Run pip of the tests on this environment; skip the test where pip gets nothing from its registry."""
        pip(*words, python=self.folder / "bin/python")


def pip(*words: str | Path, python: Path | None = None) -> None:
    given = [] if python is None else ["--python", str(python)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *given, *map(str, words)], capture_output=True, text=True, check=False,
        cwd=os.path.dirname(sys.executable),
    )  # fmt: skip
    unreachable = ("No matching distribution", "Could not find a version", "ConnectionError", "Failed to establish")
    if done.returncode and any(text in done.stderr for text in unreachable):
        pytest.skip(f"pip cannot install: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


def empty(folder: Path, *, with_pip: bool = False) -> Environment:
    """Make an environment with nothing in it, not even pip."""
    venv.create(folder, symlinks=True, with_pip=with_pip)
    return Environment(folder)


def with_libraries(folder: Path, *, with_pip: bool = False) -> Environment:
    """Make an environment that has all that cutlayer needs, from the one of the tests, but not cutlayer itself."""
    made = empty(folder, with_pip=with_pip)
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "cutlayer" not in entry.name and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    (made.packages / "libraries.pth").write_text(f"{os.path.relpath(libraries, made.packages)}\n")
    return made
