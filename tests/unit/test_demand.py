"""Cut rules by name, and where a task lands."""

import numpy as np
import pytest

from cutlayer.simulator.checks.histories import profile
from cutlayer.simulator.demand import (
    CUT_RULES,
    Fixed,
    Room,
    balanced,
    cut_rule,
    demand_of,
    fitting,
    largest_product,
    room,
)
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Network, Task


def task(servers=(0,), sizes=(1.0,), output_bytes=(1.0, 0.5)):
    return Task("a", 0.0, profile("p", [1.0] * len(output_bytes), output_bytes), 1.0, 1.0, servers, sizes)


def test_rules_have_names():
    assert cut_rule("balanced") is balanced
    assert cut_rule("largest-product") is largest_product
    assert cut_rule("fixed(3)") == Fixed(3)
    assert set(CUT_RULES) == {"balanced", "largest-product"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("balancd", "unknown cut rule 'balancd'; did you mean 'balanced'?"),
        ("fixed", r"unknown cut rule 'fixed'; did you mean 'fixed(1)'?"),
        ("fixed(-1)", r"unknown cut rule 'fixed(-1)'; did you mean 'fixed(1)'?"),
    ],
)
def test_a_misspelt_rule_gets_the_near_name(text, message):
    with pytest.raises(UnknownNameError) as caught:
        cut_rule(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("cut", [0, -1, 2.5, "2", None])
def test_a_fixed_cut_is_a_whole_number_from_1(cut):
    with pytest.raises(InputError, match=r"cut is .*; allowed: a whole number, 1 or more"):
        Fixed(cut)
    with pytest.raises(InputError, match="cut is 0"):
        cut_rule("fixed(0)")


def test_a_server_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="task 'a' is fed at server 1 of a network of 1"):
        demand_of(task([0, 1], [1.0, 1.0]), Network([1.0], [1.0]))


def test_a_task_lands_where_it_is_fed():
    star = Network([1.0] * 3, [1.0] * 3)
    assert demand_of(task([0, 2], [1.0, 2.0]), star).servers.tolist() == [0, 2]
    assert demand_of(task([0, 1, 2], [1.0, 2.0, 3.0]), star).servers == slice(None)


def test_links_add_up_what_crosses_them():
    shared = Network([1.0] * 3, [1.0] * 3, routes=[[1, 1, 1], [0, 1, 0], [0, 0, 1]])
    demand = demand_of(task([0, 1], [1.0, 2.0]), shared)
    assert demand.links.tolist() == [0, 1]  # nothing of it crosses link 2
    assert demand.link_bytes.tolist() == [3.0, 2.0]


def test_room_is_the_tightest_place():
    demand = demand_of(task([0, 1], [1.0, 2.0]), Network([1.0] * 2, [1.0] * 2))
    assert room(demand, np.array([10.0, 16.0]), np.array([3.0, 8.0])) == Room(8.0, 3.0)


def test_what_needs_all_of_it_fits():
    demand = demand_of(task(), Network([1.0], [8.0]))  # cut 1: 8 bit/s, 1 FLOP/s; cut 2: 4, 2
    assert fitting(demand, Room(8.0, 1.0)).tolist() == [True, True, False]
    assert fitting(demand, Room(np.nextafter(8.0, 0), 2.0)).tolist() == [False, False, True]
