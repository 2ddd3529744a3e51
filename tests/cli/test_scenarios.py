"""``cutlayer scenario``, ``cutlayer run SCENARIO`` and the options of ``run`` as keys of a scenario."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest
from papers import paper
from user_files import assert_one_line, rows, same_but_for_the_machine

from cutlayer.experiments.cli.options import FRAME_OPTIONS, OPTIONS, scenario_of
from cutlayer.experiments.cli.verbs.run import add_arguments
from cutlayer.experiments.runs.runner import run
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.schedulers import SCHEDULERS

ROOT = Path(__file__).resolve().parents[2]
SMALL = """\
scheduler = "fifo"
[network]
file = "servers.csv"
[workload]
profile_folder = "profiles"
trace = { file = "tasks.csv", inputs = "inputs.csv", format = "native", complete = true }
"""


# init, check, show, schema ----------------------------------------------------------------------------------


def test_a_new_scenario_is_clean_runs_and_has_its_schema_beside_it(files, cutlayer, monkeypatch):
    monkeypatch.chdir(files.folder)
    done = cutlayer(["scenario", "init", "--out", "mine.toml"])
    assert (done.status, done.out.splitlines()) == (0, ["cutlayer.schema.json", "mine.toml"])
    assert files.path("mine.toml").read_text().startswith("#:schema cutlayer.schema.json\n")
    assert json.loads(files.path("cutlayer.schema.json").read_text())["title"] == "cutlayer scenario"
    done = cutlayer(["scenario", "check", "mine.toml"])
    said = r"mine\.toml: 200 tasks in .* on 6 servers .*; fifo, threshold, price-evict\n"
    assert done.status == 0 and re.fullmatch(said, done.out)
    assert cutlayer(["run", "mine.toml"]).status == 0
    assert len(rows(files.path("mine.db"), "tasks")) == 3 * 200


def test_in_a_new_scenario_something_is_short_and_schedulers_differ(files, cutlayer, monkeypatch):
    """What its first figures show: tasks turned away and evicted, some frames late, another story by scheduler."""
    monkeypatch.chdir(files.folder)
    cutlayer(["scenario", "init", "--out", "mine.toml"])
    cutlayer(["run", "mine.toml", "--quiet"])
    fifo, threshold, price = rows(files.path("mine.db"), "runs")
    assert fifo["evicted_tasks"] > 20 and fifo["rejected_tasks"] == 0
    assert threshold["rejected_tasks"] > 20 and threshold["evicted_tasks"] == 0
    assert fifo["deployed_tasks"] < threshold["deployed_tasks"] < price["deployed_tasks"] < price["bound_tasks"]
    late = [run["violations"] / run["delivered"] for run in (threshold, fifo, price)]
    assert 0 < late[0] < late[2] < late[1] < 0.2
    assert all(run["transfer_max_s"] > 1.2 * run["transfer_mean_s"] for run in (fifo, threshold, price))


def test_init_does_not_write_over_a_folder(files, cutlayer, monkeypatch):
    monkeypatch.chdir(files.folder)
    for folder in (".", "profiles"):
        assert_one_line(cutlayer(["scenario", "init", "--out", folder]), f"{folder}: already exists")


def test_init_does_not_overwrite(files, cutlayer):
    files.write("mine.toml", "precious")
    assert_one_line(cutlayer(["scenario", "init", "--out", str(files.path("mine.toml"))]), "already exists")
    assert files.path("mine.toml").read_text() == "precious"
    assert not files.path("cutlayer.schema.json").exists()


def test_show_prints_a_file_that_loads_to_the_same(files, cutlayer):
    files.write("s.toml", SMALL)
    shown = cutlayer(["scenario", "show", str(files.path("s.toml")), "--set", "run.by_resource=true"])
    files.write("shown.toml", shown.out)
    assert load(files.path("shown.toml")) == load(files.path("s.toml"), ["run.by_resource=true"])


def test_schema_prints_what_is_committed(cutlayer):
    committed = ROOT / "experiments" / "scenarios" / "cutlayer.schema.json"
    assert cutlayer(["scenario", "schema"]).out == committed.read_text(encoding="utf-8")


def test_check_says_all_that_is_wrong_in_all_files_a_line_each(files, cutlayer):
    files.write("a.toml", '[network]\nservers = 0\nuplnk = 1\n[workload]\ndeadline = "5 Hz"\n')
    files.write("b.toml", "scheduler = 'fifi'\n")
    files.write("c.toml", SMALL)
    files.edit("inputs.csv", "t3,b", "t9,b")
    done = cutlayer(["scenario", "check", *(str(files.path(name)) for name in ("a.toml", "b.toml", "c.toml"))])
    lines = done.err.splitlines()
    assert (done.status, done.out, len(lines)) == (2, "", 5)
    for says in (
        ("a.toml: network.servers is 0; allowed: 1 to 1,000,000",),
        ("a.toml: unknown key 'network.uplnk'; did you mean 'uplink'?",),
        ("a.toml: workload.deadline: '5 Hz' is not a quantity in s",),
        ("b.toml: scheduler: unknown scheduler 'fifi'; did you mean 'fifo'?",),
        ("inputs.csv:3: ", "'t9'"),
    ):
        assert any(all(text in line for text in says) for line in lines), says
    assert all(line.startswith("cutlayer scenario: ") for line in lines)


# run --------------------------------------------------------------------------------------------------------


def test_the_paper_as_a_file_leaves_the_tables_of_the_paper_in_code(files, cutlayer):
    settings = [word for text in ("network.servers=6", "workload.tasks=80") for word in ("--set", text)]
    for scheduler in ("offline", "threshold"):
        out = files.path(f"{scheduler}.db")
        assert cutlayer(["run", "paper", *settings, "--scheduler", scheduler, "--out", str(out)]).status == 0
        inputs = paper(servers=6, tasks=80).inputs(0)
        done = run(inputs, SCHEDULERS[scheduler]())
        for table, expected in done.tables.items():
            names = column_names(table)
            found = [tuple(row[name] for name in names) for row in rows(out, table)]
            assert found == [tuple(row) for row in expected], table


def test_options_and_the_same_keys_in_a_file_are_the_same_run(files, cutlayer):
    files.write("s.toml", SMALL)
    cutlayer(files.argv("--usable-share", "0.9", "--until", "7", "--frames", "poisson", "--window", "2"))
    settings = ["network.usable_share=0.9", "run.until=7 s", "frames.arrivals=poisson", "frames.window=2 s"]
    words = [word for text in settings for word in ("--set", text)]
    out = ["--out", str(files.path("run.db"))]
    assert cutlayer(["run", str(files.path("s.toml")), *words, *out]).status == 0
    assert len(rows(files.path("run.db"))) == 1  # the key is the same: it took the place of the first
    assert cutlayer(["run", str(files.path("s.toml")), "--usable-share", "0.8", *words[2:], *out]).status == 0
    assert len(rows(files.path("run.db"))) == 2


def test_all_schedulers_of_a_scenario_run_and_json_names_them(files, cutlayer):
    files.write("s.toml", SMALL.replace('"fifo"', '["fifo", "lbf", { name = "fixed", cut = 1 }]'))
    argv = ["run", str(files.path("s.toml")), "--out", str(files.path("run.db"))]
    found = [json.loads(line) for line in cutlayer([*argv, "--json"]).out.splitlines()]
    assert [one["scheduler"] for one in found] == ["fifo", "lbf", "fixed(cut=1)"]
    assert [row["scheduler"] for row in rows(files.path("run.db"))] == ["fifo", "lbf", "fixed(cut=1)"]
    (only,) = cutlayer([*argv, "--json", "--set", "scheduler=lbf"]).out.splitlines()
    assert json.loads(only)["deployed"] == found[1]["deployed"]


def test_without_a_bound_none_is_found(files, cutlayer):
    files.write("s.toml", SMALL + '[run]\nbound = "none"\n')
    done = cutlayer(["run", str(files.path("s.toml")), "--json", "--out", str(files.path("run.db"))])
    assert (done.json["bound"], done.json["gap"]) == (None, None)
    assert rows(files.path("run.db"))[0]["bound_tasks"] is None


def test_a_run_done_from_another_folder_is_the_same_run(files, cutlayer, monkeypatch):
    files.write("s.toml", SMALL)
    out = str(files.path("run.db"))
    cutlayer(["run", str(files.path("s.toml")), "--out", out])
    first = same_but_for_the_machine(files.path("run.db"))
    monkeypatch.chdir(files.folder)
    cutlayer(["run", "s.toml", "--out", out])
    second = same_but_for_the_machine(files.path("run.db"))
    for table in first:
        keep = [name for name in (first[table][0] if first[table] else ()) if name not in ("run", "scenario")]
        assert [[row[n] for n in keep] for row in first[table]] == [[row[n] for n in keep] for row in second[table]]


def test_more_tasks_than_are_held_are_written_as_they_come_with_the_same_rows(files, cutlayer, monkeypatch):
    text = '[workload]\ntasks = 300\nframe_bytes = ["100 kB", "1 MB"]\nspread = "one"\nlifetime = "20 s"\n'
    text += '[frames]\nwindow = "50 s"\n'
    files.write("s.toml", text + '[run]\nbound = "none"\nby_resource = true\n')
    argv = ["run", str(files.path("s.toml")), "--scheduler", "fifo", "--out"]
    assert cutlayer([*argv, str(files.path("held.db"))]).err == ""
    monkeypatch.setattr("cutlayer.experiments.scenarios.build.MOST_HELD", 299)
    done = cutlayer([*argv, str(files.path("streamed.db"))])
    assert "300 tasks are not held in memory, but written as they come (deployed tasks are held" in done.err
    held, streamed = (same_but_for_the_machine(files.path(name)) for name in ("held.db", "streamed.db"))
    assert held == streamed and len(held["tasks"]) == 300 and held["frame_series"]


def test_a_streamed_run_has_no_bound_unless_asked_and_says_so(files, cutlayer, monkeypatch):
    monkeypatch.setattr("cutlayer.experiments.scenarios.build.MOST_HELD", 10)
    files.write("s.toml", 'scheduler = "fifo"\n[workload]\ntasks = 30\n')
    argv = ["run", str(files.path("s.toml")), "--out", str(files.path("run.db"))]
    done = cutlayer(argv)
    assert "no bound" in done.err and rows(files.path("run.db"))[-1]["bound_tasks"] is None
    done = cutlayer([*argv, "--set", "run.bound=dual"])
    assert "no bound" not in done.err and rows(files.path("run.db"))[-1]["bound_tasks"] > 0


def test_a_streamed_run_that_fails_half_way_leaves_nothing(files, cutlayer, monkeypatch):
    monkeypatch.setattr("cutlayer.experiments.scenarios.build.MOST_HELD", 10)
    files.write(
        "bad.py",
        "from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject\n"
        "class Bad(OnlineScheduler):\n    def decide(self, task, view):\n"
        "        return Deploy(99) if task.name == 't20' else Reject('no')\n",
    )
    files.write("s.toml", 'scheduler = "bad.py:Bad"\n[workload]\ntasks = 30\n')
    done = cutlayer(["run", str(files.path("s.toml")), "--out", str(files.path("run.db")), "--quiet"])
    assert_one_line(done, "cut 99")
    assert not files.path("run.db").exists() or rows(files.path("run.db"), "sqlite_master") == []


@pytest.mark.parametrize(
    "argv, says",
    [
        (["run"], ("needs a scenario file, or --network, --tasks, --scheduler",)),
        (["run", "--network", "servers.csv"], ("needs a scenario file, or --tasks, --scheduler",)),
        (["run", "nosuch.toml"], ("nosuch.toml: cannot be read (No such file or directory)",)),
        (["run", "s.toml", "--set", "network.file=nosuch.csv"], ("--set: network.file: nosuch.csv: cannot be read",)),
        (["run", "s.toml", "--set", "workload.trace.tasks=0"], ("trace.tasks is 0; allowed: 1 to 1,000,000,000",)),
        (["run", "s.toml", "--set", "run.until=-1 s"], ("run.until is '-1 s'; allowed: 0 or more",)),
        (["run", "s.toml", "--sizes", "lognorml"], ("need --frames",)),
        (["run", "s.toml", "--frames", "poisson", "--sizes", "lognorml"], ("did you mean 'lognormal'?",)),
        (["run", "noscheduler.toml"], ("no scheduler given",)),
        (["scenario"], ("ACTION",)),
        (["scenario", "chek"], ("did you mean 'check'?",)),
        (["scenario", "show", "papr"], ("papr: cannot be read",)),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(files, cutlayer, monkeypatch, argv, says):
    monkeypatch.chdir(files.folder)
    files.write("s.toml", SMALL)
    files.write("noscheduler.toml", SMALL.partition("\n")[2])
    before = files.everything()
    assert_one_line(cutlayer(argv), f"cutlayer {argv[0]}: ", *says)
    assert files.everything() == before


# Options and keys -------------------------------------------------------------------------------------------

GIVEN = {
    "reservation": "deadline", "reservation_margin": "0.5", "usable_share": "0.25", "until": "70",
    "jitter": "0.5", "sizes": "lognormal", "size_cv": "2", "sharing": "fair", "on_end": "drop", "on_outage": "drop",
    "propagation": "0.5", "violation": "end-to-end", "window": "3", "seed": "5", "bound": "lp",
    "frames": "jittered", "keep_frames": None, "by_resource": None,
}  # fmt: skip


def parser():
    made = argparse.ArgumentParser()
    add_arguments(made)
    return made


def flags():
    return {action.dest: action.option_strings[-1] for action in parser()._actions if action.option_strings}


@pytest.mark.parametrize("option", (*OPTIONS, *FRAME_OPTIONS), ids=lambda option: option.name)
def test_an_option_of_run_sets_its_key(files, option):
    file = files.path("servers.csv")
    value = GIVEN.get(option.name, str(files.path("profiles") if option.name == "profiles" else file))
    words = [flags()[option.name]] + ([] if value is None else [value])
    if option.name == "inputs":
        words += ["--tasks", str(file)]
    more = {"jitter": ["--frames", "jittered"], "size_cv": ["--frames", "periodic", "--sizes", "lognormal"]}
    more["sizes"] = ["--frames", "periodic", "--size-cv", "2"]
    if option.key.startswith("frames.") and option.name != "frames":
        words += more.get(option.name, ["--frames", "periodic"])
    said = scenario_of(parser().parse_args(["paper", *words])).model_dump(mode="json")
    for name in option.key.split("."):
        said = said[0] if isinstance(said, (list, tuple)) else said
        said = said[name]
    number = {"until": "70 s", "propagation": "0.5 s", "window": "3 s"}.get(option.name)
    expected = number or (True if value is None else float(value) if re.fullmatch(r"[\d.]+", value) else value)
    assert said == expected


def test_the_table_of_options_in_the_guide_is_that_of_the_code():
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(--[\w-]+)` \| `([\w.]+)` \|", text, flags=re.MULTILINE))
    assert said == {flags()[option.name]: option.key for option in (*OPTIONS, *FRAME_OPTIONS)}


def test_the_guides_scenarios_are_clean_and_its_commands_run(tmp_path, cutlayer, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)(?: +title=\"([^\"]+)\")?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    scenarios = []
    for number, (language, title, block) in enumerate(blocks):
        if title or language == "toml":
            path = tmp_path / (title or f"{number}.toml")
            path.write_text(block)
            scenarios += [path] if language == "toml" else []
    assert scenarios
    for path in scenarios:
        load(path)
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            assert line.startswith("cutlayer "), line
            done = cutlayer(shlex.split(line)[1:])
            assert done.status == 0, (line, done.err)
