"""Nineteen of twenty intervals of simulations hold the truth, where the truth is known in closed form.

Tasks arrive as a Poisson process and stay for exponential times where there is room for all: the number deployed at
time t, from an empty start, is a Poisson number of mean (rate / leaving rate) (1 - exp(-leaving rate t)). A scheduler
that turns away every task above the median size has half of that, and the difference of the two the other half.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cutlayer.experiments.stats import mean_interval, paired_interval
from cutlayer.simulator.demand import balanced
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Layer, Network, Profile, Task

EXPERIMENTS, REPLICATIONS = 1000, 10
RATE_HZ, LIFETIME_S, END_S = 0.5, 20.0, 30.0
TRUE = RATE_HZ * LIFETIME_S * (1 - math.exp(-END_S / LIFETIME_S))
MEDIAN_BYTES = 1500.0
NETWORK = Network([1e12], [1e12])
PROFILE = Profile("halved", (1,), 1.0, (Layer("l", 3, (1,), 0.5),))


class Smaller(OnlineScheduler):
    """Deploys tasks up to a size."""

    def __init__(self, most_bytes: float) -> None:
        self.most_bytes = most_bytes

    def decide(self, task, view):
        if task.frame_bytes > self.most_bytes:
            return Reject("too large")
        return Deploy(view.first_fit(task, balanced))


def workload(seed):
    rng = stream(seed, "coverage of intervals")
    n = rng.poisson(RATE_HZ * END_S)
    arrivals = np.sort(rng.uniform(0, END_S, n))
    stays, sizes = rng.exponential(LIFETIME_S, n), rng.uniform(1000.0, 2000.0, n)
    return [
        Task(f"t{j}", float(arrivals[j]), PROFILE, 1.0, 1.0, [0], [float(sizes[j])], lifetime_s=float(stays[j]))
        for j in range(n)
    ]


@pytest.mark.slow
def test_single_and_paired_intervals_hold_the_truth_in_93_to_97_of_100_experiments(capsys):
    held = {"all": 0, "smaller": 0, "difference": 0}
    for experiment in range(EXPERIMENTS):
        every, small = [], []
        for replication in range(REPLICATIONS):
            tasks = workload(experiment * REPLICATIONS + replication)
            for most_bytes, found in ((math.inf, every), (MEDIAN_BYTES, small)):
                found.append(len(simulate(NETWORK, tasks, Smaller(most_bytes), until_s=END_S).deployed))
        for name, interval, truth in (
            ("all", mean_interval(every), TRUE),
            ("smaller", mean_interval(small), TRUE / 2),
            ("difference", paired_interval(every, small), TRUE / 2),
        ):
            held[name] += interval.low <= truth <= interval.high
    shares = {name: count / EXPERIMENTS for name, count in held.items()}
    with capsys.disabled():
        print(f"\nintervals that hold the truth: {shares}")
    assert all(0.93 <= share <= 0.97 for share in shares.values()), shares
