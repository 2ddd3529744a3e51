"""Graphs by name have the shape they are named for, are connected, and are drawn from the seed alone."""

import math

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.formats import read_graph
from cutlayer.workloads.topology.placement import Uniform
from cutlayer.workloads.topology.shapes import SHAPES, generate, parameters_of

EXAMPLES = {
    "star": {"nodes": 9},
    "ring": {"nodes": 9},
    "tree": {"nodes": 14, "branches": 3},
    "grid": {"rows": 3, "columns": 4},
    "fat-tree": {"ports": 4},
    "barabasi-albert": {"nodes": 40, "attach": 3},
    "erdos-renyi": {"nodes": 40, "probability": 0.15},
    "waxman": {"nodes": 40, "density": 0.8, "reach": 0.3},
}


def edges_of(graph):
    return sorted(map(sorted, graph.edges))


def test_every_shape_is_tested_here():
    assert set(EXAMPLES) == set(SHAPES)


@pytest.mark.parametrize("shape, parameters", EXAMPLES.items(), ids=EXAMPLES)
def test_a_shape_is_connected_the_same_for_a_seed_and_makes_a_network(shape, parameters, tmp_path):
    graph = generate(shape, seed=3, link_bps=Uniform(1e6, 1e9), **parameters)
    assert nx.is_connected(graph) and not nx.number_of_selfloops(graph)
    speeds = [bps for *_, bps in graph.edges(data="link_bps")]
    assert all(1e6 <= bps <= 1e9 for bps in speeds) and len(set(speeds)) == len(speeds)
    again = generate(shape, seed=3, link_bps=Uniform(1e6, 1e9), **parameters)
    assert nx.utils.graphs_equal(graph, again)
    other = generate(shape, seed=4, link_bps=Uniform(1e6, 1e9), **parameters)
    assert not nx.utils.graphs_equal(graph, other)
    drawn = shape in ("barabasi-albert", "erdos-renyi", "waxman")
    assert (edges_of(graph) != edges_of(other)) == drawn
    assert {bps for *_, bps in generate(shape, link_bps=5e6, **parameters).edges(data="link_bps")} == {5e6}
    topology = build_network(graph, capacity_flop_per_s=1e9)
    assert len(topology.network.servers) == len(graph) - 1
    nx.write_graphml(graph, tmp_path / "g.graphml")
    assert nx.utils.graphs_equal(read_graph(tmp_path / "g.graphml"), graph)


def test_the_shapes_that_are_laid_out():
    assert nx.is_isomorphic(generate("star", nodes=6), nx.star_graph(5))
    assert nx.is_isomorphic(generate("ring", nodes=7), nx.cycle_graph(7))
    assert nx.is_isomorphic(generate("tree", nodes=15), nx.balanced_tree(2, 3))
    assert nx.is_isomorphic(generate("tree", nodes=6, branches=1), nx.path_graph(6))
    assert nx.is_isomorphic(generate("grid", rows=3, columns=4), nx.grid_2d_graph(3, 4))


def test_a_fat_tree_has_the_switches_of_its_ports():
    graph = generate("fat-tree", ports=4)
    kinds = {kind: [n for n in graph if n.startswith(kind)] for kind in ("core", "aggregation", "edge")}
    assert {kind: len(nodes) for kind, nodes in kinds.items()} == {"core": 4, "aggregation": 8, "edge": 8}
    assert {graph.degree(node) for node in kinds["core"]} == {4 + 1}  # and the gateway
    assert {graph.degree(node) for node in kinds["aggregation"]} == {4}
    assert {graph.degree(node) for node in kinds["edge"]} == {2}  # the other ports are for servers
    topology = build_network(graph, capacity_flop_per_s=1e9, cloud="gateway", servers=kinds["edge"])
    assert {len(path) for path in topology.paths} == {4}


def test_barabasi_albert_has_attach_edges_a_node_and_few_hubs():
    graph = generate("barabasi-albert", nodes=400, attach=3)
    assert graph.number_of_edges() == 3 + 3 * (400 - 4)
    assert min(degree for node, degree in graph.degree if node not in ("n1", "n2", "n3")) == 3
    assert max(degree for _, degree in graph.degree) > 30


def test_erdos_renyi_joins_about_the_probability_of_all_pairs():
    edges = [generate("erdos-renyi", seed=seed, nodes=60, probability=0.3).number_of_edges() for seed in range(40)]
    mean, expected = sum(edges) / 40, 0.3 * 60 * 59 / 2
    assert abs(mean - expected) < 3.5 * math.sqrt(expected * 0.7 / 40)
    assert nx.is_isomorphic(generate("erdos-renyi", nodes=6, probability=1), nx.complete_graph(6))


def test_waxman_joins_near_nodes_rather_and_knows_where_they_are():
    graph = generate("waxman", nodes=200, density=0.9, reach=0.15, side_km=1000)
    topology = build_network(graph, capacity_flop_per_s=1e9, route_by="distance")
    lengths = [edge.length_m for edge in topology.edges]
    assert 0 < sum(lengths) / len(lengths) < 0.35 * 1000e3 * 1.4143  # of any two points: 0.52 of the side
    assert max(lengths) < 1.4143 * 1000e3
    assert not any("coordinates" in note for note in topology.notes)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 10**6), st.data())
def test_a_shape_is_connected_or_refused_in_one_line(shape, seed, data):
    ranges = {
        "probability": st.floats(0.0, 1.0), "density": st.floats(0.0, 1.0), "reach": st.floats(0.0, 2.0),
        "side_km": st.floats(0, 6000),
    }  # fmt: skip
    parameters = {name: data.draw(ranges.get(name, st.integers(-1, 12))) for name in parameters_of(shape)}
    try:
        graph = generate(shape, seed=seed, **parameters)
    except InputError as fault:
        assert "\n" not in str(fault)
    else:
        assert nx.is_connected(graph) and len(graph) >= 2
        assert "nodes" not in parameters or len(graph) == parameters["nodes"]


@pytest.mark.parametrize(
    "shape, parameters, message",
    [
        ("sta", {"nodes": 3}, "unknown shape 'sta'; did you mean 'star'?"),
        ("star", {"node": 3}, "unknown parameter of shape 'star', 'node'; did you mean 'nodes'?"),
        ("star", {}, "shape 'star' needs the parameter 'nodes'"),
        ("star", {"nodes": 1}, "nodes is 1; allowed: a whole number from 2"),
        ("star", {"nodes": 10**9}, "nodes is 1000000000; allowed"),
        ("star", {"nodes": 2.0}, "nodes is 2.0; allowed"),
        ("star", {"nodes": True}, "nodes is True; allowed"),
        ("star", {"nodes": 3, "link_bps": -1}, "link_bps is -1; allowed"),
        ("ring", {"nodes": 2}, "nodes is 2; allowed: a whole number from 3"),
        ("tree", {"nodes": 4, "branches": 0}, "branches is 0; allowed"),
        ("grid", {"rows": 1, "columns": 1}, "a grid of 1 node"),
        ("grid", {"rows": 10**6, "columns": 10**6}, "a graph of up to 2e+12 edges"),
        ("fat-tree", {"ports": 3}, "ports is 3; allowed: even"),
        ("fat-tree", {"ports": 1000}, "a graph of up to 1e+09 edges"),
        ("barabasi-albert", {"nodes": 3, "attach": 3}, "attach is 3 of 3 nodes; allowed: fewer"),
        ("erdos-renyi", {"nodes": 30, "probability": 0.001}, "none of 100 graphs is connected: 30 nodes"),
        ("erdos-renyi", {"nodes": 30, "probability": 1.5}, "probability is 1.5; allowed: above 0, at most 1"),
        ("erdos-renyi", {"nodes": 30, "probability": math.nan}, "probability is nan"),
        ("erdos-renyi", {"nodes": 10**5, "probability": 0.5}, "a graph of up to 5e+09 edges"),
        ("waxman", {"nodes": 30, "reach": 0.001}, "none of 100 graphs is connected"),
        ("waxman", {"nodes": 30, "reach": math.inf}, "reach is inf"),
        ("waxman", {"nodes": 30, "side_km": 1e9}, "side_km is 1000000000.0"),
    ],
)
def test_what_is_no_shape_is_refused_in_one_line(shape, parameters, message):
    with pytest.raises(InputError) as fault:
        generate(shape, **parameters)
    assert message in str(fault.value) and "\n" not in str(fault.value)
