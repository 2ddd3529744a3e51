"""Fits find the parameters that arrivals were drawn with, within the errors theory gives."""

import math

import numpy as np
import pytest

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.arrivals.fit import dispersion, fit_all, fit_hourly, fit_mmpp2, fit_poisson
from cutlayer.workloads.arrivals.generated import MMPP2, FlashCrowd, Hourly, Poisson, generated
from cutlayer.workloads.traces.reshape import at_mean_rate, clipped, faster, thinned
from cutlayer.workloads.traces.trace import from_columns


def test_a_poisson_rate_is_found_within_its_standard_error():
    arrivals_s = generated(Poisson(7.0), 1, tasks=40_000).arrivals_s()
    fit = fit_poisson(arrivals_s)
    assert abs(fit.process.rate_hz - 7) < 4 * 7 / math.sqrt(40_000)
    # Kolmogorov: the distance of 39,999 gaps is below 1.95 / sqrt(39,999) with probability 0.999
    assert fit.distance < 1.95 / math.sqrt(39_999)
    assert fit.survival(np.array([0.0, 1 / fit.process.rate_hz])) == pytest.approx([1, 1 / math.e])


@pytest.mark.parametrize(
    "process", [MMPP2(1.0, 20.0, 30.0, 10.0), MMPP2(0.02, 2.0, 200.0, 50.0), MMPP2(500.0, 5000.0, 0.5, 0.2)], ids=repr
)
def test_the_parameters_of_an_mmpp2_are_found(process):
    arrivals_s = generated(process, 2, tasks=40_000).arrivals_s()
    fit = fit_mmpp2(arrivals_s)
    changes = arrivals_s[-1] / (process.mean_calm_s + process.mean_busy_s)
    # a mean of n exponential times is off by 1 / sqrt(n); a rate by 1 / sqrt(arrivals in that state)
    for name in ("mean_calm_s", "mean_busy_s"):
        assert abs(getattr(fit.process, name) / getattr(process, name) - 1) < 4 / math.sqrt(changes)
    busy = process.busy_hz * process.mean_busy_s * changes
    calm = process.calm_hz * process.mean_calm_s * changes
    assert abs(fit.process.busy_hz / process.busy_hz - 1) < 5 / math.sqrt(busy)
    assert abs(fit.process.calm_hz / process.calm_hz - 1) < 5 / math.sqrt(calm)
    assert fit.distance < 0.02 < fit_poisson(arrivals_s).distance


def test_intervals_of_an_mmpp2_hold_its_parameters():
    """95 % intervals of 4 parameters in 30 traces: 114 hits expected of 120, some 8 below at most (three sigma)."""
    process, hits, widths = MMPP2(0.5, 5.0, 60.0, 20.0), 0, []
    for seed in range(30):
        fit = fit_mmpp2(generated(process, seed, tasks=3000).arrivals_s())
        assert fit.note == ""
        for name, ((low, high),) in fit.intervals.items():
            hits += low <= getattr(process, name) <= high
            if name == "mean_calm_s":
                widths.append(math.log(high / low) / (2 * 1.96))
    assert hits >= 106
    # 3000 arrivals are 3000 / (0.5 * 60 + 5 * 20) = 23 cycles: the mean of 23 exponential times, 1 / sqrt(23) off
    assert 0.8 / math.sqrt(23) < np.median(widths) < 1.5 / math.sqrt(23)


def test_intervals_of_rates_hold_them():
    hits = 0
    for seed in range(200):
        arrivals_s = generated(Poisson(2.0), seed, tasks=50).arrivals_s()
        ((low, high),) = fit_poisson(arrivals_s).intervals["rate_hz"]
        hits += low <= 2.0 <= high
    assert 180 <= hits <= 200  # 190 expected, sigma 3.1
    intervals = fit_hourly(np.array([*range(19), 30.0, 40.0]), 40.0, 4).intervals["rates_hz"]
    # 9 arrivals after the first in 10 s: Garwood's interval of 9 is 4.115 to 17.085; of 0 it is 0 to 3.689
    assert intervals[0] == pytest.approx((0.4115, 1.7085), rel=1e-3)


def test_where_one_state_fits_as_well_as_two_it_is_said():
    said = [fit_mmpp2(generated(Poisson(3.0), seed, tasks=1000).arrivals_s()).note for seed in range(10)]
    assert sum(note.startswith("one state fits as well as two") for note in said) >= 9
    assert fit_mmpp2(generated(MMPP2(1.0, 20.0, 30.0, 10.0), 1, tasks=1000).arrivals_s()).note == ""


def test_the_rates_of_a_day_are_found():
    rates = tuple(0.02 + 0.02 * math.sin(hour / 24 * 2 * math.pi) ** 2 for hour in range(24))
    arrivals_s = generated(Hourly(rates), 3, until_s=30 * 86400.0).arrivals_s()
    fit = fit_hourly(arrivals_s)
    assert fit.process.period_s == 86400.0
    for found, rate_hz in zip(fit.process.rates_hz, rates, strict=True):
        assert abs(found - rate_hz) < 4 * math.sqrt(rate_hz / (30 * 3600))
    assert fit.distance < 1.95 / math.sqrt(len(arrivals_s)) < fit_poisson(arrivals_s).distance


def test_rates_are_arrivals_by_the_time_spent_in_a_part():
    # 4 parts of 10 s; the trace lasts from 5 s to 47 s: 5 s and 7 s in the first, 10 s in each other
    arrivals_s = np.repeat([5.0, 6, 7, 8, 12, 13, 25, 41, 42, 47], 2)
    rates = fit_hourly(arrivals_s, 40.0, 4).process.rates_hz
    # 14 arrivals in the first, but time is counted from one of them
    assert rates == pytest.approx([13 / 12, 4 / 10, 2 / 10, 0])


def test_dispersion_is_variance_by_mean_of_counts():
    arrivals_s = np.array([0.0, 1, 2, 10, 20, 21, 30])  # in 10 s: 3, 1, 2
    assert dispersion(arrivals_s, 10.0) == pytest.approx(1.0 / 2)
    assert math.isnan(dispersion(arrivals_s, 20.0))


def test_bursts_are_told_by_their_fits():
    crowd = generated(FlashCrowd(1.0, 40.0, 400.0, 20.0, 60.0), 1, until_s=1500.0).arrivals_s()
    fits = fit_all(crowd)
    assert list(fits) == ["poisson", "mmpp2", "hourly"]
    assert fits["mmpp2"].distance < fits["poisson"].distance / 3
    assert fits["poisson"].dispersion(10.0) == 1 < fits["mmpp2"].dispersion(10.0)


def test_arrivals_of_one_instant_do_not_send_the_fit_to_infinity():
    times_s = np.round(generated(MMPP2(1.0, 50.0, 20.0, 4.0), 1, tasks=4000).arrivals_s(), 2)
    fit = fit_mmpp2(times_s)
    assert (np.diff(times_s) == 0).sum() > 500
    assert 35 < fit.process.busy_hz < 70 and 0.7 < fit.process.calm_hz < 1.5


@pytest.mark.parametrize("times", [[0.0] * 30, list(range(5))])
def test_too_little_to_fit_is_refused(times):
    with pytest.raises(InputError, match="a fit needs 20"):
        fit_all(np.array(times, dtype=float))


def test_a_period_longer_than_the_trace_is_refused():
    with pytest.raises(InputError, match="what the trace lasts"):
        fit_hourly(np.arange(50.0), 86400.0)


def test_a_trace_is_scaled_thinned_and_clipped():
    trace = from_columns({"arrival_s": [1.0, 2.0, 4.0, 7.0], "lifetime_s": [1.0, 2.0, 3.0, math.inf]}, {})
    assert faster(trace, 2.0).arrivals_s().tolist() == [0.5, 1.0, 2.0, 3.5]
    assert trace.mean_rate_hz == 0.5
    assert at_mean_rate(trace, 5.0).mean_rate_hz == pytest.approx(5.0, rel=1e-12)
    part = clipped(trace, 2.0, 7.0)
    assert part.arrivals_s().tolist() == [0.0, 2.0] and part.table()["lifetime_s"].tolist() == [2.0, 3.0]
    assert part.provenance["changes"] == [{"from_s": 2.0, "to_s": 7.0}]
    thin = thinned(trace, 2, seed=1)
    assert thin.count == 2 and set(thin.arrivals_s()) < {1.0, 2.0, 4.0, 7.0}
    assert thin.arrivals_s().tolist() == thinned(trace, 2, seed=1).arrivals_s().tolist()


def test_thinning_halves_the_rate_and_leaves_poisson_poisson():
    whole = generated(Poisson(10.0), 1, tasks=40_000)
    half = thinned(whole, 20_000)
    assert abs(half.mean_rate_hz - 5) < 5 * 4 / math.sqrt(20_000)
    assert fit_poisson(half.arrivals_s()).distance < 1.95 / math.sqrt(20_000)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda t: faster(t, 0.0), "rate factor is 0.0"),
        (lambda t: faster(t, 1e-60), "last arrival"),
        (lambda t: at_mean_rate(t, -1.0), "mean rate is -1.0"),
        (lambda t: at_mean_rate(from_columns({"arrival_s": [1.0]}, {}), 1.0), "one instant"),
        (lambda t: thinned(t, 0), "count is 0"),
        (lambda t: thinned(t, 4), "allowed: 1 to 3"),
        (lambda t: clipped(t, 3.0, 2.0), "rising"),
        (lambda t: clipped(t, math.nan), "rising"),
        (lambda t: clipped(t, 100.0), "no task arrives"),
        (lambda t: clipped(t, 1.2, 1.8), "without arrivals"),
    ],
)
def test_what_cannot_be_done_to_a_trace_is_refused(call, says):
    with pytest.raises(InputError) as caught:
        call(from_columns({"arrival_s": [1.0, 2.0, 3.0]}, {}))
    assert says in str(caught.value)
