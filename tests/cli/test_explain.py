"""``cutlayer explain`` tells from the results alone what happened to a task and what was short."""

import pytest
from user_files import assert_one_line, command


@pytest.fixture
def results(files, cutlayer):
    """Two runs: with cut 1 alone t3 pushes out t1, with every cut all tasks fit."""
    for options in (["--cut-rule", "fixed(1)"], []):
        assert cutlayer(files.argv(*options)).status == 0
    assert cutlayer(files.argv("--cut", "1", scheduler="fixed")).status == 0
    return str(files.path("run.db"))


@pytest.mark.parametrize(
    "task, run, says",
    [
        ("t1", "fifo(cut_rule=fixed(1))", ["0 s: deployed at cut 1", "2 s: evicted, so that t3 could be deployed"]),
        ("t3", "fifo(cut_rule=fixed(1))", ["2 s: deployed at cut 1, after evicting t1"]),
        ("t2", "fifo", ["1 s: deployed at cut 2", "2.5 s: departed"]),
        ("t3", "fixed(cut=1)", ["2 s: rejected: "]),
    ],
)
def test_the_story_of_a_task(results, cutlayer, task, run, says):
    done = cutlayer(["explain", results, task, "--run", run])
    assert (done.status, done.err) == (0, "")
    assert all(text in done.out for text in says), done.out


def test_without_a_run_every_run_is_told(results, files):
    out = command("explain", results, "t1", cwd=files.folder).out
    assert out.count("  0 s: deployed at cut") == 3


@pytest.mark.parametrize(
    "argv, says",
    [
        (["run.db", "t9"], "unknown task 't9'; known: t1, t2"),
        (["run.db", "t1", "--run", "fifi"], "did you mean 'fifo'?"),
        (["nowhere.db", "t1"], "nowhere.db: no such results file"),
        (["tasks.csv", "t1"], "tasks.csv: not a results file"),
        (["profiles", "t1"], "profiles: "),
        (["run.db"], "TASK"),
        (["empty.db", "t1"], "empty.db: has no runs"),
    ],
)
def test_what_is_not_there_is_one_line(results, files, cutlayer, monkeypatch, argv, says):
    monkeypatch.chdir(files.folder)
    files.write("empty.db", "")
    before = set(files.everything())
    assert_one_line(cutlayer(["explain", *argv]), "cutlayer explain: ", says)
    assert {name for name in files.everything() if not name.endswith(("-shm", "-wal"))} == before
