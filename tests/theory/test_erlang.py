"""Blocking of tasks that stay for exponential times: Erlang's formula."""

import numpy as np
import pytest
from queues import assert_mean

from cutlayer.simulator.engine import simulate
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("all", 1.0, (1,), 1.0),))


def erlang_b(offered, circuits):
    """The share blocked, by its recursion in the number of circuits."""
    blocked = 1.0
    for n in range(1, circuits + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


class Verdicts:
    """Hears which tasks were turned away."""

    def __init__(self):
        self.rejected = []

    def on_start(self, ledger):
        pass

    def on_decided(self, event):
        self.rejected.append(event.deployment is None)

    def on_departed(self, event):
        pass

    def on_end(self, time_s):
        pass


@pytest.mark.parametrize(
    "offered, circuits, count", [(8.0, 5, 80_000), pytest.param(4.0, 5, 600_000, marks=pytest.mark.slow)]
)
def test_tasks_are_blocked_as_erlang_says(offered, circuits, count):
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(1 / offered, count))
    lifetimes = rng.exponential(1.0, count)
    tasks = (
        Task(f"t{j}", float(arrivals[j]), PROFILE, 1.0, 1.0, [0], [1.0], float(lifetimes[j])) for j in range(count)
    )
    verdicts = Verdicts()
    simulate(Network([1.0], [8.0 * circuits]), tasks, SCHEDULERS["cloud"](), listeners=[verdicts])
    shares = np.mean(np.reshape(verdicts.rejected, (200, -1))[5:], axis=1)
    assert_mean(shares, erlang_b(offered, circuits))


def test_erlangs_formula_by_hand():
    # one circuit, offered 1: half is blocked; two circuits: (1/2) / (1 + 1 + 1/2) = 1/5
    assert erlang_b(1.0, 1) == 0.5
    assert erlang_b(1.0, 2) == pytest.approx(0.2)
