"""Claims of docs/model.md that no other test holds; every number expected is worked out in the comment above it."""

import json
import math

import numpy as np
import pytest
from papers import paper

from cutlayer.experiments.cli.main import main
from cutlayer.profiles.store import shipped
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task


def stream(name, *, flop=0.0, rest_flop=0.0, deadline_s=1.0, servers=(0,), **span):
    """One byte a frame at each server, which reserves 8 bit / `deadline_s`: a frame takes that long in its slice."""
    layers = (Layer("edge", flop, (1,), 1.0), Layer("cloud", rest_flop, (1,), 1.0))
    sizes = [1.0] * len(servers)
    task = Task(name, 0.0, Profile("p", (1,), 1.0, layers), 1 / deadline_s, deadline_s, list(servers), sizes)
    return Span(task, 1, 0.0, **span)


def frames_of(spans, arrivals, network, *, sizes=None, conditions=None, end_s=100.0, **settings):
    """Return what is kept of frames that come at these times, every task's at every one of its servers."""
    given = {}
    for span in spans:
        times = np.array(arrivals[span.task.name])
        for i in span.task.servers.tolist():
            given[span.task.name, network.servers[i]] = (times, np.array(sizes or [1.0] * len(times)))
    conditions = Conditions() if conditions is None else conditions
    return run_frames(
        network, spans, FrameSettings(**settings), end_s=end_s, conditions=conditions, given=given, keep_frames=True
    )


# Frames -----------------------------------------------------------------------------------------------------


def test_end_to_end_is_compute_uplink_propagation_and_cloud():
    # 3 FLOP on 1 FLOP/s: 3 s. A slice of 8 bit / 2 s: 2 s. Propagation 0.5 s. 8 FLOP in a cloud of 4 FLOP/s: 2 s.
    network = Network([1.0], [16.0], cloud_flop_per_s=4.0)
    spans = [stream("a", flop=3.0, rest_flop=8.0, deadline_s=2.0)]
    kept = frames_of(spans, {"a": [0.0]}, network, propagation_s=0.5).kept
    assert kept.transfer_s.tolist() == [2.0]
    assert kept.end_to_end_s.tolist() == [7.5]


def test_a_frame_is_late_when_it_takes_more_than_its_deadline_and_a_billionth():
    # a frame of size s takes s seconds; the deadline is 1 s: 1 and 1 + 5e-10 are in time, 1 + 2e-9 is late
    spans, network = [stream("a")], Network([1.0], [16.0])
    table = frames_of(spans, {"a": [0.0, 10.0, 20.0]}, network, sizes=[1.0, 1 + 5e-10, 1 + 2e-9]).table
    assert (table["delivered"].tolist(), table["violations"].tolist()) == ([3], [1])
    # 1.7e9 is between 2^30 and 2^31: an ulp is 2^-22 s and 16 are 3.8e-6 s
    late = {"a": [1.7e9, 1.7e9 + 10, 1.7e9 + 20]}
    table = frames_of(spans, late, network, sizes=[1.0, 1 + 3e-6, 1 + 5e-6], end_s=1.7e9 + 100).table
    assert (table["delivered"].tolist(), table["violations"].tolist()) == ([3], [1])


def test_a_deadline_may_be_for_end_to_end_latency():
    # 1 s in its slice meets the deadline of 1 s; with 0.5 s of propagation it is 1.5 s end to end
    spans, network = [stream("a")], Network([1.0], [16.0])
    for measure, violations in (("transfer", 0), ("end-to-end", 1)):
        table = frames_of(spans, {"a": [0.0]}, network, propagation_s=0.5, violation=measure).table
        assert table["violations"].tolist() == [violations]


def test_a_slice_goes_as_slow_as_the_slowest_link_on_its_way():
    # Server 0 crosses links 0 and 1, server 1 link 1 only. Reserved: 8 bit/s on link 0, 8 + 8 on link 1.
    # Link 0 carries 2 of 8: a quarter. Link 1 carries 8 of 16: half. So 4 s from server 0 and 2 s from server 1.
    network = Network([1.0, 1.0], [8.0, 16.0], routes=[[1, 0], [1, 1]])
    slow = Conditions(capacity_bps={"l0": Steps([0.0], [2.0]), "l1": Steps([0.0], [8.0])})
    kept = frames_of([stream("a", servers=(0, 1))], {"a": [0.0]}, network, conditions=slow).kept
    assert dict(zip(kept.server.tolist(), kept.transfer_s.tolist(), strict=True)) == {0: 4.0, 1: 2.0}


def test_fair_slices_share_what_tasks_may_use_and_no_more():
    # Half of 32 bit/s may be used. Two slices of 8 bit/s are busy: 8 each, 1 s. One alone: 16, half a second.
    network = Network([1.0], [32.0], usable_share=0.5)
    spans = [stream("a"), stream("b")]
    kept = frames_of(spans, {"a": [0.0, 10.0], "b": [0.0]}, network, sharing="fair").kept
    by_task = [kept.transfer_s[kept.task == index].tolist() for index in (0, 1)]
    assert by_task == [[1.0, 0.5], [1.0]]


def test_frames_drain_at_the_rate_their_slice_had():
    # Sent from 0.4 on at 1 frame/s; the task leaves at 0.5; the frame is there at 1.4 all the same.
    spans = [stream("a", end_s=0.5, ending="departed")]
    kept = frames_of(spans, {"a": [0.4]}, Network([1.0], [16.0])).kept
    assert kept.fate.tolist() == [DELIVERED]
    assert kept.transfer_s == pytest.approx([1.0], rel=1e-12)


def test_no_quantile_is_off_by_more_than_one_in_256():
    # bins are 1/128 of an octave wide, an octave beginning at its least value: half a bin is 1/256 of it at most
    profile = Profile("p", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
    spans = [Span(Task("a", 0.0, profile, 1.0, 0.5, [0], [1.0]), 1, 0.0)]
    settings = FrameSettings(arrivals="poisson", sizes="exponential")
    rough, exact = (
        run_frames(Network([1.0], [100.0]), spans, settings, end_s=50_000.0, keep_frames=keep).table
        for keep in (False, True)
    )
    off = [abs(rough[name][0] / exact[name][0] - 1) for name in exact if name.startswith("transfer_p")]
    assert len(off) == 4
    assert 0 < max(off) <= 1 / 256


def test_thirteen_seconds_at_five_frames_a_second_are_65_frames_whatever_the_phase():
    profile = Profile("p", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
    spans = [Span(Task(f"t{n}", 0.0, profile, 5.0, 0.2, [0], [1.0]), 1, 2.0, 15.0, "departed") for n in range(20)]
    table = run_frames(Network([1.0], [1e6]), spans, FrameSettings(), end_s=100.0).table
    assert table["frames"].tolist() == [65] * 20


# Decisions --------------------------------------------------------------------------------------------------

HALVES = Profile("halves", (1,), 1.0, (Layer("one", 1.0, (1,), 0.5), Layer("two", 4.0, (1,), 0.25)))
"""Of 100 bytes a second: cut 0 takes 800 bit/s; cut 1 400 bit/s, 100 FLOP/s; cut 2 200 bit/s, 500 FLOP/s."""


def cut_of(scheduler, network, profile=HALVES):
    outcome = simulate(network, [Task("a", 0.0, profile, 1.0, 1.0, [0], [100.0])], scheduler)
    return outcome.deployed["a"].cut if outcome.deployed else None


def test_the_balanced_cut_moves_with_what_is_scarce():
    balanced = SCHEDULERS["fifo"]
    # 1,000 bit/s, 10,000 FLOP/s: shares 0.4 and 0.2 (links), 0.01 and 0.05 (compute): 0.4 against 0.2: cut 2
    assert cut_of(balanced(), Network([10_000.0], [1_000.0])) == 2
    # 10,000 bit/s, 1,000 FLOP/s: shares 0.04 and 0.02, 0.1 and 0.5: 0.1 against 0.5: cut 1
    assert cut_of(balanced(), Network([1_000.0], [10_000.0])) == 1


def test_alexnets_balanced_cut_on_the_gateway_of_the_tutorial():
    # 150,528 bytes at 5 Hz; cut 6 leaves 4,096: 8 * 4,096 * 5 = 163,840 bit/s of 8 Mbit/s: 0.0205
    # 5 * (140,553,600 + 447,897,600 + 224,280,576 + 299,040,768 + 199,360,512 + 75,497,472) = 5 * 1,386,630,528
    # = 6,933,152,640 FLOP/s of 290e9: 0.0239, the larger. Cut 5: 8 * 9,216 * 5 = 368,640 of 8e6: 0.0461.
    # Cut 8: 5 * 1,428,376,960 = 7,141,884,800 of 290e9: 0.0246. So cut 6.
    one = Task("door", 0.0, shipped()["alexnet"], 5.0, 0.2, [0], [150_528.0])
    outcome = simulate(Network([290e9], [10e6], usable_share=0.8), [one], SCHEDULERS["fifo"]())
    door = outcome.deployed["door"]
    assert door.cut == 6
    assert door.reserved_bps == pytest.approx(163_840, rel=1e-12)
    assert door.reserved_flop_per_s == pytest.approx(6_933_152_640, rel=1e-12)


def test_the_raw_input_is_a_cut_of_the_cloud_alone():
    # 800 bit/s for the raw input fit; no layer does on a server of 1 FLOP/s: only `cloud` may send it raw
    network = Network([1.0], [800.0])
    assert cut_of(SCHEDULERS["cloud"](), network) == 0
    for name in ("fifo", "lbf", "threshold", "offline", "neurosurgeon", "price", "price-evict"):
        assert cut_of(SCHEDULERS[name](), network) is None, name


def test_a_run_carries_its_bound_and_the_gap_to_it(tmp_path, capsys):
    # AlexNet after its last layer leaves 1,000 bytes: 8 * 1,000 * 5 = 40 kbit/s a camera on an uplink of 100 kbit/s:
    # two of four are deployed, and no more than 2.5 can be. The dual bound is at least that, within a percent of it.
    (tmp_path / "servers.csv").write_text("server,capacity_flop_per_s,uplink_bps\ngateway,1e15,100e3\n")
    rows = [f"camera{n},{n},alexnet,5,0.2,150528\n" for n in range(4)]
    header = "task,arrival_s,profile,frame_rate_hz,deadline_s,input_bytes\n"
    (tmp_path / "tasks.csv").write_text(header + "".join(rows))
    argv = ["--network", str(tmp_path / "servers.csv"), "--tasks", str(tmp_path / "tasks.csv"), "--json"]
    assert main(["run", *argv, "--scheduler", "offline", "--out", str(tmp_path / "run.db")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["deployed"] == 2
    assert 2.5 <= said["bound"] <= 2.525
    assert said["gap"] == pytest.approx(1 - 2 / said["bound"], rel=1e-12)


def test_the_paper_s_scenario_in_numbers():
    # 550 kB a frame on average over 50 servers, five a second: 8 * 550e3 * 5 / 50 = 440 kbit/s raw at each, so
    # 1,000 tasks would send 440 Mbit/s over uplinks of 505 Mbit/s on average, of which 404 may be used.
    scenario = paper()
    tasks = scenario.inputs(0).tasks
    raw = sum(task.input_bytes * 8 * task.frame_rate_hz for task in tasks)
    # 1,000 frame sizes uniform over 900 kB: standard error 900 / sqrt(12 * 1000) kB = 8.2 kB of 550, thrice: 4.5 %
    assert raw.mean() == pytest.approx(440e6, rel=0.045)
    assert [tasks[j].arrival_s for j in (0, 1, 999)] == [0.0, 1.0, 999.0]
    assert all(math.isinf(task.lifetime_s) for task in tasks)


def test_arrivals_are_deployed_departed_rejected_or_evicted():
    # 800 bit/s, one task at a time. a: 0 to 2, departs. b: from 3, evicted by c at 4. d: too large for anybody.
    profile = Profile("one", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
    times = {"a": (0.0, 100.0, 2.0), "b": (3.0, 100.0, math.inf), "c": (4.0, 100.0, math.inf), "d": (5.0, 101.0, 1.0)}
    tasks = [Task(name, at, profile, 1.0, 1.0, [0], [size], life) for name, (at, size, life) in times.items()]
    recorder = Recorder()
    simulate(Network([1.0], [800.0]), tasks, SCHEDULERS["fifo"](), listeners=[recorder])
    assert {row["task"]: row["outcome"] for row in recorder.rows("tasks")} == {
        "a": "departed", "b": "evicted", "c": "deployed", "d": "rejected",
    }  # fmt: skip
