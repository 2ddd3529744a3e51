"""Node-link JSON, as networkx, D3 and YAFS write it: a list of nodes and a list of edges."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import networkx as nx

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.attributes import shown
from cutlayer.workloads.topology.formats import FORMATS, LONGEST_ID, GraphFormat, made, text_of

NODES, EDGES = ("nodes", "entity"), ("edges", "links", "link")
SOURCES, TARGETS = ("source", "s", "from"), ("target", "d", "to")


def recognises(content: bytes) -> bool:
    """Tell a JSON object."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def read(content: bytes, ends: tuple[str | None, str | None]) -> nx.Graph:
    """Read a graph; a node without ``id`` has its number, counted from 0, as D3 has it."""
    try:
        data = json.loads(text_of(content))
    except json.JSONDecodeError as fault:
        raise InputError(f"not JSON ({fault.msg})", None, fault.lineno) from None
    except (RecursionError, ValueError) as fault:
        raise InputError(f"not JSON ({shown(str(fault))})") from None
    nodes: dict[Any, dict[str, Any]] = {}
    for n, entry in enumerate(_entries(data, NODES)):
        name = _id(entry.pop("id", n), f"node {n}: id")
        if name in nodes:
            raise InputError(f"duplicate node {shown(name)}; allowed: every id once")
        nodes[name] = entry
    edges = []
    for n, entry in enumerate(_entries(data, EDGES)):
        of_edge = []
        for own, known in zip(ends, (SOURCES, TARGETS), strict=True):
            key = next((key for key in ([own] if own else known) if key in entry), None)
            if key is None:
                raise InputError(f"edge {n} has no {own or known[0]}")
            end = _id(entry.pop(key), f"edge {n}: {key}")
            if end not in nodes:
                raise InputError(f"edge {n}: {key} is {shown(end)}, which is no node")
            of_edge.append(end)
        edges.append((*of_edge, entry))
    directed = data.get("directed", False)
    if not isinstance(directed, bool):
        raise InputError(f"directed is {shown(directed)}; allowed: true or false")
    return made(nodes.items(), edges, directed)


def _entries(data: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    found = next((name for name in names if name in data), None)
    if found is None:
        raise InputError(f"has no {names[0]!r}; allowed: node-link JSON with 'nodes' and 'edges' (or 'links')")
    if not isinstance(data[found], list):
        raise InputError(f"{found} is {shown(data[found])}; allowed: a list")
    for n, entry in enumerate(data[found]):
        if not isinstance(entry, dict):
            raise InputError(f"{found}: entry {n} is {shown(entry)}; allowed: an object")
        yield dict(entry)


def _id(value: Any, what: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not 0 < len(str(value)) <= LONGEST_ID:
        raise InputError(f"{what} is {shown(value)}; allowed: a number, or text of 1 to {LONGEST_ID} letters")
    return value


FORMATS.register("node-link")(GraphFormat('JSON: {"nodes": [...], "edges": [...]}', recognises, read))
