"""The contract every scheduler must pass, as code: one named check each.

`check_scheduler` runs them all; `CHECKS` maps their names to functions, for parametrised tests. A scheduler
that cannot pass a check lists it in `excused` with the reason; an excuse that is not needed fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cutlayer.simulator.checks.rules  # noqa: F401  (registers every check)
from cutlayer.simulator.checks.evidence import CHECKS
from cutlayer.simulator.errors import ContractError, UnknownNameError
from cutlayer.simulator.policy import Scheduler

__all__ = ["CHECKS", "check_scheduler", "run_check"]


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
