"""What a graph says about a network: names of nodes, speeds and lengths of trunks.

Any networkx graph will do; `cutlayer.workloads.topology.attributes` lists what is read of nodes and edges. Everything
may be missing, nothing may be wrong.

A *trunk* is what joins two nodes: one edge, or several side by side, whose speeds then add up, or a pair in
opposite directions, of which the slower direction counts. Loops are no trunks.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import networkx as nx

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.attributes import is_missing, position_of, propagation_of, shown, speed_of

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""

LONGEST_NAME = 90
"""Letters of the name of a node."""

LONGEST_LINK = 2 * LONGEST_NAME + 1
"""Letters of the name of a link: two nodes, and a dash."""

NANOMETRE = 1e-9
"""Points nearer than this [m] are one: degrees do not tell them apart, and a file holds no delay of 1e-100 s."""


def great_circle_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two points given as latitude and longitude in degrees [m], by the haversine formula."""
    (lat, lon), (other_lat, other_lon) = (map(math.radians, point) for point in (one, other))
    h = math.sin((other_lat - lat) / 2) ** 2
    h += math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    distance = 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(h, 1.0)))
    return distance if distance >= NANOMETRE else 0.0


def natural(text: str) -> tuple[Any, ...]:
    """Return a key that sorts ``n2`` before ``n10``."""
    parts: list[Any] = re.split(r"(\d+)", text, flags=re.ASCII)  # letters and digits in turns
    for n in range(1, len(parts), 2):
        digits = parts[n].lstrip("0")
        parts[n] = len(digits), digits
    return tuple(parts), text


class Names:
    """Names of the nodes of a graph: their labels where they have one, unique, in one line.

    Nodes with the same label are told apart by their id: ``Paris (7)``. Neither names nor the order of nodes
    depend on the order in which the graph holds them.

    Attributes
    ----------
    of : dict
        Name by node.
    order : list
        The nodes, by name, numbers in names counting as such.
    shared : list of str
        Labels that stand for several nodes.

    Raises
    ------
    InputError
        If there is no node, a name is too long, or two nodes have the same text for an id.
    """

    def __init__(self, graph: nx.Graph) -> None:
        ids: dict[str, Hashable] = {}
        if not len(graph):
            raise InputError("a graph without nodes; allowed: 1 or more")
        for node in graph:
            if str(node) in ids:
                raise InputError(f"two nodes have the id {shown(str(node))}; allowed: one")
            ids[str(node)] = node
        labels = {node: _label(data.get("label")) or _one_line(node) for node, data in graph.nodes(data=True)}
        count = Counter(labels.values())
        self.shared = sorted((label for label, n in count.items() if n > 1), key=natural)
        self.of: dict[Hashable, str] = {}
        taken = {label for label, n in count.items() if n == 1}
        for text in sorted(ids, key=natural):
            node = ids[text]
            name = labels[node]
            while count[labels[node]] > 1 and (name in taken or name == labels[node]):
                name = f"{name} ({_one_line(text)})"
            taken.add(name)
            if not 0 < len(name) <= LONGEST_NAME:
                raise InputError(f"node {shown(text)} is called {shown(name)}; allowed: 1 to {LONGEST_NAME} letters")
            self.of[node] = name
        self.order = sorted(self.of, key=lambda node: natural(self.of[node]))
        self.rank = {node: rank for rank, node in enumerate(self.order)}
        self._ids = ids
        self._by_name = {name: node for node, name in self.of.items()}

    def find(self, text: str) -> Hashable | None:
        """Return the node of that name or else of that id, or None."""
        return self._by_name.get(text, self._ids.get(text))


def _label(value: object) -> str:
    text = _one_line(value)
    return "" if text.lower() in ("nan", "none", "null") else text  # as libraries write a missing one


def _one_line(value: object) -> str:
    """Return text without line breaks and what cannot be printed; empty for None."""
    text = "" if value is None else " ".join(str(value).split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@dataclass(frozen=True, slots=True)
class Trunk:
    """What joins two nodes.

    Attributes
    ----------
    ends : tuple
        The two nodes, in the order of their names.
    edges : tuple of dict
        The attributes of its edges.
    bps : float
        Its speed [bit/s].
    missing : int
        How many of its edges have no speed.
    length_m : float or None
        Great-circle distance of its ends [m]; None where one has no position.
    propagation_s : float or None
        The delay its edges say it has [s], the largest; None where none says one.
    name : str
        What its edges say in ``link``; by default the names of its ends, ``Leeds-London``.
    names : tuple of str
        Of its ends.
    """

    ends: tuple[Any, Any]
    edges: tuple[dict[str, Any], ...]
    bps: float
    missing: int
    length_m: float | None
    propagation_s: float | None
    name: str
    names: tuple[str, str]


def trunks_of(graph: nx.Graph, names: Names, default_bps: float) -> list[Trunk]:
    """Return the trunks of a graph, in the order of the names of their ends; edges without speed have the default.

    Raises
    ------
    InputError
        At the first node or edge with an attribute that is wrong, naming it.
    """
    positions = {}
    for node in names.order:
        try:
            positions[node] = position_of(graph.nodes[node])
        except InputError as fault:
            raise InputError(f"node {names.of[node]!r}: {fault.message}") from None
    directions: dict[tuple[Any, Any], dict[bool, list[dict[str, Any]]]] = defaultdict(lambda: {False: [], True: []})
    for one, other, data in graph.edges(data=True):
        if one != other:
            back = names.rank[one] > names.rank[other]
            ends = (other, one) if back else (one, other)
            directions[ends][back and graph.is_directed()].append(data)
    trunks = []
    for ends in sorted(directions, key=lambda ends: (names.rank[ends[0]], names.rank[ends[1]])):
        edges = [*directions[ends][False], *directions[ends][True]]
        called = (names.of[ends[0]], names.of[ends[1]])
        try:
            speeds = [[speed_of(edge) for edge in side] for side in directions[ends].values() if side]
            link = min(
                (_one_line(edge["link"]) for edge in edges if not is_missing(edge.get("link"))),
                default="-".join(called),
            )
            if not 0 < len(link) <= LONGEST_LINK:
                raise InputError(f"link is {shown(link)}; allowed: 1 to {LONGEST_LINK} letters")
            said = [seconds for seconds in map(propagation_of, edges) if seconds is not None]
        except InputError as fault:
            raise InputError(f"edge {'-'.join(called)!r}: {fault.message}") from None
        one, other = (positions[end] for end in ends)
        trunks.append(
            Trunk(
                ends,
                tuple(edges),
                min(math.fsum(default_bps if bps is None else bps for bps in side) for side in speeds),
                sum(bps is None for side in speeds for bps in side),
                None if one is None or other is None else great_circle_m(one, other),
                max(said, default=None),
                link,
                called,
            )
        )
    return trunks


def counted(number: int, what: str) -> str:
    """Return ``1 edge`` or ``2 edges``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: Iterable[str]) -> str:
    """Return the first few names."""
    names = list(names)
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
