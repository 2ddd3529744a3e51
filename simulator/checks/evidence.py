"""How a check of the contract fails: with its name, the evidence, and the line of the scheduler's file."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable

from cutlayer.simulator.checks.histories import Placement
from cutlayer.simulator.checks.pinpoint import answers_of, raised_at
from cutlayer.simulator.errors import ContractError, DecisionError
from cutlayer.simulator.policy import Scheduler

Check = Callable[[Scheduler], None]
CHECKS: dict[str, Check] = {}
"""Every check by name: a function that takes a scheduler and raises `ContractError` or returns."""


class Broken(Exception):
    """Evidence that a check has failed, before it is given its name."""


class WrongAnswer(Broken):
    """Evidence in the answer that the scheduler has just given."""


def require(holds: object, evidence: str, kind: type[Broken] = Broken) -> None:
    """Fail with the evidence unless the condition holds."""
    if not holds:
        raise kind(evidence)


def require_answer(holds: object, evidence: str) -> None:
    """Fail because of the answer just given unless the condition holds."""
    require(holds, evidence, WrongAnswer)


def rule(function: Check) -> Check:
    """Register a check under the name of its function; whatever the scheduler raises in it is a failure."""

    @functools.wraps(function)
    def checked(scheduler: Scheduler) -> None:
        try:
            function(scheduler)
        except Exception as fault:
            kind = "" if isinstance(fault, Broken) else f"{type(fault).__name__}: "
            evidence = kind + " ".join(str(fault).split())
            evidence += _where(function, scheduler, fault, evidence)
            raise ContractError(f"{type(scheduler).__name__}: {function.__name__}: {evidence}") from fault

    CHECKS[function.__name__] = checked
    return checked


def _where(function: Check, scheduler: Scheduler, fault: Exception, evidence: str) -> str:
    """Return the line of the scheduler's file that raised or gave the wrong answer, and the task it was about."""
    place = raised_at(fault, scheduler)
    if place is None and isinstance(fault, (WrongAnswer, DecisionError)):
        with contextlib.suppress(Exception), answers_of(scheduler) as answers:
            function(scheduler)  # once more, watched: that is slow, so only where something is wrong
        place = answers.place
    if place is None:
        return ""
    task = "" if place.task is None or f"task {place.task!r}" in evidence else f", at task {place.task!r}"
    return f" ({place}{task})"


def same(found: Iterable[Placement], expected: Iterable[Placement], when: str) -> None:
    """Require equal placements, task by task."""
    for now, before in zip(found, expected, strict=True):
        require(now == before, f"{when}, task {before.task!r} gets {now[1:]}, not {before[1:]} (cut, evicted)")
