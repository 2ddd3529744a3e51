"""What the ledger says when it refuses; its sums are tested in tests/property."""

import pytest

from cutlayer.simulator.checks.histories import profile
from cutlayer.simulator.demand import demand_of
from cutlayer.simulator.errors import CapacityError
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.types import Network, Task

NETWORK = Network([10.0, 10.0], [16.0, 16.0], servers=["north", "south"])


def demand(name="a", size=1.0, servers=(0,)):
    """One byte takes 8 bit/s and 1 FLOP/s at cut 1."""
    return demand_of(Task(name, 0.0, profile("p", [1.0], [1.0]), 1.0, 1.0, servers, [size] * len(servers)), NETWORK)


def test_a_reservation_by_hand():
    ledger = Ledger(NETWORK)
    ledger.reserve(demand(), 1)
    assert ledger.free_bps.tolist() == [8.0, 16.0]
    assert ledger.free_flop_per_s.tolist() == [9.0, 10.0]
    held, cut = ledger.holding("a")
    assert (held.task.name, cut) == ("a", 1)
    ledger.release("a")
    assert ledger.holding("a") is None
    assert ledger.free_bps.tolist() == [16.0, 16.0]


def test_what_does_not_fit_is_refused_with_task_place_need_and_free():
    ledger = Ledger(NETWORK)
    ledger.reserve(demand(), 1)
    with pytest.raises(CapacityError) as caught:
        ledger.reserve(demand("b", 2.0), 1)
    assert str(caught.value) == "task 'b' at cut 1: link 'north' needs 16 bit/s, free 8 bit/s"


def test_all_servers_or_none():
    ledger = Ledger(NETWORK)
    ledger.reserve(demand("a", 2.0, [1]), 1)
    with pytest.raises(CapacityError, match="link 'south' needs 8 bit/s, free 0 bit/s"):
        ledger.reserve(demand("b", 1.0, [0, 1]), 1)
    assert ledger.free_bps.tolist() == [16.0, 0.0]
    assert ledger.holding("b") is None


def test_nobody_reserves_twice_or_releases_what_is_not_held():
    ledger = Ledger(NETWORK)
    ledger.reserve(demand(), 1)
    with pytest.raises(CapacityError, match="task 'a' holds a reservation already"):
        ledger.reserve(demand(), 1)
    with pytest.raises(CapacityError, match="task 'b' holds no reservation"):
        ledger.release("b")
    assert ledger.free_bps.tolist() == [8.0, 16.0]
