"""Prices and bounds on kinds of workload that the paper does not draw."""

import numpy as np
import pytest

from cutlayer.experiments.bench.kinds import FRAME_BYTES, KINDS, star, tasks_on
from cutlayer.experiments.bench.prices import WhateverFits, over_time, relaxation
from cutlayer.profiles.store import paper
from cutlayer.simulator.bounds.bounds import certificate, milp
from cutlayer.simulator.rng import stream
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

SMALL = ["one server a task", "Pareto sizes, one server", "tiny, two of five servers", "departures, one server",
         "identical tasks, one server", "two profiles, one server a task"]  # fmt: skip


def planned(tasks, network):
    return len(SCHEDULERS["price"]().plan(tasks, network))


def others(tasks, network):
    offline = len(SCHEDULERS["offline"]().plan(tasks, network))
    return max(offline, *(over_time(tasks, network, make())[0] for make in (SCHEDULERS["fifo"], WhateverFits)))


def instance(seed):
    """A network and tasks of any tightness: alike or not, fed by one, two or all of up to seven servers."""
    rng = stream(seed, "price beside others")
    servers, count = int(rng.integers(1, 8)), int(rng.integers(5, 100))
    network = star(rng, servers, capacity=10 ** rng.uniform(10, 12), uplink=(5e6, 10 ** rng.uniform(7, 9)))
    profiles = [list(paper().values())[i] for i in rng.choice(10, int(rng.integers(1, 4)))]
    sizes = (lambda _, n: np.full(n, 4e5)) if rng.random() < 0.4 else FRAME_BYTES
    fed = (None, 1, min(2, servers))[int(rng.integers(3))]
    return tasks_on(rng, network, count, fed=fed, profiles=profiles, frame_bytes=sizes), network


@pytest.mark.parametrize("seed", range(12))
def test_price_never_deploys_fewer_than_offline_fifo_or_whatever_fits(seed):
    tasks, network = instance(seed)
    assert planned(tasks, network) >= others(tasks, network)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 500))
def test_price_never_deploys_fewer_on_many_more(seed):
    tasks, network = instance(seed)
    assert planned(tasks, network) >= others(tasks, network)


def test_equal_tasks_are_split_among_cuts_as_the_optimum_splits_them():
    profile = paper()["cnn-m"]
    network = Network([290e9], [590e6], usable_share=0.8)
    tasks = [Task(f"t{j}", float(j), profile, 5.0, 0.2, [0], [400e3]) for j in range(100)]
    assert planned(tasks, network) == len(milp(tasks, network, first_cut=1).plan) == 27


@pytest.mark.parametrize("kind", SMALL)
def test_the_dual_bound_is_within_a_thousandth_of_the_relaxation(kind):
    tasks, network = KINDS[kind](1)
    linear = relaxation(tasks, network)
    assert linear * (1 - 1e-9) <= certificate(tasks, network, first_cut=1).tasks <= 1.001 * linear


@pytest.mark.parametrize("kind", SMALL)
def test_price_comes_within_two_percent_of_the_relaxation_or_of_the_optimum_where_few_tasks_fit(kind):
    tasks, network = KINDS[kind](1)
    linear = relaxation(tasks, network)
    reference = relaxation(tasks, network, whole=True) if linear < 200 else linear
    assert planned(tasks, network) >= 0.97 * reference


def test_a_kind_is_the_same_for_the_same_seed_and_another_for_another():
    first, second, other = (KINDS["ten sizes"](seed) for seed in (3, 3, 4))
    assert [task.input_bytes.tolist() for task in first[0]] == [task.input_bytes.tolist() for task in second[0]]
    assert [task.input_bytes.tolist() for task in first[0]] != [task.input_bytes.tolist() for task in other[0]]
