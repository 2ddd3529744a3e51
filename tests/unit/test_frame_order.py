"""Frames of one window come in time order, those of one instant in task order, however they are spread."""

import numpy as np
import pytest

from cutlayer.simulator.frames.order import order_of, sort_frames

RNG = np.random.default_rng(5)
SPREADS = {
    "even": RNG.random,
    "late in the window": lambda n: RNG.random(n) ** 20,
    "crowded at one end": lambda n: np.where(RNG.random(n) < 0.01, 1e6, RNG.random(n)),
    "on a grid": lambda n: RNG.integers(0, 5, n) / 2.0,
    "all at once": lambda n: np.full(n, 7.25),
    "closer than any scale": lambda n: RNG.integers(0, 3, n) * 5e-324,
    "far from 0": lambda n: 1e9 + RNG.random(n) * 1e-5,
}


@pytest.mark.parametrize("slots", [1, 2, 10, 300])
@pytest.mark.parametrize("spread", SPREADS)
def test_frames_come_in_time_order_and_those_of_one_instant_in_task_order(spread, slots):
    for size in (0, 1, 40):
        runs = [np.sort(SPREADS[spread](n)) for n in RNG.integers(0, size + 1, slots)]
        first = np.concatenate([[0], np.cumsum([len(run) for run in runs])]).astype(np.intp)
        arrival = np.concatenate(runs)
        order = order_of(len(arrival))
        assert sort_frames(first, arrival, order) == len(arrival)
        expected = np.argsort(arrival, kind="stable")  # the runs stand in task order
        assert (order.who & np.uint64(0xFFFFFFFF)).tolist() == expected.tolist()
        assert (order.who >> np.uint64(32)).tolist() == (np.searchsorted(first, expected, side="right") - 1).tolist()
        assert order.time.tolist() == arrival[expected].tolist()
