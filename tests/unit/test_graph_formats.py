"""Graphs in GML, node-link JSON and edge lists, compressed or not, make the same network as in GraphML."""

import gzip
import io
import json
import random

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.attributes import Mapping
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.formats import read_graph

GML = """# made by hand
Creator "A person [of note]"
Version 1.0
graph
[
  directed 0
  label "Three towns"
  node [ id 0 label "Bath" Latitude 51.4 Longitude -2.4 ]
  node [ id 1 label "Wells" Latitude 51.2 Longitude -2.6 ]
  node [ id 2 label "None" hyperedge 1 ]
  edge [ source 0 target 1 LinkSpeedRaw 2000000.0 ]
  edge [ source 0 target 1 LinkSpeed "1" LinkSpeedUnits "M" ]
  edge [ source 1 target 2 ]
]
"""
JSON = {
    "directed": False,
    "nodes": [
        {"id": 0, "label": "Bath", "Latitude": 51.4, "Longitude": -2.4},
        {"id": 1, "label": "Wells", "Latitude": 51.2, "Longitude": -2.6},
        {"id": 2, "label": None, "hyperedge": True},
    ],
    "links": [
        {"source": 0, "target": 1, "LinkSpeedRaw": 2e6},
        {"source": 0, "target": 1, "LinkSpeed": 1, "LinkSpeedUnits": "Mbit/s"},
        {"source": 1, "target": 2},
    ],
}


def write(tmp_path, content, name="net"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, **ends):
    return read_graph(write(tmp_path, content), **ends)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("text", [GML, json.dumps(JSON), json.dumps(JSON | {"links": [], "edges": JSON["links"]})])
def test_gml_and_node_link_json_make_the_same_network(tmp_path, text, packed):
    content = gzip.compress(text.encode()) if packed else text.encode()
    topology = build_network(read(tmp_path, content), cloud="Bath", capacity_flop_per_s=1e9)
    assert topology.network.servers == ("Wells",)
    assert topology.network.link_bps.tolist() == [3e6]
    assert topology.nodes[1].position == (51.4, -2.4)
    assert any("a branching point (hyperedge = 1): 2" in note for note in topology.notes)


@pytest.mark.parametrize("make", [nx.write_gml, nx.write_graphml, lambda graph, path: path.write(
    json.dumps(nx.node_link_data(graph)).encode())])  # fmt: skip
@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_what_networkx_writes_is_read(tmp_path, make, kind):
    graph = kind([("a", "b", {"link_bps": 5e6}), ("b", "c", {"link_bps": 7e6}), ("c", "a"), ("b", "b")])
    if graph.is_multigraph():
        graph.add_edge("a", "b", link_bps=1e6)
    file = io.BytesIO()
    make(graph, file)
    ours = read(tmp_path, file.getvalue())
    assert type(ours) is kind
    made = [build_network(one, cloud="c", capacity_flop_per_s=1e9) for one in (graph, ours)]
    links = [sorted(zip(one.network.links, one.network.link_bps.tolist(), strict=True)) for one in made]
    names = {node: data.get("label", node) for node, data in ours.nodes(data=True)}
    assert sorted(names.values()) == ["a", "b", "c"] and links[0] == links[1]


YAFS = {
    "entity": [{"id": 0, "IPT": 10}, {"id": 1, "IPT": 20}],
    "link": [{"s": 0, "d": 1, "BW": 75, "PR": 5}],
}


def test_a_topology_of_yafs_is_read_with_its_attributes_declared(tmp_path):
    names = Mapping(speed="BW", speed_unit="Mbit/s", delay="PR", delay_unit="ms")
    graph = read(tmp_path, json.dumps(YAFS))
    topology = build_network(
        graph, cloud="0", capacity_flop_per_s="IPT", capacity_unit="MFLOP/s", attributes=names
    )  # fmt: skip
    assert (topology.network.link_bps.tolist(), topology.propagation_s.tolist()) == ([75e6], [0.005])
    assert topology.network.capacity_flop_per_s.tolist() == [20e6]


def test_d3_knows_nodes_without_an_id_by_their_number(tmp_path):
    data = {"nodes": [{"name": "x"}, {"name": "y"}], "links": [{"source": 0, "target": 1}]}
    assert list(read(tmp_path, json.dumps(data)).edges) == [(0, 1)]


TABLES = {
    "commas": "src,dst,mbps\nhub,a,10\nhub,b,20\n",
    "semicolons, other names and a mark": "\ufeffMbps;From;To\r\n10;hub;a\r\n20;hub;b\r\n",
    "tabs and a comment": "# links\nsource\ttarget\tmbps\nhub\ta\t10\n\nhub\tb\t20\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_edge_lists_with_a_header(tmp_path, text):
    graph = read(tmp_path, text)
    speed = next(name for name in ("mbps", "Mbps") if name in text)
    topology = build_network(graph, capacity_flop_per_s=1e9, attributes=Mapping(speed=speed, speed_unit="Mbit/s"))
    assert topology.cloud == "hub" and topology.network.link_bps.tolist() == [10e6, 20e6]


def test_ends_of_other_names_are_declared(tmp_path):
    text = "one end,other end,km\nhub,a,10\n"
    assert list(read(tmp_path, text, source="other end", target="one end").edges(data=True)) == [
        ("a", "hub", {"km": "10"})
    ]


def test_edge_lists_apart_by_blanks(tmp_path):
    graph = read(tmp_path, "# networkx writes these\na b\nb c 2.5\nc d {'LinkSpeedRaw': 4000.0}\n")
    assert [data for *_, data in graph.edges(data=True)] == [{}, {"weight": 2.5}, {"LinkSpeedRaw": 4000.0}]


BROKEN = {
    "words": ("hello\n", "'hello' begins no graph; known: "),
    "a list": ("[1]", "'[1]' begins no graph"),
    "empty": (" \n", "is empty"),
    "a cut-off gzip file": (gzip.compress(GML.encode())[:40], "is a gzip file that has been cut off"),
    "a damaged gzip file": (b"\x1f\x8bnonsense", "is a damaged gzip file"),
    "Latin-1": (b"a,b\n\xb5,x\n", ":2: not a text file in UTF-8"),
    "GML: cut off": (GML[:-30], "not GML"),
    "GML: a word for a number": (GML.replace("51.2", "north"), ":9: not GML"),
    "GML: no id": (GML.replace("id 1 ", ""), "not GML (\"node #1 has no 'id' attribute\")"),
    "GML: an edge to nowhere": (GML.replace("target 2", "target 7"), "undefined target 7"),
    "GML: no nodes": ("graph [\n]", "without nodes"),
    "JSON: cut off": (json.dumps(JSON, indent=1)[:-30], ": not JSON"),
    "JSON: deep": ('{"nodes": ' + "[" * 100_000, "not JSON"),
    "JSON: other keys": ('{"vertices": []}', "has no 'nodes'"),
    "JSON: no edges": ('{"nodes": [{"id": 1}]}', "has no 'edges'"),
    "JSON: no nodes": ('{"nodes": [], "edges": []}', "without nodes"),
    "JSON: a node twice": ('{"nodes": [{"id": 1}, {"id": 1}], "edges": []}', "duplicate node 1"),
    "JSON: a list for an id": ('{"nodes": [{"id": [1]}], "edges": []}', "node 0: id is [1]"),
    "JSON: a node that is none": ('{"nodes": [1], "edges": []}', "nodes: entry 0 is 1"),
    "JSON: an edge to nowhere": ('{"nodes": [{"id": 1}], "edges": [{"source": 1, "target": 2}]}', "target is 2"),
    "JSON: half an edge": ('{"nodes": [{"id": 1}], "edges": [{"source": 1}]}', "edge 0 has no target"),
    "a table: unknown ends": ("p,q\n1,2\n", ":1: no column is known as an end of an edge"),
    "a table: one end": ("source,q\n1,2\n", "set target_attribute to one of"),
    "a table: a value too many": ("src,dst\n1,2\n1,2,3\n", ":3: 3 values for 2 columns"),
    "a table: no end": ("src,dst\n1,\n", ":2: dst is ''"),
    "a table: a column twice": ("src,dst,x,x\n1,2,3,4\n", ":1: duplicate column"),
    "blanks: one end": ("a b\nc\n", ":2: 'c' is no edge"),
    "blanks: prose": ("a b\nc d e f\n", ":2: 'c d e f' is no edge"),
    "blanks: code": ("a b {print(1)}\n", ":1: 'a b {print(1)}' is no edge"),
}  # fmt: skip


def refused(path, **ends):
    with pytest.raises(InputError) as fault:
        read_graph(path, **ends)
    message = str(fault.value)
    assert message.startswith(f"{path}:") and "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("content, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_gets_one_line(tmp_path, content, message):
    assert message in refused(write(tmp_path, content))


def test_a_column_that_is_not_there_gets_the_near_name(tmp_path):
    message = refused(write(tmp_path, "left,right\n1,2\n"), source="lef", target="right")
    assert ":1: column 'lef' is missing; did you mean 'left'?" in message


PIECES = [
    "",
    " ",
    "\n",
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    "node",
    "graph [",
    "id",
    "-1",
    "1e999",
    "NAN",
    "\0",
    "é",
    "#",
    "&#",
]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([GML, json.dumps(JSON), *TABLES.values(), "a b\nb c 2\n"]), st.integers(0, 2**32), st.integers(1, 4)
)
def test_a_mutated_file_makes_a_network_or_is_refused_in_one_line(tmp_path_factory, text, seed, changes):
    rng = random.Random(seed)
    for _ in range(changes):
        at, length = rng.randrange(len(text) + 1), rng.choice([0, 0, 1, 3, 20])
        text = text[:at] + rng.choice(PIECES) + text[at + length :]
    path = write(tmp_path_factory.mktemp("fuzz"), text)
    try:
        graph = read_graph(path)
    except InputError as fault:
        assert str(fault).startswith(f"{path}:") and "\n" not in str(fault)
        return
    try:
        assert len(build_network(graph, capacity_flop_per_s=1e9).network.servers) < len(graph)
    except InputError as fault:
        assert "\n" not in str(fault)
