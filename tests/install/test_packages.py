"""What is built holds everything that is needed to run, and nothing else."""

import re
import subprocess
import sys
import zipfile
from pathlib import PurePath

import pytest
from environments import ROOT, SOURCES, checkout, empty, pip, with_libraries

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORT = [
    "run",
    "paper",
    "--set",
    "network.servers=2",
    "--set",
    "workload.tasks=20",
    "--scheduler",
    "fifo",
    "--out",
    "run.db",
]


def files():
    """Return every file that has to be installed, by its place below site-packages."""
    found = set()
    for name in SOURCES:
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                inside = path.relative_to(ROOT)
                found.add((inside if name == "cutlayer" else PurePath("cutlayer", inside)).as_posix())
    return found


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_every_file_and_runs_without_the_checkout(wheel, tmp_path):
    assert contents(wheel).keys() == files()
    made = with_libraries(tmp_path / "environment")
    made.pip("install", "--no-deps", wheel)
    folder = tmp_path / "anywhere"
    folder.mkdir()
    assert made.run("python", "-m", "cutlayer", "--version", cwd=folder).startswith("cutlayer ")
    made.run("cutlayer", *SHORT, cwd=folder)
    made.run("cutlayer", "report", "run.db", "-o", "page.html", cwd=folder)
    made.run("cutlayer", "scenario", "init", "--out", "mine.toml", cwd=folder)
    assert made.run("python", "-c", "import cutlayer; print(cutlayer.__file__)", cwd=folder).startswith(str(tmp_path))
    assert "dataset.ready" in (folder / "page.html").read_text()  # of its script, a file beside the code


@pytest.mark.slow
def test_the_source_archive_gives_the_same_wheel(wheel, tmp_path):
    source = checkout(tmp_path / "checkout")
    subprocess.run([sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path / "sdist", source], check=True)
    (archive,) = (tmp_path / "sdist").iterdir()
    pip("wheel", "--no-deps", "--wheel-dir", tmp_path / "wheel", archive)
    (again,) = (tmp_path / "wheel").iterdir()
    assert contents(again) == contents(wheel)


@pytest.mark.slow
def test_what_the_checkout_no_longer_has_is_not_in_the_next_wheel(tmp_path):
    source = checkout(tmp_path / "checkout")
    extra = source / "simulator/schedulers/of_yesterday.py"
    extra.write_text("")
    held = []
    for number in (1, 2):
        pip("wheel", "--no-deps", "--wheel-dir", tmp_path / str(number), source)
        held.append(any("of_yesterday" in name for name in contents(next((tmp_path / str(number)).iterdir()))))
        extra.unlink(missing_ok=True)
    assert held == [True, False]


@pytest.mark.slow
def test_a_wheel_brings_all_that_it_needs_into_an_empty_environment_and_leaves_nothing_behind(wheel, tmp_path):
    made = empty(tmp_path / "environment")
    made.pip("install", wheel)
    made.pip("check")
    cache = tmp_path / "cache"
    run = [
        "cutlayer",
        "run",
        "paper",
        "--set",
        "network.servers=2",
        "--set",
        "workload.tasks=20",
        "--frames",
        "poisson",
    ]
    made.run(*run, "--scheduler", "fifo", "--out", "run.db", cwd=tmp_path, XDG_CACHE_HOME=str(cache))
    assert list(cache.glob("cutlayer/loops/*")), "frames were walked by compiled loops"
    (five,) = re.findall(r"^```python\n(import cutlayer as cl\n.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len([line for line in five.splitlines() if line]) <= 5
    folder = tmp_path / "empty"
    folder.mkdir()
    assert "deployed" in made.run("python", "-c", five, cwd=folder)
    assert (folder / "deployed.png").stat().st_size > 10_000
    made.pip("uninstall", "--yes", "cutlayer")
    assert not list(made.packages.rglob("*cutlayer*"))
