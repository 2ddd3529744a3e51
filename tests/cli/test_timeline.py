"""``cutlayer timeline`` writes Chrome trace events that a viewer can nest, and the same bytes every time."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict

import pytest
from user_files import assert_one_line, command, rows

from cutlayer.experiments.records.timeline import timeline

FRAMES = ("--frames", "poisson", "--sizes", "exponential", "--until", "40", "--keep-frames", "--by-resource")


def read(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture
def results(files, cutlayer):
    assert cutlayer(files.argv("--cut-rule", "fixed(1)", *FRAMES)).status == 0
    return files.path("run.db")


@pytest.fixture
def trace(results):
    return read(timeline(results))


def of(trace, *kinds):
    return [event for event in trace["traceEvents"] if event["ph"] in kinds]


def processes(trace):
    return {event["pid"]: event["args"]["name"] for event in of(trace, "M") if event["name"] == "process_name"}


def assert_sound(trace):
    """Check what the format asks for: order, nesting, spans with both ends, arrows with both ends within a slice."""
    timed = [event for event in trace["traceEvents"] if event["ph"] != "M"]
    times = [event["ts"] for event in timed]
    assert times == sorted(times) and min(times) >= 0
    named = processes(trace)
    assert all(event["pid"] in named for event in timed)
    threads = {(event["pid"], event["tid"]) for event in of(trace, "M") if event["name"] == "thread_name"}
    spans, stacks, arrows = {}, defaultdict(list), {}
    for event in timed:
        track = event["pid"], event["tid"]
        match event["ph"]:
            case "b":
                assert event["id"] not in spans
                spans[event["id"]] = event
            case "e":
                begun = spans.pop(event["id"])
                assert (begun["name"], begun["cat"], begun["pid"]) == (event["name"], event["cat"], event["pid"])
            case "B":
                assert track in threads
                assert not stacks[track], "a server computes one frame at a time, a slice sends one"
                stacks[track].append(event)
            case "E":
                assert stacks[track].pop()["ts"] < event["ts"]
            case "s":
                assert event["id"] not in arrows and stacks[track]
                arrows[event["id"]] = event
            case "f":
                assert stacks[track] and event["bp"] == "e"
                assert arrows.pop(event["id"])["ts"] <= event["ts"]
    assert not spans and not arrows and not any(stacks.values())


def test_spans_nest_arrows_bind_and_events_go_by_time(trace):
    assert_sound(trace)
    assert {event["ph"] for event in trace["traceEvents"]} == set("MbeCBEsf")
    assert trace["otherData"]["left_out"] == []


def test_tasks_are_spans_from_deployed_to_ended(trace, results):
    begun = {event["name"]: event for event in of(trace, "b")}
    ended = {event["name"]: event["ts"] for event in of(trace, "e")}
    for task in rows(results, "tasks"):
        end_s = 40.0 if task["ended_s"] is None else task["ended_s"]
        assert (begun[task["task"]]["ts"], ended[task["task"]]) == (task["deployed_s"] * 1e6, end_s * 1e6)
        assert begun[task["task"]]["args"]["cut"] == task["cut"]
        assert begun[task["task"]]["args"]["outcome"] == task["outcome"]


def test_a_rejected_task_is_a_moment(files, cutlayer):
    assert cutlayer(files.argv("--cut", "1", scheduler="fixed")).status == 0
    trace = read(timeline(files.path("run.db")))
    assert_sound(trace)
    rejected = [row["task"] for row in rows(files.path("run.db"), "tasks") if row["outcome"] == "rejected"]
    assert [event["name"] for event in of(trace, "i")] == [f"{name} rejected" for name in rejected] != []


def test_counters_are_what_is_free_at_every_server_and_link(trace, results):
    """Both servers have 1 MFLOP/s and 40 kbit/s; what is reserved goes off."""
    named = processes(trace)
    last = {}
    for event in of(trace, "C"):
        ((unit, value),) = event["args"].items()
        last[named[event["pid"]], unit] = value
    for row in rows(results, "series_by"):
        if row["resource"] == "server":
            expected = ("server", "GFLOP/s", (1e6 - row["reserved_flop_per_s"]) / 1e9)
        else:
            expected = ("link", "Mbit/s", (40e3 - row["reserved_bps"]) / 1e6)
        last_there = last.pop((f"{expected[0]} {row['resource_name']}", expected[1]), None)
        if last_there is not None:
            final = [one for one in rows(results, "series_by") if one["resource_name"] == row["resource_name"]]
            final = [one for one in final if one["resource"] == row["resource"]][-1]
            left = (
                (1e6 - final["reserved_flop_per_s"]) / 1e9
                if expected[0] == "server"
                else (40e3 - final["reserved_bps"]) / 1e6
            )
            assert last_there == pytest.approx(left, rel=1e-9, abs=1e-15)
    assert last == {}


def test_without_single_resources_there_are_totals(files, cutlayer):
    assert cutlayer(files.argv()).status == 0
    trace = read(timeline(files.path("run.db")))
    assert_sound(trace)
    named = processes(trace)
    final = rows(files.path("run.db"), "series")[-1]
    last = {named[event["pid"]]: next(iter(event["args"].values())) for event in of(trace, "C")}
    assert last["all servers"] == pytest.approx((2e6 - final["reserved_flop_per_s"]) / 1e9, rel=1e-9)
    assert last["all links"] == pytest.approx((80e3 - final["reserved_bps"]) / 1e6, rel=1e-9)


def test_every_frame_delivered_has_its_slices_and_its_arrow(trace, results):
    delivered = sum(row["delivered"] for row in rows(results, "frames"))
    assert len(of(trace, "s")) == len(of(trace, "f")) == delivered > 100
    assert len(of(trace, "B")) == len(of(trace, "E")) == 2 * delivered
    busy = defaultdict(float)
    named = processes(trace)
    for event in of(trace, "B", "E"):
        busy[named[event["pid"]]] += event["ts"] * (-1e-6 if event["ph"] == "B" else 1e-6)
    for name in ("a", "b"):
        there = [row for row in rows(results, "frames") if row["server"] == name and row["delivered"]]
        expected = sum(row["delivered"] * row["compute_service_s"] for row in there)
        assert busy[f"server {name}"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("most", [3, 20, 100, 1000])
def test_too_many_events_are_capped_with_a_notice_and_what_is_left_is_sound(results, most):
    said = []
    trace = read(timeline(results, most=most, say=said.append))
    assert_sound(trace)
    assert len(trace["traceEvents"]) - len(of(trace, "M")) <= most
    assert said and [notice.partition(" (at most")[0] for notice in said] == trace["otherData"]["left_out"]


def test_the_same_results_give_the_same_bytes(results, files):
    for name, hash_seed in (("one.json.gz", "1"), ("two.json.gz", "2")):
        assert (
            command("timeline", str(results), "-o", name, cwd=files.folder, PYTHONHASHSEED=hash_seed).out == f"{name}\n"
        )
    assert files.path("one.json.gz").read_bytes() == files.path("two.json.gz").read_bytes()


def test_a_name_that_does_not_end_in_gz_is_written_plain(results, files, cutlayer):
    done = cutlayer(["timeline", str(results), "-o", str(files.path("trace.json"))])
    assert (done.status, done.err) == (0, "")
    assert_sound(json.loads(files.path("trace.json").read_text()))


def test_of_several_runs_the_first_is_shown_with_a_notice_or_the_one_chosen(results, files, cutlayer):
    assert cutlayer(files.argv(scheduler="lbf")).status == 0
    done = cutlayer(["timeline", str(results)])
    assert done.status == 0 and "2 runs; this is the newest" in done.err
    assert cutlayer(["timeline", str(results), "--quiet"]).err == ""
    done = cutlayer(["timeline", str(results), "--run", "lbf", "-o", str(files.path("t.json"))])
    assert (done.status, done.err) == (0, "")
    assert read(files.path("t.json"))["otherData"]["scheduler"] == "lbf"


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--run", "lfb"], "unknown run 'lfb'"),
        (["-o", "profiles/x/t.json"], "cannot be written"),
        (["-o", "."], ".: is a folder"),
    ],
)
def test_what_is_wrong_is_one_line(results, files, cutlayer, monkeypatch, argv, says):
    monkeypatch.chdir(files.folder)
    assert_one_line(cutlayer(["timeline", "run.db", *argv]), "cutlayer timeline: ", says)


def test_the_results_alone_are_enough_and_no_path_in_them_is_opened(files, results, cutlayer):
    """The network's file is gone, and in its place is a pipe, which would hang whoever opened it."""
    before = read(timeline(results))
    files.path("servers.csv").unlink()
    os.mkfifo(files.path("servers.csv"))
    again = read(timeline(results))
    assert again["traceEvents"] == before["traceEvents"]
    assert any(event["name"] == "free compute" for event in of(again, "C"))
    out = str(files.path("figures"))
    assert cutlayer(["plot", str(results), "--what", "reserved", "--out", out, "--quiet"]).status == 0
