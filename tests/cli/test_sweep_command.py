"""The verbs about many runs: what they print; what is wrong is one line, and nothing is written then."""

import json
from pathlib import Path

import pytest
from user_files import assert_one_line, command, rows

PLAN = ["plan", "paper", "--out", "o.db"]
LBF = [*PLAN, "--scheduler", "lbf"]
SMALL = ["--set", "workload.tasks=20", "--set", "network.servers=3"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sweep_is_listed_compared_exported_and_merged(cutlayer, here):
    words = ["sweep", "paper", "--set", "workload.tasks=20", "--vary", "network.servers=2:3", "-j", "1"]
    first = cutlayer([*words, "--vary", "scheduler=offline,lbf", "--seeds", "2", "--out", "a.db"])
    assert (first.status, first.out) == (0, "8 runs done\na.db\n")
    assert "2 scenarios x 2 schedulers x 2 seeds = 8 runs" in first.err
    more = cutlayer([*words, "--vary", "scheduler=offline,lbf,fifo", "--seeds", "3", "--out", "a.db", "-q"])
    assert (more.status, more.out, more.err) == (0, "", "")
    assert len(rows(here / "a.db")) == 18

    found = cutlayer(["results", "a.db", "--json"]).json["groups"]
    assert sorted((g["scheduler"], g["varies"]["network.servers"], g["done"], g["seeds"]) for g in found) == [
        (name, servers, 3, [0, 1, 2]) for name in ("fifo", "lbf", "offline") for servers in (2, 3)
    ]
    compared = cutlayer(["compare", "a.db", "lbf", "offline", "--json"]).json
    assert {one["pairs"] for one in compared["measures"]} == {3} and compared["without_partner"] == 0
    total = {}
    for row in rows(here / "a.db"):
        at = row["scheduler"], json.loads(row["scenario"])["network"]["servers"]
        total[at] = total.get(at, 0) + row["deployed_tasks"]
    by_hand = {servers: (total["lbf", servers] - total["offline", servers]) / 3 for servers in (2, 3)}
    differences = {
        one["scenario"]["network.servers"]: one["difference"]["mean"]
        for one in compared["measures"]
        if one["measure"] == "deployed_tasks"
    }
    assert differences == pytest.approx(by_hand)
    exported = cutlayer(["export", "a.db", "--out", "tables"])
    assert exported.out == "tables/runs.csv\n"
    assert len(Path("tables/runs.csv").read_text().splitlines()) == 19
    assert cutlayer(["merge", "b.db", "a.db"]).out == "18 runs added, 0 already present\nb.db\n"


def test_seeds_are_added_until_it_is_sure(cutlayer, here):
    words = ["sweep", "paper", *SMALL, "--vary", "scheduler=lbf", "--out", "a.db"]
    done = cutlayer([*words, "--until", "arrived_tasks +-1%"])
    assert (done.status, done.out) == (0, "10 runs done\na.db\n"), "20 tasks always arrive: ten seeds are enough"
    wide = cutlayer([*words, "--until", "reserved_bps +-0.001%", "--most-seeds", "12"])
    assert wide.status == 0 and "not as narrow as reserved_bps +-0.001%: lbf: " in wide.out
    assert "after 12 seeds\n2 runs done, 10 already present\n" in wide.out


def test_a_plan_says_the_answer_the_steps_and_what_is_short(cutlayer, here):
    words = ["plan", "paper", "--set", "workload.tasks=40", "--find", "network.servers=1:8", "--deployed", "90%"]
    more = ["--scheduler", "offline", "--seeds", "3", "--most-seeds", "4", "--out", "p.db", "-j", "1"]
    found = cutlayer([*words, *more, "--json"])
    assert found.status == 0, found.err
    assert found.json["steps"][0]["settings"] == ["network.servers=8"]
    assert set(found.json["short"]) == {"uplink", "compute"}
    again = cutlayer([*words, *more])
    assert "0 runs done" in again.out and "is the smallest that is sure to give 90% of the tasks deployed" in again.out
    assert found.json["answer"]["settings"][0] in again.out


CHATTY = """
from cutlayer.simulator.policy import OnlineScheduler, Reject

print("hello from the file")

class Chatty(OnlineScheduler):
    def decide(self, task, view):
        print("hello from the scheduler")
        return Reject("no")
"""


def test_what_a_scheduler_prints_goes_to_standard_error(here):
    Path("chatty.py").write_text(CHATTY)
    words = ["plan", "paper", "--set", "workload.tasks=3", "--find", "network.servers=2:2", "--deployed", "90%"]
    more = ["--scheduler", "chatty.py:Chatty", "--seeds", "2", "--most-seeds", "2", "-j", "1", "--out", "p.db"]
    done = command(*words, *more, "--json", cwd=here)
    assert done.status == 0 and json.loads(done.out)["answer"] is None
    assert done.err.count("hello from the scheduler") == 2 * 3
    assert "hello from the file" in done.err


@pytest.mark.parametrize(
    "argv, says",
    [
        (["sweep", "nowhere.toml", "--out", "o.db"], "nowhere.toml"),
        (["sweep", "paper", "--vary", "network.severs=1,2", "--out", "o.db"], "did you mean 'servers'?"),
        (["sweep", "paper", "--vary", "network.servers=0,2", "--out", "o.db"], "--vary: network.servers"),
        (["sweep", "paper", "--until", "seed +-1%", "--out", "o.db"], "seed is no measure"),
        ([*LBF, "--find", "network.servers=0:2", "--deployed", "9%"], "--find: network.servers"),
        (["export", "there.db", "--out", ""], "--out is empty"),
        (["sweep", "paper", "--seeds", "0", "--out", "o.db"], "seeds is 0; allowed: 1 or more"),
        (["sweep", "paper", "-j", "0", "--out", "o.db"], "-j is 0"),
        (["sweep", "paper", "--until", "gap +-1%", "--seeds", "3", "--out", "o.db"], "--seeds and --until"),
        (["sweep", "paper", "--most-seeds", "3", "--out", "o.db"], "--most-seeds without --until"),
        (["sweep", "paper", "--keep", "task", "--out", "o.db"], "--keep 'task'"),
        (["sweep", "paper", "--out", "no/where.db"], "there is no folder"),
        (["results", "nothing.db"], "nothing.db: no such results file"),
        (["compare", "nothing.db", "a", "b"], "nothing.db: no such results file"),
        (["compare", "there.db", "a", "a"], "'a' is named twice"),
        (["export", "there.db", "--format", "xls", "--out", "x"], "allowed: csv, parquet"),
        (["merge", "there.db", "there.db"], "is the file to add to"),
        (["merge", "new.db", "nothing.db"], "nothing.db: no such results file"),
        ([*LBF, "--find", "network.servers", "--deployed", "9%"], "--find 'network.servers'"),
        ([*LBF, "--find", "network.servers=1:9", "--deployed", "190%"], "--deployed is '190%'"),
        ([*LBF, "--find", "network.servers=9:1", "--deployed", "9%"], "--find network.servers: '9:1' is no range"),
        ([*LBF, "--find", "network.usable_share=0.9:0.1", "--deployed", "9%"], "'0.9:0.1' is no range; allowed: F"),
        ([*PLAN, "--find", "network.servers=1:9", "--deployed", "9%"], "--scheduler NAME"),
        ([*LBF, "--find", "network.servers=1:9", "--deployed", "9%", "--seeds", "200"], "--seeds is 200"),
        ([*LBF, "--find", "network.servers=1:9", "--deployed", "9%", "--violations", "1%"], "needs frames"),
        ([*LBF, "--find", "network.usable_share=0.1:1", "--deployed", "9%"], "needs --violations"),
    ],
)
def test_a_fault_is_one_line_and_nothing_is_written(cutlayer, here, argv, says):
    from cutlayer.simulator.results.file import Results

    with Results("there.db") as results:
        results.write({"key": "k", "status": "done"}, {})
    before = sorted(path.name for path in here.iterdir())
    assert_one_line(cutlayer(argv), f"cutlayer {argv[0]}", says)
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_sweep_says_where_its_files_lay_as_a_run_does(cutlayer, here):
    Path("log.csv").write_text("arrival_s\n0\n1\n")
    Path("s.toml").write_text(
        'scheduler = "lbf"\n[network]\nservers = 3\n[workload]\ntrace = "log.csv"\nframe_bytes = "100 kB"\n'
        'frame_rate = "5 Hz"\ndeadline = "200 ms"\n'
    )
    assert cutlayer(["run", "s.toml", "--out", "run.db"]).status == 0
    assert cutlayer(["sweep", "s.toml", "--seeds", "1", "-j", "1", "--out", "sweep.db"]).status == 0
    (one,), (other,) = rows("run.db"), rows("sweep.db")
    assert one["paths"] == other["paths"] and "log.csv" in json.loads(other["paths"]).values()


OWN = """\
from cutlayer.simulator.policy import OnlineScheduler, Reject


class Picky(OnlineScheduler):
    def __init__(self, most):
        self.most = most

    def decide(self, task, view):
        return Reject("too many") if len(task.nam) > self.most else Reject("no")


class Sound(OnlineScheduler):
    def __init__(self, reason):
        self.reason = reason

    def decide(self, task, view):
        return Reject(self.reason)
"""


def test_a_scheduler_is_written_the_same_way_everywhere(cutlayer, here):
    Path("my own (2).py").write_text(OWN)
    spec = "my own (2).py:Sound(reason=full)"
    assert cutlayer(["check", spec]).out == f"{spec} keeps the contract\n"
    run = cutlayer(["run", "paper", *SMALL, "--scheduler", spec, "--out", "run.db"])
    swept = cutlayer(["sweep", "paper", *SMALL, "--vary", f"scheduler={spec}", "--seeds", "1", "--out", "sweep.db"])
    assert (run.status, swept.status) == (0, 0)
    assert rows(here / "run.db")[0]["scheduler"] == rows(here / "sweep.db")[0]["scheduler"] == spec
    assert_one_line(cutlayer(["check", "my own (2).py:Sound"]), "cutlayer check", "needs the parameter 'reason'")
    twice = cutlayer(["run", "paper", *SMALL, "--scheduler", "fixed(cut=3)", "--cut", "2", "--out", "no.db"])
    assert_one_line(twice, "cutlayer run", "scheduler 'fixed(cut=3)': cut is said twice")


def test_a_run_that_failed_says_in_which_line_and_at_which_task(cutlayer, here):
    Path("own.py").write_text(OWN)
    words = ["sweep", "paper", *SMALL, "--vary", "scheduler=own.py:Picky(most=1)", "--seeds", "1", "--out", "a.db"]
    done = cutlayer(words)
    assert done.status == 3 and "object has no attribute 'nam' (own.py:9, at task 't0')" in done.out
    assert rows(here / "a.db")[0]["error"].endswith("(own.py:9, at task 't0')")


def test_a_folder_of_results_does_not_hide_the_scenario_it_is_called_after(cutlayer, here):
    Path("paper").mkdir()
    assert cutlayer(["run", "paper", *SMALL, "--scheduler", "fifo", "--out", "a.db"]).status == 0
