"""From a graph to a network: servers and the cloud on nodes, routes between them, shared links.

Every server's traffic takes the shortest path to the cloud. The links of the network are the trunks (see
`workloads.topology.graphs`) on these paths, so a star gives a star, and a tree gives links that several servers
share. Nothing depends on the order of nodes and edges in the graph.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import networkx as nx
import numpy as np
from scipy import sparse

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import FloatArray, Network
from cutlayer.workloads.topology.attributes import Mapping as Attributes
from cutlayer.workloads.topology.attributes import delay, flag_of, number, position_of, speed_of
from cutlayer.workloads.topology.graphs import Names, Trunk, counted, listed, natural, trunks_of
from cutlayer.workloads.topology.notes import notes_of
from cutlayer.workloads.topology.placement import (
    Place,
    Roads,
    Steps,
    Towards,
    Uniform,
    capacities,
    cloud_node,
    pass_through,
    path,
    server_nodes,
)

LIGHT_IN_FIBRE_M_PER_S = 299_792_458 * 2 / 3

MOST_CROSSINGS = 2_000_000
"""Of links by servers: what a network takes memory for."""

RouteBy = Literal["hops", "distance", "speed"]


@dataclass(frozen=True, slots=True)
class Node:
    """A node, for maps.

    Attributes
    ----------
    name : str
    position : tuple of float or None
        Latitude and longitude [degree].
    role : {"server", "cloud", ""}
    """

    name: str
    position: tuple[float, float] | None
    role: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A trunk, for maps.

    Attributes
    ----------
    link : str
        Its name; that of a link of the network where `servers` is above 0.
    ends : tuple of str
        Names of the nodes it joins.
    bps : float
        Its speed [bit/s].
    length_m : float or None
        Great-circle distance of its ends [m].
    propagation_s : float
        Its delay [s].
    servers : int
        How many servers' traffic crosses it.
    """

    link: str
    ends: tuple[str, str]
    bps: float
    length_m: float | None
    propagation_s: float
    servers: int


@dataclass(frozen=True, eq=False)
class Topology:
    """A network and the graph it was built on.

    Attributes
    ----------
    network : Network
    propagation_s : ndarray, shape (E,)
        Delay from every server to the cloud [s], for `cutlayer.simulator.frames.settings.FrameSettings`.
    cloud : str
        Name of the cloud's node.
    paths : tuple of tuple of str
        The nodes from every server to the cloud, both included, by their names.
    nodes : tuple of Node
    edges : tuple of Edge
    notes : tuple of str
        What was missing or left out and what was assumed instead, a sentence each.
    graph : networkx.Graph
        The graph that was given, with what was made of it: ``server`` (its name, or True) and ``capacity_flop_per_s``
        or ``cloud`` at nodes, ``link`` (its name), ``link_bps`` and ``propagation_s`` at edges. Built anew with
        everything ``"marked"``, it gives the same network.
    """

    network: Network
    propagation_s: FloatArray
    cloud: str
    paths: tuple[tuple[str, ...], ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...]
    graph: nx.Graph


def build_network(
    graph: nx.Graph,
    *,
    servers: str | Sequence[str] = "all",
    cloud: str = "highest-degree",
    capacity_flop_per_s: float | Sequence[float] | Uniform | str,
    route_by: RouteBy = "hops",
    default_link_bps: float = 1e9,
    default_propagation_s: float | None = None,
    seed: int = 0,
    attributes: Attributes | None = None,
    capacity_unit: str = "FLOP/s",
    **options: Any,
) -> Topology:
    """Place servers and the cloud on a graph and return the network that results.

    Parameters
    ----------
    graph : networkx.Graph
        Any kind, see `cutlayer.workloads.topology.attributes`.
    servers : str or sequence of str
        The nodes with a server, one each: ``"all"`` (but the cloud's), ``"highest-degree(n)"``,
        ``"lowest-degree(n)"``, ``"marked"`` (with the attribute ``server``: its name, or true), or nodes by name or
        id, in the order wanted. Never the cloud's node: such a server would cross no link.
    cloud : str
        ``"highest-degree"``, ``"lowest-degree"``, ``"marked"`` (with the attribute ``cloud``), or a node by name
        or id. The degree of a node is the number of its neighbours; ties go to the first name. Neither rule chooses
        a branching point, an external node or a group (`cutlayer.workloads.topology.placement.pass_through`).
    capacity_flop_per_s : float, sequence of float, Uniform or str
        Of all servers, of each, drawn for each from a stream of its own, or the node attribute that holds it.
    route_by : {"hops", "distance", "speed"}
        Which path is the shortest: with the fewest links, the least delay, or the least sum of 1 / speed. Ties go
        to fewer links, then to the node nearer to the cloud whose name comes first.
    default_link_bps : float
        Speed of an edge that has none [bit/s].
    default_propagation_s : float, optional
        Delay of an edge that has none and whose ends have no positions [s]; 0 by default, but routes by distance
        then need one.
    seed : int
        Of the run, for capacities.
    attributes : Mapping, optional
        Names and units of attributes, where they are not those that are read by default.
    capacity_unit : str
        Unit of the node attribute with the capacity.
    **options
        Further parameters of `cutlayer.simulator.types.Network`, such as ``usable_share``.

    Raises
    ------
    InputError
        If something is wrong; the message names the node, edge or parameter.

    Notes
    -----
    A delay that no edge attribute ``propagation_s`` gives is the great-circle distance of the ends over 2/3 of
    the speed of light.

    Examples
    --------
    >>> graph = nx.Graph([("Paris", "London"), ("London", "Leeds"), ("London", "Hull")])
    >>> topology = build_network(graph, cloud="Paris", servers=["Leeds", "Hull"], capacity_flop_per_s=1e9)
    >>> topology.network.links, topology.network.routes.toarray().tolist()
    (('Hull-London', 'Leeds-London', 'London-Paris'), [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> topology.paths[0]
    ('Leeds', 'London', 'Paris')
    """
    default_bps = number(default_link_bps, "default_link_bps")
    attributes = attributes or Attributes()
    graph = attributes.applied(graph)
    names = Names(graph)
    trunks = trunks_of(graph, names, default_bps)
    delays = _delays(trunks, default_propagation_s, route_by)
    roads = Roads(names, trunks)
    passed = pass_through(graph, names)
    home = cloud_node(cloud, graph, names, roads, passed)
    towards = roads.towards(home, _weights(route_by, trunks, delays))
    places = server_nodes(servers, graph, names, roads, home, towards, passed)
    capacity = capacities(capacity_flop_per_s, places, graph, seed, capacity_unit)
    paths = _paths(places, home, towards)
    used = _links(paths, trunks)
    network = Network(
        capacity,
        [trunks[index].bps for index in used],
        servers=[place.name for place in places],
        links=[trunks[index].name for index in used],
        routes=_routes(paths, used),
        **options,
    )
    load = Counter(index for steps in paths for _, index in steps)
    role = {place.node: "server" for place in places} | {home: "cloud"}
    propagation = np.array([math.fsum(delays[index] for _, index in steps) for steps in paths])
    propagation.flags.writeable = False
    return Topology(
        network,
        propagation,
        names.of[home],
        tuple((*(names.of[node] for node, _ in steps), names.of[home]) for steps in paths),
        tuple(Node(names.of[node], position_of(graph.nodes[node]), role.get(node, "")) for node in names.order),
        tuple(
            Edge(trunk.name, trunk.names, trunk.bps, trunk.length_m, delay_s, load[index])
            for index, (trunk, delay_s) in enumerate(zip(trunks, delays, strict=True))
        ),
        tuple(
            notes_of(
                graph,
                names,
                trunks,
                default_bps,
                default_propagation_s,
                load,
                passed={node: reason for node, reason in passed.items() if node not in role},
                lost=sum(node not in towards and node not in passed for node in names.order),
                used={*attributes.names, *([capacity_flop_per_s] if isinstance(capacity_flop_per_s, str) else [])},
            )
        ),
        _marked(graph, names, home, dict(zip(places, capacity, strict=True)), trunks, delays, default_bps),
    )


def _paths(places: Sequence[Place], home: Hashable, towards: Towards) -> list[Steps]:
    """Return the path from every server to the cloud."""
    paths, crossings = [], 0
    for place in places:
        paths.append(path(place.node, home, towards))
        crossings += len(paths[-1])
        if crossings > MOST_CROSSINGS:
            raise InputError(
                f"the paths of {counted(len(places), 'server')} cross links more than {MOST_CROSSINGS} times in all; "
                "place fewer servers, or the cloud nearer to them"
            )
    return paths


def _delays(trunks: Sequence[Trunk], default_s: float | None, route_by: str) -> list[float]:
    """Return the delay of every trunk [s]."""
    unknown = [trunk.name for trunk in trunks if trunk.propagation_s is None and trunk.length_m is None]
    if unknown and default_s is None and route_by == "distance":
        raise InputError(
            f"{counted(len(unknown), 'link')} without a length ({listed(unknown)}); "
            "routes by distance need coordinates or default_propagation_s"
        )
    default_s = 0.0 if default_s is None else delay(default_s, "default_propagation_s")
    return [
        trunk.propagation_s
        if trunk.propagation_s is not None
        else default_s
        if trunk.length_m is None
        else trunk.length_m / LIGHT_IN_FIBRE_M_PER_S
        for trunk in trunks
    ]


def _weights(route_by: str, trunks: Sequence[Trunk], delays: Sequence[float]) -> Sequence[float]:
    if route_by not in get_args(RouteBy):
        raise UnknownNameError("route_by", str(route_by), get_args(RouteBy))
    if route_by == "distance":
        return delays
    return [1 / trunk.bps if route_by == "speed" else 0.0 for trunk in trunks]  # hops are counted anyhow


def _links(paths: Sequence[Steps], trunks: Sequence[Trunk]) -> list[int]:
    """Return the trunks that are links: in the order of the servers if each has one of its own, else by name."""
    crossed = [index for steps in paths for _, index in steps]
    if all(len(steps) == 1 for steps in paths) and len(set(crossed)) == len(crossed):
        return crossed
    used = sorted(set(crossed), key=lambda index: natural(trunks[index].name))
    names = Counter(trunks[index].name for index in used)
    for name, times in names.items():
        if times > 1:
            raise InputError(f"{times} links have the name {name!r}; allowed: one")
    return used


def _routes(paths: Sequence[Steps], used: Sequence[int]) -> Any:
    """Return which links every server crosses, shape (M, E); None for a star."""
    row = {index: m for m, index in enumerate(used)}
    at = [(row[index], server) for server, steps in enumerate(paths) for _, index in steps]
    if at == [(server, server) for server in range(len(paths))]:
        return None
    rows, columns = zip(*at, strict=True)
    return sparse.csr_array((np.ones(len(at)), (rows, columns)), shape=(len(used), len(paths)))


def _marked(
    graph: nx.Graph,
    names: Names,
    home: Hashable,
    capacity: Mapping[Place, float],
    trunks: Sequence[Trunk],
    delays: Sequence[float],
    default_bps: float,
) -> nx.Graph:
    """Return the graph with what was made of it as attributes."""
    marked = graph.copy()
    for _, data in marked.nodes(data=True):
        data.pop("server", None)
        data.pop("cloud", None)
    marked.nodes[home]["cloud"] = True
    for place, flop_per_s in capacity.items():
        data = marked.nodes[place.node]
        data.pop("capacity_flop_per_s", None)  # in the same order whatever stood there
        name = place.name if flag_of(place.name) == place.name else True  # a node called "no" is a server all the same
        data.update(server=name, capacity_flop_per_s=flop_per_s)
    made = {trunk.ends: (trunk.name, delay_s) for trunk, delay_s in zip(trunks, delays, strict=True)}
    for one, other, data in marked.edges(data=True):
        if one != other:
            ends = (one, other) if names.rank[one] < names.rank[other] else (other, one)
            bps = speed_of(data)
            name, delay_s = made[ends]
            data.update(link=name, link_bps=default_bps if bps is None else bps, propagation_s=delay_s)
    return marked
