"""Means and standard deviations of latencies are exact: however little they vary, in windows of any size.

What is expected is computed in fractions, without rounding, from every single frame.
"""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from cutlayer.simulator.frames.count.sums import Terms, add, joined, stream_values, sums
from cutlayer.simulator.frames.rows import rows
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED, LOST, slices_by_server
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("edge", 1.0, (1,), 0.5), Layer("last", 2.0, (1,), 0.25)))
LATENCIES = ("transfer", "end_to_end")


def exact(values):
    """The mean and the standard deviation of these floats."""
    whole = [Fraction(value) for value in values]
    mean = sum(whole) / len(whole)
    variance = sum((value - mean) ** 2 for value in whole) / len(whole)
    shift = 4 * max(0, variance.denominator.bit_length() - variance.numerator.bit_length())  # into a float's range
    return float(mean), math.sqrt(variance * 2**shift) / 2.0 ** (shift // 2)


def table_of(latencies, windows=(), skipped=()):
    """What is said of one stream whose transfers take these times and all else none, taken in by windows."""
    span = Span(Task("t", 0.0, PROFILE, 1.0, 1.0, [0], [1.0]), 1, 0.0)
    (slices,), _ = slices_by_server([span], Network([1.0], [1e3]), FrameSettings(), 1.0)
    terms = Terms(slices.cloud_s, slices.deadline_s, 0.0, False, 1.0)
    every = rows(len(latencies))
    every.uplink_service[:] = latencies
    every.fate[:] = DELIVERED
    every.fate[list(skipped)] = LOST
    total = sums(1, 0)
    borders = [0, *sorted(windows), len(latencies)]
    for low, high in pairwise(borders):
        total = add(total, high - low, every._make(column[low:high] for column in every), terms)
    total = joined([total])
    quantiles = np.zeros((1, 2, 4))
    values = stream_values(total, quantiles, total.counts[:, 0], np.zeros(1), np.ones(1, dtype=bool))
    return {name: float(values[name][0]) for name in values}


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 512, 5000])
@pytest.mark.parametrize("mean", [0.2, 1e3, 1e7])
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 1e-9, 1e-12, 1e-15])
def test_moments_are_exact_however_little_latencies_vary_against_their_mean(count, mean, spread):
    latencies = mean * (1 + spread * np.random.default_rng(count).random(count))
    said, (expected, deviation) = table_of(latencies), exact(latencies)
    for name in LATENCIES:
        assert said[f"{name}_mean_s"] == pytest.approx(expected, rel=1e-15)
        assert said[f"{name}_sd_s"] == pytest.approx(deviation, rel=1e-12, abs=0)


@pytest.mark.parametrize("at", [0, 1, 300, 4999])
def test_one_latency_far_from_all_others_leaves_their_moments_exact(at):
    latencies = 0.2 + 1e-13 * np.random.default_rng(1).random(5000)
    latencies[at] = 3600.0
    said, (expected, deviation) = table_of(latencies), exact(latencies)
    assert said["transfer_mean_s"] == pytest.approx(expected, rel=1e-15)
    assert said["transfer_sd_s"] == pytest.approx(deviation, rel=1e-11)


def test_latencies_that_rise_for_ever_have_exact_moments():
    latencies = 1e-3 * np.arange(1, 200_001)  # 1 to n: (n + 1) / 2 and sqrt((n^2 - 1) / 12)
    said = table_of(latencies)
    assert said["transfer_mean_s"] == pytest.approx(1e-3 * 200_001 / 2, rel=1e-14)
    assert said["transfer_sd_s"] == pytest.approx(1e-3 * math.sqrt((200_000**2 - 1) / 12), rel=1e-13)


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=700),
    st.sets(st.integers(0, 700), max_size=20),
    st.sets(st.integers(0, 699), max_size=50),
)
@drawn(deadline=None)
def test_windows_change_no_moment_and_means_lie_between_the_smallest_and_the_largest(latencies, cuts, lost):
    lost = {at for at in lost if at < len(latencies)}
    windows = [cut for cut in cuts if cut <= len(latencies)]
    said, whole = table_of(latencies, windows, lost), table_of(latencies, (), lost)
    assert np.array_equal(list(said.values()), list(whole.values()), equal_nan=True)
    some = [latency for at, latency in enumerate(latencies) if at not in lost]
    if some:
        expected, deviation = exact(some)
        assert min(some) <= said["transfer_mean_s"] <= max(some)
        assert said["transfer_mean_s"] == pytest.approx(expected, rel=1e-14)
        assert said["transfer_sd_s"] == pytest.approx(deviation, rel=1e-11, abs=1e-14 * max(some))
    else:
        assert math.isnan(said["transfer_mean_s"]) and math.isnan(said["transfer_sd_s"])


@pytest.mark.parametrize("sharing", ["reserved", "fair"])
@pytest.mark.parametrize("window_frames", [1, 100, 1 << 13])
def test_a_run_of_equal_frames_says_their_latency_and_no_spread(sharing, window_frames):
    # 4 bit a frame at 10 bit/s: 0.4 s, of which no sum of 5,000 is 5,000 times 0.4; alone in slice and link
    task = Task("t", 0.0, PROFILE, 1.0, 0.4, [0], [1.0])
    settings = FrameSettings(sharing=sharing, window_frames=window_frames, series_s=700.0)
    result = run_frames(
        Network([1e9], [10.0]), [Span(task, 1, 0.0)], settings, end_s=5000.0,
        given={("t", "s0"): (np.arange(5000.0), np.ones(5000))}, keep_frames=True,
    )  # fmt: skip
    (row,) = result.rows()
    done = result.kept.fate == DELIVERED
    for name, latency in (("transfer", result.kept.transfer_s[done]), ("end_to_end", result.kept.end_to_end_s[done])):
        expected, deviation = exact(latency)
        assert row[f"{name}_mean_s"] == pytest.approx(expected, rel=1e-15)
        assert row[f"{name}_sd_s"] == pytest.approx(deviation, rel=1e-12, abs=0)
        assert latency.min() <= row[f"{name}_mean_s"] <= row[f"{name}_max_s"] == latency.max()
        assert (result.series[f"{name}_mean_s"] <= result.series[f"{name}_max_s"]).all()
        summary = result.summary()
        assert summary[f"{name}_mean_s"] <= summary[f"{name}_max_s"]
