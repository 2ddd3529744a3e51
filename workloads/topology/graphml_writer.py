"""Graphs to GraphML files, losing nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import networkx as nx
import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import write_text
from cutlayer.workloads.topology.graphml import LONGEST_ID, NAMESPACE, FilePath
from cutlayer.workloads.topology.graphs import shown

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def write_graphml(graph: nx.Graph, path: FilePath) -> None:
    """Write a graph to a GraphML file, whole or not at all.

    Reading it again gives the same nodes in the same order, the same edges and the same attributes, to the last
    bit. Ids of nodes become text, and keys of parallel edges are counted anew.

    Parameters
    ----------
    graph : networkx.Graph
        Attributes may be text, numbers, True and False.
    path : path

    Raises
    ------
    InputError
        If an attribute is something else or holds letters that XML cannot, two nodes have the same text for an
        id, or the file cannot be written.
    """
    keys: dict[tuple[str, str, str], str] = {}
    body = [*_data(graph.graph, "graph", "the graph", keys, "    ")]
    seen = set()
    for node, data in graph.nodes(data=True):
        if str(node) in seen or not 0 < len(str(node)) <= LONGEST_ID:
            raise InputError(f"node id {shown(str(node))} stands twice, or has not 1 to {LONGEST_ID} letters")
        seen.add(str(node))
        inner = _data(data, "node", f"node {shown(node)}", keys, "      ")
        body += _element("node", f"id={_quoted(str(node))}", inner)
    for one, other, data in graph.edges(data=True):
        inner = _data(data, "edge", f"edge {shown(one)} to {shown(other)}", keys, "      ")
        body += _element("edge", f"source={_quoted(str(one))} target={_quoted(str(other))}", inner)
    declared = [
        f"  <key id={_quoted(key)} for={_quoted(scope)} attr.name={_quoted(name)} attr.type={_quoted(kind)}/>"
        for (scope, name, kind), key in keys.items()
    ]
    direction = "directed" if graph.is_directed() else "undirected"
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<graphml xmlns="{NAMESPACE}">', *declared]
    lines += [f'  <graph edgedefault="{direction}">', *body, "  </graph>", "</graphml>", ""]
    write_text(path, "\n".join(lines))


def _data(
    data: Mapping[Any, Any], scope: str, what: str, keys: dict[tuple[str, str, str], str], indent: str
) -> list[str]:
    lines = []
    for name, given in data.items():
        value = given.item() if isinstance(given, np.generic) else given
        kind = {bool: "boolean", int: "long", float: "double", str: "string"}.get(type(value))
        if kind is None or not isinstance(name, str):
            allowed = "text, a number, True or False"
            raise InputError(f"{what}: attribute {shown(name)} is {shown(value)}; allowed: {allowed}")
        text = value if kind == "string" else str(value).lower() if kind == "boolean" else repr(value)
        if kind == "double" and not math.isfinite(value):
            text = "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
        key = keys.setdefault((scope, name, kind), f"d{len(keys)}")
        lines.append(f'{indent}<data key="{key}">{_escaped(text)}</data>')
    return lines


def _element(name: str, attributes: str, inner: list[str]) -> list[str]:
    if not inner:
        return [f"    <{name} {attributes}/>"]
    return [f"    <{name} {attributes}>", *inner, f"    </{name}>"]


def _escaped(text: str, more: Mapping[str, str] | None = None) -> str:
    if bad := _FORBIDDEN.search(text):
        raise InputError(f"{shown(text)} holds the letter {bad[0]!a}; allowed: what XML can hold")
    return escape(text, {"\r": "&#13;", **(more or {})})


def _quoted(text: str) -> str:
    return f'"{_escaped(text, {chr(10): "&#10;", chr(9): "&#9;", chr(34): "&quot;"})}"'
