"""dual >= LP >= MILP = brute force >= every scheduler, on small instances of every shape.

Brute force and the checks of plans go through the plain implementation, which shares no code with the product.
"""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.bounds.bounds import Prices, certificate, dual_bound, hindsight, lp_bound, milp
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile, Task

sys.path.insert(0, str(Path(__file__).parents[1] / "differential"))
import meshes
import plain

NEARLY = 1e-6
"""Relative: the solver's tolerances, and 2e-9 for the slack."""


def as_plain(tasks, network):
    routes = np.eye(len(network.links)) if network.is_star else network.routes.toarray()
    tasks = [
        plain.PlainTask(
            t.name,
            t.arrival_s,
            [layer.output_bytes / t.profile.input_bytes for layer in t.profile.layers],
            (np.cumsum([layer.flop for layer in t.profile.layers]) / t.profile.input_bytes).tolist(),
            t.frame_rate_hz,
            t.deadline_s,
            dict(zip(t.servers.tolist(), t.input_bytes.tolist(), strict=True)),
            t.lifetime_s,
        )
        for t in tasks
    ]
    crossed = [set(np.flatnonzero(row).tolist()) for row in routes]
    capacity, links = network.capacity_flop_per_s.tolist(), network.link_bps.tolist()
    return tasks, plain.PlainNetwork(capacity, links, network.usable_share, crossed)


def overfull(tasks, network, plan):
    """What a plan overdraws, by the plain formulas: [(need, usable)]."""
    plain_tasks, plain_network = as_plain(tasks, network)
    placed = [plain.Placement(task, plan[task.name]) for task in plain_tasks if task.name in plan]
    over = []
    for m in range(len(plain_network.routes)):
        need = math.fsum(plain.link_need_bps(plain_network, p.task, p.cut, m) for p in placed)
        over.append((need, plain.usable_bps(plain_network, m)))
    for i, capacity in enumerate(plain_network.capacity_flop_per_s):
        over.append((math.fsum(plain.server_flop_per_s(p.task, p.cut, i) for p in placed), capacity))
    return [(need, usable) for need, usable in over if need > usable * (1 + 1.1e-9)]


def brute_force(tasks, network, first_cut):
    """The largest number of tasks that fit, trying every set of them at every cut."""
    plain_tasks, plain_network = as_plain(tasks, network)

    def most(rest, placed):
        if not rest:
            return len(placed)
        head, tail = rest[0], rest[1:]
        best = most(tail, placed)
        for cut in range(first_cut, len(head.ratio) + 1):
            if plain.fits(plain_network, placed, head, cut):
                best = max(best, most(tail, [*placed, plain.Placement(head, cut)]))
        return best

    return most(plain_tasks, [])


@st.composite
def instances(draw, most_tasks=5):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_servers, shape = draw(st.integers(1, 3)), draw(st.sampled_from(["star", "star", "shared links", "tree", "mesh"]))
    # from hopeless to roomy
    bps, flop_per_s = 10.0 ** draw(st.floats(2, 4.5)), 10.0 ** draw(st.floats(2, 4))
    routes, n_links = None, n_servers
    if shape == "shared links":
        n_links = draw(st.integers(1, 3))
        routes = rng.random((n_links, n_servers)) < 0.6
    elif shape != "star":
        crossed = list(meshes.crossing(meshes.drawn(rng, n_servers, shape)).values())
        n_links, routes = len(crossed), np.array([[i in servers for i in range(n_servers)] for servers in crossed])
    network = Network(
        rng.uniform(0.5, 2, n_servers) * flop_per_s,
        rng.uniform(0.5, 2, n_links) * bps,
        usable_share=draw(st.sampled_from([0.8, 1.0])),
        routes=None if routes is None else routes.astype(float),
    )
    tasks = []
    for j in range(draw(st.integers(1, most_tasks))):
        layers = tuple(
            Layer(f"l{k}", float(rng.uniform(0, 5)), (1,), float(rng.uniform(0.05, 1.5)))
            for k in range(rng.integers(1, 4))
        )
        at = np.flatnonzero(rng.random(n_servers) < 0.7)
        at = at if len(at) else np.array([int(rng.integers(n_servers))])
        tasks.append(
            Task(f"t{j}", float(j), Profile("p", (1,), 1.0, layers), 2.0, 0.5, at, rng.uniform(20, 200, len(at)))
        )
    return tasks, network


@settings(max_examples=150, deadline=None)
@given(instances())
def test_brute_force_is_the_milp_and_the_relaxations_lie_above(instance):
    tasks, network = instance
    best = brute_force(tasks, network, 0)
    optimum = milp(tasks, network)
    assert optimum.proven
    assert len(optimum.plan) == best == optimum.bound
    assert not overfull(tasks, network, optimum.plan)
    lp, found = lp_bound(tasks, network), certificate(tasks, network)
    assert best <= lp.tasks * (1 + NEARLY)
    assert lp.tasks <= found.tasks * (1 + NEARLY)
    assert found.tasks <= len(tasks)
    for bound in (lp, found):
        assert dual_bound(tasks, network, bound.prices) == bound.tasks
    without_raw = milp(tasks, network, first_cut=1)
    assert len(without_raw.plan) == brute_force(tasks, network, 1) <= best
    lp_cut, found_cut = lp_bound(tasks, network, first_cut=1), certificate(tasks, network, first_cut=1)
    assert len(without_raw.plan) <= lp_cut.tasks * (1 + NEARLY)
    assert lp_cut.tasks <= found_cut.tasks * (1 + NEARLY)
    assert lp_cut.tasks <= lp.tasks * (1 + NEARLY)


@settings(max_examples=150, deadline=None)
@given(instances(most_tasks=8), st.data())
def test_any_prices_prove_a_bound(instance, data):
    tasks, network = instance
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    size = 10.0 ** data.draw(st.floats(-3, 3))
    prices = Prices(rng.exponential(size, len(network.links)), rng.exponential(size, len(network.servers)))
    proven = dual_bound(tasks, network, prices)
    assert lp_bound(tasks, network).tasks <= proven * (1 + NEARLY)
    assert len(milp(tasks, network).plan) <= proven


@settings(max_examples=60, deadline=None)
@given(instances(most_tasks=8))
def test_no_scheduler_beats_the_bound_nor_the_optimum(instance):
    tasks, network = instance
    optimum, bound = milp(tasks, network), certificate(tasks, network)
    later = hindsight(tasks, network, range(1, len(tasks) + 1))
    for name in SCHEDULERS:
        for parameters in SCHEDULERS[name].examples:
            deployed = simulate(network, tasks, SCHEDULERS[name](**parameters)).deployed
            assert len(deployed) <= len(optimum.plan), name
            assert len(deployed) <= min(bound.tasks, later[-1]), name


@settings(max_examples=100, deadline=None)
@given(instances(most_tasks=12))
def test_the_plan_of_price_fits_and_its_certificate_holds(instance):
    tasks, network = instance
    scheduler = SCHEDULERS["price"]()
    plan = scheduler.plan(tasks, network)
    assert not overfull(tasks, network, plan)
    assert 0 not in plan.values()
    assert scheduler.certificate.deployed == len(plan)
    assert scheduler.certificate.bound.tasks == dual_bound(
        tasks, network, scheduler.certificate.bound.prices, first_cut=1
    )
    assert len(plan) <= len(milp(tasks, network, first_cut=1).plan)
    assert scheduler.certificate.gap == pytest.approx(max(0, 1 - len(plan) / scheduler.certificate.bound.tasks))


@settings(max_examples=60, deadline=None)
@given(instances(most_tasks=10))
def test_price_leaves_out_nobody_who_fits(instance):
    tasks, network = instance
    plan = SCHEDULERS["price"]().plan(tasks, network)
    plain_tasks, plain_network = as_plain(tasks, network)
    placed = [plain.Placement(task, plan[task.name]) for task in plain_tasks if task.name in plan]
    for task in plain_tasks:
        if task.name not in plan:
            for cut in range(1, len(task.ratio) + 1):
                tight = all(
                    need <= free - 1e-12 * usable
                    for need, free, usable in plain.demands(plain_network, placed, task, cut)
                )
                assert not tight, (task.name, cut)


@settings(max_examples=40, deadline=None)
@given(instances(most_tasks=8), st.permutations(range(3)))
def test_naming_servers_in_another_order_changes_no_bound(instance, order):
    tasks, network = instance
    assume(network.is_star)
    order = [i for i in order if i < len(network.servers)]
    place = {old: new for new, old in enumerate(order)}
    other = Network(network.capacity_flop_per_s[order], network.link_bps[order], usable_share=network.usable_share)
    moved = []
    for t in tasks:
        pairs = sorted((place[i], d) for i, d in zip(t.servers.tolist(), t.input_bytes.tolist(), strict=True))
        at, d = zip(*pairs, strict=True)
        moved.append(Task(t.name, t.arrival_s, t.profile, t.frame_rate_hz, t.deadline_s, at, d))
    here, there = certificate(tasks, network), certificate(moved, other)
    assert here.tasks == there.tasks
    assert (here.prices.links[order] == there.prices.links).all()
    assert (here.prices.servers[order] == there.prices.servers).all()


def halved(n, bytes_each=100.0, lifetime_s=math.inf):
    profile = Profile("halved", (1,), 1.0, (Layer("l", 3, (1,), 0.5),))  # 400 bit/s and 300 FLOP/s at cut 1
    return [Task(f"t{j}", float(j), profile, 1.0, 1.0, [0], [bytes_each], lifetime_s) for j in range(n)]


WEAK = {
    "no task": ([], Network([1e9], [1e9]), 0),
    "one task, room": (halved(1), Network([1e9], [1e9]), 1),
    "one task, no room": (halved(1), Network([1.0], [1.0]), 0),
    "one task, exactly room": (halved(1), Network([300.0], [400.0]), 1),
    "no task fits": (halved(7, 1e6), Network([1.0], [1.0]), 0),
    "exactly room for three": (halved(5), Network([900.0], [1200.0]), 3),
    "raw where there is no compute": (halved(5), Network([1e-3], [1600.0]), 2),
    "no link on the way": (halved(5), Network([900.0], [1.0], routes=[[0.0]]), 5),
}


@pytest.mark.parametrize("tasks, network, best", WEAK.values(), ids=WEAK)
def test_weak_cases_worked_by_hand(tasks, network, best):
    optimum = milp(tasks, network)
    assert optimum.proven and len(optimum.plan) == best
    for bound in (lp_bound(tasks, network), certificate(tasks, network)):
        assert best <= bound.tasks <= len(tasks)
    scheduler = SCHEDULERS["price"]()
    plan = scheduler.plan(tasks, network)
    assert len(plan) == brute_force(tasks, network, 1)


def test_the_bound_of_given_prices_worked_by_hand():
    # room for 2.5 tasks of 400 of 1000 bit/s; at a price of 2.5 for the link a task costs exactly 1 at cut 1
    tasks, network = halved(5), Network([1e9], [1000.0])
    assert dual_bound(tasks, network, Prices([2.5], [0.0])) == pytest.approx(2.5)
    assert dual_bound(tasks, network, Prices([0.0], [0.0])) == 5
    assert dual_bound(tasks, network, Prices([1.0], [0.0])) == pytest.approx(1 + 5 * 0.6)
    assert lp_bound(tasks, network).tasks == pytest.approx(2.5)
    assert certificate(tasks, network).tasks == pytest.approx(2.5, rel=0.01)


def test_a_relaxation_that_needs_both_resources_worked_by_hand():
    # cut 0 takes 800 bit/s, cut 1 400 bit/s and 300 FLOP/s: of 2000 bit/s and 600 FLOP/s, two at cut 1 and
    # then 1.5 at cut 0; whole: two at cut 1 and one at cut 0
    tasks, network = halved(9), Network([600.0], [2000.0])
    assert lp_bound(tasks, network).tasks == pytest.approx(3.5)
    assert len(milp(tasks, network).plan) == 3
    assert len(milp(tasks, network, first_cut=1).plan) == 2


def test_the_slack_of_the_ledger_is_not_above_the_bound():
    # three tasks of a third each and a hair more: the ledger admits them
    tasks, network = halved(3, 100.0 * (1 + 0.9e-9)), Network([1e9], [1200.0])
    deployed = len(simulate(network, tasks, SCHEDULERS["fifo"]()).deployed)
    assert deployed == 3
    assert all(bound.tasks >= 3 for bound in (lp_bound(tasks, network), certificate(tasks, network)))
    assert dual_bound(tasks, network, Prices([3.0], [0.0])) >= 3


def test_hindsight_counts_tasks_arrived_and_not_departed():
    # room for two; each stays for 1.5 s and comes a second after the other: two are there from the second on
    tasks, network = halved(5, lifetime_s=1.5), Network([1e9], [800.0])
    assert hindsight(tasks, network, [0, 1, 2, 5]) == pytest.approx([0, 1, 2, 2])
    staying = hindsight(halved(5), network, [1, 2, 3, 4, 5])
    assert staying == pytest.approx([1, 2, 2, 2, 2], rel=0.01)
    with pytest.raises(InputError, match="6 arrivals of 5"):
        hindsight(tasks, network, [6])


@settings(max_examples=30, deadline=None)
@given(instances(most_tasks=8))
def test_hindsight_at_the_end_is_about_the_certificate(instance):
    tasks, network = instance
    bounds = hindsight(tasks, network, range(len(tasks) + 1))
    for n, bound in enumerate(bounds):
        assert len(milp(tasks[:n], network).plan) <= bound <= n


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Prices([-1.0], [0.0]), "negative"),
        (lambda: Prices([math.nan], [0.0]), "not finite"),
        (lambda: Prices([math.inf], [0.0]), "not finite"),
        (lambda: Prices([[1.0]], [0.0]), "2 axes"),
        (lambda: dual_bound(halved(1), Network([1.0], [1.0]), Prices([1.0, 2.0], [0.0])), "2 prices for 1 links"),
        (lambda: dual_bound(halved(1), Network([1.0], [1.0]), Prices([1.0], [])), "0 prices for 1 servers"),
        (lambda: milp(halved(1), Network([1.0], [1.0]), 0), "time_limit_s is 0"),
        (lambda: SCHEDULERS["price-online"](expected_tasks=0), "expected_tasks is 0"),
        (lambda: SCHEDULERS["price-online"](expected_tasks=2.5), "expected_tasks is 2.5"),
    ],
)
def test_what_is_not_a_price_or_a_number_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_task_fed_where_there_is_no_server_is_refused():
    lost = Task("lost", 0.0, halved(1)[0].profile, 1.0, 1.0, [4], [1.0])
    for bound in (certificate, lp_bound, milp):
        with pytest.raises(InputError, match="'lost' is fed at server 4"):
            bound([lost], Network([1.0], [1.0]))


def test_a_time_limit_that_is_too_short_is_reported():
    rng = np.random.default_rng(1)
    profile = Profile("p", (1,), 1.0, tuple(Layer(f"l{k}", 1.0 + k, (1,), 1 / (2 + k)) for k in range(6)))
    tasks = [Task(f"t{j}", 0.0, profile, 1.0, 1.0, np.arange(20), rng.uniform(10, 100, 20)) for j in range(300)]
    network = Network(rng.uniform(8e3, 2e4, 20), rng.uniform(8e3, 2e4, 20))
    optimum = milp(tasks, network, time_limit_s=0.05)
    assert not optimum.proven
    assert len(optimum.plan) <= optimum.bound
    assert not overfull(tasks, network, optimum.plan)


def test_brute_force_tries_every_set():
    tasks, network = halved(4), Network([900.0], [1200.0])
    plain_tasks, plain_network = as_plain(tasks, network)
    sizes = [
        len(chosen)
        for n in range(5)
        for chosen in itertools.combinations(plain_tasks, n)
        if not overfull(tasks, network, {task.name: 1 for task in chosen})
    ]
    assert max(sizes) == brute_force(tasks, network, 1) == 3
    assert plain_network.usable_share == 1
