"""Outages and changes of capacity, as schedulers meet them. Constants for mental arithmetic: 8 kbit/s a task."""

import numpy as np
import pytest

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import DecisionError
from cutlayer.simulator.frames.spans import SpanRecorder
from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("l", 1, (1,), 1.0),))


def network(n=2):
    return Network([1e6] * n, [16e3] * n)


def task(name, arrival_s, servers=(0,), lifetime_s=np.inf):
    return Task(name, arrival_s, PROFILE, 1.0, 1.0, list(servers), [1000.0] * len(servers), lifetime_s)


class EvictsWhereDown(OnlineScheduler):
    """Deploys what fits; when something goes down it evicts every task fed there."""

    def __init__(self):
        self.heard = []

    def decide(self, task, view):
        cut = view.first_fit(task, balanced)
        return Reject("no cut fits") if cut is None else Deploy(cut)

    def on_change(self, view):
        down = np.flatnonzero(~view.server_up | (view.link_capacity_bps <= 0))
        self.heard.append((view.now_s, view.link_capacity_bps.tolist(), view.server_up.tolist()))
        return [name for name, held in view.deployed.items() if np.isin(held.task.servers, down).any()]


def played(scheduler, tasks, conditions, until_s=10.0):
    recorder, spans = Recorder(), SpanRecorder()
    outcome = simulate(network(), tasks, scheduler, until_s=until_s, conditions=conditions, listeners=[recorder, spans])
    return outcome, {row["task"]: row for row in recorder.rows("tasks")}, recorder, spans


@pytest.mark.parametrize(
    "conditions",
    [Conditions(server_outages={"s0": [(2.0, 4.0)]}), Conditions(link_outages={"s0": [(2.0, 4.0)]})],
    ids=["server", "link"],
)
@pytest.mark.parametrize("name", ["fifo", "lbf", "threshold", "price-evict", "neurosurgeon"])
def test_what_is_down_offers_nothing_to_newcomers_and_nobody_is_evicted_for_it(name, conditions):
    tasks = [task("before", 0.0), task("during", 2.0), task("elsewhere", 3.0, (1,)), task("after", 4.0)]
    _, rows, *_ = played(SCHEDULERS[name](), tasks, conditions)
    assert rows["during"]["outcome"] == "rejected"  # at 2.0 s the outage goes first
    assert [rows[n]["outcome"] for n in ("before", "elsewhere", "after")] == ["deployed"] * 3


def test_a_plan_meets_an_outage_it_could_not_know_of():
    conditions = Conditions(server_outages={"s0": [(2.0, 4.0)]})
    _, rows, *_ = played(SCHEDULERS["offline"](), [task("a", 1.0), task("b", 3.0)], conditions)
    assert (rows["a"]["outcome"], rows["b"]["outcome"]) == ("deployed", "rejected")


def test_a_slower_link_keeps_its_reservations_and_offers_what_it_always_did():
    conditions = Conditions(capacity_bps={"s0": Steps([0, 1], [16e3, 1.0])})
    _, rows, *_ = played(SCHEDULERS["fifo"](), [task("a", 0.0), task("b", 2.0)], conditions)
    assert {row["outcome"] for row in rows.values()} == {"deployed"}


def test_a_scheduler_is_told_of_every_change_and_may_evict():
    conditions = Conditions(capacity_bps={"s1": Steps([0, 5], [16e3, 4e3])}, server_outages={"s0": [(2.0, 4.0)]})
    tasks = [task("a", 0.0), task("b", 1.0, (1,)), task("late", 6.0)]
    outcome, rows, recorder, spans = played(EvictsWhereDown(), tasks, conditions)
    assert outcome.scheduler.heard == [
        (2.0, [16e3, 16e3], [False, True]),
        (4.0, [16e3, 16e3], [True, True]),
        (5.0, [16e3, 4e3], [True, True]),
    ]
    assert (rows["a"]["outcome"], rows["a"]["ended_s"]) == ("evicted", 2.0)
    assert rows["b"]["outcome"] == rows["late"]["outcome"] == "deployed"
    first = spans.spans()[0]
    assert (first.task.name, first.ending, first.end_s) == ("a", "evicted", 2.0)
    assert outcome.counts["evicted"] == 1
    summary = recorder.summary()
    ended = [summary[f"{name}_tasks"] for name in ("deployed", "departed", "rejected", "evicted")]
    assert summary["arrived_tasks"] == sum(ended) == 3
    assert [row[2] for row in recorder.tables()["decisions"]] == ["deploy", "deploy", "evict", "deploy"]


def test_changes_go_before_departures_and_departures_before_arrivals():
    # at 2 s: the server comes back, "first" leaves, "next" arrives and needs the room of both
    conditions = Conditions(server_outages={"s0": [(1.0, 2.0)]})
    tasks = [task("first", 0.0, lifetime_s=2.0), task("other", 0.5), task("next", 2.0)]
    _, rows, *_ = played(SCHEDULERS["threshold"](), tasks, conditions)
    assert (rows["first"]["outcome"], rows["next"]["outcome"]) == ("departed", "deployed")


def test_evicting_a_stranger_after_a_change_is_a_bug_in_the_scheduler():
    class Wrong(EvictsWhereDown):
        def on_change(self, view):
            return ["nobody"]

    with pytest.raises(DecisionError, match=r"Wrong evicts 'nobody' after a change of capacity.*not deployed"):
        played(Wrong(), [task("a", 0.0)], Conditions(server_outages={"s0": [(2.0, 4.0)]}))


def test_reservations_outlive_an_outage_to_the_bit():
    conditions = Conditions(link_outages={"s0": [(1.0, 2.0)]})
    recorder = Recorder()
    simulate(
        network(), [task("a", 0.0), task("b", 1.5, (1,)), task("c", 3.0)], SCHEDULERS["fifo"](),
        conditions=conditions, listeners=[recorder],
    )  # fmt: skip
    assert [row[6] for row in recorder.tables()["series"]] == [8e3, 16e3, 24e3]


def test_changes_are_made_as_they_are_asked_for_and_none_is_left_out():
    times = np.arange(5000.0)
    conditions = Conditions(
        capacity_bps={"s0": Steps(times, times), "s1": Steps(np.append(0.0, times + 0.5), np.append(0.0, times))},
        server_outages={"s1": [(10.0, 20.25)]},
    )
    changes = conditions.changes(network())
    assert iter(changes) is changes, "a state of all links an instant would not fit in memory at once"
    found = [(time, *capacity.tolist(), *up.tolist()) for time, capacity, up in changes]
    assert [row[0] for row in found] == sorted({*times.tolist(), *(times + 0.5).tolist(), 20.25})
    for time, first, second, one_up, other_up in found:
        assert (first, second) == (time // 1, max((time - 0.5) // 1, 0))
        assert (one_up, other_up) == (True, not 10 <= time < 20.25)
