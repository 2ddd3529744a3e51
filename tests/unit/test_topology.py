"""Servers and the cloud on a graph: who stands where, by which way, over which links."""

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.workloads.topology.attributes import Mapping
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.formats import read_graph
from cutlayer.workloads.topology.placement import Uniform

ROOT = Path(__file__).parents[2]
ZOO = Path(os.environ.get("CUTLAYER_DATA", ROOT.parent / "shared" / "data")) / "topology"


def build(graph, **options):
    return build_network(graph, **{"capacity_flop_per_s": 1e9, **options})


def joined(*edges, **nodes):
    """A graph of edges such as "a-b", with a speed after a blank."""
    graph = nx.Graph()
    for text in edges:
        ends, *speed = text.split()
        graph.add_edge(*ends.split("-"), **({"link_bps": float(speed[0])} if speed else {}))
    for name, data in nodes.items():
        graph.add_node(name, **data)
    return graph


def crossed(topology):
    """The names of the links that each server crosses."""
    network = topology.network
    return {
        server: {network.links[m] for m in network.links_from(i).tolist()} for i, server in enumerate(network.servers)
    }


# a - b - c - cloud, d hangs on b
CHAIN = ("a-b", "b-c", "c-cloud", "d-b")


def test_servers_share_the_links_of_their_common_way():
    topology = build(joined(*CHAIN), cloud="cloud")
    assert topology.network.servers == ("a", "b", "c", "d")
    assert crossed(topology) == {
        "a": {"a-b", "b-c", "c-cloud"},
        "b": {"b-c", "c-cloud"},
        "c": {"c-cloud"},
        "d": {"b-d", "b-c", "c-cloud"},
    }
    assert topology.paths[3] == ("d", "b", "c", "cloud")
    assert {edge.link: edge.servers for edge in topology.edges} == {"a-b": 1, "b-c": 3, "b-d": 1, "c-cloud": 4}
    assert {node.name: node.role for node in topology.nodes} == {**dict.fromkeys("abcd", "server"), "cloud": "cloud"}


def test_one_link_each_makes_a_star_with_links_in_the_order_of_the_servers():
    star = joined("hub-z 3e6", "hub-a 1e6", "hub-m 2e6")
    topology = build(star, servers=["z", "a", "m"], cloud="hub", usable_share=0.5)
    assert topology.network.is_star and topology.network.routes is None
    assert topology.network.links == ("hub-z", "a-hub", "hub-m")
    assert topology.network.usable_bps.tolist() == [1.5e6, 0.5e6, 1e6]
    assert topology.paths == (("z", "hub"), ("a", "hub"), ("m", "hub"))


def test_placements_by_name_id_degree_and_all():
    graph = nx.Graph([(1, 2), (1, 3), (1, 4), (4, 5), (4, 6), (6, 7)])
    nx.set_node_attributes(graph, {1: "Paris", 4: "Leeds", 7: "Bath"}, "label")
    assert build(graph).cloud == "Leeds"  # Leeds and Paris have three neighbours each
    assert build(graph, cloud="lowest-degree").cloud == "2"
    assert build(graph, cloud="Bath").cloud == build(graph, cloud="7").cloud == "Bath"
    assert build(graph).network.servers == ("2", "3", "5", "6", "Bath", "Paris")
    assert build(graph, servers="highest-degree(2)", cloud="Bath").network.servers == ("Leeds", "Paris")
    assert build(graph, servers="highest-degree(1)", cloud="Leeds").network.servers == ("Paris",)
    assert build(graph, servers="lowest-degree(2)", cloud="Leeds").network.servers == ("2", "3")
    assert build(graph, servers=["7", "Paris", "3"]).network.servers == ("Bath", "Paris", "3")


def test_numbers_in_names_sort_as_numbers():
    graph = nx.star_graph([f"n{i}" for i in range(12)])
    assert build(graph).network.servers == tuple(f"n{i}" for i in range(1, 12))
    long = nx.star_graph(["hub", "1" * 80, "2" * 79, "007", "7", "x"])
    assert build(long, cloud="hub").network.servers == ("007", "7", "2" * 79, "1" * 80, "x")


def test_parallel_edges_count_once_for_the_degree_and_their_speeds_add_up():
    graph = nx.MultiGraph([("a", "b"), ("a", "b"), ("a", "b"), ("c", "b"), ("c", "d"), ("c", "e")])
    graph.add_edge("d", "d")
    for one, other, key, bps in (("a", "b", 0, 1e6), ("a", "b", 1, 3e6), ("c", "b", 0, 5e6)):
        graph.edges[one, other, key]["LinkSpeedRaw"] = bps
    topology = build(graph, default_link_bps=7e6)
    assert topology.cloud == "c"
    assert dict(zip(topology.network.links, topology.network.link_bps.tolist(), strict=True)) == {
        "a-b": 11e6, "b-c": 5e6, "c-d": 7e6, "c-e": 7e6,
    }  # fmt: skip
    assert topology.notes == (
        "3 of 6 edges have no speed: 7 Mbit/s assumed",
        "1 pair of nodes joined by several edges (a-b): their speeds are added",
        "1 edge from a node to itself left out",
        "5 of 5 nodes have no coordinates: on 4 links a propagation delay of 0 s assumed",
    )


def test_of_two_directions_the_slower_counts_and_one_direction_serves_both():
    graph = nx.DiGraph()
    graph.add_edge("a", "b", link_bps=1e6)
    graph.add_edge("b", "a", link_bps=2e6)
    graph.add_edge("b", "c", link_bps=3e6)
    topology = build(graph, cloud="a")
    assert topology.network.link_bps.tolist() == [1e6, 3e6]
    assert any("links are taken to carry traffic both ways" in note for note in topology.notes)


@pytest.mark.parametrize(
    "data, bps",
    [
        ({"LinkSpeedRaw": 2.5e9}, 2.5e9),
        ({"LinkSpeedRaw": 10**10, "LinkSpeed": "1", "LinkSpeedUnits": "M"}, 1e10),
        ({"link_bps": 5e6, "LinkSpeedRaw": 1e9}, 5e6),
        ({"LinkSpeed": "2.5", "LinkSpeedUnits": "G"}, 2_500_000_000),
        ({"LinkSpeed": "0.067", "LinkSpeedUnits": "Gbps"}, 67_000_000),
        ({"LinkSpeed": " 155 ", "LinkSpeedUnits": "Mbit/s"}, 155e6),
        ({"LinkSpeed": 45, "LinkSpeedUnits": "K"}, 45e3),
        ({"LinkSpeed": "1200", "LinkSpeedUnits": ""}, 1200),
        ({"LinkSpeed": "1200"}, 1200),
        ({"LinkSpeed": "<10", "LinkSpeedUnits": "G"}, 1e9),
        ({"LinkSpeed": "10", "LinkSpeedUnits": "furlong"}, 1e9),
        ({"LinkSpeed": "10", "LinkSpeedUnits": "Mb"}, 10e6),
        ({"LinkSpeed": "10", "LinkSpeedUnits": "gbps"}, 10e9),
        ({"LinkSpeed": 2, "LinkSpeedUnits": "MB/s"}, 16e6),
        ({"LinkSpeed": "2.5 Gbit/s"}, 2.5e9),
        ({"link_bps": "155 Mbps"}, 155e6),
        ({"LinkSpeedUnits": "G"}, 1e9),
    ],
)
def test_speeds_in_the_ways_the_zoo_writes_them(data, bps):
    assert build(nx.Graph([("a", "b", data)])).network.link_bps.tolist() == [bps]


def test_a_speed_that_is_no_plain_number_is_reported():
    graph = nx.Graph([("a", "b", {"LinkSpeed": "<10", "LinkSpeedUnits": "G"}), ("b", "c", {"link_bps": 1e6})])
    assert build(graph).notes[0] == (
        "1 of 2 edges have no speed, or one that cannot be read ('<10 G'; "
        "known units: bit/s, kbit/s, Mbps, Gbits/sec, MB/s and the like): 1 Gbit/s assumed"
    )


# How libraries write flags, numbers and what is missing ----------------------------------------------------


@pytest.mark.parametrize(
    "no", ["false", "No", 0, "0", 0.0, "", None, math.nan, "NaN", "none", False, "off", np.float64(0)]
)
@pytest.mark.parametrize("yes", [True, "true", "YES", 1, "1", 1.0, np.int64(1)])
def test_flags_are_read_as_libraries_write_them(no, yes):
    graph = joined("a-b", "a-c", "a-d")
    nx.set_node_attributes(graph, {"a": no, "b": yes, "c": no}, "server")
    nx.set_node_attributes(graph, {"a": yes, "b": no}, "cloud")
    topology = build(graph, servers="marked", cloud="marked")
    assert (topology.network.servers, topology.cloud) == (("b",), "a")


@pytest.mark.parametrize("gone", [None, math.nan, "", " ", "NaN", "None", "null", "N/A", "-", np.float32("nan")])
def test_what_is_missing_is_missing_whatever_the_library(gone):
    graph = nx.Graph(
        [("a", "b", dict.fromkeys(("link", "link_bps", "LinkSpeedRaw", "LinkSpeed", "propagation_s"), gone))]
    )
    for name in ("Latitude", "Longitude", "Internal", "hyperedge"):
        graph.nodes["a"][name] = gone
    topology = build(graph, cloud="a", default_link_bps=5e6, default_propagation_s=0.5)
    assert (topology.network.link_bps.tolist(), topology.propagation_s.tolist()) == ([5e6], [0.5])
    assert topology.network.links == ("a-b",) and topology.nodes[0].position is None


def test_numbers_may_be_text():
    ends = {"Latitude": " 53.5", "Longitude": "-1e0"}
    graph = joined("a-b", a=ends, b={"speed": "2e9"})
    graph.edges["a", "b"].update(LinkSpeedRaw="10000000", propagation_s=".25")
    topology = build(graph, cloud="a", capacity_flop_per_s="speed")
    assert topology.nodes[0].position == (53.5, -1.0)
    assert topology.network.link_bps.tolist() == [1e7] and topology.propagation_s.tolist() == [0.25]
    assert topology.network.capacity_flop_per_s.tolist() == [2e9]


# p is the branching point of a cable, x belongs to another network
CABLE = joined("p-a", "p-b", "p-c", "p-d", "a-x", "a-b", p={"hyperedge": "1"}, x={"Internal": 0, "Latitude": 1.0})


def test_branching_points_and_external_nodes_get_no_server_and_no_cloud_by_rule():
    graph = CABLE
    topology = build(graph)
    assert (topology.cloud, topology.network.servers) == ("a", ("b", "c", "d"))
    assert topology.paths[1] == ("c", "p", "a")
    assert "no server and no cloud at 1 of 6 nodes, a branching point (hyperedge = 1): p" in topology.notes
    assert "no server and no cloud at 1 of 6 nodes, an external node (Internal = 0): x" in topology.notes
    assert build(graph, servers="lowest-degree(2)").network.servers == ("c", "d")
    with pytest.raises(InputError, match="there are 3 nodes apart from the cloud's"):
        build(graph, servers="highest-degree(4)")
    named = build(graph, cloud="x", servers=["p"])
    assert (named.cloud, named.network.servers) == ("x", ("p",))
    assert not any("no cloud at" in note for note in named.notes)


def test_attributes_of_other_names_are_declared_with_their_units():
    graph = joined("a-b", "b-c", a={"lat": "1.5", "lng": 2, "who": "Ames", "GHz": 3}, b={"lat": 1, "lng": 2, "GHz": 4})
    nx.set_edge_attributes(graph, {("a", "b"): {"BW": 75, "PR": "5"}, ("b", "c"): {"BW": "2.5 Gbps", "hops": 3}})
    names = Mapping("BW", "Mbit/s", "PR", "ms", "lat", "lng", "who")
    topology = build(graph, cloud="b", attributes=names)
    assert dict(zip(topology.network.links, topology.network.link_bps.tolist(), strict=True)) == {
        "Ames-b": 75e6, "b-c": 2.5e9,
    }  # fmt: skip
    assert topology.propagation_s.tolist() == [0.005, 0.0]
    assert topology.nodes[0].name == "Ames" and topology.nodes[0].position == (1.5, 2.0)
    assert topology.notes[-1].startswith("numbers that nothing reads: hops of edges and GHz of nodes (speed_attribute")
    assert build(
        graph, cloud="b", servers=["a"], capacity_flop_per_s="GHz", capacity_unit="GFLOP/s"
    ).network.capacity_flop_per_s.tolist() == [3e9]
    for wrong in ({"speed_unit": "furlong"}, {"delay_unit": "Mbit/s"}):
        with pytest.raises(InputError, match="unit"):
            Mapping(**wrong)
    graph.edges["a", "b"]["BW"] = "fast"
    with pytest.raises(InputError, match="edge 'a' to 'b': BW is 'fast'; allowed: a number"):
        build(graph, attributes=names)


QUARTER_M = math.pi / 2 * 6_371_008.8  # from the pole to the equator


def test_propagation_is_the_great_circle_over_two_thirds_of_the_speed_of_light():
    graph = joined(
        "pole-east",
        "east-west",
        pole={"Latitude": 90, "Longitude": 12},
        east={"Latitude": 0, "Longitude": 90},
        west={"Latitude": 0.0, "Longitude": -180},
    )
    topology = build(graph, cloud="west", servers=["pole", "east"])
    quarter_s = QUARTER_M / (2 / 3 * 299_792_458)
    assert topology.propagation_s.tolist() == pytest.approx([2 * quarter_s, quarter_s], rel=1e-12)
    assert quarter_s == pytest.approx(0.05007, rel=1e-3)  # 10,008 km
    assert [edge.length_m for edge in topology.edges] == pytest.approx([QUARTER_M, QUARTER_M], rel=1e-12)
    assert not topology.propagation_s.flags.writeable


def test_a_given_delay_goes_first_and_a_missing_position_takes_the_default():
    graph = joined("a-b", "b-c", a={"Latitude": 1, "Longitude": 1}, c={"Latitude": 2})
    graph.edges["a", "b"]["propagation_s"] = 0.25
    topology = build(graph, cloud="a", default_propagation_s=0.5)
    assert topology.propagation_s.tolist() == [0.25, 0.75]
    assert "2 of 3 nodes have no coordinates: on 1 link a propagation delay of 0.5 s assumed" in topology.notes
    assert build(graph, cloud="a").propagation_s.tolist() == [0.25, 0.25]


# a to cloud: one slow, long hop; or two fast hops over b, or two middling short ones over c
WAYS = ("a-cloud 1e6", "a-b 4e6", "b-cloud 4e6", "a-c 3e6", "c-cloud 3e6")
PLACES = {
    "a": {"Latitude": 0, "Longitude": 0},
    "c": {"Latitude": 0, "Longitude": 1},
    "cloud": {"Latitude": 0, "Longitude": 2},
    "b": {"Latitude": 10, "Longitude": 1},
}


@pytest.mark.parametrize("route_by, way", [("hops", "a cloud"), ("speed", "a b cloud"), ("distance", "a cloud")])
def test_routes_by_hops_speed_and_distance(route_by, way):
    topology = build(joined(*WAYS, **PLACES), servers=["a"], cloud="cloud", route_by=route_by)
    assert topology.paths == (tuple(way.split()),)


def test_a_shorter_way_of_more_links_wins_by_distance():
    graph = joined(*WAYS, **{**PLACES, "c": {"Latitude": 0, "Longitude": 1}})
    graph.edges["a", "cloud"]["propagation_s"] = 1.0
    assert build(graph, servers=["a"], cloud="cloud", route_by="distance").paths == (("a", "c", "cloud"),)


def test_ties_go_to_fewer_links_and_then_to_the_first_name():
    graph = joined("s-b", "s-a", "a-cloud", "b-cloud", "b-x", "x-cloud")
    assert build(graph, servers=["s"], cloud="cloud").paths == (("s", "a", "cloud"),)
    for edge in graph.edges.values():
        edge["propagation_s"] = 0.0  # all ways are equally long
    assert build(graph, servers=["s", "b"], cloud="cloud", route_by="distance").paths == (
        ("s", "a", "cloud"), ("b", "cloud"),
    )  # fmt: skip


def shuffled(graph, seed):
    """The same graph with nodes and edges in another order, and edges the other way round."""
    rng = random.Random(seed)
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges(data=True))
    rng.shuffle(nodes)
    rng.shuffle(edges)
    other = nx.MultiGraph() if graph.is_multigraph() else nx.Graph()
    other.add_nodes_from(nodes)
    other.add_edges_from((v, u, data) if rng.random() < 0.5 else (u, v, data) for u, v, data in edges)
    return other


def described(topology):
    network = topology.network
    routes = None if network.is_star else network.routes.toarray().tolist()
    return repr(
        (network.servers, network.links, network.link_bps.tolist(), network.capacity_flop_per_s.tolist(), routes,
         topology.propagation_s.tolist(), topology.paths, topology.cloud, topology.nodes, topology.edges,
         topology.notes)
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["hops", "speed", "distance"]), st.booleans())
def test_the_order_of_nodes_and_edges_in_the_graph_changes_nothing(seed, route_by, parallel):
    rng = random.Random(seed)
    graph = nx.MultiGraph() if parallel else nx.Graph()
    n = rng.randrange(2, 9)
    for i in range(n):  # few labels, few places and few speeds: many ties
        graph.add_node(str(i), label=rng.choice("PQRST"), Latitude=rng.randrange(2), Longitude=rng.randrange(2))
    for _ in range(rng.randrange(n, 3 * n)):
        graph.add_edge(str(rng.randrange(n)), str(rng.randrange(n)), link_bps=rng.choice([1e6, 2e6, 0.1]))
    if not any(one != other for one, other in graph.edges()):
        graph.add_edge("0", "1")
    options = {"route_by": route_by, "capacity_flop_per_s": Uniform(1e9, 2e9), "seed": 5}
    assert described(build(graph, **options)) == described(build(shuffled(graph, seed), **options))


HASHED = """
import networkx as nx
from cutlayer.workloads.topology.attributes import Mapping
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.placement import Uniform
graph = nx.Graph()
graph.add_edges_from({(a, b) for a in "pqrstuv" for b in "pqrstuv" if a < b and (a, b) != ("p", "v")})
made = build_network(graph, capacity_flop_per_s=Uniform(1e9, 2e9), servers=["p", "u"], cloud="v")
print(made.paths, made.network.links, made.network.capacity_flop_per_s.tolist())
"""


def test_the_hash_seed_changes_nothing():
    said = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", HASHED]
        said.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 1


def test_labels_become_names_in_one_line_and_equal_ones_are_told_apart_by_id():
    graph = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4)])
    labels = {0: "Paris", 1: "New\n York", 2: "Paris", 3: "Paris (2)", 4: " "}
    nx.set_node_attributes(graph, labels, "label")
    topology = build(graph, cloud="0")
    names = [node.name for node in topology.nodes]
    assert names == ["4", "New York", "Paris (0)", "Paris (2)", "Paris (2) (2)"]
    assert "labels of several nodes (Paris): told apart by id" in topology.notes
    assert "New York-Paris (0)" in topology.network.links
    with pytest.raises(InputError) as fault:
        build(graph, cloud="Paris")
    assert str(fault.value).startswith("cloud 'Paris' stands for")


def test_links_are_called_as_their_edges_say():
    graph = nx.Graph([("a", "b", {"link": "Channel Tunnel"}), ("b", "c")])
    assert set(build(graph, cloud="c").network.links) == {"b-c", "Channel Tunnel"}
    graph.edges["b", "c"]["link"] = "Channel Tunnel"
    with pytest.raises(InputError, match="2 links have the name 'Channel Tunnel'; allowed: one"):
        build(graph, cloud="c")


def test_capacity_is_a_number_a_list_a_range_or_an_attribute():
    graph = joined("a-hub", "b-hub", "c-hub", a={"speed": 1e9}, b={"speed": 2e9})

    def capacity(given, **options):
        return build(graph, cloud="hub", capacity_flop_per_s=given, **options).network.capacity_flop_per_s.tolist()

    assert capacity(5e9) == [5e9, 5e9, 5e9]
    assert capacity([1e9, 2e9, 3e9]) == [1e9, 2e9, 3e9]
    assert capacity([3e9, 1e9], servers=["c", "a"]) == [3e9, 1e9]
    assert capacity("speed", servers=["b", "a"]) == [2e9, 1e9]
    drawn = capacity(Uniform(1e9, 2e9), seed=1)
    assert all(1e9 <= value <= 2e9 for value in drawn) and len(set(drawn)) == 3
    assert capacity(Uniform(1e9, 2e9), seed=1, servers=["c", "a"]) == [drawn[2], drawn[0]]  # each its own stream
    assert capacity(Uniform(1e9, 2e9), seed=2) != drawn


def test_nodes_that_cannot_reach_the_cloud_get_no_server_unless_asked_for_by_name():
    graph = joined("a-hub", "b-hub", "x-y")
    topology = build(graph, cloud="hub")
    assert topology.network.servers == ("a", "b")
    assert "2 of 5 nodes cannot reach the cloud: no server there" in topology.notes
    assert build(graph, cloud="hub", servers="highest-degree(2)").network.servers == ("a", "b")
    with pytest.raises(InputError, match="server 'x' has no path to the cloud at 'hub'"):
        build(graph, cloud="hub", servers=["a", "x"])


def test_paths_too_long_for_memory_are_refused():
    with pytest.raises(InputError, match="the paths of 3999 servers cross links more than 2000000 times in all"):
        build(nx.path_graph(4000), cloud="0")


def test_the_graph_given_is_left_as_it_was():
    graph = joined(*CHAIN)
    before = nx.to_dict_of_dicts(graph), dict(graph.nodes(data=True))
    before = repr(before)
    build(graph, cloud="cloud")
    assert repr((nx.to_dict_of_dicts(graph), dict(graph.nodes(data=True)))) == before


def test_a_graph_marked_and_placed_anew_forgets_where_servers_were():
    first = build(joined(*CHAIN), cloud="cloud")
    second = build(first.graph, cloud="a", servers=["b"])
    assert [node for node, data in second.graph.nodes(data=True) if "server" in data] == ["b"]
    assert [node for node, data in second.graph.nodes(data=True) if "cloud" in data] == ["a"]


def test_servers_are_called_as_marked():
    graph = joined("a-hub", "b-hub", hub={"cloud": True}, a={"server": "cam"}, b={"server": True})
    topology = build(graph, servers="marked", cloud="marked")
    assert topology.network.servers == ("cam", "b")


ONE = joined("a-b")


@pytest.mark.parametrize(
    "graph, options, message",
    [
        (joined(*CHAIN), {"cloud": "clod"}, "unknown node for the cloud, 'clod'; did you mean 'cloud'?"),
        (joined(*CHAIN), {"servers": ["x"]}, "unknown node for the server, 'x'"),
        (joined(*CHAIN), {"servers": "al"}, "unknown placement of servers 'al'; did you mean 'all'?"),
        (joined(*CHAIN), {"servers": ["a", "a"]}, "duplicate server 'a'; allowed: one at a node"),
        (joined(*CHAIN), {"servers": ["a", "cloud"], "cloud": "cloud"}, "is at the cloud's node"),
        (joined(*CHAIN), {"servers": "highest-degree(5)"}, "there are 4 nodes apart from the cloud's"),
        (joined(*CHAIN), {"servers": "highest-degree(0)"}, "no node has a server"),
        (joined(*CHAIN), {"servers": []}, "no node has a server"),
        (joined(*CHAIN), {"servers": "marked"}, "no node has a server"),
        (joined(*CHAIN), {"cloud": "marked"}, "0 nodes have the attribute cloud; allowed: one"),
        (joined("a-b", a={"cloud": True}, b={"cloud": True}), {"cloud": "marked"}, "2 nodes have the attribute cloud"),
        (joined("a-b", a={"server": "x" * 91}), {"servers": "marked", "cloud": "b"}, "server is 'xxx"),
        (joined("a-b", "c-b", a={"server": "s"}, c={"server": "s"}), {"servers": "marked"}, "duplicate name"),
        (nx.Graph(), {}, "a graph without nodes"),
        (nx.empty_graph(1), {}, "no node has a server"),
        (nx.Graph([(1, "1")]), {}, "two nodes have the id '1'"),
        (nx.Graph([("a", "x" * 91)]), {}, "is called 'xxx"),
        (nx.Graph([("a", "b", {"link_bps": -1.0})]), {}, "edge 'a-b': link_bps is -1.0; allowed: a number from 1e-50"),
        (nx.Graph([("a", "b", {"link_bps": "fast"})]), {}, "edge 'a-b': link_bps is 'fast'"),
        (nx.Graph([("a", "b", {"link_bps": True})]), {}, "edge 'a-b': link_bps is True"),
        (nx.Graph([("a", "b", {"LinkSpeedRaw": 10**400})]), {}, "edge 'a-b': LinkSpeedRaw is 1000"),
        (nx.Graph([("a", "b", {"propagation_s": -1})]), {}, "edge 'a-b': propagation_s is -1"),
        (joined("a-b", a={"Latitude": 100, "Longitude": 0}), {}, "node 'a': Latitude is 100; allowed: -90 to 90"),
        (joined("a-b", a={"Latitude": "N", "Longitude": 0}), {}, "node 'a': Latitude is 'N'"),
        (nx.Graph([("a", "b", {"link": "x" * 182})]), {}, "edge 'a-b': link is 'xxx"),
        (ONE, {"default_link_bps": 0}, "default_link_bps is 0; allowed: a number from 1e-50"),
        (ONE, {"default_propagation_s": -0.1}, "default_propagation_s is -0.1; allowed"),
        (ONE, {"default_propagation_s": math.inf}, "default_propagation_s is inf; allowed"),
        (ONE, {"route_by": "hop"}, "unknown route_by 'hop'; did you mean 'hops'?"),
        (ONE, {"route_by": "distance"}, "1 link without a length (a-b); routes by distance need coordinates"),
        (ONE, {"capacity_flop_per_s": [1e9, 1e9]}, "2 values of capacity_flop_per_s for 1 servers"),
        (ONE, {"capacity_flop_per_s": [-1e9]}, "capacity_flop_per_s of 'b' is -1000000000.0"),
        (ONE, {"capacity_flop_per_s": math.nan}, "capacity_flop_per_s is nan"),
        (ONE, {"capacity_flop_per_s": "cores"}, "node 'b' has no attribute 'cores'"),
        (joined("a-b", b={"cores": "8 GFLOP"}), {"capacity_flop_per_s": "cores"}, "node 'b': cores is '8 GFLOP'"),
        (joined("a-b", b={"hyperedge": "maybe"}), {}, "node 'b': hyperedge is 'maybe'; allowed: 0 or 1, true or false"),
        (
            joined("a-b", a={"Internal": 0}, b={"Internal": "0"}),
            {},
            "every node is a branching point, external or a group",
        ),
        (joined("a-b", a={"hyperedge": 1}), {"cloud": "b"}, "no node has a server"),
        (ONE, {"attributes": Mapping(speed="BW")}, "unknown attribute of edges 'BW'"),
        (ONE, {"usable_share": 2}, "usable_share is 2"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(graph, options, message):
    with pytest.raises(InputError) as fault:
        build(graph, **options)
    assert message in str(fault.value) and "\n" not in str(fault.value)


@pytest.mark.parametrize("low, high", [(0, 1), (2, 1), (1, math.inf), (math.nan, 1)])
def test_a_range_that_is_none_is_refused(low, high):
    with pytest.raises(InputError, match="allowed: 0 < low <= high"):
        Uniform(low, high)


def test_a_parameter_of_the_network_that_is_unknown_is_refused():
    with pytest.raises(UnknownNameError, match="unknown reservation 'sustaind'"):
        build(ONE, reservation="sustaind")


# Files as published ---------------------------------------------------------------------------------------

PUBLISHED = {  # nodes, trunks (AttMpls: 57 edges, one doubled), edges without speed, nodes without coordinates
    "Abilene": (11, 14, 14, 0),
    "AttMpls": (25, 56, 57, 0),
    "Geant2012": (40, 61, 22, 3),
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("route_by", ["hops", "distance", "speed"])
def test_published_topologies_are_read_and_placed(name, route_by):
    path = ZOO / f"{name}.graphml"
    if not path.exists():
        pytest.skip(f"no {path}")
    nodes, trunks, unknown, unplaced = PUBLISHED[name]
    graph = read_graph(path)
    assert graph.graph["label"] == name and len(graph) == nodes
    topology = build(graph, route_by=route_by, default_propagation_s=1e-3)
    assert (len(topology.edges), len(topology.nodes)) == (trunks, nodes)
    assert sum(node.position is None for node in topology.nodes) == unplaced
    assert topology.notes[0].startswith(f"{unknown} of {graph.number_of_edges()} edges have no speed")
    assert (len(graph.edges) > trunks) == any("joined by several edges" in note for note in topology.notes)
    assert len(topology.network.servers) == nodes - 1
    assert (topology.propagation_s > 0).all() and topology.propagation_s.max() < 0.06
    if route_by == "hops":  # against networkx's own shortest paths
        ids = nx.convert_node_labels_to_integers(nx.Graph(graph), label_attribute="id")
        known = {str(label): n for n, label in ids.nodes(data="label")}
        far = nx.single_source_shortest_path_length(ids, known[topology.cloud])
        assert [len(path) - 1 for path in topology.paths] == [far[known[path[0]]] for path in topology.paths]
    assert np.array_equal(topology.network.routes.sum(axis=0), [len(path) - 1 for path in topology.paths])
