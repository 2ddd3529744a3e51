"""Student's intervals against the quantiles in closed form and from tables, and their coverage."""

import math

import numpy as np
import pytest

from simulator.rng import stream
from simulator.stats import Interval, mean_interval, paired_interval

# The 97.5 % quantile: with 1 degree of freedom tan(0.475 pi), with 2 it is 0.95 sqrt(2 / (4 * 0.975 * 0.025)),
# with 4 and 9 out of any table. Likewise the 95 % quantile with 2.
T1, T2, T4, T9 = math.tan(0.475 * math.pi), 0.95 * math.sqrt(2 / 0.0975), 2.776445105, 2.262157163
T2_90 = 0.9 * math.sqrt(2 / 0.19)


@pytest.mark.parametrize(
    "values, level, mean, half_width",
    [
        ([0, 2], 0.95, 1, T1),  # standard deviation sqrt(2), divided by sqrt(2)
        ([1, 2, 3], 0.95, 2, T2 / math.sqrt(3)),
        ([1, 2, 3], 0.90, 2, T2_90 / math.sqrt(3)),
        ([2, 4, 4, 4, 6], 0.95, 4, T4 * math.sqrt(2 / 5)),
        ([*[9] * 5, *[11] * 5], 0.95, 10, T9 / 3),  # variance 10 / 9
        ([7, 7, 7], 0.95, 7, 0),
    ],
)
def test_the_interval_is_students(values, level, mean, half_width):
    interval = mean_interval(values, level)
    assert interval.n == len(values)
    assert interval.mean == pytest.approx(mean, rel=1e-12)
    assert interval.half_width == pytest.approx(half_width, rel=1e-8, abs=1e-12)
    assert interval.high - interval.mean == pytest.approx(interval.mean - interval.low, abs=1e-12)


def test_pairs_lose_what_they_share():
    shared, more = [100.0, 900.0, 500.0], [101.0, 902.0, 503.0]
    interval = paired_interval(more, shared)
    assert interval.mean == pytest.approx(2)
    assert interval.half_width == pytest.approx(T2 / math.sqrt(3))
    assert paired_interval(shared, more).mean == pytest.approx(-2)


def test_one_replication_has_a_mean_and_no_interval():
    interval = mean_interval([5])
    assert interval.mean == 5 and math.isnan(interval.low) and math.isnan(interval.high)
    assert interval.measure == (5.0, None, None, 1)
    assert "no interval" in f"{interval}"


def test_an_interval_is_written_as_mean_and_ends():
    assert f"{Interval(2.0, 1.25, 2.75, 4)}" == "2.0 [1.2, 2.8]"
    assert f"{Interval(0.5, 0.25, 0.75, 4):.0%}" == "50% [25%, 75%]"


@pytest.mark.parametrize("values, level", [([], 0.95), ([[1, 2]], 0.95), ([1, 2], 0), ([1, 2], 1), ([1, 2], math.nan)])
def test_what_has_no_interval_is_refused(values, level):
    with pytest.raises(ValueError, match="allowed"):
        mean_interval(values, level)


def test_pairs_of_different_length_are_refused():
    with pytest.raises(ValueError, match="3 replications against 2"):
        paired_interval([1, 2, 3], [1, 2])


@pytest.mark.parametrize("n", [2, 5, 20])
def test_nineteen_of_twenty_intervals_hold_the_mean(n):
    # 4,000 intervals: the share that holds the mean is within 4 standard errors, 0.014, of 0.95
    samples = stream(1, "coverage", n).normal(3, 2, (4000, n))
    covered = np.mean([interval.low <= 3 <= interval.high for interval in map(mean_interval, samples)])
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)
