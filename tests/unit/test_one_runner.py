"""There is one place that makes processes, and one that simulates over seeds."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("simulator", "workloads", "profiles", "models", "experiments")
ALLOWED = {
    r"\b(ProcessPoolExecutor|multiprocessing|os\.fork|Popen|joblib)\b": {
        "experiments/sweeps/pool.py",
        "experiments/sweeps/worker.py",
    },
    r"\b(distributed|dask)\b(?=[\s.]*(import|Client|\())|import (distributed|dask)": {"experiments/sweeps/cluster.py"},
    r"\bThreadPoolExecutor\b": {"simulator/frames/run.py"},  # within a run
    r"(?<!def )\bsimulate\(": {
        "experiments/runs/runner.py",
        "experiments/bench/admission.py",
        "experiments/bench/bounds.py",
        "simulator/checks/contract.py",
        "simulator/checks/histories.py",
        "simulator/results/file.py",  # in words
        "simulator/frames/spans.py",
    },
}


def sources():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_nothing_else_makes_a_pool_or_a_loop_over_runs():
    for pattern, allowed in ALLOWED.items():
        found = {name for name, text in sources() if re.search(pattern, text)}
        assert found <= allowed, pattern
        assert found, f"{pattern} finds nothing: the test has lost its object"


def test_inputs_for_a_seed_are_made_by_the_runner_and_where_one_run_is_looked_at():
    made = {name for name, text in sources() if re.search(r"\.(inputs|arrivals)\(", text)}
    assert "experiments/sweeps/cells.py" in made
    in_line = re.compile(r"\.(inputs|arrivals)\(\w*seed\w*\)[^\n]* for \w*seed")
    below = re.compile(r"for \w*seed\w* in [^\n]*\n(?:[^\n]*\n){0,3}[^\n]*\.(inputs|arrivals)\(")
    assert [name for name, text in sources() if in_line.search(text) or below.search(text)] == []
