"""GraphML files, those of the Topology Zoo and any other, as networkx graphs.

Read strictly, to the first fault, and in one pass: what is not declared, not closed, not a number where a number
was promised is refused with its line. Entities are refused before they are expanded.

References
----------
Brandes, Eiglsperger, Lerner, "GraphML Primer", 2002, for the format.
Knight et al., "The Internet Topology Zoo", IEEE JSAC 29(9), 2011, for the attributes of its files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

import networkx as nx

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.workloads.topology.graphs import position_of, propagation_of, shown, speed_of
from cutlayer.workloads.traces.rows import opened

FilePath = str | os.PathLike[str]

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
LONGEST_ID = 200
"""Letters of an id; more is a file that is something else."""

_DECIMAL = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|nan)", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,1000}", re.ASCII)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise InputError("allowed: a whole number")
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise InputError("allowed: a number")
    return float(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise InputError("allowed: true or false")
    return text.lower() in ("true", "1")


TYPES: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": _whole,
    "long": _whole,
    "float": _decimal,
    "double": _decimal,
    "boolean": _boolean,
}
SCOPES = ("graph", "node", "edge", "all")


def read_graphml(path: FilePath) -> nx.Graph:
    """Read a graph from a GraphML file.

    Parameters
    ----------
    path : path

    Returns
    -------
    networkx.Graph
        With all attributes of graph, nodes and edges; a MultiGraph where edges are parallel, a DiGraph or
        MultiDiGraph where the file says its edges are directed. Ids of nodes are text, an edge's own id is
        its attribute ``id``. A node drawn in yEd has its caption as ``label``; colours and shapes are left out.

    Raises
    ------
    InputError
        At the first fault, naming file and line: broken XML, entities, an element or key where none may be,
        a value not of its type, and a position, speed or delay that `cutlayer.workloads.topology.graphs` would refuse.
    """
    reader = _Reader()
    try:
        reader.parse(_bytes(path))
    except InputError as fault:
        raise fault.located(path, reader.line) from None
    return reader.result


def _bytes(path: FilePath) -> bytes:
    with opened(path) as file:
        content = file.read()
    if not content.strip():
        raise InputError("is empty; allowed: a GraphML file")
    return content


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    scope: str
    convert: Callable[[str], Any]
    kind: str


class _Reader:
    """Follows the parser through one file."""

    def __init__(self) -> None:
        self.line: int | None = None
        self.keys: dict[str, _Key] = {}
        self.defaults: dict[str, dict[str, Any]] = {scope: {} for scope in SCOPES}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: list[tuple[str, str, dict[str, Any], int]] = []
        self.of_graph: dict[str, Any] = {}
        self.directed: bool | None = None
        self.path: list[str] = []  # the elements that are open, those of other vocabularies as ""
        self.element: tuple[str, str, dict[str, Any]] = ("graph", "the graph", self.of_graph)
        self.key: _Key | None = None
        self.text: list[str] | None = None
        self.caption: list[str] | None = None

    def parse(self, content: bytes) -> None:
        """Read the file; `line` is that of the fault, or None where it is none of a line."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        parser.EntityDeclHandler = self.entity
        parser.SkippedEntityHandler = self.entity
        parser.ExternalEntityRefHandler = self.entity
        self.parser = parser
        try:
            parser.Parse(content, True)
        except InputError:
            self.line = parser.CurrentLineNumber if self.line is None else self.line
            raise
        except expat.ExpatError as fault:
            self.line = fault.lineno
            raise InputError(f"not XML ({expat.ErrorString(fault.code)})") from None
        except (ValueError, LookupError) as fault:  # an encoding that Python does not know or is not one byte a letter
            raise InputError(f"not XML in a known encoding ({shown(str(fault))})") from None
        if self.directed is None:
            raise InputError("holds no graph; allowed: one")
        for one, other, _, line in self.edges:
            for node in (one, other):
                if node not in self.nodes:
                    self.line = line
                    raise UnknownNameError("node", node, self.nodes)
        if not self.nodes:
            self.line = None
            raise InputError("holds a graph without nodes; allowed: 1 or more")

    @property
    def result(self) -> nx.Graph:
        """The graph that was read."""
        pairs = {(one, other) if self.directed else frozenset((one, other)) for one, other, *_ in self.edges}
        parallel = len(pairs) < len(self.edges)
        if self.directed:
            graph = nx.MultiDiGraph() if parallel else nx.DiGraph()
        else:
            graph = nx.MultiGraph() if parallel else nx.Graph()
        graph.graph.update(self.of_graph)
        graph.add_nodes_from(self.nodes.items())
        graph.add_edges_from((one, other, data) for one, other, data, _ in self.edges)
        return graph

    def entity(self, name: str, *_: Any) -> int:
        raise InputError(f"declares or uses the entity {shown(name)}; allowed: none")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        ours = space in ("", NAMESPACE)
        inside = self.path[-1] if self.path else None
        self.path.append(name if ours else "")
        if inside is None:
            if name != "graphml" or not ours:
                raise InputError(f"begins with {shown(name)}; allowed: graphml")
        elif not ours or inside == "":
            self.text = None  # a drawing program's own, and no value
            if name == "NodeLabel" and self.element[0] == "node":
                self.caption = []
        elif (inside, name) == ("graphml", "key"):
            self.start_key(attributes)
        elif (inside, name) == ("graphml", "graph"):
            self.start_graph(attributes)
        elif (inside, name) == ("graph", "node"):
            self.start_node(attributes)
        elif (inside, name) == ("graph", "edge"):
            self.start_edge(attributes)
        elif name == "data" and inside in ("graph", "node", "edge"):
            self.start_data(attributes)
        elif (inside, name) == ("key", "default"):
            self.text = []
        elif name not in ("data", "desc", "port", "locator", "endpoint") or inside == "data":
            raise InputError(f"element {shown(name)} in {inside}; allowed: key, graph, node, edge, data")

    def characters(self, text: str) -> None:
        if self.caption is not None:
            self.caption.append(text)
        if self.text is not None:
            self.text.append(text)

    def end(self, _: str) -> None:
        name = self.path.pop()
        if name == "" and self.caption is not None:
            self.element[2].setdefault("label", "".join(self.caption).strip())
            self.caption = None
        elif name == "data" and self.text is not None and self.key is not None:
            self.store(self.element[2], self.key)
        elif name == "default" and self.text is not None and self.key is not None:
            self.store(self.defaults[self.key.scope], self.key)
        elif name in ("node", "edge") and self.path == ["graphml", "graph"]:
            self.finish()

    def store(self, into: dict[str, Any], key: _Key) -> None:
        text = "".join(self.text or ())
        self.text = None
        if key.kind != "string":
            text = text.strip()
            if not text:
                return  # a number that is not there
        try:
            into[key.name] = key.convert(text)
        except InputError as fault:
            raise InputError(f"{self.element[1]}: {key.name} is {shown(text)}; {fault.message}") from None

    def start_key(self, attributes: Mapping[str, str]) -> None:
        name = _needed(attributes, "id", "key")
        if name in self.keys:
            raise InputError(f"key {shown(name)} is declared twice")
        scope, kind = attributes.get("for", "all"), attributes.get("attr.type", "string")
        if kind not in TYPES:
            raise UnknownNameError(f"type of key {shown(name)},", kind, TYPES)
        if scope not in SCOPES:  # of ports and the like
            scope = "other"
        self.defaults.setdefault(scope, {})
        self.key = self.keys[name] = _Key(attributes.get("attr.name", name), scope, TYPES[kind], kind)
        self.element = ("key", f"default of key {shown(name)}", {})

    def start_graph(self, attributes: Mapping[str, str]) -> None:
        if self.directed is not None:
            raise InputError("holds a second graph; allowed: one")
        edges = _needed(attributes, "edgedefault", "graph")
        if edges not in ("directed", "undirected"):
            raise UnknownNameError("edgedefault", edges, ("directed", "undirected"))
        self.directed = edges == "directed"
        self.of_graph.update(self.defaults["all"] | self.defaults["graph"])
        self.element = ("graph", "the graph", self.of_graph)

    def start_node(self, attributes: Mapping[str, str]) -> None:
        name = _needed(attributes, "id", "node")
        if name in self.nodes:
            raise InputError(f"node {shown(name)} stands twice")
        data: dict[str, Any] = {}
        self.nodes[name] = data
        self.element = ("node", f"node {shown(name)}", data)

    def start_edge(self, attributes: Mapping[str, str]) -> None:
        one, other = (_needed(attributes, end, "edge") for end in ("source", "target"))
        if attributes.get("directed", str(self.directed).lower()) != str(self.directed).lower():
            raise InputError(f"edge {shown(one)} to {shown(other)} is directed unlike the graph; allowed: all alike")
        data: dict[str, Any] = {"id": attributes["id"]} if "id" in attributes else {}
        self.edges.append((one, other, data, self.parser.CurrentLineNumber))
        self.element = ("edge", f"edge {shown(one)} to {shown(other)}", data)

    def start_data(self, attributes: Mapping[str, str]) -> None:
        name = _needed(attributes, "key", "data")
        if name not in self.keys:
            raise UnknownNameError("key", name, self.keys)
        self.key, self.text = self.keys[name], []

    def finish(self) -> None:
        """Complete a node or edge with the defaults, and check what a network is made of."""
        scope, what, data = self.element
        for name, value in (self.defaults["all"] | self.defaults[scope]).items():
            data.setdefault(name, value)
        try:
            if scope == "node":
                position_of(data)
            else:
                speed_of(data)
                propagation_of(data)
        except InputError as fault:
            raise InputError(f"{what}: {fault.message}") from None
        self.element = ("graph", "the graph", self.of_graph)


def _needed(attributes: Mapping[str, str], name: str, element: str) -> str:
    value = attributes.get(name)
    if not value:
        raise InputError(f"{element} without {name}")
    if len(value) > LONGEST_ID:
        raise InputError(f"{element}: {name} has {len(value)} letters; allowed: up to {LONGEST_ID}")
    return value
