"""Edge lists: a table with a header (commas, semicolons or tabs), or ends and attributes apart by blanks."""

from __future__ import annotations

import csv

import networkx as nx

from cutlayer.simulator.errors import InputError, near_name
from cutlayer.workloads.topology.attributes import shown
from cutlayer.workloads.topology.formats import FORMATS, LONGEST_ID, GraphFormat, made, simplified, text_of

SOURCES = ("source", "src", "from", "u", "a", "node1", "start")
TARGETS = ("target", "dst", "to", "v", "b", "node2", "end", "destination")
_SEPARATORS = ",;\t"


def recognises(content: bytes) -> bool:
    """Tell text whose first line, comments apart, has two fields or more."""
    lines = content[:100_000].decode("utf-8-sig", "replace").splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return first.lstrip()[:1] not in "[{<" and (any(mark in first for mark in _SEPARATORS) or len(first.split()) > 1)


def read(content: bytes, ends: tuple[str | None, str | None]) -> nx.Graph:
    """Read a graph; every column but those of the ends is an attribute of the edges."""
    lines = [(n, line) for n, line in enumerate(text_of(content).splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line.strip() and not line.startswith("#")]
    mark = max(_SEPARATORS, key=lines[0][1].count)
    if mark not in lines[0][1]:
        return _blanks(lines)
    numbers = [n for n, _ in lines]
    try:
        rows = list(csv.reader((line for _, line in lines), delimiter=mark, strict=True))
    except csv.Error as fault:
        raise InputError(f"not a table ({fault})") from None
    if len(rows) < len(lines):
        raise InputError("a value goes over several lines; allowed: a row a line")
    header = [name.strip() for name in rows[0]]
    one, other = _columns(header, ends, numbers[0])
    edges = []
    for number, row in zip(numbers[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise InputError(f"{len(row)} values for {len(header)} columns", None, number)
        data = {name: value.strip() for name, value in zip(header, row, strict=True)}
        pair = data.pop(one), data.pop(other)
        for name, end in zip((one, other), pair, strict=True):
            if not 0 < len(end) <= LONGEST_ID:
                raise InputError(f"{name} is {shown(end)}; allowed: 1 to {LONGEST_ID} letters", None, number)
        edges.append((*pair, data))
    return made((), edges, directed=False)


def _columns(header: list[str], ends: tuple[str | None, str | None], line: int) -> tuple[str, str]:
    """Return the columns of the ends of an edge."""
    found = []
    for given, known, key in zip(ends, (SOURCES, TARGETS), ("source_attribute", "target_attribute"), strict=True):
        if given is not None and given not in header:
            raise InputError(f"column {given!r} is missing; {near_name(given, header)}", None, line)
        name = given or next((name for name in header if name.lower() in known), None)
        if name is None:
            columns = ", ".join(map(shown, header[:10]))
            raise InputError(f"no column is known as an end of an edge; set {key} to one of {columns}", None, line)
        found.append(name)
    if found[0] == found[1] or len(set(header)) < len(header):
        raise InputError(f"duplicate column; needed: two ends with names of their own, has {shown(header)}", None, line)
    return found[0], found[1]


def _blanks(lines: list[tuple[int, str]]) -> nx.Graph:
    """Read ``a b``, ``a b 3.5`` (an attribute ``weight``) or ``a b {'capacity': 3}``."""
    graph = nx.MultiGraph()
    for number, line in lines:
        dicts = line.rstrip().endswith("}")
        fields = line.split(None, 2)
        try:
            if len(fields) < 2 or max(len(fields[0]), len(fields[1])) > LONGEST_ID:
                raise ValueError
            one = nx.parse_edgelist([line], "\0", data=True if dicts else [("weight", float)][: len(fields) - 2])
            graph.add_edges_from(one.edges(data=True))
        except (ValueError, TypeError, IndexError):
            allowed = "two ends, with no more than a weight or {...} after them"
            raise InputError(f"{shown(line.strip())} is no edge; allowed: {allowed}", None, number) from None
    return simplified(graph)


FORMATS.register("edge-list")(GraphFormat("a table with a row an edge, or two names a line", recognises, read))
