"""What the priced schedulers say and do in cases worked by hand."""

import math

import pytest

from cutlayer.simulator.engine import simulate
from cutlayer.simulator.policy import Reject
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile, Task

HALVED = Profile("halved", (1,), 1.0, (Layer("l", 3, (1,), 0.5),))
"""Cut 1 takes 4 bit/s and 3 FLOP/s an input byte at a frame and a deadline of one second."""


def task(name, arrival_s, size, profile=HALVED, **changes):
    return Task(name, float(arrival_s), profile, 1.0, 1.0, [0], [size], **changes)


class Listening:
    def __init__(self):
        self.rejections, self.evicted = {}, []

    def on_start(self, ledger): ...

    def on_departed(self, event): ...

    def on_end(self, time_s): ...

    def on_decided(self, event):
        if isinstance(event.decision, Reject):
            self.rejections[event.task.name] = event.decision
        self.evicted += [(event.task.name, gone.task.name) for gone in event.evicted]


def play(name, network, tasks, **parameters):
    listening = Listening()
    outcome = simulate(network, tasks, SCHEDULERS[name](**parameters), listeners=[listening])
    return set(outcome.deployed), listening


ROOM_FOR_THREE = Network([1e9], [1200.0])  # of 400 bit/s each


def test_price_deploys_the_small_ones_and_says_what_the_others_would_cost():
    tasks = [task("big", 0, 250.0), task("a", 1, 100.0), task("b", 2, 100.0), task("c", 3, 100.0), task("d", 4, 110.0)]
    deployed, heard = play("price", ROOM_FOR_THREE, tasks)
    assert deployed == {"a", "b", "c"}
    assert set(heard.rejections) == {"big", "d"}
    assert all("its price" in answer.reason for answer in heard.rejections.values())
    assert "exceeds 1 at these prices" in heard.rejections["big"].reason


def test_price_evict_gives_the_place_of_a_dearer_task_to_a_cheaper_one():
    # 3 x 400 bit/s, then one of 200: the first of the equal three goes; one of 600 is dearer than all
    tasks = [*(task(f"t{j}", j, 100.0) for j in range(3)), task("small", 3, 50.0), task("large", 4, 150.0)]
    deployed, heard = play("price-evict", ROOM_FOR_THREE, tasks)
    assert deployed == {"t1", "t2", "small"}
    assert heard.evicted == [("small", "t0")]
    assert "it is the dearest" in heard.rejections["large"].reason


def test_price_evict_forgets_who_has_departed():
    # t0 and t1 have left at 1.5 s and 2.5 s; at 10 s there is room again for three, and t2 is the dearest
    tasks = [task("t0", 0, 100.0, lifetime_s=1.5), task("t1", 1, 100.0, lifetime_s=1.5), task("t2", 2, 100.0)]
    tasks += [task("u0", 10, 90.0), task("u1", 11, 90.0), task("u2", 12, 80.0)]
    deployed, heard = play("price-evict", ROOM_FOR_THREE, tasks)
    assert deployed == {"u0", "u1", "u2"}
    assert heard.evicted == [("u2", "t2")]


@pytest.mark.parametrize(
    "name, parameters", [("price", {}), ("price-online", {"expected_tasks": 3}), ("price-evict", {})]
)
def test_a_hopeless_task_teaches_nothing(name, parameters):
    deployed, heard = play(
        name, ROOM_FOR_THREE, [task("huge", 0, 1e6), task("a", 1, 100.0), task("b", 2, 100.0)], **parameters
    )
    assert deployed == {"a", "b"}
    assert heard.rejections["huge"].reason == "no cut fits even the empty network"


def test_price_online_deploys_all_that_fits_when_more_come_than_expected():
    tasks = [task(f"t{j}", j, 100.0) for j in range(5)]
    deployed, heard = play("price-online", Network([1e9], [1600.0]), tasks, expected_tasks=1)
    assert deployed == {"t0", "t1", "t2", "t3"}
    assert heard.rejections["t4"].reason == "no cut fits"


def test_price_online_keeps_room_for_those_to_come():
    # ten large ones, then ninety of a tenth; room for a hundred small ones
    tasks = [task(f"t{j}", j, 100.0 if j % 10 == 0 else 10.0) for j in range(200)]
    deployed, heard = play("price-online", Network([1e9], [4000.0]), tasks, expected_tasks=200)
    assert len(deployed) >= 92  # 96 % of 96: the first comers among them are large
    reasons = [answer.reason for answer in heard.rejections.values()]
    assert any("exceeds 1 at these prices" in reason for reason in reasons)


def test_neurosurgeon_takes_the_cut_with_the_least_latency_or_none():
    # 100 byte, 100 FLOP/s, 1000 bit/s, cloud of 1000 FLOP/s:
    # cut 1: 1 s + 800 * 0.5 / 1000 s + 300 / 1000 s = 1.7 s; cut 2: 4 s + 0.08 s = 4.08 s
    profile = Profile("two", (1,), 1.0, (Layer("a", 1, (1,), 0.5), Layer("b", 3, (1,), 0.1)))
    network = Network([100.0], [1000.0], cloud_flop_per_s=1000.0)
    deployed, _ = play("neurosurgeon", network, [task("a", 0, 100.0, profile)])
    assert deployed == {"a"}
    # a slow link: cut 1: 1 + 40 + 0.3; cut 2: 4 + 8 s, which needs 400 of 100 FLOP/s
    slow = Network([100.0], [10.0], cloud_flop_per_s=1000.0)
    deployed, heard = play("neurosurgeon", slow, [task("a", 0, 100.0, profile)])
    assert deployed == set()
    assert heard.rejections["a"] == Reject("the cut with the least latency does not fit", 2)


def test_neurosurgeon_looks_at_the_worst_server_and_its_tightest_link():
    from cutlayer.simulator.schedulers.neurosurgeon import latency_s

    profile = Profile("one", (1,), 1.0, (Layer("a", 2, (1,), 0.5),))
    both = Task("a", 0.0, profile, 1.0, 1.0, [0, 1], [100.0, 50.0])
    # server 0: 200/100 s + 400 bit over min(0.5 * 800, 0.5 * 400) bit/s = 2 + 2; server 1: 100/20 + 200/400 = 5.5
    network = Network([100.0, 20.0], [800.0, 400.0], usable_share=0.5, routes=[[1, 1], [1, 0]])
    assert latency_s(both, network)[1] == pytest.approx(5.5)
    # raw: 800 / 200 = 4 s at server 0, 400 / 400 = 1 s at server 1, and nothing in a cloud without end
    assert latency_s(both, network)[0] == pytest.approx(4.0)
    nowhere = Network([100.0, 20.0], [800.0], routes=[[0, 0]])
    assert latency_s(both, nowhere)[0] == 0.0
    assert math.isfinite(latency_s(both, nowhere)[1])
