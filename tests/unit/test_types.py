"""What is wrong with a profile, network or task is said when it is built, with the value and what is allowed."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import sparse

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Layer, Network, Profile, Task

LAYERS = (Layer("conv1", 90, (2, 2), 8), Layer("fc2", 30, (4,), 4))


def profile(**changes):
    return Profile(**{"name": "two", "input_shape": (4, 4), "input_bytes": 16, "layers": LAYERS} | changes)


def task(**changes):
    given = {
        "name": "a",
        "arrival_s": 0.0,
        "profile": profile(),
        "frame_rate_hz": 5.0,
        "deadline_s": 0.2,
        "servers": [0, 2],
        "input_bytes": [1.0, 2.0],
    }
    return Task(**given | changes)


def test_a_profile_by_hand():
    p = profile()
    assert len(p) == 2
    assert p.ratio_by_cut.tolist() == [1.0, 0.5, 0.25]
    assert p.flop_per_byte_by_cut.tolist() == [0.0, 90 / 16, 120 / 16]
    assert p.ratio.tolist() == [0.5, 0.25]
    assert p.flop_per_byte.tolist() == [90 / 16, 120 / 16]


def test_a_task_by_hand():
    assert task().frame_bytes == 3.0
    assert task().lifetime_s == math.inf


def test_a_star_by_hand():
    network = Network([1e9, 2e9], [10e6, 20e6], usable_share=0.5)
    assert network.is_star
    assert network.servers == network.links == ("s0", "s1")
    assert network.usable_bps.tolist() == [5e6, 10e6]
    assert network.cloud_flop_per_s == math.inf


def test_routes_by_hand():
    network = Network([1e9, 2e9], [10e6], servers=["a", "b"], routes=[[1, 1]])
    assert not network.is_star
    assert (network.servers, network.links) == (("a", "b"), ("l0",))
    assert network.routes.toarray().tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: Layer("", 1, (1,), 1), "layer without a name"),
        (lambda: Layer("c", -1, (1,), 1), "layer 'c': flop is -1; allowed: 0 or more, finite"),
        (lambda: Layer("c", math.nan, (1,), 1), "layer 'c': flop is nan; allowed: 0 or more, finite"),
        (lambda: Layer("c", 1, (1,), 0), "layer 'c': output_bytes is 0; allowed: above 0, finite"),
        (lambda: Layer("c", 1, (0, 3), 1), "layer 'c': output_shape is [0, 3]; allowed: whole numbers above 0"),
        (lambda: profile(name=""), "profile without a name"),
        (lambda: profile(layers=()), "profile 'two' has no layers; allowed: 1 or more"),
        (lambda: profile(input_bytes=-16), "profile 'two': input bytes is -16; allowed: above 0, finite"),
        (lambda: task(name=""), "task without a name"),
        (lambda: task(arrival_s=-1.0), "task 'a': arrival_s is -1.0; allowed: 0 or more, finite"),
        (lambda: task(arrival_s=math.inf), "task 'a': arrival_s is inf; allowed: 0 or more, finite"),
        (lambda: task(frame_rate_hz=0.0), "task 'a': frame_rate_hz is 0.0; allowed: above 0, finite"),
        (lambda: task(deadline_s="0.2"), "task 'a': deadline_s is '0.2'; allowed: above 0, finite"),
        (lambda: task(lifetime_s=0.0), "task 'a': lifetime_s is 0.0; allowed: above 0, or empty for ever"),
        (lambda: task(lifetime_s=math.nan), "task 'a': lifetime_s is nan; allowed: above 0, or empty for ever"),
        (lambda: task(servers=[0]), "task 'a': (1,) servers for (2,) input_bytes"),
        (lambda: task(servers=[], input_bytes=[]), "task 'a': no server is fed; allowed: 1 or more"),
        (lambda: task(servers=[2, 0]), "task 'a': servers are [2, 0]; allowed: indices that rise"),
        (lambda: task(servers=[1, 1]), "task 'a': servers are [1, 1]; allowed: indices that rise"),
        (lambda: task(servers=[-1, 0]), "task 'a': servers are [-1, 0]; allowed: indices that rise"),
        (lambda: task(servers=[0.5, 1]), "task 'a': servers are [0.5, 1.0]; allowed: indices that rise"),
        (lambda: task(input_bytes=[0, 1]), "task 'a': input_bytes 0 to 1; allowed: above 0, finite"),
        (lambda: task(input_bytes=[1, math.inf]), "task 'a': input_bytes 1 to inf; allowed: above 0, finite"),
        (lambda: task(input_bytes=[1, math.nan]), "task 'a': input_bytes nan to nan; allowed: above 0, finite"),
        (lambda: Network([], []), "a network without servers; allowed: 1 or more"),
        (lambda: Network([[1.0]], [1.0]), "capacities and links have one axis"),
        (lambda: Network([0.0], [1.0]), "s0: capacity_flop_per_s is 0.0; allowed: above 0, finite"),
        (lambda: Network([1.0], [math.nan]), "s0: link_bps is nan; allowed: above 0, finite"),
        (lambda: Network([1.0], [1.0, 2.0]), "2 values of link_bps for 1 names"),
        (lambda: Network([1.0, 1.0], [1.0, 1.0], servers=["a", "a"]), "duplicate name among capacity_flop_per_s"),
        (lambda: Network([1.0], [1.0], usable_share=0.0), "usable_share is 0.0; allowed: above 0, at most 1"),
        (lambda: Network([1.0], [1.0], usable_share=1.1), "usable_share is 1.1; allowed: above 0, at most 1"),
        (lambda: Network([1.0], [1.0], cloud_flop_per_s=0.0), "cloud_flop_per_s is 0.0; allowed: above 0"),
        (lambda: Network([1.0], [1.0], routes=[[1, 1]]), "routes is (1, 2), not (1, 1) (links, servers)"),
        (lambda: Network([1.0], [1.0], routes=[[2]]), "routes holds 0 and 1 only"),
        (
            lambda: Network([1.0], [1.0], reservation_margin=-0.1),
            "reservation_margin is -0.1; allowed: 0 or more, finite",
        ),
    ],
)
def test_a_fault_is_one_line_with_the_value_and_what_is_allowed(build, message):
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value) == message


def test_a_misspelt_reservation_gets_the_near_name():
    with pytest.raises(UnknownNameError, match="unknown reservation 'deadlin'; did you mean 'deadline'"):
        Network([1.0], [1.0], reservation="deadlin")


def test_numbers_of_numpy_are_numbers():
    built = task(frame_rate_hz=np.int64(5), deadline_s=np.float32(0.25), servers=np.array([0, 2], dtype=np.uint8))
    assert (built.frame_rate_hz, built.deadline_s, built.servers.tolist()) == (5, 0.25, [0, 2])


def test_sparse_routes_are_taken_as_they_mean():
    """A zero that is stored is a zero, and the caller's matrix is not the network's."""
    given = sparse.coo_array(([1.0, 0.0], ([0, 0], [0, 1])), shape=(1, 2))
    assert Network([1.0, 1.0], [1.0], routes=given).routes.nnz == 1
    twice = sparse.csr_array(([1.0, 1.0], [0, 0], [0, 2]), shape=(1, 1))
    with pytest.raises(InputError, match="routes holds 0 and 1 only"):
        Network([1.0], [1.0], routes=twice)
    shared = sparse.csr_array([[1.0]])
    network = Network([1.0], [1.0], routes=shared)
    shared.data[0] = 7.0
    assert network.routes.data.tolist() == [1.0]


def test_the_arrays_of_the_caller_stay_the_callers():
    sizes = np.array([1.0, 2.0])
    built = task(input_bytes=sizes)
    sizes[0] = 9.0
    assert built.input_bytes.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("again", [lambda x: x, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_nothing_can_be_changed_nor_in_copies(again):
    network, built, shape = again(Network([1.0], [1.0])), again(task()), again(profile())
    for array in (
        network.capacity_flop_per_s,
        network.link_bps,
        network.usable_bps,
        built.servers,
        built.input_bytes,
        shape.ratio_by_cut,
        shape.flop_per_byte,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    for thing, name in ((network, "usable_share"), (built, "deadline_s"), (shape, "name"), (LAYERS[0], "flop")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, 1)
