"""Queues out of tasks and servers, and confidence intervals that must be narrow."""

import numpy as np
from scipy import stats

from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import Layer, Network, Profile, Task

NARROW = 0.02
"""Largest half-width of an interval, as a share of the value expected; a wider one fails."""


def network(servers=1, bps=1e12):
    return Network(np.full(servers, 1.0), np.full(servers, bps))


def flow(name, rate_hz, *, compute_s=0.0, send_s=1e-9, servers=1):
    """A task whose frames of mean size compute for `compute_s` and send for `send_s`, on each server."""
    assert send_s <= 1 / rate_hz  # or else the slice would be given more than it asks for
    profile = Profile("flow", (1,), 1.0, (Layer("all", compute_s, (1,), 1.0),))
    task = Task(name, 0.0, profile, rate_hz, send_s, np.arange(servers), np.ones(servers))
    return Span(task, 1, 0.0)


def batches(results, what, skip=10):
    """Means over windows of time, each weighted by its frames; the first are warm-up."""
    count = results.series["delivered"][skip:-1]
    return results.series[what][skip:-1], count


def assert_mean(values, expected, weights=None):
    """The 99.9 % confidence interval of the mean holds `expected` and is narrow."""
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    n = len(values)
    mean = np.average(values, weights=weights)
    # ratio estimator: sums over batches against counts over batches
    error = np.sqrt(np.sum((weights * (values - mean)) ** 2) * n / (n - 1)) / weights.sum()
    half = float(stats.t.ppf(0.9995, n - 1)) * error
    assert half <= NARROW * abs(expected), f"interval too wide: {mean:.5g} +- {half:.2g}, expected {expected:.5g}"
    assert abs(mean - expected) <= half, f"{mean:.6g} +- {half:.2g}, expected {expected:.6g}"
    return half
