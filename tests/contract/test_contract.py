"""Every scheduler keeps the contract; a scheduler that breaks it is caught by the check of that name."""

import math
import random
import sys
import threading
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from cutlayer.simulator.checks.contract import CHECKS, check_scheduler, run_check
from cutlayer.simulator.checks.histories import Sums, draw, histories, over_capacity, play, profile
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.errors import ContractError, UnknownNameError
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, Scheduler
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

EXAMPLES = [
    pytest.param(name, parameters, id=f"{name}-{parameters}")
    for name in SCHEDULERS
    for parameters in SCHEDULERS[name].examples
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name, parameters", EXAMPLES)
def test_every_scheduler_passes_every_check(name, parameters, check):
    run_check(check, SCHEDULERS[name](**parameters))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_has_an_example_to_check(name):
    assert len(SCHEDULERS[name].examples) > 0


def test_histories_are_neither_trivial_nor_hopeless():
    counts = Counter()
    for history in histories():
        for verdict in play(SCHEDULERS["fifo"](), history):
            counts["deployed" if verdict.cut is not None else "rejected"] += 1
            counts["evicted"] += len(verdict.evicted)
        counts["rejected"] += sum(verdict.cut is None for verdict in play(SCHEDULERS["cloud"](), history))
        counts["mortal"] += sum(task.lifetime_s < math.inf for task in history.tasks)
        counts["at few servers"] += sum(len(task.servers) < len(history.network.servers) for task in history.tasks)
        counts["shared links"] += not history.network.is_star
        counts["stars"] += history.network.is_star
    assert min(counts[what] for what in ("deployed", "rejected", "evicted", "mortal", "at few servers")) >= 20
    assert counts["shared links"] == counts["stars"] == 2


# Schedulers that break the contract, one way each -----------------------------------------------------------


class Sound(OnlineScheduler):
    """Deploys what fits; the rest of these deviate from it."""

    def decide(self, task, view):
        cut = view.first_fit(task, balanced)
        return Reject("full") if cut is None else Deploy(cut)


class SoundPlan(OfflineScheduler):
    def plan(self, tasks, network):
        return SCHEDULERS["offline"]().plan(tasks, network)


class SaysYes(Sound):
    def decide(self, task, view):
        return "yes"


class ForgetsToAnswer(Sound):
    def decide(self, task, view):
        super().decide(task, view)


class AnswersHalfCut(Sound):
    def decide(self, task, view):
        return Deploy(np.float64(1.0))


class AnswersTrue(Sound):
    def decide(self, task, view):
        return Deploy(True) if view.fits(task, 1) else Reject("cut 1 does not fit")


class CutsBeyondTheNetwork(Sound):
    def decide(self, task, view):
        return Deploy(len(task.profile) + 1)


class ConsidersWhatIsNotThere(Sound):
    def decide(self, task, view):
        return Reject("no", len(task.profile) + 1)


class PlansAList(SoundPlan):
    def plan(self, tasks, network):
        return list(super().plan(tasks, network).items())


class PlansStrangers(SoundPlan):
    def plan(self, tasks, network):
        return {**super().plan(tasks, network), "stranger": 1}


class PlansHalfLayers(SoundPlan):
    def plan(self, tasks, network):
        return {name: cut + 0.5 for name, cut in super().plan(tasks, network).items()}


class EvictsStrangers(Sound):
    def decide(self, task, view):
        answer = super().decide(task, view)
        return answer if isinstance(answer, Deploy) else Deploy(1, ("stranger",))


class EvictsItself(Sound):
    def decide(self, task, view):
        return Deploy(1, (task.name,))


class EvictsTwice(Sound):
    def decide(self, task, view):
        oldest = next(iter(view.deployed), None)
        answer = super().decide(task, view)
        return answer if oldest is None or isinstance(answer, Reject) else Deploy(answer.cut, (oldest, oldest))


class OverCommits(Sound):
    def decide(self, task, view):
        return Deploy(1)


class CooksTheBooks(Sound):
    def decide(self, task, view):
        view._ledger._bps[:] = math.inf
        return super().decide(task, view)


class PlansWithoutRoom(SoundPlan):
    def plan(self, tasks, network):
        return {task.name: 1 for task in tasks if len(task.servers) == 1}


class CountsOnDepartures(SoundPlan):
    """Plans what fits as the tasks come and go, but not if they stayed."""

    def plan(self, tasks, network):
        deployed, plan = [], {}
        for task in tasks:
            deployed = [d for d in deployed if d.arrival_s + d.lifetime_s > task.arrival_s]
            if not over_capacity(network, [(d, 1) for d in (*deployed, task)]):
                deployed.append(task)
                plan[task.name] = 1
        return plan


class EvictsForTheHopeless(Sound):
    def decide(self, task, view):
        evict = []
        while (answer := super().decide(task, view)) == Reject("full"):
            if not view.deployed:
                return Deploy(1, tuple(evict))
            evict.append(next(iter(view.deployed)))
            view = view.without(evict[-1])
        return Deploy(answer.cut, tuple(evict))


class RemembersAcrossRuns(Sound):
    asked: ClassVar = Counter()

    def decide(self, task, view):
        self.asked[task.name] += 1
        return super().decide(task, view) if self.asked[task.name] < 5 else Reject("seen too often")


class LearnsThroughItsCopy(Sound):
    """A run plays a copy; this one shares what it learns with the original."""

    def __init__(self):
        self.asked = 0

    def __deepcopy__(self, memo):
        return self

    def decide(self, task, view):
        self.asked += 1
        return super().decide(task, view) if self.asked % 7 else Reject("every seventh")


class Gambles(Sound):
    def __init__(self):
        self.rng = np.random.default_rng()  # not a stream of the run

    def __deepcopy__(self, memo):
        return type(self)()

    def decide(self, task, view):
        return super().decide(task, view) if self.rng.random() < 0.5 else Reject("bad luck")


class DrawsFromRandom(Sound):
    def decide(self, task, view):
        random.random()
        return super().decide(task, view)


class DrawsFromNumpy(Sound):
    def decide(self, task, view):
        np.random.rand()  # noqa: NPY002
        return super().decide(task, view)


class Reseeds(Sound):
    def decide(self, task, view):
        random.seed(1)
        return super().decide(task, view)


class WritesToTheView(Sound):
    def decide(self, task, view):
        answer = super().decide(task, view)
        view.free_bps[task.servers[0]] -= 1.0
        return answer


class WritesAllTheSame(Sound):
    def decide(self, task, view):
        answer = super().decide(task, view)
        view._ledger._flop_per_s[0] *= 1 - 1e-12
        return answer


class EvictsBehindTheBack(Sound):
    def decide(self, task, view):
        answer = super().decide(task, view)
        if len(view.deployed) > 3:
            view._ledger.release(next(iter(view.deployed)))
        return answer


class WritesOnDeparture(Sound):
    def on_departure(self, deployment, view):
        view._ledger._flop_per_s[0] *= 1 - 1e-12


class SortsTheTasks(SoundPlan):
    def plan(self, tasks, network):
        if isinstance(tasks, list):
            tasks.sort(key=lambda task: task.input_bytes.max())
        return super().plan(tasks, network)


class Prints(Sound):
    def decide(self, task, view):
        print("deciding about", task.name)
        return super().decide(task, view)


class Complains(Sound):
    def decide(self, task, view):
        sys.stderr.write("warning\n")
        return super().decide(task, view)


class HoldsALock(Sound):
    def __init__(self):
        self.lock = threading.Lock()


class CopiesBadly(Sound):
    def __init__(self, picky=True):
        self.picky = picky

    def __deepcopy__(self, memo):
        return type(self)(picky=False)

    def decide(self, task, view):
        return super().decide(task, view)


class HoldsALambda(Sound):
    def __init__(self):
        self.rule = lambda *asked: balanced(*asked)  # noqa: PLW0108


class ForgetsWhenPickled(Sound):
    def __init__(self):
        self.limit = 5

    def __getstate__(self):
        return {"limit": 3}

    def __deepcopy__(self, memo):
        twin = type(self)()
        twin.limit = self.limit
        return twin

    def decide(self, task, view):
        return super().decide(task, view) if len(view.deployed) < self.limit else Reject("enough")


class PrefersTheFirstServer(Sound):
    def decide(self, task, view):
        return super().decide(task, view) if task.servers[0] == 0 else Reject("not at the first server")


class PrefersTheFirstLink(Sound):
    def decide(self, task, view):
        return super().decide(task, view) if view.free_bps[0] > 1e7 else Reject("the first link is busy")


class CountsInMegabytes(Sound):
    def decide(self, task, view):
        return super().decide(task, view) if task.frame_bytes < 2e5 else Reject("too many bytes")


class GoesByName(Sound):
    def decide(self, task, view):
        return super().decide(task, view) if task.name < "t5" else Reject("name too large")


class PeeksAtTheFuture(Sound):
    """Rejects what is not among the ten smallest to come, which it finds where the engine keeps them."""

    def decide(self, task, view):
        frame = sys._getframe()
        while not hasattr(frame.f_locals.get("self"), "_tasks"):
            frame = frame.f_back
        sizes = sorted(other.frame_bytes for other in frame.f_locals["self"]._tasks)
        return super().decide(task, view) if task.frame_bytes <= sizes[:10][-1] else Reject("a smaller one will come")


class TreatsListsAlike(SoundPlan):
    def plan(self, tasks, network):
        return super().plan(tasks, network) if isinstance(tasks, tuple) else {}


class PlansForTheMortal(SoundPlan):
    def plan(self, tasks, network):
        return super().plan([task for task in tasks if task.lifetime_s < math.inf], network)


class NeedsATask(SoundPlan):
    def plan(self, tasks, network):
        largest = max(task.frame_bytes for task in tasks)
        return super().plan([task for task in tasks if task.frame_bytes < largest], network)


class NeedsANeighbour(Sound):
    def decide(self, task, view):
        assert np.delete(view.free_flop_per_s, task.servers[0])[0] > 0
        return super().decide(task, view)


class WantsInputEverywhere(Sound):
    def decide(self, task, view):
        if len(task.servers) < len(view.network.servers) // 10:
            raise IndexError("no input at server 7")
        return super().decide(task, view)


class CannotCutAtTheInput(Sound):
    def decide(self, task, view):
        if 0 in view.candidates(task, balanced):
            raise IndexError("no layer 0")
        return super().decide(task, view)


class UploadsUnasked(Sound):
    def decide(self, task, view):
        return Deploy(0) if view.fits(task, 0) else Reject("full")


BROKEN = {
    "answers_are_decisions": (
        SaysYes,
        ForgetsToAnswer,
        AnswersHalfCut,
        AnswersTrue,
        UploadsUnasked,
        CutsBeyondTheNetwork,
        ConsidersWhatIsNotThere,
        PlansAList,
        PlansStrangers,
        PlansHalfLayers,
    ),
    "evicts_only_deployed_tasks": (EvictsStrangers, EvictsItself, EvictsTwice),
    "never_over_capacity": (OverCommits, CooksTheBooks, PlansWithoutRoom, CountsOnDepartures),
    "a_hopeless_task_evicts_nobody": (EvictsForTheHopeless,),
    "deterministic": (RemembersAcrossRuns, LearnsThroughItsCopy, Gambles),
    "global_random_state_untouched": (DrawsFromRandom, DrawsFromNumpy, Reseeds),
    "view_not_written_to": (
        WritesToTheView,
        WritesAllTheSame,
        EvictsBehindTheBack,
        WritesOnDeparture,
        SortsTheTasks,
    ),
    "nothing_printed": (Prints, Complains),
    "deep_copies": (HoldsALock, LearnsThroughItsCopy),
    "pickles": (HoldsALambda, ForgetsWhenPickled),
    "server_order_does_not_matter": (PrefersTheFirstServer, PrefersTheFirstLink),
    "units_do_not_matter": (CountsInMegabytes,),
    "task_names_do_not_matter": (GoesByName,),
    "the_future_does_not_matter": (PeeksAtTheFuture,),
    "a_plan_is_of_the_tasks_alone": (TreatsListsAlike, PlansForTheMortal),
    "works_without_tasks": (NeedsATask,),
    "works_with_one_server": (NeedsANeighbour,),
    "works_with_tasks_at_few_servers": (WantsInputEverywhere,),
    "works_where_raw_input_is_allowed": (CannotCutAtTheInput,),
}


@pytest.mark.parametrize(
    "check, broken", [pytest.param(c, b, id=f"{c}-{b.__name__}") for c, bs in BROKEN.items() for b in bs]
)
def test_a_broken_scheduler_is_caught_by_the_check_of_that_name(check, broken):
    with pytest.raises(ContractError) as caught:
        run_check(check, broken())
    message = str(caught.value)
    assert message.startswith(f"{broken.__name__}: {check}: ")
    assert "\n" not in message


def test_every_check_catches_somebody():
    assert list(BROKEN) == list(CHECKS)


@pytest.mark.parametrize("sound", [Sound, SoundPlan, CopiesBadly])
def test_what_the_broken_ones_deviate_from_is_sound(sound):
    check_scheduler(sound())


# Excuses ----------------------------------------------------------------------------------------------------


class Excused(GoesByName):
    excused: ClassVar = {"task_names_do_not_matter": "it goes by name"}


class StaleExcuse(Sound):
    excused: ClassVar = {"pickles": "it holds a lock"}


class NoReason(GoesByName):
    excused: ClassVar = {"task_names_do_not_matter": ""}


class MisspeltExcuse(Sound):
    excused: ClassVar = {"pickle": "it holds a lock"}


def test_an_excuse_with_a_reason_is_taken():
    check_scheduler(Excused())


def test_a_stale_excuse_fails_with_its_reason():
    with pytest.raises(ContractError, match=r"StaleExcuse: pickles: stale excuse.*it holds a lock"):
        check_scheduler(StaleExcuse())


def test_an_excuse_without_a_reason_is_none():
    with pytest.raises(ContractError, match="task_names_do_not_matter"):
        check_scheduler(NoReason())


def test_an_excuse_for_no_check_offers_the_near_name():
    with pytest.raises(UnknownNameError, match="did you mean 'pickles'"):
        check_scheduler(MisspeltExcuse())


# What may be checked ----------------------------------------------------------------------------------------


class LimitedTo(Sound):
    examples = ({"tasks": 3}, {"tasks": -1})

    def __init__(self, *, tasks):
        if tasks < 0:
            raise ValueError("not so few")


def test_a_class_is_checked_with_all_its_examples():
    with pytest.raises(ValueError, match="not so few"):
        check_scheduler(LimitedTo)


def test_a_function_that_makes_a_scheduler_will_do():
    check_scheduler(lambda: SCHEDULERS["fixed"](cut=2))
    with pytest.raises(ContractError, match="'fifo' is not a Scheduler"):
        check_scheduler(lambda: "fifo")


def test_neither_online_nor_offline_is_refused():
    with pytest.raises(ContractError, match="neither an OnlineScheduler nor an OfflineScheduler"):
        check_scheduler(Scheduler())


# The arithmetic that judges the ledger ----------------------------------------------------------------------


def one_server(need_bps=8.0, need_flop_per_s=1.0, **changes):
    """A network that holds `need_bps` and `need_flop_per_s`, and a task of 1 byte that takes 8 bit/s and 1 FLOP/s."""
    network = Network([need_flop_per_s], [need_bps], **changes)
    return network, Task("a", 0.0, profile("p", [1.0, 1.0], [1.0, 0.5]), 1.0, 1.0, [0], [1.0])


def test_sums_by_hand():
    network, task = one_server()
    assert over_capacity(network, [(task, 1)]) == ""
    assert over_capacity(network, [(task, 0), (task, 0)]) == "link 's0' holds 16 bit/s of 8"
    assert over_capacity(network, [(task, 1), (task, 1)]) == "server 's0' holds 2 FLOP/s of 1"
    assert over_capacity(network, [(task, 2)]) == "server 's0' holds 2 FLOP/s of 1"
    assert over_capacity(one_server(usable_share=0.5)[0], [(task, 1)]) == "link 's0' holds 8 bit/s of 4"
    assert over_capacity(one_server(reservation_margin=0.5)[0], [(task, 1)]) == "link 's0' holds 12 bit/s of 8"
    assert over_capacity(one_server(8 * (1 - 1e-8))[0], [(task, 1)]) != ""
    assert over_capacity(one_server(8 * (1 - 1e-10))[0], [(task, 1)]) == ""


def test_sums_of_a_shared_link_by_hand():
    network = Network([1.0, 1.0], [15.0], routes=[[1.0, 1.0]])
    task = Task("a", 0.0, profile("p", [1.0], [1.0]), 1.0, 1.0, [0, 1], [1.0, 1.0])
    assert over_capacity(network, [(task, 1)]) == "link 'l0' holds 16 bit/s of 15"


def test_sums_are_added_up_after_every_decision():
    sums = Sums()
    play(SCHEDULERS["fifo"](), draw("star 0", 5, 40), sums)
    assert (len(sums.placements), sums.over) == (40, "")
