"""Frames of one window come in time order, those of one instant in task order, however they are spread."""

import numpy as np
import pytest

from cutlayer.simulator.frames.order import order_of, sort_frames

SPREADS = {
    "even": lambda rng, n: rng.random(n),
    "late in the window": lambda rng, n: rng.random(n) ** 20,
    "crowded at one end": lambda rng, n: np.where(rng.random(n) < 0.01, 1e6, rng.random(n)),
    "on a grid": lambda rng, n: rng.integers(0, 5, n) / 2.0,
    "all at once": lambda rng, n: np.full(n, 7.25),
    "closer than any scale": lambda rng, n: rng.integers(0, 3, n) * 5e-324,
    "far from 0": lambda rng, n: 1e9 + rng.random(n) * 1e-5,
}


@pytest.mark.parametrize("slots", [1, 2, 10, 300])
@pytest.mark.parametrize("spread", SPREADS)
def test_frames_come_in_time_order_and_those_of_one_instant_in_task_order(spread, slots):
    rng = np.random.default_rng(slots)
    for size in (0, 1, 40):
        runs = [np.sort(SPREADS[spread](rng, n)) for n in rng.integers(0, size + 1, slots)]
        first = np.concatenate([[0], np.cumsum([len(run) for run in runs])]).astype(np.intp)
        arrival = np.concatenate(runs)
        order = order_of(len(arrival))
        assert sort_frames(first, arrival, order) == len(arrival)
        expected = np.argsort(arrival, kind="stable")  # the runs stand in task order
        assert (order.who & np.uint64(0xFFFFFFFF)).tolist() == expected.tolist()
        assert (order.who >> np.uint64(32)).tolist() == (np.searchsorted(first, expected, side="right") - 1).tolist()
        assert order.time.tolist() == arrival[expected].tolist()
