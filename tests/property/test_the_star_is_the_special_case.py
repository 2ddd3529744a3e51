"""Where every link carries one server, all is as on the star, to the last bit."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.simulator.bounds.bounds import certificate, dual_bound, hindsight, lp_bound
from cutlayer.simulator.bounds.packing import Packing, Prices
from cutlayer.simulator.checks.histories import draw, play
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.spans import SpanRecorder
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Network
from cutlayer.workloads.topology.build import build_network

EVERY = [(name, parameters) for name in SCHEDULERS for parameters in SCHEDULERS[name].examples]


def chained(star, rng, longest=4):
    """Each server of a star behind a chain of links of its own, of which the tightest is its uplink: (network, which).

    Links stand in random order; ``which[i]`` is the tightest of server i.
    """
    rows, bps, names = [], [], []
    for i, uplink_bps in enumerate(star.link_bps.tolist()):
        length = int(rng.integers(1, longest + 1))
        wider = (uplink_bps * rng.choice([1.0, 1.0, 1 + 1e-12, 2.0, 1e3], length)).tolist()
        wider[int(rng.integers(length))] = uplink_bps
        for n, value in enumerate(wider):
            rows.append(i)
            bps.append(value)
            names.append(f"{star.links[i]} {n}")
    order = rng.permutation(len(rows))
    routes = np.zeros((len(rows), len(star.servers)))
    routes[np.arange(len(rows)), np.array(rows)[order]] = 1
    bps = np.array(bps)[order]
    network = replace(star, link_bps=bps, links=[names[m] for m in order], routes=routes)
    which = [min(network.links_from(i).tolist(), key=lambda m: bps[m]) for i in range(len(star.servers))]
    return network, which


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_chains_of_own_links_give_the_verdicts_of_the_star_with_every_scheduler(number, servers):
    history = draw(f"chains {number}", servers, 30)
    other, _ = chained(history.network, np.random.default_rng(number))
    for name, parameters in EVERY:
        expected = play(SCHEDULERS[name](**parameters), history)
        assert play(SCHEDULERS[name](**parameters), history._replace(network=other)) == expected, name


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_chains_of_own_links_give_the_bounds_of_the_star(number, servers):
    star, tasks = draw(f"chains {number}", servers, 30)
    chain, which = chained(star, np.random.default_rng(number))
    for bound in (certificate, lp_bound):
        here, there = bound(tasks, star), bound(tasks, chain)
        assert here.tasks == there.tasks
        assert here.prices.links.tolist() == there.prices.links[which].tolist()
        assert here.prices.servers.tolist() == there.prices.servers.tolist()
        assert here.prices.links.sum() == pytest.approx(there.prices.links.sum())  # the others cost nothing
    assert hindsight(tasks, star, range(0, 31, 10)) == hindsight(tasks, chain, range(0, 31, 10))
    # what the other links cost counts on the tightest, bit/s for bit/s
    rng = np.random.default_rng(number)
    dear = Prices(rng.exponential(1.0, len(chain.links)), rng.exponential(1.0, servers))
    moved = [
        sum(dear.links[m] / chain.link_bps[m] for m in chain.links_from(i)) * star.link_bps[i] for i in range(servers)
    ]
    assert dual_bound(tasks, chain, dear) == pytest.approx(dual_bound(tasks, star, Prices(moved, dear.servers)))
    assert lp_bound(tasks, chain).tasks <= dual_bound(tasks, chain, dear) * (1 + 1e-6)


def test_of_links_in_series_only_the_tightest_is_priced():
    routes = [[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0], [0, 0, 0]]
    network = Network([1.0] * 3, [5.0, 3.0, 9.0, 1.0, 3.0, 7.0], routes=routes)
    assert network.tightest_in_series.tolist() == [1, 1, 2, 3, 1, 5]
    packing = Packing.of(draw("series", 3, 5).tasks, network)
    assert sorted(packing.link_order.tolist()) == [1, 2, 3, 5]
    assert packing.named(np.ones(7)).links.tolist() == [0, 1, 1, 1, 0, 1]


def spread(star):
    """The star as a graph, its nodes and edges in another order than its servers."""
    graph = nx.Graph()
    for server, bps in reversed(list(zip(star.servers, star.link_bps.tolist(), strict=True))):
        graph.add_edge("hub", server, link_bps=bps)
    return graph


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_a_star_of_a_graph_gives_the_rows_of_the_star(number, servers):
    history = draw(f"graphs {number}", servers, 30)
    star = history.network
    made = build_network(
        spread(star), servers=star.servers, cloud="hub", capacity_flop_per_s=star.capacity_flop_per_s.tolist(),
        usable_share=star.usable_share, cloud_flop_per_s=star.cloud_flop_per_s,
        reservation_margin=star.reservation_margin,
    ).network  # fmt: skip
    assert made.is_star and made.servers == star.servers

    def rows(network, name, parameters):
        recorder = Recorder(by_resource=True)
        alike = replace(network, links=star.links)
        simulate(alike, history.tasks, SCHEDULERS[name](**parameters), listeners=[recorder])
        return repr(recorder.tables()), recorder.summary()

    for name, parameters in EVERY:
        assert rows(made, name, parameters) == rows(star, name, parameters)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(["reserved", "fair"]), st.booleans())
def test_chains_of_own_links_give_the_frames_of_the_star(number, servers, sharing, drops):
    history = draw(f"frames {number}", servers, 20)
    star = history.network
    rng = np.random.default_rng(number)
    chain, which = chained(star, rng)
    spans = SpanRecorder()
    simulate(star, history.tasks, SCHEDULERS["lbf"](), listeners=[spans])
    settings = FrameSettings(
        sharing=sharing, on_outage="drop" if drops else "hold", arrivals="poisson", sizes="exponential", seed=3
    )

    def table(network, uplinks):
        capacity, outages = {}, {}
        moving = np.random.default_rng(number)
        for i, bps in enumerate(star.link_bps.tolist()):
            times = np.concatenate([[0.0], np.sort(moving.uniform(0, 20, 4))])
            capacity[network.links[uplinks[i]]] = Steps(times, moving.uniform(0.0, 1.0, 5) * bps)
            if moving.random() < 0.5:
                outages[network.links[uplinks[i]]] = [(3.0, 5.0)]
        conditions = Conditions(capacity_bps=capacity, link_outages=outages)
        results = run_frames(network, spans.spans(), settings, end_s=20.0, conditions=conditions, keep_frames=True)
        columns = {name: np.asarray(values).tolist() for name, values in results.table.items()}
        return repr(columns), [np.asarray(column).tobytes() for column in results.kept]

    here = table(star, range(servers))
    assert here == table(chain, which)
    assert here[1][0]  # there are frames
