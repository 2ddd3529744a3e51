"""Frames followed by hand. Every number expected is a literal with its derivation above it."""

import numpy as np
import pytest

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.frames.reference.simulation import FrameSimulation
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT, LOST
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task


def stream(name, *, flop=0.0, deadline_s=1.0, end_s=np.inf, ending="deployed", rest_flop=0.0, cut=1):
    """One byte a frame, which reserves 8 bit / `deadline_s`; `flop` at the edge, `rest_flop` in the cloud."""
    layers = (Layer("edge", flop, (1,), 1.0), Layer("cloud", rest_flop, (1,), 1.0))
    task = Task(name, 0.0, Profile("p", (1,), 1.0, layers), 1 / deadline_s, deadline_s, [0], [1.0])
    return Span(task, cut, 0.0, end_s, ending)


def walk(spans, arrivals, *, bps=16.0, sizes=None, end_s=100.0, conditions=None, cloud=np.inf, **settings):
    """(compute wait, compute service, uplink wait, uplink service, fate) of every frame, twice over."""
    network = Network([1.0], [bps], cloud_flop_per_s=cloud)
    conditions = Conditions() if conditions is None else conditions
    frames = {}
    for name, times in arrivals.items():
        frames[name, "s0"] = (np.array(times), np.array((sizes or {}).get(name, [1.0] * len(times))))
    settings = FrameSettings(**settings)
    kept = run_frames(network, spans, settings, end_s=end_s, conditions=conditions, given=frames, keep_frames=True).kept
    mine = {}
    for index, span in enumerate(spans):
        rows = np.flatnonzero(kept.task == index)
        parts = (kept.compute_wait_s, kept.compute_service_s, kept.uplink_wait_s, kept.uplink_service_s, kept.fate)
        mine[span.task.name] = [tuple(float(part[row]) for part in parts) for row in rows]
    reference = FrameSimulation(network, spans, settings, frames, end_s=end_s, conditions=conditions).run()
    for (name, _), others in reference.items():
        for row, f in zip(mine[name], others, strict=True):
            theirs = (f.compute_wait_s, f.compute_service_s, f.uplink_wait_s, f.uplink_service_s)
            assert row[4] == f.fate and (f.fate == IN_FLIGHT or row[:4] == pytest.approx(theirs))
    return mine


def test_frames_queue_for_compute_and_then_for_their_slice():
    # Compute 1 s, slice 2 s. First: 0 to 1, 1 to 3. Second, at 0.5: computes 1 to 2, sends 3 to 5.
    rows = walk([stream("a", flop=1.0, deadline_s=2.0)], {"a": [0.0, 0.5]})
    assert rows["a"] == [(0.0, 1.0, 0.0, 2.0, DELIVERED), (0.5, 1.0, 1.0, 2.0, DELIVERED)]


def test_frames_of_one_instant_go_in_task_order():
    # Both at 0, compute 1 s each: a first, whatever the names.
    rows = walk([stream("z", flop=1.0), stream("a", flop=1.0)], {"z": [0.0], "a": [0.0]})
    assert rows == {"z": [(0.0, 1.0, 0.0, 1.0, DELIVERED)], "a": [(1.0, 1.0, 0.0, 1.0, DELIVERED)]}


def test_twice_the_size_takes_twice_as_long_everywhere():
    # 2 x 1 s of compute, 2 x 1 s of slice
    rows = walk([stream("a", flop=1.0)], {"a": [0.0]}, sizes={"a": [2.0]})
    assert rows["a"] == [(0.0, 2.0, 0.0, 2.0, DELIVERED)]


def test_a_frame_without_edge_layers_passes_a_busy_computer():
    # a computes from 0 to 5; b, at 1, computes nothing and sends from 1 to 2.
    rows = walk([stream("a", flop=5.0), stream("b", flop=3.0, cut=0)], {"a": [0.0], "b": [1.0]})
    assert rows["b"] == [(0.0, 0.0, 0.0, 1.0, DELIVERED)]


def test_slices_slow_down_with_the_link():
    # One slice of 8 bit/s; the link falls to 4 bit/s at 1 s, half of what is reserved.
    # A frame at 0.5 has sent half by 1 s; the other half takes 0.5 / 0.5 = 1 s: 1.5 s in all.
    conditions = Conditions(capacity_bps={"s0": Steps([0.0, 1.0], [16.0, 4.0])})
    rows = walk([stream("a")], {"a": [0.5]}, conditions=conditions)
    assert rows["a"] == [(0.0, 0.0, 0.0, 1.5, DELIVERED)]


def test_interaction_traffic_goes_first():
    # 16 bit/s less 12 of load leaves 4 for a slice of 8: half speed, 2 s.
    conditions = Conditions(load_bps={"s0": Steps([0.0], [12.0])})
    assert walk([stream("a")], {"a": [0.0]}, conditions=conditions)["a"] == [(0.0, 0.0, 0.0, 2.0, DELIVERED)]


def test_a_draining_frame_profits_from_what_its_task_no_longer_holds():
    # a and b hold 8 bit/s each of a link that carries 8: half speed. a ends at 1 s: reserved 8, full speed.
    # Its frame, sent from 0 on, has half left at 1 s: done at 1.5.
    conditions = Conditions(capacity_bps={"s0": Steps([0.0], [8.0])})
    rows = walk([stream("a", end_s=1.0, ending="evicted"), stream("b")], {"a": [0.0], "b": []}, conditions=conditions)
    assert rows["a"] == [(0.0, 0.0, 0.0, 1.5, DELIVERED)]


def test_a_link_that_is_down_holds_its_frames_or_loses_them():
    # Down from 1 to 3. Sent from 0.5 on: half is left at 1, done at 3.5. The one at 2 starts at 3.5.
    conditions = Conditions(link_outages={"s0": [(1.0, 3.0)]})
    held = walk([stream("a")], {"a": [0.5, 2.0, 3.0]}, conditions=conditions)["a"]
    assert held == [(0.0, 0.0, 0.0, 3.0, DELIVERED), (0.0, 0.0, 1.5, 1.0, DELIVERED), (0.0, 0.0, 1.5, 1.0, DELIVERED)]
    # Lost: the first after half a second of sending, the second as it comes. The third finds the link up.
    lost = walk([stream("a")], {"a": [0.5, 2.0, 3.0]}, conditions=conditions, on_outage="drop")["a"]
    assert lost == [(0.0, 0.0, 0.0, 0.5, LOST), (0.0, 0.0, 0.0, 0.0, LOST), (0.0, 0.0, 0.0, 1.0, DELIVERED)]


@pytest.mark.parametrize("how", ["trace", "load", "part of both", "outage"])
def test_a_link_without_any_capacity_is_down_whatever_takes_it(how):
    bps = 16.0  # of the link
    at = [0.0, 1.0, 3.0]
    conditions = {
        "trace": Conditions(capacity_bps={"s0": Steps(at, [bps, 0.0, bps])}),
        "load": Conditions(load_bps={"s0": Steps(at, [0.0, 2 * bps, 0.0])}),
        "part of both": Conditions({"s0": Steps(at, [bps, bps / 2, bps])}, {"s0": Steps(at, [0.0, bps / 2, 0.0])}),
        "outage": Conditions(link_outages={"s0": [(1.0, 3.0)]}),
    }[how]
    lost = walk([stream("a")], {"a": [0.5, 2.0, 3.0]}, conditions=conditions, on_outage="drop")["a"]
    assert lost == [(0.0, 0.0, 0.0, 0.5, LOST), (0.0, 0.0, 0.0, 0.0, LOST), (0.0, 0.0, 0.0, 1.0, DELIVERED)]


def test_a_server_that_is_down_holds_its_frames_or_loses_them():
    # Compute 2 s, down from 1 to 4: the first does 1 s before and 1 s after, 0 to 5; the second waits from 0.5 to 5.
    conditions = Conditions(server_outages={"s0": [(1.0, 4.0)]})
    held = walk([stream("a", flop=2.0)], {"a": [0.0, 0.5]}, conditions=conditions)["a"]
    assert held == [(0.0, 5.0, 0.0, 1.0, DELIVERED), (4.5, 2.0, 0.0, 1.0, DELIVERED)]
    lost = walk([stream("a", flop=2.0)], {"a": [0.0, 0.5]}, conditions=conditions, on_outage="drop")["a"]
    assert lost == [(0.0, 1.0, 0.0, 0.0, LOST), (0.5, 0.0, 0.0, 0.0, LOST)]


def test_the_frames_of_an_evicted_task_are_lost_where_they_are():
    # a ends at 3.5. Compute 1 s, slice 2 s. First: computes 0 to 1, sends 1 to 3: delivered. Second, at 0.5:
    # computes 1 to 2, sends from 3: 0.5 s of it. Third, at 3: 0.5 s of compute.
    # b comes at 3 too: it computes from 3.5, when a's frame is gone, to 4.5.
    spans = [stream("a", flop=1.0, deadline_s=2.0, end_s=3.5, ending="evicted"), stream("b", flop=1.0)]
    rows = walk(spans, {"a": [0.0, 0.5, 3.0], "b": [3.0]}, on_end="drop")
    assert rows["a"] == [(0.0, 1.0, 0.0, 2.0, DELIVERED), (0.5, 1.0, 1.0, 0.5, LOST), (0.0, 0.5, 0.0, 0.0, LOST)]
    assert rows["b"] == [(0.5, 1.0, 0.0, 1.0, DELIVERED)]


def test_a_task_emits_from_its_deployment_included_to_its_end_excluded():
    rows = walk([stream("a", end_s=2.0, ending="departed")], {"a": [0.0, 1.0, 2.0]})
    assert len(rows["a"]) == 2


def test_what_is_not_done_at_the_end_is_in_flight():
    # Sent from 0 to 1, then 2 s in the cloud: done at 3. At 2.9 it is on its way, at 3 it is there.
    spans = [stream("a", rest_flop=4.0)]
    assert walk(spans, {"a": [0.0]}, cloud=2.0, end_s=2.9)["a"][0][4] == IN_FLIGHT
    assert walk(spans, {"a": [0.0]}, cloud=2.0, end_s=3.0)["a"][0][4] == DELIVERED


def test_busy_slices_share_a_link_fairly():
    # Two slices of 8 bit/s on 16: one alone sends at twice its rate. a at 0: half sent by 0.25. Then b comes
    # and both send at their rate: a is done at 0.75, and b, half sent by then, alone again at 1.0.
    rows = walk([stream("a"), stream("b")], {"a": [0.0], "b": [0.25]}, sharing="fair")
    assert rows == {"a": [(0.0, 0.0, 0.0, 0.75, DELIVERED)], "b": [(0.0, 0.0, 0.0, 0.75, DELIVERED)]}


def test_fair_shares_are_in_proportion_to_reservations():
    # 16 and 8 bit/s on 24: a's frame (8 bit at 16 bit/s) is done at 0.5. b has sent 4 bit by then, and sends
    # the other 4 at 24 bit/s: done at 0.5 + 1/6.
    rows = walk([stream("a", deadline_s=0.5), stream("b")], {"a": [0.0], "b": [0.0]}, bps=24.0, sharing="fair")
    assert rows["a"] == [(0.0, 0.0, 0.0, 0.5, DELIVERED)]
    assert rows["b"][0][3] == pytest.approx(2 / 3)


def test_throughput_of_links_and_servers_by_hand():
    # One server (1 FLOP/s), windows of 2 s, 5 s in all: three windows. a: 1 FLOP, 8 bit at 4 bit/s. b, cut 0: 0 FLOP
    # at the edge, 8 bit at 8 bit/s.
    # a at 0: computed at 1, sent 1 to 3. a at 0.5: computed at 2, sent 3 to 5. a at 3.75: computed at 4.75, never sent.
    # b at 1.5: sent at 2.5. b at 4.5: would be sent at 5.5, after the end.
    # FLOP, one a second: [0, 2): from 0 to 2; [2, 4): from 3.75; [4, 6): to 4.75.
    # bit: [0, 2): 4 of a (from 1), 4 of b (from 1.5); [2, 4): 8 of a, 4 of b (to 2.5); [4, 6): 4 of a (to 5), 4 of b
    # (from 4.5 to the end of the run).
    spans = [stream("a", flop=1.0, deadline_s=2.0), stream("b", flop=7.0, cut=0)]
    frames = {
        ("a", "s0"): (np.array([0.0, 0.5, 3.75]), np.ones(3)),
        ("b", "s0"): (np.array([1.5, 4.5]), np.ones(2)),
    }
    network, settings = Network([1.0], [16.0]), FrameSettings(series_s=2.0)
    series = run_frames(network, spans, settings, end_s=5.0, given=frames).series_by
    assert list(series) == ["time_s", "resource", "resource_name", "done_flop_per_s", "done_bps"]
    assert series["time_s"].tolist() == [0.0, 0.0, 2.0, 2.0, 4.0, 4.0]
    assert series["resource"].tolist() == ["link", "server"] * 3
    assert series["resource_name"].tolist() == ["s0", "s0"] * 3
    assert series["done_flop_per_s"].tolist() == [None, 1.0, None, 0.125, None, 0.375]
    assert series["done_bps"].tolist() == [4.0, None, 6.0, None, 4.0, None]
    assert run_frames(network, spans, FrameSettings(), end_s=5.0, given=frames).series_by == {}


@pytest.mark.parametrize("sharing", ["reserved", "fair"])
def test_no_window_shows_more_than_a_resource_can_do(sharing):
    # 1.4 s of compute and of the slice, one after the other without a break: busy from 0 on and from 1.4 on, in windows
    # of 0.5 s. The run ends in the middle of the fifth frame; links are idle until 1.4.
    network, settings = Network([1.0], [8 / 1.4]), FrameSettings(series_s=0.5, sharing=sharing)
    frames = {("a", "s0"): (np.zeros(8), np.ones(8))}
    spans = [stream("a", flop=1.4, deadline_s=1.4)]
    series = run_frames(network, spans, settings, end_s=6.5, given=frames).series_by
    server = series["resource"] == "server"
    assert series["done_flop_per_s"][server].tolist() == pytest.approx([1.0] * 13)
    assert (series["done_bps"][~server] * 1.4 / 8).tolist() == pytest.approx([0.0, 0.0, 0.2, *[1.0] * 10])


def test_a_frame_done_at_the_instant_its_task_ends_is_done_whatever_the_unit():
    # Three frames of 0.1 s each are sent from 0 to 0.3, when the task ends: 0.1 + 0.1 + 0.1 is an ulp more than 0.3.
    # A fourth would be sent from then on: lost. Likewise where the link goes down, and where the run ends.
    every = [0.0, 0.0, 0.0, 0.0]
    for sharing in ("reserved", "fair"):
        ends = stream("a", deadline_s=0.1, end_s=0.3, ending="departed")
        rows = walk([ends], {"a": every}, bps=80.0, sharing=sharing, on_end="drop")["a"]
        assert [row[4] for row in rows] == [DELIVERED] * 3 + [LOST]
        down = Conditions(link_outages={"s0": [(0.3, 1.0)]})
        rows = walk(
            [stream("a", deadline_s=0.1)], {"a": every}, bps=80.0, conditions=down, sharing=sharing, on_outage="drop"
        )
        assert [row[4] for row in rows["a"]] == [DELIVERED] * 3 + [LOST]
        rows = walk([stream("a", deadline_s=0.1)], {"a": every}, bps=80.0, end_s=0.3, sharing=sharing)["a"]
        assert [row[4] for row in rows] == [DELIVERED] * 3 + [IN_FLIGHT]


def test_a_shared_link_carries_the_bits_of_all_its_servers():
    # Two servers on one link, a frame of 8 bit each in the first second and one more of the second server in the third.
    layers = (Layer("edge", 0.0, (1,), 1.0),)
    task = Task("a", 0.0, Profile("p", (1,), 1.0, layers), 2.0, 0.5, [0, 1], [1.0, 1.0])
    network = Network([1.0, 1.0], [64.0], routes=[[1, 1]])
    frames = {("a", "s0"): (np.array([0.0]), np.ones(1)), ("a", "s1"): (np.array([0.25, 2.0]), np.ones(2))}
    series = run_frames(network, [Span(task, 1, 0.0)], FrameSettings(series_s=1.0), end_s=3.0, given=frames).series_by
    link = series["resource"] == "link"
    assert series["done_bps"][link].tolist() == [16.0, 0.0, 8.0]


def table(task, seconds, reservation="sustained", **settings):
    network = Network([290e9], [1e9], reservation=reservation)
    return run_frames(network, [Span(task, 1, 0.0)], FrameSettings(**settings), end_s=seconds).table


@pytest.mark.parametrize("arrivals", ["periodic"])
def test_a_constant_stream_at_the_paper_s_rate_meets_its_deadline_for_a_day(arrivals):
    # d = 550 kB, r = 0.2, Q = 0.2 s, 5 Hz: 4.4 Mbit/s, 880,000 bit a frame: 0.2 s each, back to back for ever.
    profile = Profile("p", (550_000,), 550e3, (Layer("l", 1e6, (1,), 110e3),))
    rows = table(Task("t", 0.0, profile, 5.0, 0.2, [0], [550e3]), 86_400.0, arrivals=arrivals)
    assert rows["frames"].tolist() == [432_000]
    assert rows["violations"].tolist() == [0] and rows["unstable"].tolist() == [0]
    assert rows["transfer_mean_s"][0] == pytest.approx(0.2, rel=1e-9)
    assert rows["uplink_load"][0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("start_s", "seconds", "frames", "ulp_s"),
    [
        (0.0, 86_400.0, 8_640_000, 2.0**-36),  # 86,400 is below 2^17, and an ulp there is 2^(16 - 52)
        (1.7e9, 864.0, 86_400, 2.0**-22),  # 1.7e9 is between 2^30 and 2^31
    ],
)
@pytest.mark.parametrize("sharing", ["reserved", "fair"])
def test_a_constant_stream_without_slack_is_never_late_however_long_or_late_it_runs(
    start_s, seconds, frames, ulp_s, sharing
):
    # d = 1,000 B, r = 0.2, 100 Hz, Q = 0.01 s: 160,000 bit/s, 1,600 bit a frame: 0.01 s each, back to back for ever,
    # alone on a link of just that. Each arrival is rounded to an ulp or two, and no rounding adds to the one before.
    profile = Profile("p", (1_000,), 1e3, (Layer("l", 0.0, (1,), 200.0),))
    task = Task("t", start_s, profile, 100.0, 0.01, [0], [1e3])
    rows = run_frames(
        Network([1.0], [160e3]), [Span(task, 1, start_s)], FrameSettings(sharing=sharing), end_s=start_s + seconds
    ).table
    assert rows["frames"].tolist() == [frames] and rows["delivered"][0] >= frames - 2
    assert rows["violations"].tolist() == [0] and rows["unstable"].tolist() == [0]
    assert rows["transfer_max_s"][0] == pytest.approx(0.01, rel=1e-9, abs=4 * ulp_s)
    assert rows["transfer_mean_s"][0] == pytest.approx(0.01, rel=1e-9, abs=4 * ulp_s)


def test_the_printed_rule_collapses_once_frames_come_faster_than_the_deadline():
    # The same at 10 Hz. 4.4 Mbit/s again: frame n of 1,000 waits 0.1 n s; all but the first are late, the last
    # delivered took some 50 s. Sustained: 8.8 Mbit/s, 0.1 s each.
    profile = Profile("p", (550_000,), 550e3, (Layer("l", 1e6, (1,), 110e3),))
    task = Task("t", 0.0, profile, 10.0, 0.2, [0], [550e3])
    rows = table(task, 100.0, "deadline")
    assert rows["frames"][0] == 1000 and 498 <= rows["delivered"][0] <= 500
    assert rows["violations"][0] == rows["delivered"][0] - 1
    assert rows["transfer_max_s"][0] == pytest.approx(50.0, rel=0.01)
    assert rows["uplink_load"][0] == pytest.approx(2.0) and rows["unstable"][0] == 1
    rows = table(task, 100.0)
    assert rows["violations"][0] == 0 and rows["transfer_max_s"][0] == pytest.approx(0.1)
