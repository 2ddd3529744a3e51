"""The experiments: what they compute by hand, and the paper of a smaller size from end to end."""

import json
import math
from dataclasses import asdict, fields
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.paper import camera
from cutlayer.experiments.paper.online_arrivals import passes
from cutlayer.experiments.paper.reproduce import as_json, as_markdown, paper_experiments, reproduce
from cutlayer.experiments.paper.study import EXPERIMENTS, Claim, find_experiments, open_study, told
from cutlayer.experiments.verdicts import Verdict
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results

FIGURES = ("camera", "fig3_layer_profiles", "fig4a_sweep_servers", "fig4b_online_arrivals")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "ours, other, arrivals",
    [
        ([1, 1, 3, 4], [1, 2, 2, 2], 3),
        ([1, 1, 3, 4], [0, 0, 0, 0], 1),  # ahead all the time
        ([1, 2, 3, 4], [1, 2, 3, 4], None),  # level is not ahead
        ([1, 2, 3, 3], [0, 0, 0, 4], None),  # ahead until the last
        ([1, 0, 3, 0, 5], [0, 1, 0, 1, 0], 5),  # for good, not for the first time
        ([0], [1], None),
        ([2], [1], 1),
    ],
)
def test_the_moment_one_curve_passes_another_for_good(ours, other, arrivals):
    assert passes(np.array(ours), np.array(other)) == arrivals


@pytest.mark.parametrize("size, outputs", [(540, 134), (360, 89), (224, 55), (11, 2), (7, 1), (227, 56)])
def test_what_alexnets_first_convolution_leaves_of_an_axis(size, outputs):
    assert camera.convolved(size) == outputs


def test_the_camera_example_by_hand():
    kbps = {case.name: case.bps / 1e3 for case in camera.cases()}
    assert kbps == {
        "video as it is": 3000,
        "layer 1, one channel, every frame": pytest.approx(2289.792),  # 134 * 89 * 8 * 24
        "layer 1, one channel, key frames": pytest.approx(95.408),  # 134 * 89 * 8
        "layer 1, all 64 channels, every frame": pytest.approx(146_546.688),
        "layer 1, all 64 channels, key frames": pytest.approx(6106.112),
    }


SMALLER = ("workload.tasks=150",)


@pytest.fixture
def paper(tmp_path, capsys):
    """Run ``cutlayer reproduce`` once on fewer tasks and return its folder, what it printed and its claims."""
    folder = tmp_path / "paper"
    assert main(["reproduce", "--seeds", "1", "--set", *SMALLER, "--out", str(folder)]) == 0
    return folder, capsys.readouterr(), json.loads((folder / "claims.json").read_text())


def test_the_paper_end_to_end(paper):
    folder, printed, claims = paper
    assert printed.out.splitlines()[-1] == str(folder)
    for name in FIGURES:
        assert (folder / f"{name}.png").read_bytes().startswith(PNG)
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
    assert {path.name for path in folder.iterdir()} == {
        *(f"{name}.{ending}" for name in FIGURES for ending in ("png", "svg")),
        "claims.json",
        "claims.md",
        "results.db",
    }
    assert {line.partition(":")[0] for line in printed.err.splitlines()} == {  # one line an experiment, off a terminal
        "layer profiles",
        "servers swept",
        "arrivals replayed",
        "camera example",
    }
    with Results(folder / "results.db", must_exist=True) as results:
        measured = {(row["quantity"], row["what"]) for row in results.rows("measures")}
        assert len(results.keys()) == 8 * 8 + 4 + 4  # sweep, online, and a row for the numbers of each experiment
    assert ("deployed tasks", "offline") in measured and ("bandwidth [kbit/s]", "video as it is") in measured

    check_claims(claims, printed.out, (folder / "claims.md").read_text())
    text = (folder / "claims.json").read_text()
    assert "NaN" not in text and "Infinity" not in text  # which are no JSON
    fixed = next(claim for claim in claims if "any number of layers" in claim["says"])
    assert fixed["numbers"]["low"] is None  # one seed, no interval


def check_claims(claims, printed, markdown):
    for claim in claims:
        assert set(claim) == {field.name for field in fields(Claim)}
        assert all(claim[name] for name in ("source", "says", "measured", "reading", "numbers"))
        assert claim["verdict"] in get_args(Verdict)
        assert claim["says"] in printed and claim["measured"] in printed
        assert claim["says"] in markdown and claim["measured"] in markdown and claim["reading"] in markdown
    said = " ".join(claim["says"] + claim["reading"] for claim in claims)
    for word in ("any number of layers", "more edge servers", "two layers", "360", "600", "800", "shrinks the data",
                 "overhead grows", "saves uplink", "largest-product", "admission=printed"):  # fmt: skip
        assert word in said, word


def test_a_second_reproduction_runs_nothing_and_says_the_same(tmp_path, monkeypatch):
    def files():
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "results.db"}

    first, before = reproduce(tmp_path, 1, ["online_arrivals"], settings=SMALLER), files()
    monkeypatch.setattr("cutlayer.experiments.runs.runner.simulate", None)  # would fail if it were called
    assert as_json(reproduce(tmp_path, 1, ["online_arrivals"], settings=SMALLER)[0]) == as_json(first[0])
    assert files() == before and len(before) == 4


def test_the_experiments_of_the_paper_come_in_its_order():
    assert paper_experiments() == ["layer_profiles", "sweep_servers", "online_arrivals", "camera"]
    assert set(paper_experiments()) <= set(find_experiments())


def test_only_runs_one_experiment(tmp_path):
    claims, folder = reproduce(tmp_path / "a/b", 1, ["camera"])
    assert len(claims) == 4 and folder == tmp_path / "a/b"
    assert not list(folder.glob("fig*"))
    with pytest.raises(UnknownNameError, match="did you mean 'camera'"):
        reproduce(tmp_path / "other", 1, ["camer"])
    assert not (tmp_path / "other").exists()


def test_no_seed_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match="seeds is 0"), open_study(tmp_path / "x", 0):
        pass
    assert not (tmp_path / "x").exists()


def test_two_seeds_have_intervals_and_hold_what_one_found(tmp_path):
    reproduce(tmp_path, 1, ["sweep_servers"], settings=SMALLER)
    reproduce(tmp_path, 2, ["sweep_servers"], settings=SMALLER)
    with Results(tmp_path / "results.db") as results:
        rows = [row for row in results.rows("measures") if row["replications"] == 2]
        runs = {row["key"]: row for row in results.rows("runs") if row["scheduler"] == "offline"}
    offline = {row["x"]: row for row in rows if row["what"] == "offline"}
    for servers in (20, 50):
        found = [
            r["deployed_tasks"] for r in runs.values() if json.loads(r["scenario"])["network"]["servers"] == servers
        ]
        assert len(found) == 2
        assert offline[servers]["value"] == sum(found) / 2
        assert offline[servers]["low"] <= min(found) and offline[servers]["high"] >= max(found)


def test_a_claim_is_told_as_it_is():
    numbers = {"low": math.nan, "n": [1]}
    claim = Claim("Fig. 9", "it | grows", "it shrinks by 3 [nan, nan]", "does not hold", "by hand", numbers)
    assert told(claim).startswith("[does not hold] it | grows (Fig. 9)")
    table = as_markdown([claim], 3)
    assert "| Fig. 9 | it \\| grows | it shrinks by 3 [nan, nan] | **does not hold** | by hand |" in table
    assert json.loads(as_json([claim])) == [asdict(claim) | {"numbers": {"low": None, "n": [1]}}]


@pytest.mark.parametrize("name", ["layer_profiles", "sweep_servers", "online_arrivals", "camera"])
def test_every_experiment_of_the_paper_says_what_it_asks(name):
    find_experiments()
    assert EXPERIMENTS[name].title.endswith(".") and len(EXPERIMENTS[name].title) > 30
