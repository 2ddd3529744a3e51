"""Whatever is installed after whatever: cutlayer runs, and after `make install` the checkout is what runs."""

import itertools
import re
import shutil
import subprocess

import pytest
from environments import ROOT, Environment, checkout, with_libraries

MAKE = "make install"
EDITABLE = ".venv/bin/pip install --editable '.[profile]'"
REGULAR = ".venv/bin/pip install ."
REMOVE = ".venv/bin/pip uninstall --yes cutlayer"
EVERY_PAIR = (MAKE, EDITABLE, MAKE, REGULAR, MAKE, REMOVE, EDITABLE, REGULAR, EDITABLE, REMOVE, REGULAR, REMOVE, MAKE)
RUN = "run paper --set network.servers=2 --set workload.tasks=20 --frames poisson --scheduler fifo --out run.db"
SCHEDULER = """\
from cutlayer.simulator.policy import SCHEDULERS, OnlineScheduler, Reject


@SCHEDULERS.register("{name}")
class New(OnlineScheduler):
    \"\"\"Rejects.\"\"\"

    def decide(self, task, view):
        return Reject("new")
"""


@pytest.fixture
def prepared(tmp_path):
    """A checkout whose .venv has all libraries, so that nothing is downloaded but what builds a wheel."""
    source = checkout(tmp_path / "checkout")
    return source, with_libraries(source / ".venv", with_pip=True)


def shell(line, source):
    """Type a line."""
    done = subprocess.run(line, shell=True, cwd=source, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr:
        pytest.skip("pip cannot install")
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_readme_installs_only_in_ways_that_follow_the_checkout():
    text = "".join((ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "docs/index.md"))
    lines = re.findall(r"^.*pip install.*$", text, re.MULTILINE)
    assert any(line.startswith(EDITABLE) for line in lines)
    for line in lines:
        assert "--editable" in line or "/path/to/" in line or "git+" in line, line


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_one_after_the_other_in_every_order(prepared, tmp_path):
    source, made = prepared
    assert {(a, b) for a, b in itertools.pairwise(EVERY_PAIR)} == {
        (a, b) for a in EVERY_PAIR for b in EVERY_PAIR if a != b
    }
    for number, line in enumerate(EVERY_PAIR):
        shell(line, source)
        if line == REMOVE:
            assert not [path for path in made.packages.iterdir() if "cutlayer" in path.name]
            continue
        made.run("cutlayer", *RUN.split(), cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
        new = f"new-{number}"
        (source / f"simulator/schedulers/new_{number}.py").write_text(SCHEDULER.format(name=new))
        assert (new in made.run("cutlayer", "schedulers", cwd=tmp_path)) is (line != REGULAR), line
    again = subprocess.run(["make", "install"], cwd=source, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in again.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_checkout_that_has_moved_is_installed_again(prepared, tmp_path):
    source, _ = prepared
    shell(MAKE, source)
    moved = source.rename(tmp_path / "moved")
    shell(MAKE, moved)
    where = "import cutlayer.simulator as found; print(found.__file__)"
    out = Environment(moved / ".venv").run("python", "-c", where, cwd=tmp_path)
    assert out == f"{moved / 'simulator/__init__.py'}\n"
