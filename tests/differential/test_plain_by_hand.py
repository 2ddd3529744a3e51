"""The plain implementation gives the verdicts and cuts that were worked out on paper."""

import pytest
from cases import CASES
from plain import run


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_plain_gives_what_was_worked_out_by_hand(case):
    outcome = run(case["network"], case["tasks"], case["scheduler"], **case["options"])
    assert outcome == case["expected"]


def test_case_names_are_unique():
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)


def test_every_case_says_what_becomes_of_every_task():
    for case in CASES:
        assert set(case["expected"]) == {task.name for task in case["tasks"]}, case["name"]
