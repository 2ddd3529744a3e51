"""The checks of the contract, one function each; the name of the function is the name of the check."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import pickle
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cutlayer.simulator.checks.evidence import Broken, require, require_answer, rule, same
from cutlayer.simulator.checks.histories import (
    History,
    Look,
    Placement,
    Sums,
    Watched,
    draw,
    fingerprint,
    histories,
    ignore,
    over_capacity,
    play,
    reordered,
    scaled,
    with_hopeless_tasks,
)
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, Scheduler, View
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Task

# Asking ------------------------------------------------------------------------------------------------


def _watch(scheduler: Scheduler, look: Look = ignore, written: Callable[[str], object] = len) -> None:
    """Show `look` every answer of an online scheduler, and tell `written` what wrote to the view."""
    if isinstance(scheduler, OnlineScheduler):
        # messages name the scheduler, not who watches it
        watched = type(type(scheduler).__name__, (Watched,), {"sends_raw": scheduler.sends_raw})
        for history in histories():
            play(watched(scheduler, look, written), history)


def _require_room(scheduler: Scheduler, history: History) -> None:
    """Play, adding up independently of the ledger what is reserved."""
    sums = Sums()
    play(scheduler, history, sums)
    require(not sums.over, sums.over)


def _plan(scheduler: OfflineScheduler, tasks: Sequence[Task], network: Network) -> Any:
    return copy.deepcopy(scheduler).plan(tasks, network)


def _plans(scheduler: Scheduler) -> Iterator[tuple[History, OfflineScheduler, Any]]:
    """Yield the plans of an offline scheduler."""
    if isinstance(scheduler, OfflineScheduler):
        for history in histories():
            yield history, scheduler, _plan(scheduler, history.tasks, history.network)


# What it answers ------------------------------------------------------------------------------------------


@rule
def answers_are_decisions(scheduler: Scheduler) -> None:
    """Every answer is Deploy or Reject, with a cut of 1 to N (0 only with `sends_raw`); a plan maps tasks to such."""

    def require_cut(cut: Any, task: Task) -> None:
        first, n = 0 if scheduler.sends_raw else 1, len(task.profile)
        sound = type(cut) is int and first <= cut <= n
        require_answer(sound, f"cut {cut!r} for task {task.name!r}; allowed: a whole number, {first} to {n}")

    def look(task: Task, view: View, answer: Any) -> None:
        require_answer(isinstance(answer, Deploy | Reject), f"answers {answer!r} for task {task.name!r}")
        if isinstance(answer, Deploy) or answer.cut is not None:
            require_cut(answer.cut, task)

    _watch(scheduler, look)
    for history, _, plan in _plans(scheduler):
        require_answer(isinstance(plan, Mapping), f"plans {plan!r}; allowed: a mapping")
        by_name = {task.name: task for task in history.tasks}
        for name, cut in plan.items():
            require_answer(name in by_name, f"plans {name!r}, which is not one of the tasks")
            require_cut(Deploy(cut).cut, by_name[name])


@rule
def evicts_only_deployed_tasks(scheduler: Scheduler) -> None:
    """What it evicts is deployed, each named once."""

    def look(task: Task, view: View, answer: Any) -> None:
        evict = list(getattr(answer, "evict", ()))
        for name in evict:
            require_answer(name in view.deployed, f"evicts {name!r} for task {task.name!r}, which is not deployed")
            require_answer(evict.count(name) == 1, f"evicts {name!r} twice for task {task.name!r}")

    _watch(scheduler, look)


@rule
def never_over_capacity(scheduler: Scheduler) -> None:
    """At every moment the deployed tasks fit; a plan fits with all of its tasks staying."""
    for history in histories():
        _require_room(scheduler, history)
    for history, _, plan in _plans(scheduler):
        planned = ((task, plan[task.name]) for task in history.tasks if task.name in plan)
        over = over_capacity(history.network, planned)
        require(not over, f"with all tasks staying, {over}")


@rule
def a_hopeless_task_evicts_nobody(scheduler: Scheduler) -> None:
    """A task that no cut could place in the empty network is rejected, and nobody is evicted for it."""
    for history in histories():
        for placement in play(scheduler, with_hopeless_tasks(history))[-2:]:
            require(placement[1:] == (None, ()), f"task {placement.task!r} gets {placement[1:]} (cut, evicted)")


# What it leaves alone -------------------------------------------------------------------------------------


@rule
def deterministic(scheduler: Scheduler) -> None:
    """Runs of one object give the same decisions, whatever it has played before."""
    first = [play(scheduler, history) for history in histories()]
    again = [play(scheduler, history) for history in reversed(list(histories()))]
    for found, expected in zip(reversed(again), first, strict=True):
        same(found, expected, "in another run")


@rule
def global_random_state_untouched(scheduler: Scheduler) -> None:
    """The generators of `random` and `numpy.random` stay as they are."""

    def states() -> dict[str, bytes]:
        return {
            "random": pickle.dumps(random.getstate()),
            "numpy.random": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        }

    before = states()
    for history in histories():
        play(scheduler, history)
    for name, state in states().items():
        require(state == before[name], f"the global generator of {name} has been used")


@rule
def view_not_written_to(scheduler: Scheduler) -> None:
    """View, network and tasks are as they were before the question."""

    def written(evidence: str) -> None:
        raise Broken(evidence)

    _watch(scheduler, written=written)
    for history, planner, _ in _plans(scheduler):
        tasks, before = list(history.tasks), fingerprint(history.tasks, history.network)
        _plan(planner, tasks, history.network)
        unchanged = tuple(tasks) == history.tasks and fingerprint(tasks, history.network) == before
        require(unchanged, "tasks or network changed while it planned")


@rule
def nothing_printed(scheduler: Scheduler) -> None:
    """Nothing goes to stdout or stderr."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        for history in histories():
            play(scheduler, history)
    require(not out.getvalue(), f"prints {out.getvalue()[:60]!r}")


@rule
def deep_copies(scheduler: Scheduler) -> None:
    """A deep copy is another object and decides alike."""
    twin = copy.deepcopy(scheduler)
    require(twin is not scheduler, "a deep copy is the object itself")
    for history in histories():
        same(play(twin, history), play(scheduler, history), "as a deep copy")


@rule
def pickles(scheduler: Scheduler) -> None:
    """A pickled and restored scheduler decides alike."""
    twin = pickle.loads(pickle.dumps(scheduler))
    for history in histories():
        same(play(twin, history), play(scheduler, history), "after pickling")


# What does not matter -------------------------------------------------------------------------------------


@rule
def server_order_does_not_matter(scheduler: Scheduler) -> None:
    """Servers and links in another order get the same decisions."""
    for number, history in enumerate(histories()):
        other = reordered(history, stream(0, "contract", "order", number))
        same(play(scheduler, other), play(scheduler, history), "with servers reordered")


@rule
def units_do_not_matter(scheduler: Scheduler) -> None:
    """Inputs, bandwidths and compute speeds times one power of two get the same decisions."""
    for history in histories():
        for factor in (2.0**10, 2.0**-10):
            found = play(scheduler, scaled(history, factor))
            same(found, play(scheduler, history), f"with everything times {factor:g}")


@rule
def task_names_do_not_matter(scheduler: Scheduler) -> None:
    """Tasks of other names get the same decisions."""
    for history in histories():
        old = {f"u{999 - j}": task.name for j, task in enumerate(history.tasks)}  # sorts the other way round
        tasks = tuple(replace(task, name=name) for name, task in zip(old, history.tasks, strict=True))
        found = play(scheduler, History(history.network, tasks))
        renamed = [Placement(old[v.task], v.cut, tuple(old[name] for name in v.evicted)) for v in found]
        same(renamed, play(scheduler, history), "under other names")


@rule
def the_future_does_not_matter(scheduler: Scheduler) -> None:
    """An online scheduler decides alike about the first tasks whatever arrives after them."""
    if isinstance(scheduler, OnlineScheduler):
        for history in histories():
            whole = play(scheduler, history)
            for n in (1, len(whole) // 3, 2 * len(whole) // 3):
                first = play(scheduler, History(history.network, history.tasks[:n]))
                same(first, whole[:n], f"if only the first {n} tasks arrive")


@rule
def a_plan_is_of_the_tasks_alone(scheduler: Scheduler) -> None:
    """An offline scheduler plans alike for a list and a tuple of the tasks, and however long they live."""
    for history, planner, plan in _plans(scheduler):
        listed = _plan(planner, list(history.tasks), history.network)
        require(dict(listed) == dict(plan), "the plan for a list of the tasks is not the one for a tuple")
        staying = [replace(task, lifetime_s=math.inf) for task in history.tasks]
        require(dict(_plan(planner, staying, history.network)) == dict(plan), "the plan looks at lifetimes")


# Small cases ----------------------------------------------------------------------------------------------


@rule
def works_without_tasks(scheduler: Scheduler) -> None:
    """No tasks, no decisions."""
    for history in histories():
        require(not play(scheduler, History(history.network, ())), "decisions without a task")


@rule
def works_with_one_server(scheduler: Scheduler) -> None:
    """A network of one server is a network."""
    _require_room(scheduler, draw("one server", 1, 20))


@rule
def works_with_tasks_at_few_servers(scheduler: Scheduler) -> None:
    """Tasks fed by one to three of many servers are tasks."""
    for shared in (False, True):
        _require_room(scheduler, draw(f"few, shared {shared}", 30, 60, shared=shared, most_fed=3))


@rule
def works_where_raw_input_is_allowed(scheduler: Scheduler) -> None:
    """In a network with `allow_raw` cut 0 is a cut like any other, and capacity still holds."""
    _require_room(scheduler, draw("raw", 5, 40, allow_raw=True))
