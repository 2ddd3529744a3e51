"""Events come at their exact times in the stated order; a wrong answer stops the run with the whole story."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutlayer.simulator.checks.histories import profile
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.engine import ARRIVAL, DEPARTURE, PAST_DECISIONS, EventClock, Simulation, simulate
from cutlayer.simulator.errors import DecisionError, InputError, UnknownNameError
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, Scheduler
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

NETWORK = Network([10.0, 10.0], [16.0, 16.0], servers=["north", "south"])
FIFO = SCHEDULERS["fifo"]()


def task(name, arrival_s=0.0, size=1.0, servers=(0,), **changes):
    """One byte takes 8 bit/s and 1 FLOP/s at cut 1, 4 and 10 at cut 2."""
    sizes = [size] * len(servers)
    return Task(name, arrival_s, profile("p", [1.0, 9.0], [1.0, 0.5]), 1.0, 1.0, servers, sizes, **changes)


class Diary:
    """Listens and keeps what happened in plain words."""

    def __init__(self):
        self.lines = []

    def on_start(self, ledger):
        self.lines.append("start")

    def on_decided(self, event):
        verb = "reject" if event.deployment is None else f"deploy at {event.deployment.cut}"
        evicted = "".join(f", evict {deployment.task.name}" for deployment in event.evicted)
        self.lines.append(f"{event.time_s!r} {verb} {event.task.name}{evicted}")

    def on_departed(self, event):
        self.lines.append(f"{event.time_s!r} depart {event.deployment.task.name}")

    def on_end(self, time_s):
        self.lines.append(f"{time_s!r} end")


def diary(tasks, scheduler=FIFO, **options):
    listener = Diary()
    simulate(NETWORK, tasks, scheduler, listeners=[listener], **options)
    return listener.lines


class Answers(OnlineScheduler):
    """Gives the answers it is made with."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def decide(self, task, view):
        return self.answers.pop(0)


class Plans(OfflineScheduler):
    def __init__(self, plan):
        self.answer = plan

    def plan(self, tasks, network):
        return self.answer


# Time -------------------------------------------------------------------------------------------------------


def test_an_event_happens_at_its_time_to_the_bit():
    """SimPy schedules by delay, and now + (time - now) is not always time."""
    assert 0.2 + (0.9 - 0.2) != 0.9
    clock, times = EventClock(), []

    def wait():
        yield clock.at(0.2, ARRIVAL)
        yield clock.at(0.9, ARRIVAL)
        times.append(clock.now)

    clock.run(clock.process(wait()))
    assert times == [0.9]


@given(events=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([2, 3, 4])), max_size=12))
def test_events_that_rounding_alone_keeps_apart_go_by_priority(events):
    """All within 4 ulp: one instant, whatever their times; and time never goes back."""
    clock, seen = EventClock(), []
    for steps, priority in events:
        event = clock.at(0.3 + steps * math.ulp(0.3), priority)
        event.callbacks.append(lambda _, own=(priority, steps): seen.append((clock.now, *own)))
    clock.at(0.4, ARRIVAL).callbacks.append(lambda _: seen.append((clock.now, 5, 0)))
    clock.run()
    assert seen[-1] == (0.4, 5, 0) and [now for now, *_ in seen] == sorted(now for now, *_ in seen)
    assert [priority for _, priority, _ in seen[:-1]] == sorted(priority for _, priority in events)
    assert all(now <= 0.3 + steps * math.ulp(0.3) for now, _, steps in seen[:-1])


def test_times_further_apart_than_an_instant_go_by_time():
    clock, seen = EventClock(), []
    for steps, priority in ((0, 4), (4, 3), (5, 2)):
        clock.at(0.3 + steps * math.ulp(0.3), priority).callbacks.append(lambda _, own=priority: seen.append(own))
    clock.run()
    assert seen == [3, 4, 2]


def test_events_of_one_instant_go_by_priority_then_in_the_order_they_were_made():
    clock, order = EventClock(), []
    for name, priority in (("c", ARRIVAL), ("a", DEPARTURE), ("d", ARRIVAL), ("b", DEPARTURE)):
        clock.at(1.0, priority).callbacks.append(lambda _, name=name: order.append(name))
    clock.run(clock.at(2.0, ARRIVAL))
    assert order == ["a", "b", "c", "d"]


def test_departures_come_before_arrivals_and_arrivals_in_trace_order():
    tasks = [task("a", 0.0, 2.0, lifetime_s=3.0), task("z", 3.0), task("b", 3.0)]
    assert diary(tasks) == [
        "start",
        "0.0 deploy at 1 a",
        "3.0 depart a",
        "3.0 deploy at 1 z",
        "3.0 deploy at 1 b",
        "3.0 end",
    ]


def test_what_leaves_at_the_instant_of_an_arrival_leaves_first_even_where_floats_round():
    """0.1 + 0.2 is an ulp more than 0.3 and the same instant; five ulp more are a later one."""
    for arrival_s in (0.3, 0.1 + 0.2 - 4 * math.ulp(0.3)):
        lines = diary([task("a", 0.1, 2.0, lifetime_s=0.2), task("b", arrival_s, 2.0)])
        assert lines[2:4] == [f"{arrival_s!r} depart a", f"{arrival_s!r} deploy at 1 b"]
    arrival_s = 0.1 + 0.2 - 5 * math.ulp(0.3)
    assert diary([task("a", 0.1, 2.0, lifetime_s=0.2), task("b", arrival_s, 2.0)])[2] == (
        f"{arrival_s!r} deploy at 1 b, evict a"
    )
    lines = diary([task("a", 0.1, 2.0, lifetime_s=0.2), task("b", 0.1 + 0.2, 2.0)])
    assert lines[2:4] == ["0.30000000000000004 depart a", "0.30000000000000004 deploy at 1 b"]


def test_an_evicted_task_does_not_depart_and_does_not_come_back():
    lines = diary([task("a", 0.0, 2.0, lifetime_s=3.0), task("b", 1.0, 2.0), task("c", 5.0)], until_s=9.0)
    assert lines == [
        "start",
        "0.0 deploy at 1 a",
        "1.0 deploy at 1 b, evict a",
        "5.0 deploy at 1 c, evict b",
        "9.0 end",
    ]


def test_a_run_ends_with_the_last_arrival():
    assert diary([task("a", 2.0, lifetime_s=1.0)]) == ["start", "2.0 deploy at 1 a", "2.0 end"]
    assert diary([]) == ["start", "0.0 end"]


def test_a_run_goes_on_until_it_is_told_and_that_instant_still_happens():
    tasks = [task("a", 0.0, lifetime_s=3.0), task("b", 3.0), task("c", 3.0), task("d", 3.5)]
    assert diary(tasks, until_s=3.0)[2:] == ["3.0 depart a", "3.0 deploy at 1 b", "3.0 deploy at 1 c", "3.0 end"]
    assert diary(tasks, until_s=0.0) == ["start", "0.0 deploy at 1 a", "0.0 end"]
    assert diary([], until_s=4.0) == ["start", "4.0 end"]


@pytest.mark.parametrize("until_s", [-1.0, math.nan, math.inf])
def test_an_end_that_is_no_time_is_refused(until_s):
    with pytest.raises(InputError, match=f"until_s is {until_s}; allowed: 0 or more, finite"):
        simulate(NETWORK, [], FIFO, until_s=until_s)


# Tasks ------------------------------------------------------------------------------------------------------


def test_tasks_may_be_lazy():
    asked = []

    def arrive():
        for j in range(4):
            asked.append(j)
            yield task(f"t{j}", float(j), 0.1)

    simulation = Simulation(NETWORK, arrive(), FIFO)
    assert asked == []
    assert simulation.run().counts["arrived"] == 4


def test_an_endless_stream_of_tasks_ends_when_it_is_told():
    def for_ever():
        j = 0
        while True:
            yield task(f"t{j}", float(j))
            j += 1

    assert simulate(NETWORK, for_ever(), FIFO, until_s=9.5).counts["arrived"] == 10


@pytest.mark.parametrize("until_s", [None, 9.0])
def test_tasks_that_are_not_sorted_are_refused(until_s):
    with pytest.raises(InputError) as caught:
        simulate(NETWORK, [task("a", 2.0), task("b", 1.5)], FIFO, until_s=until_s)
    assert str(caught.value) == "task 'b' arrives at 1.5 s, before 2.0 s; sort by arrival"


@pytest.mark.parametrize("scheduler", ["fifo", "offline"])
def test_a_name_that_comes_twice_is_refused(scheduler):
    with pytest.raises(InputError, match="task 'a' arrives twice; every task needs a name of its own"):
        simulate(NETWORK, [task("a", 0.0), task("b", 0.5), task("a", 1.0)], SCHEDULERS[scheduler]())


def test_a_server_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="task 'a' is fed at server 7 of a network of 2"):
        simulate(NETWORK, [task("a", servers=[7])], FIFO)


# Answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, message",
    [
        ("yes", "scheduler Answers answered 'yes' for 'b'; allowed: Deploy, Reject"),
        (None, "scheduler Answers answered None for 'b'; allowed: Deploy, Reject"),
        (Deploy(3), "scheduler Answers answered cut 3 for task 'b'; allowed: a whole number, 0 to 2"),
        (Deploy(-1), "scheduler Answers answered cut -1 for task 'b'; allowed: a whole number, 0 to 2"),
        (Deploy(1.0), "scheduler Answers answered cut 1.0 for task 'b'; allowed: a whole number, 0 to 2"),
        (Deploy(1, ("x",)), "scheduler Answers evicts 'x' for task 'b', which is not deployed"),
        (Deploy(1, ("b",)), "scheduler Answers evicts 'b' for task 'b', which is not deployed"),
        (Deploy(1, ("a", "a")), "scheduler Answers evicts 'a' for task 'b', which is not deployed"),
        (
            Deploy(1),
            "scheduler Answers deploys what does not fit: task 'b' at cut 1: link 'south' needs 16 bit/s, free 8 bit/s",
        ),
        (
            Deploy(2),
            "scheduler Answers deploys what does not fit: "
            "task 'b' at cut 2: server 'south' needs 40 FLOP/s, free 11 FLOP/s",
        ),
    ],
)
@pytest.mark.parametrize("until_s", [None, 9.0])
def test_a_wrong_answer_stops_the_run_with_the_whole_story(answer, message, until_s):
    network = Network([100.0, 12.0], [100.0, 24.0], servers=["north", "south"])
    size = 2.0
    if answer == Deploy(2):  # 8 bit/s a byte are no longer the bottleneck
        network, size = Network([100.0, 12.0], [100.0, 100.0], servers=["north", "south"]), 4.0
    tasks = [task("a", 0.0, 2.0 if size == 2.0 else 1.0, [0, 1]), task("b", 1.0, size, [0, 1])]
    with pytest.raises(DecisionError) as caught:
        simulate(network, tasks, Answers(Deploy(1), answer), until_s=until_s)
    assert str(caught.value) == message


def test_a_wrong_answer_is_refused_before_anything_of_it_is_done():
    simulation = Simulation(NETWORK, [task("a"), task("b", 1.0)], Answers(Deploy(1), Deploy(1, ("a", "x"))))
    with pytest.raises(DecisionError, match="evicts 'x'"):
        simulation.run()
    assert list(simulation.outcome.deployed) == ["a"]
    assert simulation.ledger.holding("a") is not None


@pytest.mark.parametrize("until_s", [None, 9.0])
def test_what_a_scheduler_raises_comes_out_as_it_is(until_s):
    class Fails(OnlineScheduler):
        def decide(self, task, view):
            raise UnknownNameError("rule", "balancd", ["balanced"])

    with pytest.raises(UnknownNameError, match="unknown rule 'balancd'; did you mean 'balanced'"):
        simulate(NETWORK, [task("a")], Fails(), until_s=until_s)


@pytest.mark.parametrize(
    "plan, message",
    [
        ([("a", 1)], "Plans.plan returned .*; allowed: a mapping"),
        ({"x": 1}, "Plans plans unknown tasks, such as 'x'"),
        ({"a": 7}, "scheduler Plans answered cut 7 for task 'a'; allowed: a whole number, 0 to 2"),
    ],
)
def test_a_wrong_plan_stops_the_run(plan, message):
    with pytest.raises(DecisionError, match=message):
        simulate(NETWORK, [task("a")], Plans(plan))


def test_a_plan_is_played():
    tasks = [task("a"), task("b", 1.0), task("c", 2.0, 0.5)]
    assert diary(tasks, Plans({"c": 2, "a": 1}))[1:-1] == ["0.0 deploy at 1 a", "1.0 reject b", "2.0 deploy at 2 c"]


def test_numbers_of_numpy_are_cuts_too():
    plan = Plans({"a": np.int64(1), "c": np.uint8(2)})
    assert diary([task("a"), task("c", 2.0, 0.5)], plan)[1:-1] == ["0.0 deploy at 1 a", "2.0 deploy at 2 c"]
    for cut in (Deploy(np.int64(1)).cut, Reject("no", np.int32(1)).cut):
        assert type(cut) is int and cut == 1


@pytest.mark.parametrize("scheduler", [Scheduler(), SCHEDULERS["fifo"], None])
def test_what_is_no_scheduler_is_refused(scheduler):
    with pytest.raises(DecisionError, match="neither an OnlineScheduler nor an OfflineScheduler"):
        simulate(NETWORK, [], scheduler)


# What a scheduler is told -----------------------------------------------------------------------------------


class Learns(OnlineScheduler):
    def __init__(self):
        self.seen = []

    def decide(self, task, view):
        self.seen.append((view.now_s, task.name, list(view.deployed), len(view.past)))
        cut = view.first_fit(task, balanced)
        return Reject("full", 1) if cut is None else Deploy(cut)

    def on_departure(self, deployment, view):
        self.seen.append((view.now_s, f"{deployment.task.name} left", list(view.deployed), len(view.past)))


def test_a_scheduler_hears_of_arrivals_and_departures_and_sees_the_past():
    tasks = [task("a", 0.0, lifetime_s=1.5), task("b", 1.0), task("c", 2.0)]
    outcome = simulate(NETWORK, tasks, Learns())
    assert outcome.scheduler.seen == [
        (0.0, "a", [], 0),
        (1.0, "b", ["a"], 1),
        (1.5, "a left", ["b"], 2),
        (2.0, "c", ["b"], 2),
    ]
    assert outcome.counts == {"arrived": 3, "departed": 1, "evicted": 0}
    assert list(outcome.deployed) == ["b", "c"]


def test_a_run_plays_a_copy_of_the_scheduler():
    scheduler = Learns()
    simulate(NETWORK, [task("a")], scheduler)
    assert scheduler.seen == []


def test_the_past_is_bounded():
    outcome = simulate(NETWORK, [task(f"t{j}", float(j), 0.1) for j in range(PAST_DECISIONS + 3)], Learns())
    assert [length for *_, length in outcome.scheduler.seen][-5:] == [PAST_DECISIONS - n for n in (2, 1, 0, 0, 0)]


class SendsRaw(OnlineScheduler):
    """Answers cut 0, whatever the task."""

    def decide(self, task, view):
        return Deploy(0)


def test_raw_input_is_for_schedulers_that_say_so_and_networks_that_allow_it():
    with pytest.raises(DecisionError, match="answered cut 0, the raw input, for task 'a'; allowed: 1 to 2, and"):
        simulate(NETWORK, [task("a")], SendsRaw())
    allowed = Network([10.0, 10.0], [16.0, 16.0], allow_raw=True)
    assert simulate(allowed, [task("a")], SendsRaw()).deployed["a"].cut == 0

    class Upload(SendsRaw):
        sends_raw = True

    assert simulate(NETWORK, [task("a")], Upload()).deployed["a"].cut == 0


def test_a_lifetime_the_clock_cannot_tell_is_refused():
    # at 1.7e9 s the clock goes by 2.4e-7 s
    with pytest.raises(
        InputError, match="lifetime_s is 1e-09, too short for the clock at 1700000000 s; allowed: 2e-06"
    ):
        task("a", 1.7e9, lifetime_s=1e-9)
    with pytest.raises(InputError, match="too short for the clock"):
        task("a", 1.7e9, lifetime_s=9e-7)
    assert not task("a", 1.7e9, lifetime_s=2e-6).departed_by(1.7e9)
