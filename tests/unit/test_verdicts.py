"""Verdicts on claims: three of them, because what is not refuted is not shown."""

from itertools import repeat

import numpy as np
import pytest

from cutlayer.experiments.paper.online_arrivals import near
from cutlayer.experiments.paper.reproduce import as_markdown, as_text
from cutlayer.experiments.paper.study import Claim
from cutlayer.experiments.verdicts import above_zero, all_of, certain, within

WIDE = [9.0, -1.0]
"""Its mean is 4, its 95 % interval with Student's t(1) = 12.7 from -59.5 to 67.5."""


@pytest.mark.parametrize(
    "samples, verdict",
    [
        ([[1.0, 1.0, 1.1]], "holds"),
        ([WIDE], "not shown"),  # the mean is above 0, but two seeds do not show it
        ([[1.0, 1.0, 1.1], WIDE], "not shown"),
        ([[-1.0, -1.0, -1.1]], "does not hold"),
        ([[1.0, 1.0, 1.1], [-1.0, -1.0, -1.1]], "does not hold"),
        ([[5.0]], "not shown"),  # one seed shows nothing
        ([[1.0, 1.0, 1.1], [5.0]], "not shown"),
        ([[0.0, 0.0, 0.0]], "does not hold"),  # equal for every seed is not more
    ],
)
def test_a_claim_of_more_holds_only_where_every_interval_lies_above_zero(samples, verdict):
    assert above_zero(samples) == verdict


def test_equal_for_every_seed_is_not_less():
    assert above_zero([[0.0, 0.0]], or_zero=True) == "holds"
    assert above_zero([[0.0, 0.0], WIDE], or_zero=True) == "not shown"


def test_of_many_intervals_one_below_zero_by_chance_refutes_nothing():
    """Of 3 values with mean -1 and standard deviation 0.4 the 95 % interval ends at -1 + 4.303 * 0.231 = -0.006."""
    below = [-1.4, -1.0, -0.6]
    assert above_zero([below]) == "does not hold"
    assert above_zero([below, *repeat([3.0, 3.1, 3.2], 39)]) == "not shown"


def test_a_verdict_of_no_difference_is_wrong_no_more_often_than_its_level():
    """Forty differences that are all zero in truth: "does not hold" in 5 % of the trials at most, "holds" in none."""
    draw = np.random.default_rng(7)
    found = [above_zero(draw.normal(size=(40, 10))) for _ in range(300)]
    assert found.count("holds") == 0
    assert found.count("does not hold") <= 0.08 * len(found)


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (330, 390, "holds"),
        (300, 390, "not shown"),
        (300, None, "not shown"),
        (330, None, "not shown"),
        (100, 300, "does not hold"),
        (400, None, "does not hold"),
        (None, None, "does not hold"),
        (float("nan"), float("nan"), "not shown"),
    ],
)
def test_about_a_number_holds_only_where_the_whole_interval_is_near_it(low, high, verdict):
    assert within(low, high, 324, 396) == verdict
    assert near(low, high, 360) == verdict


def test_what_must_hold_together_holds_where_each_does():
    assert all_of("holds", "not shown") == "not shown"
    assert all_of("not shown", "does not hold", "holds") == "does not hold"
    assert (certain(True), certain(0)) == ("holds", "does not hold")


def test_every_verdict_is_told_and_counted():
    claims = [
        Claim("Fig. 1", "more", "3.0 [-1.0, 7.0]", verdict, "paired", {})
        for verdict in ("holds", "not shown", "not shown", "for information")
    ]
    lines = as_text(claims).splitlines()
    words = [line[1 : line.index("]")] for line in lines[:-1:2]]
    assert words == ["holds", "not shown", "not shown", "for information"]
    assert lines[-1].startswith("4 claims: holds 1, not shown 2, for information 1; not shown: ")
    assert as_markdown(claims, 2).count("| not shown |") == 2
