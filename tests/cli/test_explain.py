"""``cutlayer explain`` tells from the results alone what happened to a task and what was short."""

import json
import sqlite3

import pytest
from user_files import assert_one_line, command, rows


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
        ("t1", "fifo(cut_rule=fixed(1))", ["0 s: deployed at cut 1", "2 s: evicted to deploy t3 at cut 1"]),
        ("t3", "fifo(cut_rule=fixed(1))", ["2 s: deployed at cut 1 (conv1), after evicting t1"]),
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


def test_every_cut_is_said_with_the_larger_share_of_what_is_free_and_the_choice_with_the_smallest(files, cutlayer):
    """Worked by hand: 300 kB at 5 Hz to a link of 5 Mbit/s and a server of 3 GFLOP/s, through two layers.

    Raw 12 Mbit/s are 240 %. Layer 1 leaves a quarter, 3 Mbit/s or 60 %, for 300 kB x 1000 FLOP/byte x 5 Hz or
    1.5 GFLOP/s, 50 %. Layer 2 leaves a tenth, 1.2 Mbit/s or 24 %, for 2.7 GFLOP/s or 90 %.
    """
    layers = [("one", 300e6, 75_000), ("two", 240e6, 30_000)]
    files.write(
        "two.json",
        json.dumps({
            "schema": 1, "name": "two", "input": {"shape": [300_000], "bytes": 300_000},
            "layers": [{"name": n, "flop": f, "output_shape": [b], "output_bytes": b} for n, f, b in layers],
            "provenance": {"kind": "assumed", "by": "hand"},
        }),
    )  # fmt: skip
    (files.folder / "own").mkdir()
    files.path("two.json").rename(files.folder / "own" / "two.json")
    files.write("one.csv", "server,capacity_flop_per_s,uplink_bps\ngate,3e9,5e6\n")
    files.write("t.csv", "task,arrival_s,profile,frame_rate_hz,deadline_s,input_bytes\nyard,0,two,5,0.2,300000\n")
    argv = ["run", "--network", "one.csv", "--tasks", "t.csv", "--profiles", "own", "--out", "x.db", "--scheduler"]
    for scheduler in ("fifo", "neurosurgeon"):
        assert command(*argv, scheduler, cwd=files.folder).status == 0
    out = command("explain", "x.db", "yard", "--run", "fifo", cwd=files.folder).out
    assert "raw input   needs 12 Mbit/s, 0 FLOP/s (240 % of the free bandwidth): 7 Mbit/s short at link gate\n" in out
    assert "cut 1 (one) needs 3 Mbit/s, 1.5 GFLOP/s (60 % of the free bandwidth): fits\n" in out
    assert "cut 2 (two) needs 1.2 Mbit/s, 2.7 GFLOP/s (90 % of the free compute): fits\n" in out
    assert out.endswith("0 s: deployed at cut 1 (one), which takes the smallest share of what is free\n")

    (story,) = command("explain", "x.db", "yard", "--run", "fifo", "--json", cwd=files.folder).json["runs"]
    (event,) = story["events"]
    assert (story["scheduler"], event["event"], event["cut"], event["evicted"]) == ("fifo", "deployed", 1, [])
    assert [(cut["cut"], round(cut["share"], 9), cut["bottleneck"], cut["fits"]) for cut in event["cuts"]] == [
        (0, 2.4, "link", False), (1, 0.6, "link", True), (2, 0.9, "server", True),
    ]  # fmt: skip


def test_a_cut_that_is_not_the_smallest_share_is_said_to_be_so(files, cutlayer):
    assert cutlayer(files.argv("--cut", "1", scheduler="fixed")).status == 0
    assert cutlayer(files.argv("--cut", "2", scheduler="fixed")).status == 0
    out = cutlayer(["explain", str(files.path("run.db")), "t1"]).out
    assert out.count("which takes the smallest share") == out.count("takes a smaller share of what is free") == 1


def test_after_evictions_the_shares_are_said_to_be_of_before(results, cutlayer):
    out = cutlayer(["explain", results, "t3", "--run", "fifo(cut_rule=fixed(1))"]).out
    assert "after evicting t1; the shares above are of what was free before that\n" in out


@pytest.mark.parametrize(
    "scheduler, options, reason",
    [
        ("fifo", [], "no cut fits: what it needs is down"),
        ("lbf", [], "no cut fits: what it needs is down"),
        ("price-evict", [], "no cut fits: what it needs is down"),
        ("price-online", ["--option", "expected_tasks=4"], "no cut fits: what it needs is down"),
        ("price", [], "planned, but what it needs is down"),
    ],
)
def test_in_an_outage_it_says_what_is_down_and_not_that_the_network_is_too_small(
    files, cutlayer, scheduler, options, reason
):
    files.write("outages.csv", "resource,name,down_s,up_s\nserver,a,1.5,2.5\nlink,b,2.5,4\nserver,b,2.5,4\n")
    argv = files.argv("--outages", str(files.path("outages.csv")), *options, scheduler=scheduler)
    assert cutlayer(argv).status == 0
    at_server, at_link = (cutlayer(["explain", str(files.path("run.db")), task]).out for task in ("t3", "t4"))
    assert "t3 arrived; its tightest resources: link " in at_server and ", server a (down)\n" in at_server
    assert ": server a is down\n" in at_server and f"2 s: rejected: {reason}" in at_server
    assert ": link b (down), server b (down)\n" in at_link
    assert ": link b is down\n" in at_link and ": link b is down, server b is down\n" in at_link
    assert f"3 s: rejected: {reason}" in at_link
    down = {row["task"]: row["down"] for row in rows(files.path("run.db"), "decisions")}
    assert down == {"t1": None, "t2": None, "t3": "server", "t4": "both"}


def test_raw_input_fits_where_only_computing_is_down_and_it_says_why(files, cutlayer):
    files.write("outages.csv", "resource,name,down_s,up_s\nserver,a,0,0.5\n")
    assert cutlayer(files.argv("--outages", str(files.path("outages.csv")))).status == 0
    # 1000 bytes at each server, 5 Hz: 40 kbit/s, which is all that a link has
    out = cutlayer(["explain", str(files.path("run.db")), "t1"]).out
    text = "raw input     needs 40 kbit/s, 0 FLOP/s: fits, computing nothing there, but without allow_raw only the "
    assert f"{text}scheduler cloud sends raw input\n" in out


def test_it_says_who_may_send_raw_input(files, cutlayer):
    """40 kbit/s fit; fifo does not send it, cloud does."""
    for scheduler in ("fifo", "cloud"):
        assert cutlayer(files.argv(scheduler=scheduler)).status == 0
    told = {
        story["scheduler"]: cutlayer(["explain", str(files.path("run.db")), "t1", "--run", story["scheduler"]]).out
        for story in cutlayer(["explain", str(files.path("run.db")), "t1", "--json"]).json["runs"]
    }
    assert "without allow_raw only the scheduler cloud" in told["fifo"] and "allow_raw" not in told["cloud"]
    assert "0 s: deployed at raw input" in told["cloud"]


def test_of_a_scenario_that_was_changed_the_newest_run_comes_first_and_says_what_differs(files, cutlayer):
    for share in ("1", "0.9"):
        assert cutlayer(files.argv("--usable-share", share)).status == 0
    text = cutlayer(["explain", str(files.path("run.db")), "t1"]).out
    heads = [line for line in text.splitlines() if line.startswith("fifo")]
    assert [head.partition("), ")[2] for head in heads] == ["usable share 0.9:", "usable share 1:"]
    runs = cutlayer(["explain", str(files.path("run.db")), "t1", "--json"]).json["runs"]
    assert [run["differs"]["network.usable_share"] for run in runs] == [0.9, 1.0]


def test_moments_are_told_apart_also_when_they_are_counted_from_long_ago(files, cutlayer):
    begin = 12345678
    text = files.path("tasks.csv").read_text()
    head, *lines = text.splitlines()
    moved = [",".join([name, str(begin + float(at)), *rest]) for name, at, *rest in (one.split(",") for one in lines)]
    files.write("tasks.csv", "\n".join([head, *moved]) + "\n")
    assert cutlayer(files.argv()).status == 0
    out = cutlayer(["explain", str(files.path("run.db")), "t2"]).out
    assert f"  {begin + 1} s: t2 arrived" in out and f"  {begin + 2}.5 s: departed" in out


def test_runs_without_decisions_are_told_to_have_none(files, cutlayer):
    assert cutlayer(files.argv()).status == 0
    with sqlite3.connect(files.path("run.db")) as connection:
        connection.execute("DELETE FROM decisions")
    connection.close()
    assert_one_line(cutlayer(["explain", str(files.path("run.db")), "t1"]), "has no decisions; ")


def test_what_is_too_large_for_the_network_is_still_said_to_be_so_in_an_outage(files, cutlayer):
    files.write("outages.csv", "resource,name,down_s,up_s\nserver,a,2.5,4\n")
    files.edit("tasks.csv", "5,0.2,,2000.0", "5,0.2,,2e9")
    assert cutlayer(files.argv("--outages", str(files.path("outages.csv")))).status == 0
    assert (
        "3 s: rejected: no cut fits even the empty network"
        in cutlayer(["explain", str(files.path("run.db")), "t4"]).out
    )


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
