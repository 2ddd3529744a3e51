"""The contract every scheduler must pass, as code: one named check each.

`check_scheduler` runs them all; `CHECKS` maps their names to functions, for parametrised tests. A scheduler
that cannot pass a check lists it in `excused` with the reason; an excuse that is not needed fails too.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import math
import pickle
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cutlayer.simulator.checks.histories import (
    History,
    Look,
    Sums,
    Verdict,
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
from cutlayer.simulator.checks.pinpoint import answers_of, raised_at
from cutlayer.simulator.errors import ContractError, DecisionError, UnknownNameError
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, Scheduler, View
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Task

Check = Callable[[Scheduler], None]
CHECKS: dict[str, Check] = {}
"""Every check by name: a function that takes a scheduler and raises `ContractError` or returns."""


def check_scheduler(scheduler: Scheduler | Callable[..., Scheduler]) -> None:
    """Run every check on a scheduler.

    Parameters
    ----------
    scheduler : Scheduler, class or function
        A scheduler; a class, of which every set of parameters in `examples` is checked; or a function
        that makes one.

    Raises
    ------
    ContractError
        At the first check that fails, naming scheduler, check and evidence in one line; if the scheduler raised
        something or answered wrongly, also the line of its file and the task.

    Examples
    --------
    >>> from cutlayer.simulator.schedulers import SCHEDULERS
    >>> check_scheduler(SCHEDULERS["fifo"])
    """
    if isinstance(scheduler, Scheduler):
        made: list[Any] = [scheduler]
    elif isinstance(scheduler, type) and issubclass(scheduler, Scheduler):
        made = [scheduler(**parameters) for parameters in scheduler.examples]
    else:
        made = [scheduler()]
    for one in made:
        if not isinstance(one, Scheduler):
            raise ContractError(f"{one!r} is not a Scheduler")
        for name in CHECKS:
            run_check(name, one)


def run_check(name: str, scheduler: Scheduler) -> None:
    """Run the check of that name, minding the excuses of the scheduler.

    Raises
    ------
    ContractError
        If the check fails without an excuse, or passes with one.
    """
    for known in (name, *scheduler.excused):
        if known not in CHECKS:
            raise UnknownNameError("check", known, CHECKS)
    reason = scheduler.excused.get(name)
    try:
        CHECKS[name](scheduler)
    except ContractError:
        if not reason:
            raise
    else:
        if reason is not None:
            raise ContractError(f"{type(scheduler).__name__}: {name}: stale excuse, the check passes ({reason})")


class _Broken(Exception):
    """Evidence that a check has failed, before it is given its name."""


class _WrongAnswer(_Broken):
    """Evidence in the answer that the scheduler has just given."""


def _require(holds: object, evidence: str, kind: type[_Broken] = _Broken) -> None:
    if not holds:
        raise kind(evidence)


def _require_answer(holds: object, evidence: str) -> None:
    _require(holds, evidence, _WrongAnswer)


def _check(function: Check) -> Check:
    """Register a check under the name of its function; whatever the scheduler raises in it is a failure."""

    @functools.wraps(function)
    def checked(scheduler: Scheduler) -> None:
        try:
            function(scheduler)
        except Exception as fault:
            kind = "" if isinstance(fault, _Broken) else f"{type(fault).__name__}: "
            evidence = kind + " ".join(str(fault).split())
            evidence += _where(function, scheduler, fault, evidence)
            raise ContractError(f"{type(scheduler).__name__}: {function.__name__}: {evidence}") from fault

    CHECKS[function.__name__] = checked
    return checked


def _where(function: Check, scheduler: Scheduler, fault: Exception, evidence: str) -> str:
    """Return the line of the scheduler's file that raised or gave the wrong answer, and the task it was about."""
    place = raised_at(fault, scheduler)
    if place is None and isinstance(fault, (_WrongAnswer, DecisionError)):
        with contextlib.suppress(Exception), answers_of(scheduler) as answers:
            function(scheduler)  # once more, watched: that is slow, so only where something is wrong
        place = answers.place
    if place is None:
        return ""
    task = "" if place.task is None or f"task {place.task!r}" in evidence else f", at task {place.task!r}"
    return f" ({place}{task})"


def _same(found: Iterable[Verdict], expected: Iterable[Verdict], when: str) -> None:
    for now, before in zip(found, expected, strict=True):
        _require(now == before, f"{when}, task {before.task!r} gets {now[1:]}, not {before[1:]} (cut, evicted)")


# Asking ------------------------------------------------------------------------------------------------


def _watch(scheduler: Scheduler, look: Look = ignore, written: Callable[[str], object] = len) -> None:
    """Show `look` every answer of an online scheduler, and tell `written` what wrote to the view."""
    if isinstance(scheduler, OnlineScheduler):
        watched = type(type(scheduler).__name__, (Watched,), {})  # messages name the scheduler, not who watches it
        for history in histories():
            play(watched(scheduler, look, written), history)


def _require_room(scheduler: Scheduler, history: History) -> None:
    """Play, adding up independently of the ledger what is reserved."""
    sums = Sums()
    play(scheduler, history, sums)
    _require(not sums.over, sums.over)


def _plan(scheduler: OfflineScheduler, tasks: Sequence[Task], network: Network) -> Any:
    return copy.deepcopy(scheduler).plan(tasks, network)


def _plans(scheduler: Scheduler) -> Iterator[tuple[History, OfflineScheduler, Any]]:
    """Yield the plans of an offline scheduler."""
    if isinstance(scheduler, OfflineScheduler):
        for history in histories():
            yield history, scheduler, _plan(scheduler, history.tasks, history.network)


# What it answers ------------------------------------------------------------------------------------------


@_check
def answers_are_decisions(scheduler: Scheduler) -> None:
    """Every answer is Deploy or Reject, with a whole number for a cut that the task has; a plan maps tasks to such."""

    def require_cut(cut: Any, task: Task) -> None:
        n = len(task.profile)
        sound = type(cut) is int and 0 <= cut <= n
        _require_answer(sound, f"cut {cut!r} for task {task.name!r}; allowed: a whole number, 0 to {n}")

    def look(task: Task, view: View, answer: Any) -> None:
        _require_answer(isinstance(answer, Deploy | Reject), f"answers {answer!r} for task {task.name!r}")
        if isinstance(answer, Deploy) or answer.cut is not None:
            require_cut(answer.cut, task)

    _watch(scheduler, look)
    for history, _, plan in _plans(scheduler):
        _require_answer(isinstance(plan, Mapping), f"plans {plan!r}; allowed: a mapping")
        by_name = {task.name: task for task in history.tasks}
        for name, cut in plan.items():
            _require_answer(name in by_name, f"plans {name!r}, a task that is not there")
            require_cut(Deploy(cut).cut, by_name[name])


@_check
def evicts_only_deployed_tasks(scheduler: Scheduler) -> None:
    """What it evicts is deployed, each named once."""

    def look(task: Task, view: View, answer: Any) -> None:
        evict = list(getattr(answer, "evict", ()))
        for name in evict:
            _require_answer(name in view.deployed, f"evicts {name!r} for task {task.name!r}, which is not deployed")
            _require_answer(evict.count(name) == 1, f"evicts {name!r} twice for task {task.name!r}")

    _watch(scheduler, look)


@_check
def never_over_capacity(scheduler: Scheduler) -> None:
    """At every moment the deployed tasks fit; a plan fits with all of its tasks staying."""
    for history in histories():
        _require_room(scheduler, history)
    for history, _, plan in _plans(scheduler):
        planned = ((task, plan[task.name]) for task in history.tasks if task.name in plan)
        over = over_capacity(history.network, planned)
        _require(not over, f"with all tasks staying, {over}")


@_check
def a_hopeless_task_evicts_nobody(scheduler: Scheduler) -> None:
    """A task that no cut could place in the empty network is rejected, and nobody is evicted for it."""
    for history in histories():
        for verdict in play(scheduler, with_hopeless_tasks(history))[-2:]:
            _require(verdict[1:] == (None, ()), f"task {verdict.task!r} gets {verdict[1:]} (cut, evicted)")


# What it leaves alone -------------------------------------------------------------------------------------


@_check
def deterministic(scheduler: Scheduler) -> None:
    """Runs of one object give the same decisions, whatever it has played before."""
    first = [play(scheduler, history) for history in histories()]
    again = [play(scheduler, history) for history in reversed(list(histories()))]
    for found, expected in zip(reversed(again), first, strict=True):
        _same(found, expected, "in another run")


@_check
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
        _require(state == before[name], f"the global generator of {name} has been used")


@_check
def view_not_written_to(scheduler: Scheduler) -> None:
    """View, network and tasks are as they were before the question."""

    def written(evidence: str) -> None:
        raise _Broken(evidence)

    _watch(scheduler, written=written)
    for history, planner, _ in _plans(scheduler):
        tasks, before = list(history.tasks), fingerprint(history.tasks, history.network)
        _plan(planner, tasks, history.network)
        unchanged = tuple(tasks) == history.tasks and fingerprint(tasks, history.network) == before
        _require(unchanged, "tasks or network changed while it planned")


@_check
def nothing_printed(scheduler: Scheduler) -> None:
    """Nothing goes to stdout or stderr."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        for history in histories():
            play(scheduler, history)
    _require(not out.getvalue(), f"prints {out.getvalue()[:60]!r}")


@_check
def deep_copies(scheduler: Scheduler) -> None:
    """A deep copy is another object and decides alike."""
    twin = copy.deepcopy(scheduler)
    _require(twin is not scheduler, "a deep copy is the object itself")
    for history in histories():
        _same(play(twin, history), play(scheduler, history), "as a deep copy")


@_check
def pickles(scheduler: Scheduler) -> None:
    """What comes back from a pickle decides alike."""
    twin = pickle.loads(pickle.dumps(scheduler))
    for history in histories():
        _same(play(twin, history), play(scheduler, history), "after pickling")


# What does not matter -------------------------------------------------------------------------------------


@_check
def server_order_does_not_matter(scheduler: Scheduler) -> None:
    """Servers and links in another order get the same decisions."""
    for number, history in enumerate(histories()):
        other = reordered(history, stream(0, "contract", "order", number))
        _same(play(scheduler, other), play(scheduler, history), "with servers reordered")


@_check
def units_do_not_matter(scheduler: Scheduler) -> None:
    """Inputs, bandwidths and compute speeds times one power of two get the same decisions."""
    for history in histories():
        for factor in (2.0**10, 2.0**-10):
            found = play(scheduler, scaled(history, factor))
            _same(found, play(scheduler, history), f"with everything times {factor:g}")


@_check
def task_names_do_not_matter(scheduler: Scheduler) -> None:
    """Tasks of other names get the same decisions."""
    for history in histories():
        old = {f"u{999 - j}": task.name for j, task in enumerate(history.tasks)}  # sorts the other way round
        tasks = tuple(replace(task, name=name) for name, task in zip(old, history.tasks, strict=True))
        found = play(scheduler, History(history.network, tasks))
        renamed = [Verdict(old[v.task], v.cut, tuple(old[name] for name in v.evicted)) for v in found]
        _same(renamed, play(scheduler, history), "under other names")


@_check
def the_future_does_not_matter(scheduler: Scheduler) -> None:
    """An online scheduler decides about the first tasks alike, whatever comes after them."""
    if isinstance(scheduler, OnlineScheduler):
        for history in histories():
            whole = play(scheduler, history)
            for n in (1, len(whole) // 3, 2 * len(whole) // 3):
                first = play(scheduler, History(history.network, history.tasks[:n]))
                _same(first, whole[:n], f"where only the first {n} tasks come")


@_check
def a_plan_is_of_the_tasks_alone(scheduler: Scheduler) -> None:
    """An offline scheduler plans alike for a list and a tuple of the tasks, and however long they live."""
    for history, planner, plan in _plans(scheduler):
        listed = _plan(planner, list(history.tasks), history.network)
        _require(dict(listed) == dict(plan), "the plan for a list of the tasks is not the one for a tuple")
        staying = [replace(task, lifetime_s=math.inf) for task in history.tasks]
        _require(dict(_plan(planner, staying, history.network)) == dict(plan), "the plan looks at lifetimes")


# Small cases ----------------------------------------------------------------------------------------------


@_check
def works_without_tasks(scheduler: Scheduler) -> None:
    """No tasks, no decisions."""
    for history in histories():
        _require(not play(scheduler, History(history.network, ())), "decisions without a task")


@_check
def works_with_one_server(scheduler: Scheduler) -> None:
    """A network of one server is a network."""
    _require_room(scheduler, draw("one server", 1, 20))


@_check
def works_with_tasks_at_few_servers(scheduler: Scheduler) -> None:
    """Tasks fed by one to three of many servers are tasks."""
    for shared in (False, True):
        _require_room(scheduler, draw(f"few, shared {shared}", 30, 60, shared=shared, most_fed=3))
