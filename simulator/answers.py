"""What a scheduler answers: plans played task by task, and answers refused before anything of them is applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence

from cutlayer.simulator.errors import DecisionError, InputError
from cutlayer.simulator.policy import DOWN, Decision, Deploy, OfflineScheduler, OnlineScheduler, Reject, Scheduler, View
from cutlayer.simulator.types import Network, Task


def twice(name: str) -> InputError:
    """Return the error for a second task of that name."""
    return InputError(f"task {name!r} arrives twice; every task needs a name of its own")


def who(scheduler: Scheduler) -> str:
    """Return what messages call a scheduler."""
    return f"scheduler {type(scheduler).__name__}"


def check_answer(decision: object, task: Task, view: View, scheduler: Scheduler) -> None:
    """Refuse what is not a decision about `task`; whether it fits is for the ledger.

    Raises
    ------
    DecisionError
        Naming scheduler, task and what is allowed.
    """
    if isinstance(decision, Reject):
        return
    if not isinstance(decision, Deploy):
        raise DecisionError(f"{who(scheduler)} answered {decision!r} for {task.name!r}; allowed: Deploy, Reject")
    layers, cut = len(task.profile), decision.cut
    if not isinstance(cut, int) or not 0 <= cut <= layers:
        raise DecisionError(
            f"{who(scheduler)} answered cut {cut!r} for task {task.name!r}; allowed: a whole number, 0 to {layers}"
        )
    if cut == 0 and not (view.network.allow_raw or scheduler.sends_raw):
        raise DecisionError(
            f"{who(scheduler)} answered cut 0, the raw input, for task {task.name!r}; allowed: 1 to {layers}, "
            "and 0 in a network with allow_raw or in a scheduler with sends_raw = True"
        )
    check_evicted(decision.evict, view.deployed, scheduler, f"for task {task.name!r}")


def check_evicted(names: Sequence[str], deployed: Container[str], scheduler: Scheduler, why: str) -> None:
    """Refuse to evict what is not deployed, or twice; raise `DecisionError`."""
    for at, name in enumerate(names):
        if name not in deployed or name in names[:at]:
            raise DecisionError(f"{who(scheduler)} evicts {name!r} {why}, which is not deployed")


class Planned(OnlineScheduler):
    """Plays the plan of an offline scheduler."""

    def __init__(self, scheduler: OfflineScheduler, tasks: Sequence[Task], network: Network) -> None:
        counts = Counter(task.name for task in tasks)
        if len(counts) < len(tasks):
            raise twice(counts.most_common(1)[0][0])
        self.plan, self.rejection = scheduler.plan(tasks, network), scheduler.rejection
        if not isinstance(self.plan, Mapping):
            raise DecisionError(f"{type(scheduler).__name__}.plan returned {self.plan!r}; allowed: a mapping")
        unknown = set(self.plan) - {task.name for task in tasks}
        if unknown:
            raise DecisionError(f"{type(scheduler).__name__} plans unknown tasks, such as {min(unknown)!r}")

    def decide(self, task: Task, view: View) -> Decision:
        cut = self.plan.get(task.name)
        if cut is None:
            return self.rejection(task)
        if not view.all_up and cut not in view.fitting(task):  # what no plan could know of
            return Reject(f"planned, but {DOWN}", cut)
        return Deploy(cut)
