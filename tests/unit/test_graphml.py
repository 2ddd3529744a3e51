"""GraphML files are read to the first fault, and what networkx writes is read without loss."""

import gzip
import random

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.formats import read_graph

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
KEYS = """<key attr.name="Latitude" attr.type="double" for="node" id="lat" />
<key attr.name="Longitude" attr.type="double" for="node" id="lon" />
<key attr.name="label" attr.type="string" for="node" id="label" />
<key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="raw" />
<key attr.name="LinkSpeed" attr.type="string" for="edge" id="speed" />
<key attr.name="LinkSpeedUnits" attr.type="string" for="edge" id="units" />
<key attr.name="Internal" attr.type="int" for="node" id="internal" />
"""
TAIL = "</graph>\n</graphml>\n"
TWO = '<node id="a"/>\n<node id="b"/>\n'


def document(inside=TWO + '<edge source="a" target="b"/>', keys=KEYS, edges="undirected"):
    return f'{HEAD}{keys}<graph edgedefault="{edges}">\n{inside}\n{TAIL}'


def edge(data):
    return document(f'{TWO}<edge source="a" target="b">{data}</edge>')


def node(data):
    return document(f'<node id="a">{data}</node>')


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE graphml [\n<!ENTITY lol "lol">\n'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">\n'.replace("&lol0;", "&lol;") for n in range(1, 10))
    + "]>\n<graphml>&lol9;</graphml>"
)

BROKEN = {
    "empty": ("", "is empty"),
    "blanks": ("  \n\n ", "is empty"),
    "no graph at all": ("[1, 2]\n", "'[1, 2]' begins no graph; known: "),
    "truncated": (document()[:-30], "not XML"),
    "truncated in a tag": (document()[:-5], "not XML"),
    "two documents": (document() + document(), "not XML"),
    "unclosed element": (document("<node id='a'>"), "not XML"),
    "unbound prefix": (document("<y:node id='a'/>"), "not XML"),
    "html": ("<html><body/></html>", "begins with 'html'; allowed: graphml"),
    "another vocabulary": ('<graphml xmlns="urn:other"/>', ":1: begins with 'graphml' of the namespace 'urn:other'"),
    "billion laughs": (BOMB, ":3: declares or uses the entity 'lol'"),
    "external entity": (
        '<!DOCTYPE graphml [<!ENTITY x SYSTEM "file:///etc/passwd">]><graphml>&x;</graphml>',
        "declares or uses the entity 'x'",
    ),
    "unknown entity": (document(f"{TWO}&nope;"), "not XML"),
    "no graph": (f"{HEAD}</graphml>", "holds no graph"),
    "no nodes": (document(""), "without nodes"),
    "two graphs": (document(f'{TWO}</graph><graph edgedefault="directed">'), "holds a second graph"),
    "graph in an edge": (edge("<graph/>"), ":13: element 'graph' in edge; allowed: data"),
    "element in data": (node('<data key="lat"><b/></data>'), ":11: element 'b' in data"),
    "group in group without end": (
        document(
            '<node id="a">' + "".join(f'<graph><node id="{n}">' for n in range(99)) + "</node></graph>" * 99 + "</node>"
        ),
        ":11: groups in groups, more than 50 deep",
    ),
    "hyperedge": (
        document(f'{TWO}<hyperedge><endpoint node="a"/></hyperedge>'),
        ":13: hyperedges are not read; allowed",
    ),
    "no edgedefault": (document().replace(' edgedefault="undirected"', ""), "graph without edgedefault"),
    "bad edgedefault": (document(edges="undirectd"), "unknown edgedefault 'undirectd'; did you mean 'undirected'?"),
    "mixed directions": (document(f'{TWO}<edge source="a" target="b" directed="true"/>'), "directed unlike the graph"),
    "node without id": (document("<node/>"), ":11: node without id"),
    "node twice": (document(TWO + '<node id="a"/>'), ":13: duplicate node 'a'"),
    "edge without target": (document(f'{TWO}<edge source="a"/>'), ":13: edge without target"),
    "edge to nowhere": (document(f'{TWO}<edge source="a" target="bb"/>'), ":13: unknown node 'bb'"),
    "key twice": (document(keys=KEYS + KEYS.splitlines()[0]), "key 'lat' is declared twice"),
    "key without id": (document(keys='<key for="node"/>'), ":3: key without id"),
    "key of no type": (document(keys='<key id="k" attr.type="complex"/>'), "unknown type of key 'k', 'complex'"),
    "endless id": (document(f'<node id="{"7" * 5000}"/>'), "node: id has 5000 letters; allowed: up to 200"),
    "undeclared key": (node('<data key="latt">1</data>'), ":11: unknown key 'latt'; did you mean 'lat'?"),
    "data without key": (node("<data>1</data>"), "data without key"),
    "no number": (node('<data key="lat">north</data>'), ":11: node 'a': Latitude is 'north'; allowed: a number"),
    "underscores": (node('<data key="lat">1_0</data>'), "Latitude is '1_0'"),
    "no whole number": (node('<data key="internal">1.5</data>'), "Internal is '1.5'; allowed: a whole number"),
    "endless whole number": (node(f'<data key="internal">{"9" * 5000}</data>'), "allowed: a whole number"),
    "no boolean": (
        document('<node id="a"><data key="k">maybe</data></node>', '<key id="k" attr.type="boolean" for="node"/>'),
        "allowed: true or false",
    ),
    "bad default": (document(keys='<key id="k" attr.type="int"><default>x</default></key>'), "default of key 'k'"),
    "latitude off the Earth": (node('<data key="lat">91</data>'), "node 'a': Latitude is 91.0; allowed: -90 to 90"),
    "infinite latitude": (node('<data key="lat">-INF</data>'), "Latitude is -inf"),
    "speed below 0": (
        edge('<data key="raw">-1e9</data>'),
        ":13: edge 'a' to 'b': LinkSpeedRaw is -1000000000.0; allowed",
    ),
    "speed of 0": (edge('<data key="raw">0</data>'), "LinkSpeedRaw is 0.0; allowed"),
    "huge speed": (edge('<data key="raw">1e999</data>'), "LinkSpeedRaw is inf; allowed"),
    "speed as text below 0": (edge('<data key="speed">-10</data><data key="units">G</data>'), "LinkSpeed is '-10'"),
    "huge speed as text": (edge('<data key="speed">1e400</data><data key="units">G</data>'), "LinkSpeed is '1e400'"),
    "nul": (document("<node id='a\0'/>"), "not XML"),
    "unknown encoding": (document().replace("utf-8", "klingon"), "not XML"),
}


def write(tmp_path, text, name="net.graphml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path):
    with pytest.raises(InputError) as fault:
        read_graph(path)
    message = str(fault.value)
    assert message.startswith(f"{path}:") and "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("text, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_gets_one_line_with_file_and_fault(tmp_path, text, message):
    assert message in refused(write(tmp_path, text))


def test_letters_of_another_encoding_are_refused_with_their_line(tmp_path):
    path = write(tmp_path, node('<data key="label">Zürich</data>').encode("latin-1"))
    assert ":11: not XML" in refused(path)


def test_a_folder_and_a_file_that_is_not_there_are_refused(tmp_path):
    assert "is a folder" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "none.graphml")


def test_deep_nesting_and_many_attributes_are_refused_and_no_hang(tmp_path):
    foreign = '<data key="lat">' + '<y:a xmlns:y="urn:y">' * 100_000
    assert "not XML" in refused(write(tmp_path, node(foreign)))
    assert "unknown key" in refused(write(tmp_path, node('<data key="x">1</data>' * 100_000)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_other_encodings_are_read_where_the_file_names_them(tmp_path, encoding):
    text = node('<data key="label">Zürich</data>').replace("utf-8", encoding.removesuffix("-sig"))
    assert read_graph(write(tmp_path, text.encode(encoding))).nodes["a"]["label"] == "Zürich"


def test_line_ends_of_another_system_change_nothing(tmp_path):
    text = edge('<data key="raw">1e9</data>')
    one, other = write(tmp_path, text), write(tmp_path, text.replace("\n", "\r\n"), "crlf.graphml")
    assert nx.utils.graphs_equal(read_graph(one), read_graph(other))


def test_types_defaults_and_missing_numbers(tmp_path):
    keys = (
        '<key id="i" attr.name="Internal" attr.type="int" for="node"><default>1</default></key>'
        '<key id="b" attr.name="up" attr.type="boolean" for="edge"><default>true</default></key>'
        '<key id="d" attr.name="Latitude" attr.type="double" for="node"/>'
        '<key id="s" for="all"/>'
    )
    inside = (
        '<data key="s">whole</data><node id="a"><data key="i">7</data><data key="d"/></node>'
        '<node id="b"><data key="s"> x </data></node><edge source="a" target="b" id="e1"/>'
    )
    graph = read_graph(write(tmp_path, document(inside, keys)))
    assert graph.graph == {"s": "whole"}
    assert dict(graph.nodes(data=True)) == {"a": {"Internal": 7}, "b": {"s": " x ", "Internal": 1}}
    assert list(graph.edges(data=True)) == [("a", "b", {"id": "e1", "up": True})]


def test_types_of_other_libraries_and_missing_values_are_read(tmp_path):
    kinds = {"i": "Integer", "l": "long", "b": "boolean", "d": "double", "s": "string"}
    keys = "".join(f'<key id="{name}" for="node" attr.type="{kind}"/>' for name, kind in kinds.items())
    values = {"i": " 7.0 ", "l": "-3", "b": "no", "d": "1e3", "s": "NaN"}
    data = "".join(f'<data key="{name}">{value}</data>' for name, value in values.items())
    gone = "".join(
        f'<data key="{name}">{value}</data>' for name, value in zip("ilbd", ("NaN", "", "None", "nan"), strict=True)
    )
    graph = read_graph(write(tmp_path, document(f'<node id="a">{data}</node><node id="b">{gone}</node>', keys)))
    assert dict(graph.nodes["a"]) == {"i": 7, "l": -3, "b": False, "d": 1000.0, "s": "NaN"}
    assert dict(graph.nodes["b"]) == {}


@pytest.mark.parametrize(
    "space", ["http://graphml.graphdrawing.org/xmlns/1.0/graphml", "https://graphml.graphdrawing.org/xmlns", ""]
)
def test_other_namespaces_of_graphml_are_read(tmp_path, space):
    text = document().replace(' xmlns="http://graphml.graphdrawing.org/xmlns"', f' xmlns="{space}"' if space else "")
    assert list(read_graph(write(tmp_path, text)).edges) == [("a", "b")]


def test_groups_are_flattened_and_get_no_server(tmp_path):
    inner = '<graph edgedefault="undirected"><node id="g::h"><graph><node id="p"/></graph></node><node id="q"/>'
    inside = (
        f'<node id="g">{inner}<edge source="p" target="q"/></graph></node>\n<node id="x"/><edge source="x" target="q"/>'
    )
    graph = read_graph(write(tmp_path, document(inside)))
    assert set(graph) == {"g", "g::h", "p", "q", "x"} and set(graph.edges) == {("p", "q"), ("q", "x")}
    topology = build_network(graph, capacity_flop_per_s=1e9)
    assert (topology.network.servers, topology.cloud) == (("p", "x"), "q")
    assert "no server and no cloud at 2 of 5 nodes, each a group of nodes: g, g::h" in topology.notes
    assert not any("cannot reach" in note for note in topology.notes)


def test_a_drawing_of_yed_gives_its_captions_as_labels(tmp_path):
    keys = '<key for="node" id="d5" yfiles.type="nodegraphics"/>'
    label = '<data key="d5"><y:ShapeNode xmlns:y="http://www.yworks.com/xml/graphml"><y:Fill color="#FFF"/>'
    label += "<y:NodeLabel>Leeds<y:LabelModel/></y:NodeLabel></y:ShapeNode></data>"
    graph = read_graph(write(tmp_path, document(f'<node id="n0">{label}</node>', keys)))
    assert dict(graph.nodes["n0"]) == {"label": "Leeds"}


def test_parallel_edges_make_a_multigraph_and_directions_a_digraph(tmp_path):
    there = '<edge source="a" target="b"/>'
    back = '<edge source="b" target="a"/>'
    kinds = {
        (there, "undirected"): nx.Graph,
        (there + back, "undirected"): nx.MultiGraph,
        (there + back, "directed"): nx.DiGraph,
        (there + there, "directed"): nx.MultiDiGraph,
    }
    for (edges, direction), kind in kinds.items():
        graph = read_graph(write(tmp_path, document(TWO + edges, edges=direction)))
        assert type(graph) is kind and graph.number_of_edges() == edges.count("<edge")


LETTERS = st.characters(blacklist_categories=("Cs",), blacklist_characters="\ufffe\uffff\x85").filter(
    lambda letter: letter >= " " or letter in "\t\n"
)
TEXT = st.text(LETTERS, max_size=8)
ATTRIBUTES = st.dictionaries(
    st.text(LETTERS, min_size=1, max_size=4).filter(lambda name: name != "Latitude"),
    TEXT | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.booleans(),
    max_size=3,
)


@st.composite
def graphs(draw):
    """Random graphs with attributes, positions and speeds, some edges parallel."""
    ids = draw(st.lists(st.text(LETTERS, min_size=1, max_size=5), min_size=1, max_size=7, unique=True))
    pairs = draw(st.lists(st.tuples(st.sampled_from(ids), st.sampled_from(ids)), max_size=12))
    directed = draw(st.booleans())
    parallel = len({p if directed else frozenset(p) for p in pairs}) < len(pairs)
    kind = {(False, False): nx.Graph, (True, False): nx.DiGraph, (False, True): nx.MultiGraph}.get((directed, parallel))
    graph = (kind or nx.MultiDiGraph)(**draw(ATTRIBUTES))
    for name in ids:
        data = draw(ATTRIBUTES)
        if draw(st.booleans()):
            data |= {"Latitude": draw(st.floats(-90, 90)), "Longitude": draw(st.floats(-180, 180))}
        if draw(st.booleans()):
            data["label"] = draw(st.sampled_from(["Paris", "Leeds", "New\nYork", "Leeds (2)", "", " "]))
        graph.add_node(name, **data)
    for one, other in pairs:
        data = draw(ATTRIBUTES)
        if draw(st.booleans()):
            data["LinkSpeedRaw"] = draw(st.floats(1, 1e12))
        graph.add_edge(one, other, **data)
    return graph


def same(one, other):
    """Whether two graphs hold the same, values, types and order included, but the keys of parallel edges."""

    def content(graph):
        nodes = [(node, sorted(data.items())) for node, data in graph.nodes(data=True)]
        kept = [(edge, [item for item in data.items() if item[0] != "id"]) for *edge, data in graph.edges(data=True)]
        edges = sorted((*map(str, edge), sorted(data)) for edge, data in kept)
        return repr((type(graph), sorted(graph.graph.items()), nodes, edges))

    return content(one) == content(other)


ROUND = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@ROUND
@given(graphs())
def test_a_graph_written_and_read_is_the_same(tmp_path_factory, graph):
    path = tmp_path_factory.mktemp("round") / "g.graphml"
    nx.write_graphml(graph, path)
    assert same(read_graph(path), graph)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert same(read_graph(path), graph)


@ROUND
@given(graphs(), st.sampled_from(["hops", "speed", "distance"]), st.integers(0, 2**32))
def test_graphml_to_network_to_graphml_to_network_loses_nothing(tmp_path_factory, graph, route_by, seed):
    path = tmp_path_factory.mktemp("round") / "g.graphml"
    rng = np.random.default_rng(seed)
    nx.write_graphml(graph, path)
    first = read_graph(path)
    try:
        made = build_network(
            first, capacity_flop_per_s=float(rng.uniform(1e9, 2e9)), default_link_bps=float(rng.uniform(1e6, 1e9)),
            default_propagation_s=float(rng.uniform(0, 0.1)), route_by=route_by, usable_share=0.7,
        )  # fmt: skip
    except InputError as fault:
        assert "has a server" in str(fault) or "is called ''" in str(fault)  # nobody but the cloud, or an id of blanks
        assume(False)
    nx.write_graphml(made.graph, path)
    again = build_network(
        read_graph(path), servers="marked", cloud="marked", capacity_flop_per_s="capacity_flop_per_s",
        route_by=route_by, usable_share=0.7,
    )  # fmt: skip
    for name in ("servers", "links"):
        assert getattr(again.network, name) == getattr(made.network, name)
    for name in ("capacity_flop_per_s", "link_bps", "usable_bps"):
        assert getattr(again.network, name).tobytes() == getattr(made.network, name).tobytes()
    assert again.network.is_star == made.network.is_star
    if not made.network.is_star:
        assert (again.network.routes != made.network.routes).nnz == 0
    assert again.propagation_s.tobytes() == made.propagation_s.tobytes()
    assert (again.paths, again.cloud, again.nodes, again.edges) == (made.paths, made.cloud, made.nodes, made.edges)
    for node in first:  # and nothing that stood in the file is lost
        ours = again.graph.nodes[node]
        assert all(name in ours for name in first.nodes[node] if name not in ("server", "cloud"))
    nx.write_graphml(again.graph, path)
    assert same(read_graph(path), again.graph)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300).map(lambda content: b"<" + content))
def test_random_bytes_are_refused_in_one_line(tmp_path_factory, content):
    refused(write(tmp_path_factory.mktemp("fuzz"), content))


PIECES = [
    *("<", ">", "/", "&", "&lt;", '"', "<!--", "]]>", "<![CDATA[", "nan", "-1", "1e999", "\0", "é", "<node/>"),
    *("<data/>", "<graph/>", "edge", "key", "</node>", "</graph>", '<?xml version="1.1"?>', "&#0;", "<!ENTITY a 'b'>"),
]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_a_mutated_file_makes_a_network_or_is_refused_in_one_line(tmp_path_factory, seed, changes):
    rng = random.Random(seed)
    whole = '<node id="a"><data key="lat">1.5</data><data key="lon">-3</data><data key="label">A</data></node>'
    text = edge('<data key="raw">1e9</data><data key="units">G</data>').replace('<node id="a"/>', whole)
    for _ in range(changes):
        at, length = rng.randrange(len(text)), rng.choice([0, 0, 1, 3, 20])
        text = text[:at] + rng.choice(["", *PIECES]) + text[at + length :]
    path = write(tmp_path_factory.mktemp("fuzz"), text.encode("utf-8", "surrogatepass"))
    try:
        graph = read_graph(path)
    except InputError as fault:
        assert str(fault).startswith(f"{path}:") and "\n" not in str(fault)
        return
    try:
        assert len(build_network(graph, capacity_flop_per_s=1e9).network.servers) < len(graph)
    except InputError as fault:
        assert "\n" not in str(fault)
