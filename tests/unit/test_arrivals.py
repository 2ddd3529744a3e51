"""Generated arrivals follow their formulas, and are the same in pieces or at once."""

import math

import numpy as np
import pytest
from scipy import stats

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.arrivals.generated import (
    MMPP2,
    PROCESSES,
    Diurnal,
    FlashCrowd,
    Hourly,
    Periodic,
    Poisson,
    generated,
    process_of,
)

EVERY = [
    Periodic(0.5),
    Poisson(3.0),
    MMPP2(1.0, 20.0, 30.0, 10.0),
    MMPP2(0.0, 5.0, 10.0, 1.0),
    Diurnal(2.0, 0.9, peak_s=600.0, period_s=1000.0),
    Hourly((0.0, 3.0, 1.0), period_s=60.0),
    FlashCrowd(1.0, 50.0, 100.0, 20.0, 60.0),
]


def interval(values):
    """Return mean and half width of a 99.9 % confidence interval (normal)."""
    return np.mean(values), 3.29 * np.std(values, ddof=1) / math.sqrt(len(values))


def counts(process, window_s, windows, seed=0):
    arrivals_s = generated(process, seed, until_s=window_s * windows).arrivals_s()
    return np.histogram(arrivals_s, bins=windows, range=(0, window_s * windows))[0]


@pytest.mark.parametrize("process", EVERY, ids=repr)
def test_arrivals_rise_and_begin_with_those_of_a_shorter_trace(process):
    long = generated(process, 5, tasks=70_000).arrivals_s()
    assert len(long) == 70_000 and (np.diff(long) >= 0).all() and long[0] >= 0
    assert generated(process, 5, tasks=10).arrivals_s().tolist() == long[:10].tolist()
    assert generated(process, 5, until_s=40.0).arrivals_s().tolist() == long[long < 40.0].tolist()
    assert generated(process, 6, tasks=10).arrivals_s().tolist() != long[:10].tolist() or process == Periodic(0.5)


@pytest.mark.parametrize("process", EVERY, ids=repr)
def test_a_trace_read_twice_is_the_same(process):
    trace = generated(process, 1, tasks=140_000)
    first, second = ([c["arrival_s"] for c in trace.chunks()] for _ in range(2))
    assert len(first) >= 2 and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert sum(map(len, first)) == trace.count == 140_000
    assert (trace.first_s, trace.last_s) == (first[0][0], first[-1][-1])


def test_poisson_arrivals_come_at_their_rate_without_memory():
    seen = counts(Poisson(3.0), 10.0, 20_000)
    mean, half = interval(seen)
    assert abs(mean - 30) < half < 0.15
    # variance / mean of 20,000 Poisson counts is 1 with standard error sqrt(2 / 20000) = 0.01
    assert abs(seen.var(ddof=1) / seen.mean() - 1) < 0.033
    gaps_s = np.diff(generated(Poisson(3.0), 1, tasks=50_000).arrivals_s())
    assert stats.kstest(gaps_s, "expon", args=(0, 1 / 3)).pvalue > 0.001


@pytest.mark.parametrize("window_s", [2.0, 20.0, 200.0])
def test_the_dispersion_of_mmpp2_follows_its_formula(window_s):
    # rates 0.1 and 2 Hz, 30 s calm and 10 s busy: p + q = 2/15 per second, and in the long run the variance exceeds
    # the mean by 2 * 1.9^2 * (1/30)(1/10) / ((2/15)^2 * (0.1 * 1/10 + 2 * 1/30)) = 17.66 times
    process = MMPP2(0.1, 2.0, 30.0, 10.0)
    limit = 2 * 3.61 / 300 / ((4 / 225) * (2.3 / 30))
    scaled = 2 / 15 * window_s
    expected = 1 + limit * (1 - (1 - math.exp(-scaled)) / scaled)
    assert process.dispersion(window_s) == pytest.approx(expected, rel=1e-12)
    found = [(c.var(ddof=1) / c.mean()) for c in (counts(process, window_s, 1000, seed) for seed in range(60))]
    mean, half = interval(found)
    assert half < 0.04 * expected
    assert abs(mean - expected) < half + 0.01 * expected  # a ratio of estimates leans a little


def test_mmpp2_in_the_long_run_has_the_rate_of_its_states_by_their_share():
    process = MMPP2(1.0, 20.0, 30.0, 10.0)
    assert process.rate_hz == pytest.approx(0.75 * 1 + 0.25 * 20)
    assert process.dispersion(math.inf) == pytest.approx(1 + 2 * 361 / 300 / ((4 / 225) * (23 / 30)))
    mean, half = interval(counts(process, 2000.0, 400) / 2000.0)
    assert abs(mean - 5.75) < half < 0.14


def test_the_first_state_of_mmpp2_is_drawn_by_its_share_of_the_time():
    process = MMPP2(1e-9, 1000.0, 3.0, 1.0)
    soon = [generated(process, seed, tasks=1).last_s < 0.02 for seed in range(2000)]
    assert abs(np.mean(soon) - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 2000)


def test_the_diurnal_rate_is_highest_at_its_peak_and_follows_the_cosine():
    process = Diurnal(20.0, 0.8, peak_s=250.0, period_s=1000.0)
    arrivals_s = generated(process, 3, until_s=20_000.0).arrivals_s()
    seen, edges = np.histogram(arrivals_s % 1000.0, bins=20, range=(0, 1000))
    # over [a, b] the expected number is 20 (b - a + 0.8 * 1000 / 2 pi * (sin at b - sin at a)), 20 periods
    sines = np.sin(2 * math.pi * (edges - 250) / 1000)
    expected = 20 * 20 * (50 + 0.8 * 1000 / (2 * math.pi) * np.diff(sines))
    assert ((seen - expected) ** 2 / expected).sum() < stats.chi2.ppf(0.999, 20)
    assert int(np.argmax(seen)) in (3, 4, 5, 6)
    assert process.rates_hz(np.array([250.0, 750.0])) == pytest.approx([36.0, 4.0])
    assert abs(seen[4:6].sum() - 36 * 20 * 100) < 0.02 * 36 * 20 * 100


def test_hourly_rates_hold_in_their_parts():
    process = Hourly((0.0, 30.0, 10.0, 5.0), period_s=400.0)
    arrivals_s = generated(process, 3, until_s=40_000.0).arrivals_s()
    seen = np.histogram(arrivals_s % 400.0, bins=4, range=(0, 400))[0]
    assert seen[0] == 0
    expected = 100 * 100 * np.array([30.0, 10.0, 5.0])
    assert ((seen[1:] - expected) ** 2 / expected).sum() < stats.chi2.ppf(0.999, 3)
    assert process.rate_hz == 11.25


def test_a_flash_crowd_rises_on_a_line_and_dies_away():
    process = FlashCrowd(2.0, 1002.0, 50.0, 10.0, 20.0)
    arrivals_s = generated(process, 4, until_s=250.0).arrivals_s()
    edges = np.array([0.0, 50.0, 52.5, 55.0, 60.0, 70.0, 80.0, 100.0, 150.0, 250.0])

    def expected(t):
        rising = 500 / 10 * np.clip(t - 50, 0, 10) ** 2
        return 2 * t + rising + 1000 * 20 * -np.expm1(-np.clip(t - 60, 0, None) / 20)

    means = np.diff(expected(edges))
    seen = np.histogram(arrivals_s, bins=edges)[0]
    assert ((seen - means) ** 2 / means).sum() < stats.chi2.ppf(0.999, len(means))
    assert process.crowd == 1000 * (5 + 20)
    assert process.rates_hz(np.array([49.0, 55.0, 60.0, 80.0])) == pytest.approx([2, 502, 1002, 2 + 1000 / math.e])


def test_a_crowd_leaves_the_arrivals_without_it_as_they_were():
    crowd = set(generated(FlashCrowd(2.0, 50.0, 10.0, 0.0, 20.0), 4, until_s=300.0).arrivals_s().tolist())
    assert set(generated(Poisson(2.0), 4, until_s=300.0).arrivals_s().tolist()) < crowd


def test_even_intervals_begin_at_0():
    assert generated(Periodic(0.25), 0, tasks=4).arrivals_s().tolist() == [0, 0.25, 0.5, 0.75]


def test_a_huge_crowd_is_drawn_as_far_as_it_is_asked_for():
    process = FlashCrowd(1e-6, 1e9, 0.0, 1e6, 1e6)  # 1.5e15 arrivals
    assert generated(process, 0, tasks=1000).count == 1000


def test_text_with_units_makes_a_process():
    text = {"calm_hz": "0.5 Hz", "busy_hz": 20, "mean_calm_s": "2 min", "mean_busy_s": "500 ms"}
    assert process_of("mmpp2", text) == MMPP2(0.5, 20.0, 120.0, 0.5)
    assert process_of("hourly", {"rates_hz": ["1 Hz", 2], "period_s": "1 d"}) == Hourly((1.0, 2.0), 86400.0)
    assert set(PROCESSES) == {"periodic", "poisson", "mmpp2", "diurnal", "hourly", "flash-crowd"}


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Poisson(0), "rate_hz is 0"),
        (lambda: Poisson(math.nan), "rate_hz is nan"),
        (lambda: Poisson(math.inf), "rate_hz is inf"),
        (lambda: Poisson(True), "rate_hz is True"),
        (lambda: MMPP2(-1, 2, 1, 1), "calm_hz is -1"),
        (lambda: MMPP2(1, 2, 0, 1), "mean_calm_s is 0"),
        (lambda: MMPP2(0, 1e-9, 1e-9, 1e-9), "fewer than 0.001 arrivals"),
        (lambda: Diurnal(1, 1.5), "swing is 1.5"),
        (lambda: Hourly(()), "0 rates_hz"),
        (lambda: Hourly((0.0, 0.0)), "sum of rates_hz is 0"),
        (lambda: Hourly((1.0, -1.0)), "one of rates_hz is -1"),
        (lambda: FlashCrowd(5, 5, 0, 1, 1), "peak_hz is 5"),
        (lambda: FlashCrowd(1, 5, -1, 1, 1), "start_s is -1"),
        (lambda: generated(Poisson(1), 0), "without an end"),
        (lambda: generated(Poisson(1), 0, tasks=0), "tasks is 0"),
        (lambda: generated(Poisson(1), 0, until_s=0), "until_s is 0"),
        (lambda: generated(Poisson(1e-12), 0, tasks=100_000), "arrive after 1e+15 s"),
        (lambda: process_of("poison", {"rate_hz": 1}), "did you mean 'poisson'?"),
        (lambda: process_of("poisson", {"rate_hs": 1}), "did you mean 'rate_hz'?"),
        (lambda: process_of("poisson", {}), "needs the parameter 'rate_hz'"),
        (lambda: process_of("poisson", {"rate_hz": "3 s"}), "'3 s' is not a quantity in Hz"),
        (lambda: process_of("poisson", {"rate_hz": None}), "rate_hz is None"),
    ],
)
def test_what_is_out_of_range_is_refused(make, says):
    with pytest.raises(InputError) as caught:
        make()
    assert says in str(caught.value)


def test_distances_of_gaps_are_those_of_the_mmpp2_mixture():
    """The gaps of an MMPP-2 are a mixture of two exponentials (its phases at an arrival, by hand)."""
    gaps_s = np.diff(generated(MMPP2(1.0, 20.0, 30.0, 10.0), 2, tasks=200_000).arrivals_s())
    # phi = (a q, b p) / (a q + b p) with a = 1, b = 20, p = 1/30, q = 1/10; mean gap = 1 / 5.75
    phi = np.array([1 / 10, 20 / 30]) / (1 / 10 + 20 / 30)
    rates = np.array([[-(1 / 30 + 1), 1 / 30], [1 / 10, -(1 / 10 + 20)]])
    assert phi @ np.linalg.solve(-rates, [1, 1]) == pytest.approx(1 / 5.75)
    for gap_s in (0.01, 0.1, 0.5, 2.0):
        half, m = (rates[0, 0] - rates[1, 1]) / 2, (rates[0, 0] + rates[1, 1]) / 2
        d = math.sqrt(half**2 + rates[0, 1] * rates[1, 0])
        power = math.exp(m * gap_s) * (
            math.cosh(d * gap_s) * np.eye(2) + math.sinh(d * gap_s) / d * (rates - m * np.eye(2))
        )
        expected = phi @ power @ [1, 1]
        seen = (gaps_s > gap_s).mean()
        # neighbours are correlated: five times the error of independent gaps
        assert abs(seen - expected) < 5 * math.sqrt(expected * (1 - expected) / len(gaps_s))


def test_the_first_gap_of_a_poisson_process_is_like_any_other():
    first = [generated(Poisson(2.0), seed, tasks=1).last_s for seed in range(1500)]
    assert stats.kstest(first, "expon", args=(0, 0.5)).pvalue > 0.001
