"""Random trees and meshes with servers and a cloud on their nodes, routed by networkx alone."""

import itertools

import networkx as nx


def drawn(rng, n_servers, kind):
    """A random tree or mesh as a graph: node 0 is the cloud, ``servers`` says where servers stand.

    Edges have random lengths, so that no two ways are equally long. Some nodes have no server: routers.
    """
    n = n_servers + 1 + int(rng.integers(0, 4))
    graph = nx.Graph()
    graph.add_node(0)
    for node in range(1, n):
        near = max(0, node - 3) if rng.random() < 0.7 else 0  # deep rather than flat
        graph.add_edge(int(rng.integers(near, node)), node)
    if kind == "mesh":
        for _ in range(n):
            one, other = (int(node) for node in rng.integers(0, n, 2))
            if one != other:
                graph.add_edge(one, other)
    for edge in graph.edges.values():
        edge["propagation_s"] = float(rng.uniform(0.5, 2.0))
    graph.graph["servers"] = sorted((1 + rng.permutation(n - 1)[:n_servers]).tolist())
    return graph


def crossing(graph):
    """Which servers' traffic crosses each edge that some does: {(low node, high node): {server, ...}}."""
    crossed = {}
    for server, node in enumerate(graph.graph["servers"]):
        way = nx.shortest_path(graph, node, 0, weight="propagation_s")
        for one, other in itertools.pairwise(way):
            crossed.setdefault((min(one, other), max(one, other)), set()).add(server)
    return crossed
