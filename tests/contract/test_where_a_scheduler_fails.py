"""A failed check says in which line of the scheduler's file, and at which task."""

import os
import sys

import pytest

from cutlayer.experiments.scenarios.plugin import scheduler_class
from cutlayer.simulator.checks.contract import check_scheduler, run_check
from cutlayer.simulator.errors import ContractError
from cutlayer.simulator.schedulers import SCHEDULERS

HEAD = """\
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject

"""
"""Three lines; what is checked begins in the fourth."""


def failure(tmp_path, monkeypatch, text):
    """Return what the checks say of the class Mine in a file of the user's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(HEAD + text)
    with pytest.raises(ContractError) as caught:
        check_scheduler(scheduler_class("mine.py:Mine"))
    return str(caught.value)


def test_an_exception_is_said_with_the_innermost_line_of_the_file_and_the_task(tmp_path, monkeypatch):
    said = failure(
        tmp_path,
        monkeypatch,
        """\
class Mine(OnlineScheduler):
    def decide(self, job, view):
        return Reject("no") if job.name != "t4" else self.other(job)

    def other(self, job):
        return view.first_fit(job, balanced)
""",
    )
    assert said.endswith(": NameError: name 'view' is not defined (mine.py:9, at task 't4')")


def test_an_exception_out_of_the_simulator_is_said_with_the_line_that_called_it(tmp_path, monkeypatch):
    said = failure(
        tmp_path,
        monkeypatch,
        """\
class Mine(OnlineScheduler):
    def decide(self, task, view):
        return Deploy(view.first_fit(task, None))
""",
    )
    assert said.endswith("(mine.py:6, at task 't0')") and "TypeError" in said


@pytest.mark.parametrize(
    "answer, says",
    [
        ("Deploy(1)", "deploys what does not fit: task 't7' at cut 1"),
        ("'yes'", "answers 'yes' for task 't0'"),
        ("Deploy(99)", "cut 99 for task 't0'"),
    ],
)
def test_an_answer_that_does_not_fit_is_said_with_the_line_that_gave_it(tmp_path, monkeypatch, answer, says):
    said = failure(
        tmp_path,
        monkeypatch,
        f"""\
class Mine(OnlineScheduler):
    def decide(self, task, view):
        if task is None:
            return Reject("no")
        return {answer}
""",
    )
    assert says in said and said.endswith(" (mine.py:8)")  # the task is said already


def test_news_of_a_departure_are_about_the_task_that_departs(tmp_path, monkeypatch):
    said = failure(
        tmp_path,
        monkeypatch,
        """\
class Mine(OnlineScheduler):
    def decide(self, task, view):
        cut = view.first_fit(task, balanced)
        return Reject("full") if cut is None else Deploy(cut)

    def on_departure(self, deployment, view):
        raise KeyError(deployment.task.name)
""",
    )
    name = said.partition("KeyError: ")[2].partition(" ")[0]
    assert said.endswith(f"(mine.py:10, at task {name})")


def test_a_wrong_plan_is_said_with_the_line_that_gave_it(tmp_path, monkeypatch):
    said = failure(
        tmp_path,
        monkeypatch,
        """\
class Mine(OfflineScheduler):
    def plan(self, tasks, network):
        plan = {"stranger": 1}
        return plan
""",
    )
    assert said.endswith(" (mine.py:7)")


def test_a_file_elsewhere_is_said_with_its_whole_path(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    text = HEAD + "class Mine(OnlineScheduler):\n    def decide(self, task, view):\n        return None\n"
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ContractError, match=f"{tmp_path / 'mine.py'}:6") as caught:
        check_scheduler(scheduler_class(os.path.join("..", "mine.py") + ":Mine"))
    assert "\n" not in str(caught.value)


def test_what_is_no_single_answer_has_no_line(tmp_path, monkeypatch):
    said = failure(
        tmp_path,
        monkeypatch,
        """\
class Mine(OnlineScheduler):
    def decide(self, task, view):
        print(task.name)
        return Reject("no")
""",
    )
    assert "mine.py" not in said and "nothing_printed" in said


def test_looking_for_the_line_leaves_no_hook_behind(monkeypatch):
    class Wrong(SCHEDULERS["fifo"]):
        def decide(self, task, view):
            return None

    before = sys.getprofile()
    with pytest.raises(ContractError, match=r"test_where_a_scheduler_fails\.py:\d+\)$"):
        run_check("answers_are_decisions", Wrong())
    assert sys.getprofile() is before
