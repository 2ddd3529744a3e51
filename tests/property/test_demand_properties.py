"""Two passes decide all cuts: the factored test equals the one server by server, cut by cut."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.checks.histories import draw, play, profile
from cutlayer.simulator.demand import SLACK, balanced, demand_of, fitting, largest_product, room
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

amounts = st.floats(1e-3, 1e3)
free_shares = st.floats(-0.1, 1.0).filter(lambda share: share == 0 or abs(share) > 1e-15)


@st.composite
def cases(draw_from):
    """A network, a task on some of its servers, and free capacities."""
    n = draw_from(st.integers(1, 5))
    m = draw_from(st.integers(1, 4))
    routes = None
    if draw_from(st.booleans()):
        routes = np.array(draw_from(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=m, max_size=m)))
        routes[0] |= ~routes.any(axis=0)  # every server crosses a link
    else:
        m = n
    some = st.lists(amounts, min_size=n, max_size=n)
    network = Network(
        draw_from(some),
        draw_from(st.lists(amounts, min_size=m, max_size=m)),
        usable_share=draw_from(st.floats(0.1, 1.0)),
        routes=None if routes is None else routes.astype(float),
        reservation=draw_from(st.sampled_from(["sustained", "deadline"])),
        reservation_margin=draw_from(st.sampled_from([0.0, 0.25])),
    )
    layers = draw_from(st.integers(1, 5))
    fed = sorted(draw_from(st.sets(st.integers(0, n - 1), min_size=1)))
    task = Task(
        "a",
        0.0,
        profile(
            "p",
            draw_from(st.lists(st.floats(0.0, 100.0), min_size=layers, max_size=layers)),
            draw_from(st.lists(st.floats(1e-3, 2.0), min_size=layers, max_size=layers)),
        ),
        draw_from(st.floats(0.1, 30.0)),
        draw_from(st.floats(0.01, 2.0)),
        fed,
        draw_from(st.lists(amounts, min_size=len(fed), max_size=len(fed))),
    )
    free_bps = network.usable_bps * draw_from(st.lists(free_shares, min_size=m, max_size=m))
    free_flop_per_s = network.capacity_flop_per_s * draw_from(st.lists(free_shares, min_size=n, max_size=n))
    return network, task, free_bps, free_flop_per_s


def needs(network, task, cut):
    """(kind, index, need) of everything that the cut takes from, links first, in plain arithmetic."""
    layers = task.profile.layers
    ratio = layers[cut - 1].output_bytes if cut else 1.0  # the input is one byte
    flop = math.fsum(layer.flop for layer in layers[:cut])
    rate = 1 / task.deadline_s
    if network.reservation == "sustained":
        rate = max(rate, task.frame_rate_hz)
    size = dict(zip(task.servers.tolist(), task.input_bytes.tolist(), strict=True))
    for m in range(len(network.links)):
        behind = [i for i in size if (m == i if network.is_star else network.routes.toarray()[m, i])]
        if behind:
            through = math.fsum(size[i] for i in behind)
            yield "link", m, (1 + network.reservation_margin) * 8 * through * ratio * rate
    for i, here in size.items():
        yield "server", i, here * flop * task.frame_rate_hz


@settings(max_examples=300, deadline=None)
@given(cases())
def test_fitting_equals_looking_everywhere(case):
    network, task, free_bps, free_flop_per_s = case
    demand = demand_of(task, network)
    fits = fitting(demand, room(demand, free_bps, free_flop_per_s))
    assert len(fits) == len(task.profile) + 1
    for cut, found in enumerate(fits.tolist()):
        margins = [
            (free_bps if kind == "link" else free_flop_per_s)[at] - need for kind, at, need in needs(network, task, cut)
        ]
        scale = max(need for _, _, need in needs(network, task, cut)) + free_bps.max() + free_flop_per_s.max()
        if abs(min(margins)) > 1e-12 * scale:  # nearer than that it is rounding
            assert found == (min(margins) >= 0), cut


@settings(max_examples=200, deadline=None)
@given(cases())
def test_the_ledger_lets_in_what_the_slack_allows(case):
    network, task, _, _ = case
    demand = demand_of(task, network)
    fits = Ledger(network).fitting(demand)
    for cut, found in enumerate(fits.tolist()):
        over = [
            need / (network.usable_bps if kind == "link" else network.capacity_flop_per_s)[at]
            for kind, at, need in needs(network, task, cut)
        ]
        if abs(max(over) - (1 + SLACK)) > 1e-12:
            assert found == (max(over) <= 1 + SLACK), cut


@settings(max_examples=200, deadline=None)
@given(cases())
def test_balanced_puts_the_smallest_bottleneck_first(case):
    network, task, free_bps, free_flop_per_s = case
    demand = demand_of(task, network)
    space = room(demand, free_bps, free_flop_per_s)
    order = balanced(demand, space).tolist()
    assert sorted(order) == list(range(1, len(task.profile) + 1))
    if min(space) <= 0:
        assert order == sorted(order), "all shares are infinite: the smaller cut first"
        return
    shares = {
        cut: max(
            need / (free_bps if kind == "link" else free_flop_per_s)[at] for kind, at, need in needs(network, task, cut)
        )
        for cut in order
    }
    for first, second in pairwise(order):
        assert shares[first] <= shares[second] * (1 + 1e-12)


@given(cases())
def test_largest_product_falls(case):
    network, task, _, _ = case
    demand = demand_of(task, network)
    product = (task.profile.ratio * task.profile.flop_per_byte).tolist()
    order = largest_product(demand, room(demand, network.usable_bps, network.capacity_flop_per_s)).tolist()
    assert [product[cut - 1] for cut in order] == sorted(product, reverse=True)
    assert all(product[a - 1] > product[b - 1] or a < b for a, b in pairwise(order))


@settings(max_examples=100, deadline=None)
@given(cases())
def test_a_task_at_all_servers_is_the_same_by_slice_and_by_index(case):
    network, task, free_bps, free_flop_per_s = case
    n = len(network.servers)
    everywhere = replace(task, servers=np.arange(n), input_bytes=np.resize(task.input_bytes, n))
    dense = demand_of(everywhere, network)
    assert isinstance(dense.servers, slice)
    # one server more, which the task is not fed at, and it is found by index
    wide = Network(
        [*network.capacity_flop_per_s, 1.0],
        [*network.link_bps, 1.0],
        usable_share=network.usable_share,
        routes=None if network.is_star else block_diagonal(network.routes.toarray()),
        reservation=network.reservation,
        reservation_margin=network.reservation_margin,
    )
    sparse = demand_of(everywhere, wide)
    assert not isinstance(sparse.servers, slice)
    room_dense = room(dense, free_bps, free_flop_per_s)
    room_sparse = room(sparse, np.append(free_bps, 1e-9), np.append(free_flop_per_s, 1e-9))
    assert room_dense == room_sparse
    assert fitting(dense, room_dense).tolist() == fitting(sparse, room_sparse).tolist()
    assert balanced(dense, room_dense).tolist() == balanced(sparse, room_sparse).tolist()
    one, other = Ledger(network), Ledger(wide)
    cut = next(iter(np.flatnonzero(one.fitting(dense))), None)
    if cut is not None:
        one.reserve(dense, int(cut))
        other.reserve(sparse, int(cut))
        assert one.free_bps.tolist() == other.free_bps.tolist()[:-1]
        assert one.free_flop_per_s.tolist() == other.free_flop_per_s.tolist()[:-1]


def block_diagonal(routes):
    wider = np.zeros((routes.shape[0] + 1, routes.shape[1] + 1))
    wider[:-1, :-1] = routes
    wider[-1, -1] = 1
    return wider


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(1, 6),
    st.sampled_from(["fifo", "lbf", "threshold", "offline", "cloud"]),
)
def test_a_star_by_routes_is_the_star(number, servers, scheduler):
    history = draw(f"routes {number}", servers, 25)
    star = history.network
    explicit = replace(star, routes=np.eye(servers), links=star.servers)
    assert star.is_star
    assert not explicit.is_star
    found = play(SCHEDULERS[scheduler](), history._replace(network=explicit))
    assert found == play(SCHEDULERS[scheduler](), history)


@given(cases())
def test_a_star_by_routes_has_the_same_demand_to_the_bit(case):
    network, task, _, _ = case
    assume(network.is_star)
    explicit = replace(network, routes=np.eye(len(network.servers)))
    one, other = demand_of(task, network), demand_of(task, explicit)
    for cut in range(len(task.profile) + 1):
        assert one.bps(cut).tolist() == other.bps(cut).tolist()
        assert one.flop_per_s(cut).tolist() == other.flop_per_s(cut).tolist()
