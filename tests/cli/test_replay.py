"""``cutlayer replay``: a trace in place of a scenario's arrivals, its results and its figure."""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from user_files import assert_one_line, command, rows, same_but_for_the_machine

from cutlayer.experiments.cli.replay import round_up
from cutlayer.experiments.figures.replay_figure import replay_figure
from cutlayer.experiments.figures.replay_history import Means, history
from cutlayer.experiments.scenarios.build import topology_of
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.results.file import Results

DATA = Path(os.environ.get("CUTLAYER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
TRACE = "arrival_s,lifetime_s\n" + "".join(f"{at},{3 + at % 4}\n" for at in range(0, 60, 2))
SCENARIO = """\
scheduler = ["fifo", "lbf"]
[network]
usable_share = 0.5
[network.topology]
file = "net.graphml"
cloud = "Paris"
link_speed = "5 Mbit/s"
[workload]
frame_bytes = "40 kB"
spread = "one"
[frames]
"""
GRAPH = """\
<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key attr.name="Latitude" attr.type="double" for="node" id="y"/>
<key attr.name="Longitude" attr.type="double" for="node" id="x"/>
<key attr.name="label" attr.type="string" for="node" id="l"/>
<graph edgedefault="undirected">
<node id="0"><data key="y">48.9</data><data key="x">2.4</data><data key="l">Paris</data></node>
<node id="1"><data key="y">51.5</data><data key="x">-0.1</data><data key="l">London</data></node>
<node id="2"><data key="y">53.8</data><data key="x">-1.5</data><data key="l">Leeds</data></node>
<edge source="0" target="1"/><edge source="1" target="2"/>
</graph></graphml>
"""


NOTES = (
    "network: 2 of 2 edges have no speed: 5 Mbit/s assumed\n"
    "workload: the run ends (58 s) as 1 of 30 tasks arrive, which send no frame; "
    'run.until = "last departure" simulates all of their stay\n'
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in (("t.csv", TRACE), ("s.toml", SCENARIO), ("net.graphml", GRAPH)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tables(database):
    return same_but_for_the_machine(database)


def test_a_replay_leaves_results_and_a_figure_for_every_scheduler(folder, cutlayer):
    done = cutlayer(["replay", "t.csv", "--scenario", "s.toml", "--out", "out"])
    assert (done.status, done.err) == (0, NOTES)
    assert done.out.splitlines()[-1] == "out/replay.db"
    assert sorted(os.listdir("out")) == [
        "replay-fifo.png", "replay-fifo.svg", "replay-lbf.png", "replay-lbf.svg", "replay.db",
    ]  # fmt: skip
    assert [row["arrived_tasks"] for row in rows(folder / "out/replay.db")] == [30, 30]
    assert {row["resource_name"] for row in rows(folder / "out/replay.db", "series_by")} == {
        "London", "Leeds", "London-Paris", "Leeds-London",
    }  # fmt: skip
    assert plt.imread("out/replay-fifo.png").shape[0] > 1000


def test_a_replay_is_the_same_to_the_byte_in_another_process_and_hash_seed(folder):
    argv = ["replay", "t.csv", "--scenario", "s.toml", "--scheduler", "lbf", "--out"]
    for out, seed in (("a", "1"), ("b", "2")):
        done = command(*argv, out, cwd=folder, PYTHONHASHSEED=seed)
        assert (done.status, done.err) == (0, NOTES)
    for name in ("replay.png", "replay.svg"):
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    assert tables(folder / "a/replay.db") == tables(folder / "b/replay.db")


def test_a_replay_into_a_file_has_its_figure_beside_it_and_is_the_run_of_the_same_scenario(folder, cutlayer):
    settings = ["--set", "scheduler=lbf", "--set", "frames.window=5 s", "--set", "run.by_resource=true"]
    assert cutlayer(["replay", "t.csv", "--scenario", "s.toml", *settings, "--out", "my.db"]).status == 0
    assert Path("my.png").is_file() and Path("my.svg").is_file()
    more = ["--set", "workload.trace=t.csv", "--out", "run.db"]
    assert cutlayer(["run", "s.toml", *settings, *more]).status == 0
    assert tables(folder / "my.db") == tables(folder / "run.db")


def test_without_a_scenario_there_is_one_of_ours(folder, cutlayer):
    assert cutlayer(["replay", "t.csv"]).status == 0
    assert sorted(os.listdir("t-replay")) == ["replay.db", "replay.png", "replay.svg"]


def test_what_the_trace_says_counts_and_two_traces_arrive_together(folder, cutlayer):
    Path("u.csv").write_text("arrival_s,lifetime_s\n1,1\n61,2\n")
    cutlayer(["replay", "t.csv", "u.csv", "--scenario", "s.toml", "--scheduler", "lbf", "--out", "o.db"])
    found = rows(folder / "o.db", "tasks")
    assert [row["arrival_s"] for row in found][:3] == [0, 1, 2] and len(found) == 32
    assert {row["lifetime_s"] for row in found} == {1, 2, 3, 5}


def seen(folder, *settings):
    """Return what the figure shows of a small run, and the inputs and the row."""
    from cutlayer.experiments.runs.cell import Workload, cells_of
    from cutlayer.experiments.runs.run_file import run_into

    settings = ["workload.trace=t.csv", "scheduler=fifo", "run.by_resource=true", "frames.window=5 s", *settings]
    scenario = load("s.toml", settings)
    inputs, ((cell, scheduler),) = scenario.inputs(0), cells_of(scenario)
    with Results(folder / "seen.db") as results:
        done = run_into(results, cell, Workload(inputs), scheduler)
        return history(results, done.row, inputs), scenario, inputs, done


def test_the_figure_shows_what_the_results_say(folder):
    shown, _, inputs, done = seen(folder)
    width = np.diff(shown.edges)
    assert (shown.arrived * width).sum() == pytest.approx(30)
    assert (shown.rejected * width).sum() == pytest.approx(done.row["rejected_tasks"])
    series = rows(folder / "seen.db", "series")
    tasks_s = sum(row["deployed_tasks"] * (after["time_s"] - row["time_s"]) for row, after in pairwise(series))
    assert (shown.deployed * width).sum() == pytest.approx(tasks_s, rel=1e-9)
    # all that was reserved over time, of links and of each, is the same area
    area_bps_s = sum(row["reserved_bps"] * (after["time_s"] - row["time_s"]) for row, after in pairwise(series))
    total_bps = float(inputs.network.link_bps.sum())
    assert (shown.uplink.reserved / 100 * total_bps * width).sum() == pytest.approx(area_bps_s, rel=1e-9)
    each = (shown.uplink.each / 100 * inputs.network.link_bps[:, None] * width).sum()
    assert each == pytest.approx(area_bps_s, rel=1e-9)
    assert shown.uplink.usable == 50 and shown.deadlines_s == (0.2, 0.2)
    assert shown.windows["delivered"].sum() == done.row["delivered"]


def test_what_a_measurement_and_outages_leave_is_shown_as_available(folder):
    Path("lte.csv").write_text("1,Mbits/sec\n3,Mbits/sec\n")
    Path("out.csv").write_text("resource,name,down_s,up_s\nserver,Leeds,0,29\n")
    shown, *_ = seen(folder, "bandwidth.trace=lte.csv", "faults.file=out.csv")
    # 1 and 3 Mbit/s in turn of 5 on both links; one of two servers is down for 29 of 58 s
    assert shown.uplink.available.mean() == pytest.approx(40, abs=0.5)
    assert shown.compute.available.mean() == pytest.approx(75, rel=1e-9)
    both = shown.compute.available.mean(axis=0)
    assert both[0] == pytest.approx(50) and both[-1] == pytest.approx(100)
    assert shown.down[0] == {"Leeds": [(0, 29)]} and shown.down[1] == {}


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_means_over_time_do_not_depend_on_the_pieces_they_come_in(piece):
    means = Means(np.array([0.0, 2.0, 4.0, 6.0]), piece)
    for time_s, value in ((1.0, 9.0), (1.0, 4.0), (3.0, 2.0), (3.5, 8.0), (3.5, 6.0)):
        means.take(time_s, value)
    # 1 s of 4; 1 s of 4, half a second each of 2 and of 6; 2 s of 6; a value that holds for no time does not count
    assert means.means().tolist() == [2.0, 4.0, 6.0]


def test_frames_that_are_all_in_time_are_said_to_be(folder):
    shown, *_ = seen(folder, "workload.deadline=100 s", "frames.violation=transfer")
    drawn = replay_figure(shown, None)
    assert shown.windows["violations"].sum() == 0
    said = [text.get_text() for axes in drawn.get_axes() for text in axes.texts]
    assert said == [f"none of {int(shown.windows['delivered'].sum()):,} delivered frames is late"]
    plt.close(drawn)


def test_the_figure_has_panels_for_what_there_is(folder):
    shown, scenario, *_ = seen(folder)
    topology = topology_of(scenario, 0)
    assert topology is not None
    for which, expected in ((topology, 9), (None, 6)):
        drawn = replay_figure(shown, which)
        assert len(drawn.get_axes()) == expected  # with a map: the map, the links, the colours of both
        labels = [axes.get_ylabel() for axes in drawn.get_axes()]
        assert {"tasks\n[1/s]", "deployed\ntasks", "frames late\n[% of delivered]"} <= set(labels)
        plt.close(drawn)


def test_deployed_tasks_stand_below_the_bound_and_rates_are_of_parts_with_several_tasks(folder):
    """30 tasks in 58 s: at two a part 15 parts, in which the rates sum up to all tasks."""
    shown, *_ = seen(folder)
    drawn = replay_figure(shown, None)
    arrivals, deployed = drawn.get_axes()[:2]
    bars = arrivals.patches[0].get_data()
    assert len(bars.values) == 15
    assert (bars.values * np.diff(bars.edges)).sum() == pytest.approx(30, rel=1e-12)
    line, mark = deployed.lines
    # at the very end: until then there were more tasks to choose from
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([1.0], [shown.row["bound_tasks"]])
    assert mark.get_transform() == deployed.get_yaxis_transform() and not mark.get_clip_on()
    assert (line.get_xdata()[-1], line.get_ydata()[-1]) == (58, shown.row["deployed_tasks"])
    assert [text.get_text() for text in deployed.get_legend().get_texts()][1].startswith("bound at the end, ")
    plt.close(drawn)


def test_without_frames_there_are_no_panels_of_them(folder, cutlayer):
    Path("s.toml").write_text(SCENARIO.replace("[frames]\n", ""))
    assert cutlayer(["replay", "t.csv", "--scenario", "s.toml", "--out", "o.db", "--scheduler", "lbf"]).status == 0
    assert rows(folder / "o.db", "frame_series") == []
    assert Path("o.png").is_file()


def test_a_replay_that_is_not_held_in_memory_has_the_same_rows(folder, cutlayer, monkeypatch):
    argv = ["replay", "t.csv", "--scenario", "s.toml", "--scheduler", "lbf", "--set", "run.by_resource=true"]
    argv += ["--set", "run.bound=none", "--out"]
    cutlayer([*argv, "held.db"])
    monkeypatch.setattr("cutlayer.experiments.scenarios.build.MOST_HELD", 7)
    assert "30 tasks are not held in memory" in cutlayer([*argv, "streamed.db"]).err
    assert tables(folder / "held.db") == tables(folder / "streamed.db")
    assert Path("held.png").read_bytes() == Path("streamed.png").read_bytes()


@pytest.mark.parametrize("value", [1e-9, 0.3, 1.0, 1.01, 99.0, 3600.0, 5e7])
def test_windows_are_round(value):
    width = round_up(value)
    assert value * (1 - 1e-9) <= width <= 2.5 * value
    assert round(width / 10 ** math.floor(math.log10(width) + 1e-9)) in (1, 2, 5)


@pytest.mark.parametrize(
    "argv, says",
    [
        (["nosuch.csv"], ("nosuch.csv: cannot be read",)),
        (["t.csv", "--format", "natve"], ("did you mean 'native'?",)),
        (["s.toml"], ("s.toml:1: ",)),
        (["t.csv", "--scenario", "nosuch.toml"], ("nosuch.toml: cannot be read",)),
        (["t.csv", "--scheduler", "fifi"], ("did you mean 'fifo'?",)),
        (["t.csv", "--set", "network.servers=0"], ("--set: network.servers is 0",)),
        (["t.csv", "--out", "t.csv"], ("t.csv: cannot be made",)),
        (["t.csv", "--out", "nowhere/o.db"], ("there is no folder",)),
        ([], ("TRACE",)),
    ],
)
def test_a_replay_that_cannot_be_is_one_line_and_leaves_nothing(folder, cutlayer, argv, says):
    before = sorted(os.listdir("."))
    assert_one_line(cutlayer(["replay", *argv]), "cutlayer replay: ", *says)
    assert sorted(os.listdir(".")) == before


TOGETHER = """\
scheduler = "fifo"
[network]
usable_share = 0.8
reservation_margin = 0.25
[network.topology]
file = "{data}/topology/Geant2012.graphml"
[workload]
trace = [
    {{ file = "{data}/arrivals/AzureLLMInferenceTrace_code.csv", end = "4 min" }},
    {{ file = "{data}/arrivals/AzureLLMInferenceTrace_conv.csv", end = "4 min" }},
]
frame_rate = "1 Hz"
lifetime = {{ distribution = "exponential", mean = "30 s" }}
spread = "nearest(3)"
[bandwidth]
trace = "{data}/bandwidth/bus57.csv"
mean = "2 Gbit/s"
random_start = true
[frames]
window = "5 s"
[run]
by_resource = true
"""


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the published traces are not here")
def test_published_traces_a_measured_uplink_and_a_topology_replay_together_to_the_byte(folder):
    """Both Azure LLM traces, an LTE uplink of NYU-METS and a Topology Zoo network, from one scenario file."""
    (folder / "all.toml").write_text(TOGETHER.format(data=DATA))
    traces = [str(DATA / f"arrivals/AzureLLMInferenceTrace_{name}.csv") for name in ("code", "conv")]
    for out, seed in (("a", "1"), ("b", "2")):
        done = command("run", "all.toml", "--out", f"{out}.db", cwd=folder, PYTHONHASHSEED=seed)
        assert (done.status, done.err) == (0, "")
    assert tables(folder / "a.db") == tables(folder / "b.db")
    (run,) = rows(folder / "a.db")
    assert run["arrived_tasks"] > 1000 and run["deployed_tasks"] + run["departed_tasks"] > 500
    assert run["violations"] > 0 and run["frames"] == run["delivered"] + run["lost"] + run["in_flight"]
    argv = ["--scenario", "all.toml", "--set", "workload.frame_rate=0.2 Hz", "--set", "frames.window=30 s"]
    for out in ("c", "d"):
        assert command("replay", *traces, *argv, "--out", out, cwd=folder).status == 0
    assert (folder / "c/replay.png").read_bytes() == (folder / "d/replay.png").read_bytes()
    assert tables(folder / "c/replay.db") == tables(folder / "d/replay.db")
    assert rows(folder / "c/replay.db")[0]["arrived_tasks"] == 28185


# what the graph does not say --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [("scenario", "check", "s.toml"), ("run", "s.toml", "--out", "r.db"), ("replay", "t.csv", "--scenario", "s.toml")],
    ids=lambda argv: argv[0],
)
def test_what_was_assumed_of_a_graph_is_said_and_not_with_quiet(folder, cutlayer, argv):
    (folder / "net.graphml").write_text(GRAPH.replace("</graph>", '<node id="3"/></graph>'))
    said = "network: 2 of 2 edges have no speed: 5 Mbit/s assumed"
    lost = "network: 1 of 4 nodes cannot reach the cloud: no server there"
    done = cutlayer(list(argv))
    assert done.status == 0 and said in done.err and lost in done.err
    done = cutlayer([*argv, "--quiet"])
    assert (done.status, done.err) == (0, "")


def test_what_was_assumed_of_a_graph_stays_in_the_row_of_the_run(folder, cutlayer):
    assert cutlayer(["run", "s.toml", "--out", "r.db"]).status == 0
    assert cutlayer(["sweep", "s.toml", "--seeds", "1", "-j", "1", "--out", "w.db"]).status == 0
    for name in ("r.db", "w.db"):
        for row in rows(folder / name):
            assert json.loads(row["notes"]) == ["network: 2 of 2 edges have no speed: 5 Mbit/s assumed"]
