"""Seeds without arrivals, faults that are named, and every key in the template of a scenario."""

import re

import pytest

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.scenarios.scenario import Scenario, load
from cutlayer.experiments.scenarios.text import _sections, template
from cutlayer.simulator.results.file import Results

NONE = '[workload]\narrivals = { process = "poisson", rate = "0.02 Hz" }\nduration = "10 s"\n'


def test_seeds_without_arrivals_are_results_and_count_in_means(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(NONE)
    words = ["--vary", "scheduler=fifo,price", "--seeds", "8", "-j", "1", "--keep", "series", "--out", "r.db"]
    assert main(["sweep", "s.toml", *words]) == 0
    with Results("r.db") as results:
        arrived = [row["arrived_tasks"] for row in results.rows("runs") if row["scheduler"] == "fifo"]
    assert len(arrived) == 8 and 0 in arrived and max(arrived) > 0
    seed = str(arrived.index(0))
    assert main(["run", "s.toml", "--scheduler", "lbf", "--frames", "periodic", "--seed", seed, "--out", "r.db"]) == 0


@pytest.mark.parametrize(
    "words, says",
    [
        (["sweep", "paper", "--vary", "network.servers=20..90"], ["a range is FIRST:LAST or FIRST:LAST:STEP"]),
        (["plan", "paper", "--find", "a=1..9", "--deployed", "195"], ["--find 'a=1..9'", "--deployed is '195'"]),
        (["run", "paper", "--set", "network.usable_share=1e-300"], ["network.usable_share is 1e-300; allowed: 1e-09"]),
        (["check", "own.py"], ["own.py: names no class; allowed: own.py:Own"]),
        (["run", "many.toml"], ["unknown key 'k0'", "unknown key 'k19'", "and 480 more"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("from cutlayer import OnlineScheduler\nclass Own(OnlineScheduler): ...\n")
    (tmp_path / "many.toml").write_text("".join(f"k{n} = 1\n" for n in range(500)))
    assert main([*words, *([] if words[0] == "check" else ["--out", "r.db"])]) == 2
    found = capsys.readouterr().err
    assert all(text in found for text in says) and len(found.splitlines()) <= 21
    assert not (tmp_path / "r.db").exists()


def keys(section=Scenario, above=""):
    for name, field in section.model_fields.items():
        inner = next(_sections(field.annotation), None)
        if above.count(".") < 1 and inner is not None and not above:
            yield from keys(inner, name)
        elif above:
            yield above, name


def test_the_template_names_every_key_and_runs(tmp_path):
    text = template()
    parts = {part[1:].partition("]")[0]: part for part in re.split(r"(?m)^(?:# )?(?=\[[a-z.]+\])", text)}
    for table, name in keys():
        if table != "scheduler":
            assert re.search(rf"\b{name}\b", parts[table] + "".join(parts)), (table, name)
    path = tmp_path / "s.toml"
    path.write_text(text)
    assert load(path).network.servers == 6


def test_raw_input_is_a_candidate_where_the_scenario_allows_it():
    settings = ["network.servers=3", "workload.tasks=30", "network.capacity=1 MFLOP/s"]
    assert not load("paper", settings).inputs(0).network.allow_raw
    assert load("paper", [*settings, "network.allow_raw=true"]).inputs(0).network.allow_raw
