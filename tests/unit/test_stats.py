"""Student's intervals against the quantiles in closed form and from tables, and their coverage."""

import math

import numpy as np
import pytest

from cutlayer.experiments.stats import (
    FIRST,
    Interval,
    Precision,
    mean_interval,
    more_replications,
    paired_interval,
    warm_up,
    window_means,
)
from cutlayer.simulator.rng import stream

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


def test_an_interval_is_narrow_enough_against_the_true_mean_or_in_the_unit_of_the_mean():
    # 10 % of a true mean: 10 / 1.1 % of the estimated one, 9.0909... of 100
    assert Precision(0.1, True).met(Interval(100.0, 91.0, 109.0, FIRST))
    assert not Precision(0.1, True).met(Interval(100.0, 90.8, 109.2, FIRST))
    assert Precision(0.1, True).met(Interval(-100.0, -109.0, -91.0, FIRST))
    assert Precision(5.0, False).met(Interval(100.0, 95.0, 105.0, FIRST))
    assert not Precision(5.0, False).met(Interval(100.0, 94.9, 105.1, FIRST))
    assert not Precision(5.0, False).met(Interval(100.0, 100.0, 100.0, FIRST - 1)), "too few to judge by"
    assert not Precision(0.1, True).met(Interval(5.0, math.nan, math.nan, 1))


def test_replications_are_added_by_a_fifth():
    assert [more_replications(n) for n in (1, 4, 10, 100)] == [2, 5, 12, 120]


def until_narrow(draw, precision):
    """Return the interval at which the sequential procedure stops."""
    n, values = FIRST, draw(FIRST)
    while not precision.met(mean_interval(values)):
        more = more_replications(n)
        values, n = np.concatenate([values, draw(more - n)]), more
    return mean_interval(values)


@pytest.mark.slow
@pytest.mark.parametrize("kind, least", [("normal", 0.92), ("exponential", 0.88)])
def test_the_sequential_interval_covers_a_little_less_than_a_fixed_one(kind, least, capsys):
    # 4,000 times; the standard error of the share is 0.004
    rng = stream(2, "sequential", kind)
    draws = {"normal": lambda n: rng.normal(10, 3, n), "exponential": lambda n: rng.exponential(10, n)}
    found = [until_narrow(draws[kind], Precision(0.1, True)) for _ in range(4000)]
    covered = np.mean([interval.low <= 10 <= interval.high for interval in found])
    within = np.mean([abs(interval.mean - 10) <= 1 for interval in found])
    seeds = np.mean([interval.n for interval in found])
    with capsys.disabled():
        print(f"\nsequential, {kind}: {covered:.1%} cover, {within:.1%} within 10 %, {seeds:.0f} replications each")
    assert least <= covered <= 0.97
    assert within >= least


def test_the_warm_up_is_where_the_ramp_ends():
    ramp = np.concatenate([np.linspace(10, 0.5, 50), np.zeros(250)])
    noisy = ramp + stream(1, "warm-up").normal(0, 0.5, 300)
    assert 35 <= warm_up(noisy) <= 55


def test_a_stationary_series_needs_almost_no_warm_up_and_a_trend_is_too_short_to_say():
    left_out = [warm_up(stream(n, "stationary").normal(0, 1, 500)) for n in range(20)]
    assert np.median([n for n in left_out if n is not None]) <= 50
    assert warm_up(np.arange(100.0) ** 3) is None


def test_mser_by_hand():
    # batches of one: 4, 1, 2, 1. Sum of squared deviations / kept^2: all: 6/16; without the first: (2/3)/9; then 0.5/4
    assert warm_up([4.0, 1.0, 2.0, 1.0], batch=1) == 1
    with pytest.raises(ValueError, match="10 or more"):
        warm_up([1.0] * 9)


def test_windows_weigh_values_by_how_long_they_lasted():
    assert window_means([0.0, 1.0, 1.0, 3.0], [1.0, 9.0, 2.0, 6.0], 4.0, 1).tolist() == [(1 + 2 * 2 + 6) / 4]
    assert window_means([2.0], [7.0], 8.0, 3).tolist() == [7.0] * 3
    for times, end_s in (([], 1.0), ([1.0, 0.0], 2.0), ([0.0, 1.0], 0.0)):
        with pytest.raises(ValueError, match="allowed"):
            window_means(times, [0.0] * len(times), end_s, 2)


def test_an_interval_is_shown_without_what_is_impossible():
    """Two runs that deploy 0 and 8 tasks: Student's interval is -46.8 to 54.8, of 10 tasks 0 to 10 are left of it."""
    found = mean_interval([0, 8])
    assert found.low < -46 and found.high > 54
    assert found.clipped() == found._replace(low=0.0)
    assert found.clipped(0, 10) == Interval(4.0, 0.0, 10, 2)
    assert mean_interval([3, 4, 5]).clipped(0, 10) == mean_interval([3, 4, 5])
    alone = mean_interval([7])
    assert alone.clipped(0, 10) is alone  # and has no ends
