"""The product gives the numbers worked out by hand in `numbers.py`; none of them is computed here.

Nothing of `cutlayer.simulator.demand` is imported: what a cut takes is read off what runs, ledgers and tables say.
"""

import ast
import importlib.util
import math
from pathlib import Path

import pytest

from cutlayer.profiles.store import shipped
from cutlayer.simulator.bounds.bounds import Prices, dual_bound
from cutlayer.simulator.engine import Simulation, simulate
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import View
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile, Task

# by its path, since the standard library has a module of that name
_spec = importlib.util.spec_from_file_location("worked_numbers", Path(__file__).parent / "numbers.py")
worked = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worked)

LATER = {"threshold_ratio": "a statement about the optimum of the worst case, which no single run shows"}
"""Numbers that no test here checks, and what they wait for."""


def by_hand(name):
    """Return a number worked out by hand."""
    return worked.NUMBERS[name][0]


def nearly(name):
    return pytest.approx(by_hand(name), rel=1e-12)


def profile(*cuts):
    """A profile of one byte from the ratio and the FLOP/byte up to every cut."""
    layers, before = [], 0.0
    for k, (ratio, flop_per_byte) in enumerate(cuts, start=1):
        layers.append(Layer(f"layer{k}", flop_per_byte - before, (1,), ratio))
        before = flop_per_byte
    return Profile("p", (1,), 1.0, tuple(layers))


def task(name="a", cuts=((0.2, 1_000.0),), *, f=5.0, q=0.2, d=(550e3,), at=None, shape=None):
    servers = range(len(d)) if at is None else at
    return Task(name, 0.0, shape or profile(*cuts), f, q, list(servers), list(d))


def row_of(one, network=None, **changes):
    """Return the row of ``tasks`` of a task deployed alone at cut 1, with room to spare."""
    recorder = Recorder()
    network = network or Network([1e15], [1e15], **changes)
    simulate(network, [one], SCHEDULERS["fixed"](cut=1), listeners=[recorder])
    (row,) = recorder.rows("tasks")
    assert row["outcome"] == "deployed"
    return row


def deployed_of(one, network, copies=200):
    """Return how many of so many equal tasks are deployed at cut 1."""
    tasks = [
        task(f"t{j}", d=one.input_bytes, f=one.frame_rate_hz, q=one.deadline_s, shape=one.profile)
        for j in range(copies)
    ]
    return len(simulate(network, tasks, SCHEDULERS["fixed"](cut=1)).deployed)


# AlexNet ----------------------------------------------------------------------------------------------------


def test_alexnet_conv1_on_a_video_frame():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from cutlayer import models

    convolution = models.build("alexnet").layers.conv1[0].to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = convolution(torch.empty(1, 3, 360, 540, device="meta"))
    assert output.shape[3] == by_hand("alexnet_conv1_width_of_540")
    assert output.shape[2] == by_hand("alexnet_conv1_height_of_360")
    assert output[0, 0].numel() == by_hand("alexnet_conv1_channel_of_540x360")
    assert counter.get_total_flops() == by_hand("alexnet_conv1_flop_of_540x360")


@pytest.mark.parametrize("f, name", [(1, "alexnet_conv1_channel_at_1_hz"), (24, "alexnet_conv1_channel_at_24_hz")])
def test_a_channel_of_conv1_on_the_uplink(f, name):
    frame = 540 * 360 * 3
    one_channel = Profile("channel", (3, 360, 540), frame, (Layer("conv1", 1, (134, 89), 11_926),))
    row = row_of(task(shape=one_channel, d=[frame], f=float(f), q=1.0))
    assert row["reserved_bps"] == nearly(name)


def test_alexnet_as_shipped():
    alexnet = shipped()["alexnet"]
    conv1, fc6 = alexnet.layers[0], alexnet.layers[5]
    assert (conv1.name, fc6.name) == ("conv1", "fc6")
    assert alexnet.input_bytes == by_hand("alexnet_input")
    assert conv1.flop == by_hand("alexnet_conv1_flop")
    assert conv1.output_bytes == by_hand("alexnet_conv1_output")
    assert alexnet.ratio[0] == nearly("alexnet_conv1_ratio")
    assert alexnet.flop_per_byte[0] == nearly("alexnet_conv1_flop_per_byte")
    assert fc6.flop == by_hand("alexnet_fc6_flop")


def test_alexnet_on_a_server():
    one = task(shape=shipped()["alexnet"], d=[150_528], f=24.0)
    assert row_of(one)["reserved_flop_per_s"] == nearly("alexnet_conv1_compute_at_24_hz")
    server = Network([290e9], [1e15])
    assert deployed_of(one, server) == by_hand("alexnet_conv1_at_24_hz_on_290_gflop_per_s")


# What a cut takes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, f, changes",
    [
        ("bandwidth_at_5_hz_sustained", 5.0, {}),
        ("bandwidth_at_5_hz_deadline", 5.0, {"reservation": "deadline"}),
        ("bandwidth_at_10_hz_sustained", 10.0, {}),
        ("bandwidth_at_10_hz_deadline", 10.0, {"reservation": "deadline"}),
        ("bandwidth_at_1_hz_sustained", 1.0, {}),
        ("bandwidth_at_5_hz_with_margin_0_25", 5.0, {"reservation_margin": 0.25}),
    ],
)
def test_bandwidth(name, f, changes):
    assert row_of(task(f=f), **changes)["reserved_bps"] == nearly(name)


@pytest.mark.parametrize(
    "name, f, changes",
    [
        ("frame_at_4_4_mbit_per_s", 5.0, {}),
        ("frame_at_8_8_mbit_per_s", 10.0, {}),
        ("frame_at_5_5_mbit_per_s", 5.0, {"reservation_margin": 0.25}),
    ],
)
def test_a_frame_alone_in_its_slice(name, f, changes):
    assert row_of(task(f=f), **changes)["transfer_s"] == nearly(name)


def test_bandwidth_of_the_raw_input():
    outcome = simulate(Network([1.0], [1e9]), [task()], SCHEDULERS["cloud"]())
    assert outcome.deployed["a"].reserved_bps == nearly("bandwidth_of_cut_0_at_5_hz")
    assert row_of(task())["raw_bps"] == nearly("bandwidth_of_cut_0_at_5_hz")


@pytest.mark.parametrize("name, f", [("compute_at_5_hz", 5.0), ("compute_at_10_hz", 10.0)])
@pytest.mark.parametrize("changes", [{}, {"reservation": "deadline"}, {"reservation_margin": 0.25}])
def test_compute(name, f, changes):
    assert row_of(task(f=f), **changes)["reserved_flop_per_s"] == nearly(name)
    assert row_of(task(f=f, q=0.01), **changes)["reserved_flop_per_s"] == nearly(name)


def test_edge_time_of_a_frame():
    one = task()
    frame_flop = one.profile.flop_per_byte[0] * one.frame_bytes
    assert frame_flop / 290e9 == nearly("edge_time_of_a_frame")


def test_how_many_fit():
    link = Network([1e15], [100e6], usable_share=0.8)
    assert deployed_of(task(), link) == by_hand("tasks_of_4_4_mbit_per_s_in_80")
    server = Network([290e9], [1e15])
    assert deployed_of(task(), server) == by_hand("tasks_of_2_75_gflop_per_s_in_290")


# The two passes ---------------------------------------------------------------------------------------------

PAIR = {"d": (1e5, 2e5)}
STAR = Network([1e9, 4e9], [8e6, 12e6])
SHARED = Network([1e9, 4e9], [15e6], routes=[[1, 1]])


def cut_1_fits(ratio, flop_per_byte, network=STAR):
    return 1 in View(Ledger(network), {}).fitting(task(cuts=[(ratio, flop_per_byte)], **PAIR))


def test_room():
    def room_in(network):
        ledger = Ledger(network)
        return ledger.room(View(ledger, {}).demand(task(**PAIR)))

    assert room_in(STAR).bps == nearly("bottleneck_bandwidth_star")
    assert room_in(STAR).flop_per_s == nearly("bottleneck_compute_star")
    assert room_in(SHARED).bps == nearly("bottleneck_bandwidth_shared_link")


def test_the_largest_cut_that_fits():
    ratio, flop_per_byte = by_hand("largest_ratio_that_fits"), by_hand("largest_flop_per_byte_that_fits")
    assert cut_1_fits(ratio, flop_per_byte)
    assert not cut_1_fits(ratio * (1 + 1e-8), flop_per_byte)
    assert not cut_1_fits(ratio, flop_per_byte * (1 + 1e-8))


def test_the_bottleneck_share():
    simulation = Simulation(STAR, [task(cuts=[(0.75, 800.0)], **PAIR)], SCHEDULERS["fixed"](cut=1))
    simulation.run()
    shares = [*(1 - simulation.ledger.free_bps / STAR.usable_bps)]
    shares += [*(1 - simulation.ledger.free_flop_per_s / STAR.capacity_flop_per_s)]
    assert max(shares) == nearly("bottleneck_share")
    assert max(shares) in shares[:2], "a link"


# Threshold --------------------------------------------------------------------------------------------------

LEAST, MOST = 1e6, math.e**2 * 1e6


def admitted(bps, used_share):
    """Whether a task that needs so much bandwidth is admitted at that used share of compute."""
    capacity = 1e9

    def asks(name, bps, flop_per_s=0.0):
        size = bps / 8  # one frame a second, deadline of one second
        return task(name, [(1.0, flop_per_s / size)], f=1.0, q=1.0, d=[size])

    # the first three come while compute is idle, so all are in; they set Bmin, Bmax and z
    tasks = [asks("least", LEAST), asks("most", MOST), asks("fills", LEAST, used_share * capacity), asks("asks", bps)]
    outcome = simulate(Network([capacity], [1e12]), tasks, SCHEDULERS["threshold"]())
    assert {"least", "most", "fills"} <= set(outcome.deployed)
    return "asks" in outcome.deployed


def test_phi_when_idle_admits_whatever_was_seen():
    assert by_hand("phi_at_0") > MOST
    assert admitted(MOST, 1e-9)


def test_phi_at_a_third_is_the_largest_seen():
    phi = by_hand("phi_at_1_3")
    assert admitted(phi * (1 - 1e-9), 1 / 3)
    assert admitted(phi, 1 / 3 - 1e-6)
    assert not admitted(phi, 1 / 3 + 1e-6)


@pytest.mark.parametrize("name, used_share", [("phi_at_2_3", 2 / 3), ("phi_at_1", 1.0)])
def test_phi_is_where_admission_ends(name, used_share):
    phi = by_hand(name)
    assert not admitted(phi * (1 + 1e-6), used_share)
    assert admitted(phi * (1 + 1e-6), used_share - 1e-6)
    assert admitted(phi * (1 - 1e-9), used_share) or name == "phi_at_1"  # which is Bmin: nothing is below


# One task alone ---------------------------------------------------------------------------------------------


def test_the_latency_of_a_cut_alone():
    from cutlayer.simulator.schedulers.neurosurgeon import latency_s

    one = task(cuts=[(0.5, 1_000.0), (0.25, 5_000.0)], d=[100e3])
    network = Network([1e9], [8e6], cloud_flop_per_s=10e9)
    names = ("latency_of_cut_0", "latency_of_cut_1", "latency_of_cut_2")
    assert latency_s(one, network).tolist() == [nearly(name) for name in names]


# Bounds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, link, server",
    [
        ("bound_at_link_price_1", 1.0, 0.0),
        ("bound_at_prices_0_5_and_0_4", 0.5, 0.4),
        ("bound_at_the_best_prices", 1 / 0.6, 0.0),
    ],
)
def test_any_prices_bound_how_many_can_be_deployed(name, link, server):
    # 0.6 of a link of 1,000 bit/s is 600: 75 bytes at one frame and a deadline of a second; 0.25 of the compute
    two = [task(f"t{j}", [(1.0, 1.0)], f=1.0, q=1.0, d=[75.0]) for j in range(2)]
    network = Network([300.0], [1000.0])
    bound = dual_bound(two, network, Prices([link], [server]), first_cut=1)
    assert by_hand(name) <= bound <= by_hand(name) * (1 + 3e-9)  # the ledger's slack is in the bound


# All of them ------------------------------------------------------------------------------------------------


def test_every_number_is_checked_or_waits_for_something():
    # read off this file, so that it holds whichever tests run, and in whichever process
    texts = [node.value for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Constant)]
    named = [text for text in texts if isinstance(text, str) and text in worked.NUMBERS]
    assert set(named) == set(worked.NUMBERS)
    assert [name for name in LATER if named.count(name) > 1] == [], "checked: take it off the list"
