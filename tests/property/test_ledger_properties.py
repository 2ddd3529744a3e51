"""The ledger against sums of its own: whatever is reserved and released, in whatever order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.simulator.checks.histories import draw, over_capacity
from cutlayer.simulator.demand import SLACK, demand_of
from cutlayer.simulator.errors import CapacityError
from cutlayer.simulator.ledger import Ledger


def state(ledger):
    return ledger.free_bps.tobytes(), ledger.free_flop_per_s.tobytes()


def used(network, held):
    """What is reserved on every link and server, from the tasks alone."""
    bps, flop_per_s = [[] for _ in network.links], [[] for _ in network.servers]
    routes = np.eye(len(network.links)) if network.is_star else network.routes.toarray()
    for task, cut in held:
        layers, whole = task.profile.layers, task.profile.input_bytes
        ratio = layers[cut - 1].output_bytes / whole if cut else 1.0
        rate = max(1 / task.deadline_s, task.frame_rate_hz)
        flop = math.fsum(layer.flop for layer in layers[:cut])
        for server, size in zip(task.servers.tolist(), task.input_bytes.tolist(), strict=True):
            for link in np.flatnonzero(routes[:, server]):
                bps[link].append(8 * size * ratio * rate * (1 + network.reservation_margin))
            flop_per_s[server].append(size * flop / whole * task.frame_rate_hz)
    return np.array([math.fsum(x) for x in bps]), np.array([math.fsum(x) for x in flop_per_s])


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["reserve", "release"]), st.integers(0, 29), st.integers(0, 6)), max_size=80
)
NETWORKS = st.tuples(st.integers(0, 5), st.booleans())


@settings(max_examples=150, deadline=None)
@given(NETWORKS, ACTIONS)
def test_the_ledger_keeps_its_two_sums(which, actions):
    number, shared = which
    network, tasks = draw(f"ledger {number}", 4, 30, shared=shared)
    ledger, held = Ledger(network), {}
    for action, j, wish in actions:
        task, cut = tasks[j], min(wish, len(tasks[j].profile))
        before = state(ledger)
        try:
            if action == "reserve":
                ledger.reserve(demand_of(task, network), cut)
                assert task.name not in held, "held a reservation already"
                held[task.name] = task, cut
            else:
                ledger.release(task.name)
                del held[task.name]
        except CapacityError:
            assert state(ledger) == before, "a refusal changes nothing"
            if action == "release":
                assert task.name not in held
            elif task.name not in held:
                assert not barely_fits(network, [*held.values(), (task, cut)]), "refused what fits"
        assert ledger.holding(task.name) is not None if task.name in held else ledger.holding(task.name) is None
        assert over_capacity(network, held.values()) == ""
        bps, flop_per_s = used(network, held.values())
        np.testing.assert_allclose(network.usable_bps - ledger.free_bps, bps, atol=1e-9 * network.usable_bps.max())
        np.testing.assert_allclose(
            network.capacity_flop_per_s - ledger.free_flop_per_s,
            flop_per_s,
            atol=1e-9 * network.capacity_flop_per_s.max(),
        )
    for name in held:
        ledger.release(name)
    assert ledger.free_bps.tolist() == network.usable_bps.tolist(), "idle is idle, to the last bit"
    assert ledger.free_flop_per_s.tolist() == network.capacity_flop_per_s.tolist()


def barely_fits(network, held):
    """Whether it fits with 1e-12 of every capacity to spare."""
    bps, flop_per_s = used(network, held)
    return bool(
        (bps <= network.usable_bps * (1 - 1e-12)).all()
        and (flop_per_s <= network.capacity_flop_per_s * (1 - 1e-12)).all()
    )


@settings(max_examples=50, deadline=None)
@given(NETWORKS, ACTIONS)
def test_a_copy_is_a_ledger_of_its_own(which, actions):
    number, shared = which
    network, tasks = draw(f"ledger {number}", 4, 30, shared=shared)
    ledger = Ledger(network)
    for task in tasks[:5]:
        if ledger.fitting(demand_of(task, network))[1]:
            ledger.reserve(demand_of(task, network), 1)
    before, twin = state(ledger), ledger.copy()
    assert state(twin) == before
    for action, j, cut in actions:
        try:
            if action == "reserve":
                twin.reserve(demand_of(tasks[j], network), min(cut, len(tasks[j].profile)))
            else:
                twin.release(tasks[j].name)
        except CapacityError:
            pass
    assert state(ledger) == before


def test_what_is_free_cannot_be_written_to():
    ledger = Ledger(draw("ledger 0", 4, 1).network)
    with pytest.raises(ValueError, match="read-only"):
        ledger.free_bps[0] = 1e9
    with pytest.raises(ValueError, match="read-only"):
        ledger.copy().free_flop_per_s[:] = 0


def test_the_slack_is_used_once():
    """A ledger filled to the slack takes nothing more that needs anything."""
    network, tasks = draw("ledger 0", 1, 2)
    first = demand_of(tasks[0], network)
    ledger = Ledger(network)
    ledger._bps[:] = first.bps(1) - 0.5 * SLACK * network.usable_bps
    ledger.reserve(first, 1)
    assert (ledger.free_bps < 0).all()
    assert not ledger.fitting(demand_of(tasks[1], network)).any()
