"""Formats of graphs, one file a format. Importing this package registers every one of them.

A format is a test of a file's text and a reader. A new one is one new file here.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import networkx as nx

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.registry import Registry
from cutlayer.workloads.traces.rows import Path, opened

MOST_BYTES = 512_000_000
"""Of a file; compressed ones may be bombs."""

LONGEST_ID = 200
"""Letters of an id; more is a file that is something else."""


class GraphFormat(NamedTuple):
    """A format of graphs.

    Attributes
    ----------
    meaning : str
        What a file of it holds, in a line.
    recognises : callable
        Whether a file with this content, not blank, has the format.
    read : callable
        ``read(content, ends)`` returns the graph; `ends` are the columns of the two ends of an edge, or None. Faults
        are InputError with the line, where one is known.
    """

    meaning: str
    recognises: Callable[[bytes], bool]
    read: Callable[[bytes, tuple[str | None, str | None]], nx.Graph]


FORMATS: Registry[GraphFormat] = Registry("graph format")


def read_graph(path: Path, *, source: str | None = None, target: str | None = None) -> nx.Graph:
    """Read a graph from a file; its content tells the format, and it may be compressed (gzip).

    Parameters
    ----------
    path : path
    source, target : str, optional
        Columns of an edge list with the ends of an edge, where they have other names than usual.

    Returns
    -------
    networkx.Graph
        With all attributes of graph, nodes and edges; a MultiGraph where edges are parallel, a DiGraph or
        MultiDiGraph where the file's edges have directions.

    Raises
    ------
    InputError
        At the first fault, naming file and, where it has one, line.
    """
    with opened(path) as file:
        content = file.read(MOST_BYTES + 1)
    try:
        if content[:2] == b"\x1f\x8b":
            content = _unzipped(content)
        if len(content) > MOST_BYTES:
            raise InputError(f"has more than {MOST_BYTES} bytes; allowed: fewer")
        if not content.strip():
            raise InputError("is empty; allowed: a graph")
        chosen = next((one for one in map(FORMATS.__getitem__, FORMATS) if one.recognises(content)), None)
        if chosen is None:
            first = content.decode("utf-8", "replace").strip().splitlines()[0]
            known = "; ".join(f"{name} ({FORMATS[name].meaning})" for name in FORMATS)
            raise InputError(f"{first[:60]!r} begins no graph; known: {known}")
        graph = chosen.read(content, (source, target))
        if not len(graph):
            raise InputError("holds a graph without nodes; allowed: 1 or more")
        return graph
    except InputError as fault:
        raise fault.located(path, fault.line) from None


def _unzipped(content: bytes) -> bytes:
    try:
        machine = zlib.decompressobj(wbits=31)
        plain = machine.decompress(content, MOST_BYTES + 1)
    except zlib.error as fault:
        raise InputError(f"is a damaged gzip file ({fault})") from None
    if len(plain) <= MOST_BYTES and not machine.eof:
        raise InputError("is a gzip file that has been cut off")
    return plain


def text_of(content: bytes) -> str:
    """Return the text of a file in UTF-8.

    Raises
    ------
    InputError
        If it is in another encoding, naming the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = 1 + content.count(b"\n", 0, fault.start)
        raise InputError(f"not a text file in UTF-8 (byte {content[fault.start]:#04x})", None, line) from None


def made(
    nodes: Iterable[tuple[Any, dict[str, Any]]], edges: Iterable[tuple[Any, Any, Any]], directed: bool
) -> nx.Graph:
    """Return the graph of these nodes and edges, a multigraph only where edges are parallel."""
    graph = nx.MultiDiGraph() if directed else nx.MultiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from((one, other, data) for one, other, data in edges)
    return simplified(graph)


def simplified(graph: nx.Graph) -> nx.Graph:
    """Return a multigraph as a graph where no edges are parallel."""
    simple = nx.DiGraph(graph) if graph.is_directed() else nx.Graph(graph)
    return simple if simple.number_of_edges() == graph.number_of_edges() else graph


for _module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name == "edge_list"):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["FORMATS", "GraphFormat", "made", "read_graph", "text_of"]
