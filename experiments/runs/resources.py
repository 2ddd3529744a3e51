"""The table ``resources``: servers and links of a run with their places and routes, written and read back."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from scipy import sparse

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import Row, column_names
from cutlayer.simulator.types import Network

if TYPE_CHECKING:
    from cutlayer.workloads.topology.build import Edge, Node, Topology


class Chart(NamedTuple):
    """The graph on which the servers of a run are placed, as a map needs it.

    Attributes
    ----------
    cloud : str
        The name of the cloud's node.
    nodes, edges : tuple
        As in `cutlayer.workloads.topology.build.Topology`.
    """

    cloud: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def resource_rows(network: Network, topology: Topology | None = None) -> list[Row]:
    """Return the rows of ``resources``: servers, links, the cloud, then nodes and edges that no server uses.

    Parameters
    ----------
    network : Network
    topology : Topology, optional
        The graph from which the network was made.
    """
    names = column_names("resources")
    return [tuple(row.get(name) for name in names) for row in _described(network, topology)]


def _described(network: Network, topology: Topology | None) -> Iterator[dict[str, Any]]:
    edges = () if topology is None else topology.edges
    edge_of = {edge.link: edge for edge in edges if edge.servers}
    places = {} if topology is None else {node.name: _placed(node) for node in topology.nodes}
    for i, (name, flop_per_s) in enumerate(zip(network.servers, network.capacity_flop_per_s.tolist(), strict=True)):
        row = {"resource": "server", "resource_name": name, "capacity_flop_per_s": flop_per_s}
        route = [network.links[m] for m in network.links_from(i).tolist()]
        if topology is not None:
            path = topology.paths[i]
            link_of = {frozenset(edge_of[link].ends): link for link in route}
            route = [link_of[frozenset(ends)] for ends in itertools.pairwise(path)]
            row |= places[path[0]] | {"propagation_s": float(topology.propagation_s[i])}
        yield row | {"route": json.dumps(route, ensure_ascii=False)}
    for name, bps in zip(network.links, network.link_bps.tolist(), strict=True):
        row = {"resource": "link", "resource_name": name, "capacity_bps": bps, "usable_share": network.usable_share}
        yield row | (_joined(edge_of[name]) if name in edge_of else {})
    cloud = "cloud" if topology is None else topology.cloud
    limit = None if math.isinf(network.cloud_flop_per_s) else network.cloud_flop_per_s
    yield {"resource": "cloud", "resource_name": cloud, "capacity_flop_per_s": limit} | places.get(cloud, {})
    for node in () if topology is None else topology.nodes:
        if not node.role:
            yield {"resource": "node", "resource_name": node.name} | places[node.name]
    for edge in edges:
        if not edge.servers:
            yield {"resource": "edge", "resource_name": edge.link, "capacity_bps": edge.bps} | _joined(edge)


def _joined(edge: Edge) -> dict[str, Any]:
    return {"node": edge.ends[0], "to_node": edge.ends[1], "propagation_s": edge.propagation_s}


def _placed(node: Node) -> dict[str, Any]:
    latitude, longitude = node.position or (None, None)
    return {"node": node.name, "latitude_deg": latitude, "longitude_deg": longitude}


def _read(results: Results, row: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in ("server", "link", "cloud", "node", "edge")}
    for one in results.rows("resources", row["key"]):
        found[one["resource"]].append(one)
    return found


def network_of(results: Results, row: Mapping[str, Any]) -> Network | None:
    """Return the network of a run from the results alone; None where they do not hold it.

    Parameters
    ----------
    results : Results
    row : mapping
        A row of ``runs``.

    Raises
    ------
    InputError
        If what is there is no network.
    """
    found = _read(results, row)
    servers, links = found["server"], found["link"]
    if not servers:
        return None
    number = {link["resource_name"]: m for m, link in enumerate(links)}
    at = [(number.get(name, -1), i) for i, server in enumerate(servers) for name in json.loads(server["route"])]
    if any(m < 0 for m, _ in at):
        raise InputError("resources: a route crosses a link that is not in the table", results.path)
    routes = None
    if at != [(i, i) for i in range(len(links))]:
        shape = len(links), len(servers)
        routes = sparse.csr_array(([1.0] * len(at), tuple(zip(*at, strict=True))), shape=shape)
    try:
        return Network(
            [server["capacity_flop_per_s"] for server in servers],
            [link["capacity_bps"] for link in links],
            usable_share=links[0]["usable_share"] if links else 1.0,
            servers=[server["resource_name"] for server in servers],
            links=[link["resource_name"] for link in links],
            routes=routes,
        )
    except (InputError, TypeError) as fault:
        raise InputError(f"resources: {fault}", results.path) from None


def chart_of(results: Results, row: Mapping[str, Any]) -> Chart | None:
    """Return the graph on which the servers of a run are placed; None where there is none, or it was not kept."""
    found = _read(results, row)
    if not any(link["node"] for link in found["link"]) or not found["cloud"]:
        return None
    from cutlayer.workloads.topology.build import Edge, Node
    from cutlayer.workloads.topology.graphs import natural

    load: dict[str, int] = {}
    for server in found["server"]:
        for name in json.loads(server["route"]):
            load[name] = load.get(name, 0) + 1
    roles = {"server": "server", "cloud": "cloud", "node": ""}
    nodes = [Node(one["node"], _place(one), role) for kind, role in roles.items() for one in found[kind]]
    nodes.sort(key=lambda node: natural(node.name))  # in the order of the graph itself: a layout depends on it
    rank = {node.name: place for place, node in enumerate(nodes)}
    edges = [
        Edge(
            one["resource_name"], (one["node"], one["to_node"]), one["capacity_bps"], None, one["propagation_s"],
            load.get(one["resource_name"], 0),
        )
        for one in (*found["link"], *found["edge"])
    ]  # fmt: skip
    if not all(end in rank for edge in edges for end in edge.ends):
        raise InputError("resources: a link ends at a node that is not in the table", results.path)
    edges.sort(key=lambda edge: (rank[edge.ends[0]], rank[edge.ends[1]]))
    return Chart(found["cloud"][0]["node"], tuple(nodes), tuple(edges))


def _place(row: Mapping[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = row["latitude_deg"], row["longitude_deg"]
    return None if latitude is None or longitude is None else (latitude, longitude)
