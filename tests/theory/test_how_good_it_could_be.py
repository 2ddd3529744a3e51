"""What the priced schedulers reach of the bound on the paper's scenario, with the measured profiles."""

import numpy as np
import pytest
from papers import paper

from cutlayer.simulator.bounds.bounds import certificate, lp_bound
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.schedulers import SCHEDULERS

TASKS = 1000
ROOMY = 0.99
"""Where the bound is this share of the tasks, hardly anyone is ever turned away, and there is nobody to pass."""


class Counting:
    """Keeps the number of deployed tasks after every arrival, and when somebody was evicted first."""

    def __init__(self):
        self.deployed, self.first_eviction, self._now = [], TASKS + 1, 0

    def on_start(self, ledger): ...

    def on_departed(self, event): ...

    def on_end(self, time_s): ...

    def on_decided(self, event):
        self._now += (event.deployment is not None) - len(event.evicted)
        self.deployed.append(self._now)
        if event.evicted:
            self.first_eviction = min(self.first_eviction, len(self.deployed))


def play(name, servers, seed, **parameters):
    """Return the counts, and the bound that the scheduler has certified, if it does."""
    scenario, counting = paper(servers=servers, tasks=TASKS), Counting()
    tasks = scenario.inputs(seed).tasks
    outcome = simulate(scenario.inputs(seed).network, tasks, SCHEDULERS[name](**parameters), listeners=[counting])
    return counting, getattr(outcome.scheduler, "certificate", None)


def lp(servers, seed):
    scenario = paper(servers=servers, tasks=TASKS)
    tasks, network = scenario.inputs(seed).tasks, scenario.inputs(seed).network
    best = lp_bound(tasks, network).tasks
    assert best * (1 - 1e-9) <= certificate(tasks, network).tasks <= best * 1.001
    return best


def check(servers, seeds, *, least_evict):
    """Assert the targets for one number of servers; `least_evict` is the mean asked of `price-evict`."""
    reached = {name: [] for name in ("price", "price-online", "price-evict")}
    over_lbf, over_both, first_eviction = [], [], TASKS + 1
    for seed in seeds:
        best = lp(servers, seed)
        price, proof = play("price", servers, seed)
        online, _ = play("price-online", servers, seed, expected_tasks=TASKS)
        evict, _ = play("price-evict", servers, seed)
        fifo, lbf = play("fifo", servers, seed)[0], play("lbf", servers, seed)[0]
        for name, run in (("price", price), ("price-online", online), ("price-evict", evict)):
            assert run.deployed[-1] <= best
            reached[name].append(run.deployed[-1] / best)
        assert price.deployed[-1] <= proof.bound.tasks <= best * 1.002
        assert proof.deployed == price.deployed[-1]
        over_lbf.append(np.subtract(evict.deployed, lbf.deployed))
        over_both.append(np.subtract(online.deployed, np.maximum(fifo.deployed, lbf.deployed)))
        first_eviction = min(first_eviction, lbf.first_eviction)
        if best < ROOMY * TASKS:
            assert over_both[-1][-2] > 0, f"price-online has not passed fifo and lbf with seed {seed}"
    assert np.mean(reached["price"]) >= 0.99
    assert min(reached["price"]) >= 0.985
    assert np.mean(reached["price-online"]) >= 0.96
    assert min(reached["price-online"]) >= 0.92
    assert np.mean(reached["price-evict"]) >= least_evict
    assert np.mean(over_both, axis=0)[-2] > 0, "on average, before the last arrival"
    assert (np.mean(over_lbf, axis=0)[first_eviction - 1 :] >= 0).all()


@pytest.mark.parametrize("servers", [20, 60])
def test_two_seeds_come_near_the_bound(servers):
    check(servers, [0, 1], least_evict=0.94)


@pytest.mark.slow
@pytest.mark.parametrize("servers", range(20, 91, 10))
def test_twenty_seeds_come_near_the_bound(servers):
    check(servers, range(20), least_evict=0.96)
