"""Random outages against what renewal theory says of them, in narrow intervals."""

import math

import numpy as np
import pytest

from cutlayer.experiments.stats import mean_interval
from cutlayer.simulator.rng import stream
from cutlayer.workloads.outages import Duration, Faults

REPLICATIONS = 400


def outages(faults, n, until_s):
    return np.array(faults.outages(stream(11, "outages", n), until_s))


@pytest.mark.parametrize("up_shape, down_shape", [(1.0, 1.0), (0.6, 1.0), (3.0, 0.8)])
def test_the_share_of_time_up_is_mttf_over_mttf_and_mttr(up_shape, down_shape):
    faults = Faults(Duration(90.0, up_shape), Duration(10.0, down_shape))
    begin, end = 5_000.0, 25_000.0  # begun long before, so that having been new at 0 s no longer shows
    shares = []
    for n in range(REPLICATIONS):
        down, up = outages(faults, n, end).T
        lost = np.minimum(up, end) - np.maximum(down, begin)
        shares.append(1 - lost[lost > 0].sum() / (end - begin))
    interval = mean_interval(shares, 0.99)
    assert interval.low <= 90 / (90 + 10) <= interval.high
    assert interval.half_width < 0.003


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_weibull_times_have_the_mean_the_gamma_function_gives(shape):
    scale_s = 40.0
    faults = Faults(Duration.of_scale(scale_s, shape), Duration.of_scale(scale_s, shape))
    down, up = outages(faults, 0, 5e6).T
    times = np.concatenate([down[1:] - up[:-1], up - down])
    interval = mean_interval(times[: len(times) // 100 * 100].reshape(100, -1).mean(axis=0), 0.99)
    expected = {0.5: 2 * scale_s, 1.0: scale_s, 2.0: scale_s * math.sqrt(math.pi) / 2}[shape]
    assert interval.low <= expected <= interval.high
    assert interval.half_width < 0.03 * expected


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_times_are_below_the_scale_with_probability_1_less_1_over_e(shape):
    faults = Faults(Duration.of_scale(40.0, shape), Duration.of_scale(40.0, shape))
    down, up = outages(faults, 1, 5e6).T
    below = np.concatenate([down[1:] - up[:-1], up - down]) < 40.0
    interval = mean_interval(below.astype(float), 0.99)
    assert interval.low <= 1 - math.exp(-1) <= interval.high
    assert interval.half_width < 0.01
