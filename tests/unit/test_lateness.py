"""The share of late frames: one rule, also where no frame was delivered."""

import math

import numpy as np
import pytest

from cutlayer.experiments.lateness import late_of_runs, late_share, late_shares, mean_late_share, none_late
from cutlayer.experiments.sweeps.planning import Step, Wish


def run(violations, delivered):
    return {"violations": violations, "delivered": delivered}


def test_of_no_frame_there_is_no_share():
    assert late_share(run(0, 0)) is None and late_share(run(3, 12)) == 0.25
    assert late_share({"violations": None, "delivered": None}) is None  # frames were not simulated
    np.testing.assert_array_equal(late_of_runs([run(1, 2), run(0, 0)]), [0.5, math.nan])
    np.testing.assert_array_equal(late_shares(np.array([1.0, 0.0]), np.array([4.0, 0.0])), [0.25, math.nan])


def test_the_mean_is_over_runs_that_delivered_a_frame():
    """0.2 and 0.4 by hand: 0.3; the third run says nothing."""
    found = mean_late_share([run(1, 5), run(2, 5), run(0, 0)])
    assert (found.mean, found.n) == (pytest.approx(0.3), 2)


def test_a_plan_is_not_sure_that_no_frame_is_late_where_none_was_delivered():
    none = mean_late_share([run(0, 0)] * 5)
    assert none.n == 0 and math.isnan(none.mean)
    some = mean_late_share([run(0, 7)] * 5)
    verdicts = [Step(0, None, 5, some, late).verdict(Wish(0.0, 0.01), only_late=True) for late in (none, some)]
    assert verdicts == ["unclear", "yes"]


def test_it_is_told_in_words():
    assert (none_late(0), none_late(1234)) == ("no frame was delivered", "none of 1,234 delivered frames is late")
