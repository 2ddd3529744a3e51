"""GraphML files, those of the Topology Zoo and any other.

Read strictly, to the first fault: what is not declared, not closed, or not a number where a number was declared is
refused with its line, which networkx does not know. Entities are refused before they are expanded.

References
----------
Brandes, Eiglsperger, Lerner, "GraphML Primer", 2002, for the format.
Knight et al., "The Internet Topology Zoo", IEEE JSAC 29(9), 2011, for the attributes of its files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import networkx as nx

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.workloads.topology.attributes import (
    GROUP,
    flag_of,
    is_missing,
    position_of,
    propagation_of,
    shown,
    speed_of,
)
from cutlayer.workloads.topology.formats import FORMATS, LONGEST_ID, GraphFormat, made

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
_OURS = re.compile(r"(https?://graphml\.graphdrawing\.org/.*)?")  # older ones end in /graphml or /1.0/graphml
DEEPEST = 50
"""Of groups in groups."""

_DECIMAL = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf)", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"([+-]?\d{1,1000})(?:\.0*)?", re.ASCII)


def _whole(text: str) -> int:
    if not (match := _WHOLE.fullmatch(text)):
        raise InputError("allowed: a whole number")
    return int(match[1])


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise InputError("allowed: a number")
    return float(text)


def _boolean(text: str) -> bool:
    if not isinstance(flag := flag_of(text), bool):
        raise InputError("allowed: true or false")
    return flag


TYPES: dict[str, Callable[[str], Any]] = {
    "string": str,
    **dict.fromkeys(("int", "integer", "long", "short", "byte"), _whole),
    **dict.fromkeys(("float", "double", "decimal", "real"), _decimal),
    **dict.fromkeys(("boolean", "bool"), _boolean),
}
"""Converters of ``attr.type``, also of types that only libraries write."""

SCOPES = ("graph", "node", "edge", "all")


@dataclass(slots=True)
class _Element:
    """An XML element; one of another vocabulary, such as a drawing program's, is `foreign`."""

    name: str
    space: str
    attributes: Mapping[str, str]
    line: int
    children: list[_Element] = field(default_factory=list)
    text: str = ""

    @property
    def foreign(self) -> bool:
        return not _OURS.fullmatch(self.space)

    def needed(self, name: str) -> str:
        """Return the attribute of that name, which must be there."""
        value = self.attributes.get(name)
        if not value:
            raise self.fault(f"{self.name} without {name}")
        if len(value) > LONGEST_ID:
            raise self.fault(f"{self.name}: {name} has {len(value)} letters; allowed: up to {LONGEST_ID}")
        return value

    def fault(self, message: str) -> InputError:
        return InputError(message, None, self.line)

    def inner(self, allowed: str) -> Iterator[_Element]:
        """Yield the children of our vocabulary; refuse those that `allowed` does not list."""
        for child in self.children:
            if child.foreign:
                continue
            if child.name == "hyperedge":
                raise child.fault("hyperedges are not read; allowed: a node in place of each, joined to its ends")
            if child.name not in (*allowed.split(), "desc", "port", "locator"):
                raise child.fault(f"element {shown(child.name)} in {self.name}; allowed: {', '.join(allowed.split())}")
            yield child


def _parsed(content: bytes) -> _Element:
    """Return the root element of a file."""
    top = _Element("", "", {}, 0)
    open_elements = [top]
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        element = _Element(name, space, attributes, parser.CurrentLineNumber)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_: str) -> None:
        open_elements.pop()

    def characters(text: str) -> None:
        if open_elements[-1].name in ("data", "default", "NodeLabel"):
            open_elements[-1].text += text

    def entity(name: str, *_: Any) -> int:
        line = parser.CurrentLineNumber
        raise InputError(f"declares or uses the entity {shown(name)}; allowed: none", None, line)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.EntityDeclHandler = parser.SkippedEntityHandler = parser.ExternalEntityRefHandler = entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        raise InputError(f"not XML ({expat.ErrorString(fault.code)})", None, fault.lineno) from None
    except InputError:
        raise
    except (ValueError, LookupError) as fault:  # an encoding that Python does not know or is not one byte a letter
        raise InputError(f"not XML in a known encoding ({shown(str(fault))})") from None
    return top.children[0]


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    scope: str
    convert: Callable[[str], Any]

    def put(self, into: dict[str, Any], element: _Element, what: str) -> None:
        """Store the value of an element; a number that is missing stays missing."""
        text = element.text if self.convert is str else element.text.strip()
        if self.convert is not str and is_missing(text):
            return
        try:
            into[self.name] = self.convert(text)
        except InputError as fault:
            raise element.fault(f"{what}: {self.name} is {shown(text)}; {fault.message}") from None


class _Reader:
    """What has been read of a file."""

    def __init__(self, root: _Element) -> None:
        self.keys: dict[str, _Key] = {}
        self.defaults: dict[str, dict[str, Any]] = {scope: {} for scope in SCOPES}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: list[tuple[str, str, dict[str, Any]]] = []
        self.of_graph: dict[str, Any] = {}
        self.directed: bool | None = None
        ends: list[_Element] = []
        for element in root.inner("key graph data"):
            if element.name == "key":
                self.add_key(element)
            elif element.name == "graph":
                if self.directed is not None:
                    raise element.fault("holds a second graph; allowed: one")
                self.directed = _directed(element)
                self.of_graph.update(self.defaults["all"] | self.defaults["graph"])
                self.add_graph(element, ends, 0)
        if self.directed is None:
            raise InputError("holds no graph; allowed: one")
        for (one, other, _), element in zip(self.edges, ends, strict=True):
            for node in (one, other):
                if node not in self.nodes:
                    raise UnknownNameError("node", node, self.nodes).located("", element.line)

    def add_key(self, element: _Element) -> None:
        name = element.needed("id")
        if name in self.keys:
            raise element.fault(f"key {shown(name)} is declared twice")
        scope, kind = element.attributes.get("for", "all"), element.attributes.get("attr.type", "string")
        if kind.lower() not in TYPES:
            raise UnknownNameError(f"type of key {shown(name)},", kind, TYPES).located("", element.line)
        scope = scope if scope in SCOPES else "other"  # of ports and the like
        key = self.keys[name] = _Key(element.attributes.get("attr.name", name), scope, TYPES[kind.lower()])
        for default in element.inner("default"):
            if default.name == "default":
                key.put(self.defaults.setdefault(scope, {}), default, f"default of key {shown(name)}")

    def add_graph(self, graph: _Element, ends: list[_Element], depth: int) -> None:
        if depth > DEEPEST:
            raise graph.fault(f"groups in groups, more than {DEEPEST} deep; allowed: fewer")
        for element in graph.inner("node edge data"):
            if element.name == "node":
                name = element.needed("id")
                if name in self.nodes:
                    raise element.fault(f"duplicate node {shown(name)}; allowed: every id once")
                data = self.nodes[name] = self.data_of(element, "node", f"node {shown(name)}", "data graph")
                for inner in element.children:
                    if inner.name == "graph" and not inner.foreign:  # a group: its nodes are read as all others
                        data[GROUP] = True
                        self.add_graph(inner, ends, depth + 1)
            elif element.name == "edge":
                one, other = element.needed("source"), element.needed("target")
                what = f"edge {shown(one)} to {shown(other)}"
                if element.attributes.get("directed", str(self.directed).lower()) != str(self.directed).lower():
                    raise element.fault(f"{what} is directed unlike the graph; allowed: all alike")
                own = {"id": element.attributes["id"]} if "id" in element.attributes else {}
                self.edges.append((one, other, own | self.data_of(element, "edge", what, "data")))
                ends.append(element)
            elif element.name == "data" and depth == 0:
                self.put(self.of_graph, element, "the graph")

    def data_of(self, element: _Element, scope: str, what: str, allowed: str) -> dict[str, Any]:
        """Return the attributes of a node or an edge, checked as far as a network is made of them."""
        data: dict[str, Any] = {}
        for child in element.inner(allowed):
            if child.name == "data":
                self.put(data, child, what)
                if scope == "node" and (caption := _caption(child)) is not None:
                    data.setdefault("label", caption)
        for name, value in (self.defaults["all"] | self.defaults[scope]).items():
            data.setdefault(name, value)
        try:
            if scope == "node":
                position_of(data)
            else:
                speed_of(data)
                propagation_of(data)
        except InputError as fault:
            raise element.fault(f"{what}: {fault.message}") from None
        return data

    def put(self, into: dict[str, Any], element: _Element, what: str) -> None:
        name = element.needed("key")
        if name not in self.keys:
            raise UnknownNameError("key", name, self.keys).located("", element.line)
        for child in element.inner("text"):
            raise child.fault(f"element {shown(child.name)} in data; allowed: text")
        if not element.children:
            self.keys[name].put(into, element, what)


def _directed(graph: _Element) -> bool:
    edges = graph.needed("edgedefault")
    if edges not in ("directed", "undirected"):
        raise UnknownNameError("edgedefault", edges, ("directed", "undirected")).located("", graph.line)
    return edges == "directed"


def _caption(data: _Element) -> str | None:
    """Return the caption of a node that was drawn in yEd."""
    rest = list(data.children)
    while rest:
        element = rest.pop(0)
        if element.name == "NodeLabel":
            return element.text.strip()
        rest = element.children + rest
    return None


def recognises(content: bytes) -> bool:
    """Tell XML, in any encoding."""
    return content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] == b"<"


def read(content: bytes, ends: tuple[str | None, str | None]) -> nx.Graph:
    """Read a graph. Ids are text, an edge's own id is its attribute ``id``; nodes of groups are nodes like others.

    A node drawn in yEd has its caption as ``label``; colours and shapes are left out.
    """
    root = _parsed(content)
    if root.name != "graphml" or root.foreign:
        space = f" of the namespace {shown(root.space)}" if root.space else ""
        raise root.fault(f"begins with {shown(root.name)}{space}; allowed: graphml (of {NAMESPACE})")
    reader = _Reader(root)
    graph = made(reader.nodes.items(), reader.edges, bool(reader.directed))
    graph.graph.update(reader.of_graph)
    return graph


FORMATS.register("graphml")(GraphFormat("XML", recognises, read))
