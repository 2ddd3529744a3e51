"""Places of servers and the cloud on a graph, capacities of servers, and shortest paths to the cloud."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import networkx as nx

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.workloads.topology.attributes import GROUP, flag_of, is_missing, number, shown
from cutlayer.workloads.topology.graphs import LONGEST_NAME, Names, Trunk
from cutlayer.workloads.traces.times import factor_of

Steps = list[tuple[Hashable, int]]
"""A path: every node but the last, with the number of the trunk that leads on from there."""

Towards = Mapping[Hashable, tuple[Hashable, int]]
"""From every node that has a path: the next node, and the number of the trunk that leads there."""

_DEGREE = re.compile(r"(highest|lowest)-degree\((\d{1,9})\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Numbers drawn uniformly from a range.

    Raises
    ------
    InputError
        Unless 0 < low <= high, finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            raise InputError(f"range from {self.low!r} to {self.high!r}; allowed: 0 < low <= high, finite")


class Place(NamedTuple):
    """A server: the node it stands at and its name."""

    node: Hashable
    name: str


class Roads:
    """The nodes and trunks of a graph, to find ways on.

    Parameters
    ----------
    names : Names
    trunks : sequence of Trunk
    """

    def __init__(self, names: Names, trunks: Sequence[Trunk]) -> None:
        self.rank = names.rank
        self.around: dict[Hashable, list[tuple[Hashable, int]]] = {node: [] for node in names.order}
        for index, (one, other) in enumerate(trunk.ends for trunk in trunks):
            self.around[one].append((other, index))
            self.around[other].append((one, index))

    def by_degree(self, nodes: Sequence[Hashable], which: str) -> list[Hashable]:
        """Return nodes by their number of neighbours, the highest or the lowest first, ties by name."""
        sign = -1 if which == "highest" else 1
        return sorted(nodes, key=lambda node: (sign * len(self.around[node]), self.rank[node]))

    def towards(self, home: Hashable, weights: Sequence[float]) -> Towards:
        """Return the next step of every node's shortest path to `home`, which itself leads nowhere (Dijkstra).

        Parameters
        ----------
        home : node
        weights : sequence of float
            Of every trunk, 0 or more. Equal sums go to fewer trunks, then to the next node whose name comes
            first.
        """
        cost = {home: (0.0, 0)}
        towards: dict[Hashable, tuple[Hashable, int]] = {home: (home, -1)}
        heap = [(0.0, 0, self.rank[home], home)]
        done = set()
        while heap:
            *_, node = heapq.heappop(heap)
            if node in done:
                continue
            done.add(node)
            length, hops = cost[node]
            for other, index in self.around[node]:
                new = length + weights[index], hops + 1
                old = cost.get(other)
                if old is None or new < old or (new == old and self.rank[node] < self.rank[towards[other][0]]):
                    cost[other], towards[other] = new, (node, index)
                    heapq.heappush(heap, (*new, self.rank[other], other))
        return towards


def path(node: Hashable, home: Hashable, towards: Towards) -> Steps:
    """Return the steps from `node` to `home`."""
    steps = []
    while node != home:
        following, index = towards[node]
        steps.append((node, index))
        node = following
    return steps


def pass_through(graph: nx.Graph, names: Names) -> dict[Hashable, str]:
    """Return the nodes that are no places of their own, with the reason; rules put no server and no cloud there.

    Those are the branching points of cables (``hyperedge`` is true) and the nodes of other networks (``Internal`` is
    false) of the Topology Zoo's files, and groups of nodes.

    Raises
    ------
    InputError
        If one of these attributes is no flag.
    """
    found: dict[Hashable, str] = {}
    for node in names.order:
        for name, kind, reason in (
            ("hyperedge", True, "a branching point (hyperedge = 1)"),
            ("Internal", False, "an external node (Internal = 0)"),
            (GROUP, True, "a group of nodes"),
        ):
            flag = flag_of(graph.nodes[node].get(name))
            if isinstance(flag, str):
                raise InputError(f"node {names.of[node]!r}: {name} is {shown(flag)}; allowed: 0 or 1, true or false")
            if flag is kind:
                found.setdefault(node, reason)
    return found


def cloud_node(cloud: str, graph: nx.Graph, names: Names, roads: Roads, passed: Container[Hashable] = ()) -> Hashable:
    """Return the node of the cloud; see `cutlayer.workloads.topology.build.build_network`."""
    if cloud in ("highest-degree", "lowest-degree"):
        places = [node for node in names.order if node not in passed]
        if not places:
            why = "every node is a branching point, external or a group"
            raise InputError(f"{why}, where no rule puts the cloud; allowed: a node by name")
        return roads.by_degree(places, cloud.removesuffix("-degree"))[0]
    if cloud == "marked":
        marked = [node for node in names.order if flag_of(graph.nodes[node].get("cloud")) not in (None, False)]
        if len(marked) != 1:
            raise InputError(f"{len(marked)} nodes have the attribute cloud; allowed: one")
        return marked[0]
    return _find(cloud, "cloud", names)


def server_nodes(
    servers: str | Sequence[str],
    graph: nx.Graph,
    names: Names,
    roads: Roads,
    home: Hashable,
    towards: Towards,
    passed: Container[Hashable] = (),
) -> list[Place]:
    """Return the places of the servers, in their order; see `cutlayer.workloads.topology.build.build_network`."""
    if servers == "marked":
        flags = {node: flag_of(graph.nodes[node].get("server")) for node in names.order}
        places = [Place(node, _called(flag, node, names)) for node, flag in flags.items() if flag not in (None, False)]
    elif isinstance(servers, str):
        candidates = [node for node in names.order if node in towards and node != home and node not in passed]
        if match := _DEGREE.fullmatch(servers):
            if int(match[2]) > len(candidates):
                raise InputError(f"servers is {servers!r}; there are {len(candidates)} nodes apart from the cloud's")
            chosen = set(roads.by_degree(candidates, match[1])[: int(match[2])])
            candidates = [node for node in candidates if node in chosen]
        elif servers != "all":
            rules = ("all", "marked", "highest-degree(5)", "lowest-degree(5)")
            raise UnknownNameError("placement of servers", servers, rules)
        places = [Place(node, names.of[node]) for node in candidates]
    else:
        nodes = [_find(text, "server", names) for text in servers]
        places = [Place(node, names.of[node]) for node in nodes]
    if not places:
        raise InputError("no node has a server; allowed: 1 or more, apart from the cloud's node")
    seen = set()
    for node, name in places:
        if node in seen:
            raise InputError(f"duplicate server {name!r}; allowed: one at a node")
        seen.add(node)
        if node == home:
            raise InputError(f"server {name!r} is at the cloud's node and would cross no link; allowed: another node")
        if node not in towards:
            raise InputError(f"server {name!r} has no path to the cloud at {names.of[home]!r}")
    return places


def capacities(
    given: float | Sequence[float] | Uniform | str,
    places: Sequence[Place],
    graph: nx.Graph,
    seed: int,
    unit: str = "FLOP/s",
) -> list[float]:
    """Return the compute capacity of every server [FLOP/s]; see `cutlayer.workloads.topology.build.build_network`.

    A server's capacity is drawn from a stream of its own: it does not change with who else is there.
    """
    what = "capacity_flop_per_s"
    if isinstance(given, Uniform):
        return [float(stream(seed, "capacity", str(place.node)).uniform(given.low, given.high)) for place in places]
    if isinstance(given, str):
        found = []
        factor = float(factor_of(unit, "FLOP/s"))
        for place in places:
            value = graph.nodes[place.node].get(given)
            if is_missing(value):
                raise InputError(f"node {place.name!r} has no attribute {given!r}; servers take their capacity from it")
            found.append(number(value, f"node {place.name!r}: {given}") * factor)
        return found
    if isinstance(given, Sequence):
        if len(given) != len(places):
            raise InputError(f"{len(given)} values of {what} for {len(places)} servers")
        return [number(value, f"{what} of {place.name!r}") for value, place in zip(given, places, strict=True)]
    return [number(given, what)] * len(places)


def _find(text: Any, what: str, names: Names) -> Hashable:
    node = names.find(str(text))
    if node is None:
        if str(text) in names.shared:
            alike = [name for name in names.of.values() if name.startswith(f"{text} (")]
            raise InputError(f"{what} {shown(text)} stands for {len(alike)} nodes; allowed: {' or '.join(alike[:3])}")
        raise UnknownNameError(f"node for the {what},", str(text), names.of.values())
    return node


def _called(value: Any, node: Hashable, names: Names) -> str:
    """Return the name a node gives its server; that of the node where it is only a flag."""
    if not isinstance(value, str):
        return names.of[node]
    if not (value.isprintable() and len(value) <= LONGEST_NAME):
        raise InputError(f"node {names.of[node]!r}: server is {shown(value)}; allowed: 1 to {LONGEST_NAME} letters")
    return value
