"""``--json``: one object on standard output and nothing else, of every verb that has it."""

import json

import pytest
from user_files import command

NOISY = """\
from cutlayer.simulator.policy import OnlineScheduler, Reject

print("loaded")


class Noisy(OnlineScheduler):
    def decide(self, task, view):
        print("deciding")
        return Reject("no")
"""


@pytest.fixture
def here(files, cutlayer, monkeypatch):
    monkeypatch.chdir(files.folder)
    for scheduler in ("fifo", "lbf"):
        assert cutlayer(files.argv("--quiet", scheduler=scheduler)).status == 0
    files.write("noisy.py", NOISY)
    head = "task,arrival_s,profile,frame_rate_hz,deadline_s,input_bytes"
    files.write("trace.csv", f"{head}\na,0,small,5,0.2,3\nb,2,small,5,0.2,5\n")
    return files


VERBS = [
    (["results", "run.db"], {"groups"}),
    (["compare", "run.db", "fifo", "lbf"], {"first", "second", "difference", "without_partner", "measures"}),
    (["explain", "run.db", "t1"], {"runs"}),
    (["schedulers"], {"schedulers"}),
    (["check", "fifo"], {"scheduler", "keeps_the_contract", "fault"}),
    (["scenario", "check", "s.toml"], {"scenarios"}),
    (["trace", "info", "trace.csv"], {"format", "arrivals", "columns", "gaps", "does_not_say"}),
    (["reproduce", "--only", "camera", "--seeds", "1", "--out", "o"], {"claims", "folder"}),
]


@pytest.mark.parametrize("argv, names", VERBS, ids=[" ".join(argv[:2]) for argv, _ in VERBS])
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_standard_output_is_one_object_and_nothing_else(here, cutlayer, argv, names, quiet):
    here.write("s.toml", 'scheduler = "fifo"\n[network]\nservers = 2\n[workload]\ntasks = 3\n')
    done = cutlayer([*argv, "--json", *quiet])
    assert done.status == 0 and done.out.count("\n") == 1
    assert names <= set(json.loads(done.out))
    assert "NaN" not in done.out and "Infinity" not in done.out


def test_what_a_file_of_the_users_prints_is_not_among_the_json(here):
    done = command("check", "noisy.py:Noisy", "--json", cwd=here.folder)
    assert done.status == 2
    found = done.json
    assert found["keeps_the_contract"] is False and "nothing_printed" in found["fault"]


def test_of_a_scenario_it_says_what_a_run_is_given(here, cutlayer):
    here.write("s.toml", 'scheduler = "fifo"\n[network]\nservers = 2\nuplink = "10 Mbit/s"\n[workload]\ntasks = 3\n')
    (found,) = cutlayer(["scenario", "check", "s.toml", "--json"]).json["scenarios"]
    assert (found["file"], found["tasks"], found["servers"], found["link_bps"]) == ("s.toml", 3, 2, 2e7)


def test_of_a_trace_it_says_what_it_holds_in_si_units(here, cutlayer):
    found = cutlayer(["trace", "info", "trace.csv", "--json"]).json
    assert (found["arrivals"], found["last_s"], found["gaps"]["mean_s"]) == (2, 2.0, 2.0)
    assert found["columns"]["input_bytes"] == {"unit": "B", "without": 0, "least": 3.0, "most": 5.0, "mean": 4.0}
    assert found["columns"]["task"] == {"count": 2, "first": ["a", "b"]}
    assert found["does_not_say"] == ["lifetime_s"]


def test_of_a_scheduler_it_says_which_parameters_it_needs(cutlayer):
    found = {one["name"]: one for one in cutlayer(["schedulers", "--json"]).json["schedulers"]}
    assert found["fixed"]["parameters"] == [{"name": "cut", "needed": True}]
    assert {"name": "cut_rule", "needed": False, "default": "balanced"} in found["fifo"]["parameters"]
