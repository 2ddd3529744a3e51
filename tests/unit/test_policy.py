"""A view shows what is known, cannot be written to, and lets a scheduler try things on."""

import numpy as np
import pytest

from cutlayer.simulator.checks.histories import profile
from cutlayer.simulator.demand import Fixed, balanced, demand_of, largest_product
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, View
from cutlayer.simulator.types import Deployment, Network, Task

# 1 byte takes 8 r bit/s and l FLOP/s; cuts: raw (8, 0), 1 (8, 1), 2 (4, 4), 3 (1.6, 9)
NETWORK = Network([10.0, 10.0], [16.0, 16.0])


def task(name="a", servers=(0,), size=1.0):
    return Task(name, 0.0, profile("p", [1, 3, 5], [1.0, 0.5, 0.2]), 1.0, 1.0, servers, [size] * len(servers))


@pytest.fixture
def view():
    """One task deployed at server 0 at cut 2: free there 12 bit/s and 6 FLOP/s."""
    ledger = Ledger(NETWORK)
    ledger.reserve(demand_of(task(), NETWORK), 2)
    return View(ledger, {"a": Deployment(task(), 2, 0.0, 4.0, 4.0)}, now_s=3.0)


def test_a_view_by_hand(view):
    assert view.free_bps.tolist() == [12.0, 16.0]
    assert view.free_flop_per_s.tolist() == [6.0, 10.0]
    assert (view.now_s, list(view.deployed), view.network, view.past) == (3.0, ["a"], NETWORK, ())


def test_candidates_and_what_fits_by_hand(view):
    new = task("b")
    assert view.fitting(new) == [1, 2]  # cut 3 needs 9 of 6 FLOP/s
    assert [view.fits(new, cut) for cut in range(4)] == [True, True, True, False]
    # shares: max(8/12, 1/6), max(4/12, 4/6), max(1.6/12, 9/6): 1 and 2 tie at 2/3
    assert view.candidates(new, balanced) == [1, 2, 3]
    # r l: 1, 2, 1.8
    assert view.candidates(new, largest_product) == [2, 3, 1]
    assert view.candidates(new, Fixed(7)) == [3]
    assert view.first_fit(new, largest_product) == 2
    assert view.first_fit(new, Fixed(3)) is None
    assert view.first_fit(new, lambda demand, room: np.array([0, 2])) == 2
    assert type(view.first_fit(new, balanced)) is int


def test_raw_input_is_offered_where_the_network_allows_it():
    network = Network([10.0, 10.0], [16.0, 16.0], allow_raw=True)
    view, new = View(Ledger(network), {}), task("b")
    assert view.fitting(new) == [0, 1, 2, 3]
    # shares: 8/16; max(8/16, 1/10); max(4/16, 4/10); 9/10
    assert view.candidates(new, balanced) == [2, 0, 1, 3]
    assert view.candidates(new, largest_product) == [2, 3, 1, 0]


def test_a_view_cannot_be_written_to(view):
    with pytest.raises(ValueError, match="read-only"):
        view.free_bps[0] = 1e9
    with pytest.raises(TypeError):
        view.deployed["b"] = None
    with pytest.raises(AttributeError):
        view.future = []


def test_without_and_empty_are_views_of_their_own(view):
    assert view.without("a").free_bps.tolist() == [16.0, 16.0]
    assert list(view.without("a").deployed) == []
    assert view.empty().free_flop_per_s.tolist() == [10.0, 10.0]
    assert (view.empty().now_s, view.empty().first_fit(task("b"), Fixed(3))) == (3.0, 3)
    assert (view.free_bps.tolist(), list(view.deployed)) == ([12.0, 16.0], ["a"])


def test_two_tasks_of_one_name_are_not_mixed_up(view):
    assert view.demand(task("b", size=1.0)).bps(0).tolist() == [8.0]
    assert view.demand(task("b", size=2.0)).bps(0).tolist() == [16.0]


def test_decisions_are_values():
    assert Deploy(1, ["a"]) == Deploy(1, ("a",))
    assert Reject("full") == Reject("full", None)


def test_the_bases_answer_nothing(view):
    with pytest.raises(NotImplementedError):
        OnlineScheduler().decide(task(), view)
    with pytest.raises(NotImplementedError):
        OfflineScheduler().plan([], NETWORK)
    OnlineScheduler().on_departure(view.deployed["a"], view)
