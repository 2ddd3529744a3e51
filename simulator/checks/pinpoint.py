"""Where in a scheduler's own file something went wrong, and about which task it was asked then."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, NamedTuple

from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.types import Task

QUESTIONS = ("decide", "plan", "on_departure", "on_change")
"""The methods of a scheduler that the engine calls."""


class Place(NamedTuple):
    """A line of a scheduler's own file.

    Attributes
    ----------
    file : str
    line : int
    task : str or None
        The name of the task it was asked about; None where it was not asked about one.
    """

    file: str
    line: int
    task: str | None

    def __str__(self) -> str:
        near = os.path.relpath(self.file)
        return f"{os.path.abspath(self.file) if near.startswith(os.pardir) else near}:{self.line}"


def raised_at(fault: BaseException, scheduler: Scheduler) -> Place | None:
    """Return the innermost line of the scheduler's file in the traceback of `fault`; None if there is none."""
    file, questions = _file_of(scheduler), _questions(scheduler)
    found, task = None, None
    trace: TracebackType | None = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in questions:
            task = _task_of(trace.tb_frame) or task
        if trace.tb_frame.f_code.co_filename == file:
            found = (file, trace.tb_lineno)
        trace = trace.tb_next
    return None if found is None else Place(*found, task)


class Answers:
    """The last answer of a scheduler: `place` is the line that returned it, if that is in its own file."""

    place: Place | None = None


@contextlib.contextmanager
def answers_of(scheduler: Scheduler) -> Iterator[Answers]:
    """Record where the scheduler answers; slows every call down."""
    file, questions, last = _file_of(scheduler), _questions(scheduler), Answers()

    def hook(frame: FrameType, event: str, arg: Any) -> None:
        if event == "return" and frame.f_code in questions:
            code = frame.f_code
            last.place = Place(file, frame.f_lineno, _task_of(frame)) if code.co_filename == file else None

    before = sys.getprofile()
    sys.setprofile(hook)
    try:
        yield last
    finally:
        sys.setprofile(before)


def _file_of(scheduler: Scheduler) -> str:
    module = sys.modules.get(type(scheduler).__module__)
    return str(getattr(module, "__file__", "") or "")


def _questions(scheduler: Scheduler) -> set[CodeType]:
    """Return the code of every method the engine may call, inherited ones too."""
    methods = (vars(kind).get(name) for kind in type(scheduler).__mro__ for name in QUESTIONS)
    return {method.__code__ for method in methods if isinstance(method, FunctionType)}


def _task_of(frame: FrameType) -> str | None:
    """Return the name of the task that a method was asked about, whatever the method calls it."""
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    asked = frame.f_locals.get(names[1]) if len(names) > 1 else None
    asked = getattr(asked, "task", asked)  # of a departure it is a deployment
    return asked.name if isinstance(asked, Task) else None
