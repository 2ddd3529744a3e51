"""Graphs by name, drawn or laid out: star, ring, tree, grid, fat tree and random ones, always connected.

A shape is a function of the seed and its own parameters, registered in `SHAPES`; nodes are ``n0, n1, ...``
unless their place says more. `generate` gives its edges speeds.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any

import networkx as nx

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.rng import stream
from cutlayer.workloads.topology.attributes import number, shown
from cutlayer.workloads.topology.graphs import EARTH_RADIUS_M
from cutlayer.workloads.topology.placement import Uniform

MOST_EDGES = 1_000_000
"""More, and a graph takes minutes."""

DRAWS = 100
"""How often a random graph is drawn until it is connected."""

SHAPES: Registry[Callable[..., nx.Graph]] = Registry("shape")


def generate(shape: str, *, seed: int = 0, link_bps: float | Uniform = 1e9, **parameters: Any) -> nx.Graph:
    """Return the graph of that shape, with a speed on every edge (``link_bps``).

    Parameters
    ----------
    shape : str
        Its name in `SHAPES`.
    seed : int
        Of the run: 0 or more.
    link_bps : float or Uniform
        Speed of every edge [bit/s], or the range from which each draws one from a stream of its own.
    **parameters
        Of the shape; `parameters_of` lists them.

    Raises
    ------
    InputError
        If there is no such shape or parameter, a value is out of range, or the graph falls into parts.

    Examples
    --------
    >>> sorted(generate("star", nodes=4).edges)
    [('n0', 'n1'), ('n0', 'n2'), ('n0', 'n3')]
    """
    make = SHAPES[shape]
    known = parameters_of(shape)
    for name in parameters:
        if name not in known:
            raise UnknownNameError(f"parameter of shape {shape!r},", name, known)
    for name, default in known.items():
        if default is inspect.Parameter.empty and name not in parameters:
            raise InputError(f"shape {shape!r} needs the parameter {name!r}")
    graph = make(seed, **parameters)
    for one, other, data in graph.edges(data=True):
        if isinstance(link_bps, Uniform):
            data["link_bps"] = float(stream(seed, "link_bps", one, other).uniform(link_bps.low, link_bps.high))
        else:
            data["link_bps"] = number(link_bps, "link_bps")
    return graph


def parameters_of(shape: str) -> dict[str, Any]:
    """Return the parameters of a shape with their defaults, ``inspect.Parameter.empty`` where it has none."""
    found = list(inspect.signature(SHAPES[shape]).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in found}


@SHAPES.register("star")
def star(seed: int, *, nodes: int) -> nx.Graph:
    """Node n0 in the middle, all others around it."""
    return _numbered(nodes, [(0, i) for i in range(1, _whole("nodes", nodes, 2))])


@SHAPES.register("ring")
def ring(seed: int, *, nodes: int) -> nx.Graph:
    """Every node has two neighbours."""
    return _numbered(nodes, [(i, (i + 1) % nodes) for i in range(_whole("nodes", nodes, 3))])


@SHAPES.register("tree")
def tree(seed: int, *, nodes: int, branches: int = 2) -> nx.Graph:
    """Node n0 at the root; every node has that many below it, row by row, until there are no more."""
    _whole("branches", branches, 1)
    return _numbered(nodes, [((i - 1) // branches, i) for i in range(1, _whole("nodes", nodes, 2))])


@SHAPES.register("grid")
def grid(seed: int, *, rows: int, columns: int) -> nx.Graph:
    """Rows and columns of nodes (``r0c0`` and so on), each joined to the next in its row and in its column."""
    _few(_whole("rows", rows, 1) * _whole("columns", columns, 1) * 2)
    if rows * columns < 2:
        raise InputError("a grid of 1 node; allowed: 2 or more")
    graph = nx.Graph()
    graph.add_nodes_from(f"r{i}c{j}" for i in range(rows) for j in range(columns))
    graph.add_edges_from((f"r{i}c{j}", f"r{i}c{j + 1}") for i in range(rows) for j in range(columns - 1))
    graph.add_edges_from((f"r{i}c{j}", f"r{i + 1}c{j}") for i in range(rows - 1) for j in range(columns))
    return graph


@SHAPES.register("fat-tree")
def fat_tree(seed: int, *, ports: int) -> nx.Graph:
    """A data centre of switches with that many ports, and a ``gateway`` above its core.

    `ports` pods of ports/2 edge and ports/2 aggregation switches, all of a pod joined; (ports/2)^2 core switches, each
    joined to one aggregation switch of every pod.

    References
    ----------
    Al-Fares, Loukissas and Vahdat, "A scalable, commodity data center network architecture", SIGCOMM 2008.
    """
    half = _whole("ports", ports, 2) // 2
    if ports % 2:
        raise InputError(f"ports is {ports}; allowed: even")
    _few(ports**3)
    graph = nx.Graph()
    for i, j in itertools.product(range(half), repeat=2):
        graph.add_edge("gateway", f"core{i}.{j}")
    for pod, i, j in itertools.product(range(ports), range(half), range(half)):
        graph.add_edge(f"core{i}.{j}", f"aggregation{pod}.{i}")
        graph.add_edge(f"aggregation{pod}.{i}", f"edge{pod}.{j}")
    return graph


@SHAPES.register("barabasi-albert")
def barabasi_albert(seed: int, *, nodes: int, attach: int = 2) -> nx.Graph:
    """Nodes come one after the other and join `attach` of those there, the likelier the more neighbours they have.

    It begins with a star of ``attach + 1`` nodes.

    References
    ----------
    Barabasi and Albert, "Emergence of scaling in random networks", Science 286, 1999.
    """
    _few(_whole("nodes", nodes, 2) * _whole("attach", attach, 1))
    if attach >= nodes:
        raise InputError(f"attach is {attach} of {nodes} nodes; allowed: fewer")
    rng = stream(seed, "shape", "barabasi-albert")
    edges = [(0, i) for i in range(1, attach + 1)]
    ends = [end for edge in edges for end in edge]  # every node as often as it has neighbours
    for new in range(attach + 1, nodes):
        chosen: dict[int, None] = {}
        while len(chosen) < attach:
            chosen[ends[int(rng.integers(len(ends)))]] = None
        edges += [(old, new) for old in chosen]
        for old in chosen:
            ends += [old, new]
    return _numbered(nodes, edges)


@SHAPES.register("erdos-renyi")
def erdos_renyi(seed: int, *, nodes: int, probability: float) -> nx.Graph:
    """Every two nodes are joined with the same probability.

    References
    ----------
    Gilbert, "Random graphs", Annals of Mathematical Statistics 30(4), 1959.
    """
    _few(_whole("nodes", nodes, 2) ** 2 / 2)
    _share("probability", probability)

    def draw(attempt: int) -> nx.Graph:
        rng = stream(seed, "shape", "erdos-renyi", attempt)
        joined = ((i, i + 1 + (rng.random(nodes - 1 - i) < probability).nonzero()[0]) for i in range(nodes - 1))
        return _numbered(nodes, [(i, j) for i, others in joined for j in others.tolist()])

    enough = math.log(nodes) / nodes
    return _connected(draw, f"{nodes} nodes with a probability of {probability:g}; most are from {enough:.2g} on")


@SHAPES.register("waxman")
def waxman(seed: int, *, nodes: int, side_km: float = 1000.0, density: float = 0.4, reach: float = 0.2) -> nx.Graph:
    """Nodes spread over a square, two at distance x joined with probability density * exp(-x / (reach * diagonal)).

    The square of `side_km` lies on the equator, so nodes have coordinates.

    References
    ----------
    Waxman, "Routing of multipoint connections", IEEE JSAC 6(9), 1988.
    """
    _few(_whole("nodes", nodes, 2) ** 2 / 2)
    _share("density", density)
    if not (isinstance(reach, int | float) and 0 < reach < math.inf):
        raise InputError(f"reach is {shown(reach)}; allowed: above 0, finite")
    if not (isinstance(side_km, int | float) and 0 < side_km <= 5000):
        raise InputError(f"side_km is {shown(side_km)}; allowed: above 0, at most 5000")

    def draw(attempt: int) -> nx.Graph:
        rng = stream(seed, "shape", "waxman", attempt)
        x, y = rng.random(nodes), rng.random(nodes)
        edges = []
        for i in range(nodes - 1):
            distance = ((x[i + 1 :] - x[i]) ** 2 + (y[i + 1 :] - y[i]) ** 2) ** 0.5 / 2**0.5  # of the diagonal
            wanted = [density * math.exp(-far / reach) for far in distance.tolist()]
            joined = (rng.random(nodes - 1 - i) < wanted).nonzero()[0]
            edges += [(i, i + 1 + j) for j in joined.tolist()]
        graph = _numbered(nodes, edges)
        degrees = math.degrees(side_km * 1000 / EARTH_RADIUS_M)
        for i, data in enumerate(graph.nodes.values()):
            data["Latitude"], data["Longitude"] = (float(y[i]) - 0.5) * degrees, (float(x[i]) - 0.5) * degrees
        return graph

    return _connected(draw, f"{nodes} nodes with a density of {density:g} and a reach of {reach:g}; raise one of them")


def _numbered(nodes: int, edges: list[tuple[int, int]]) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(f"n{i}" for i in range(nodes))
    graph.add_edges_from((f"n{i}", f"n{j}") for i, j in edges)
    return graph


def _connected(draw: Callable[[int], nx.Graph], what: str) -> nx.Graph:
    """Return the first connected graph of `DRAWS`."""
    for attempt in range(DRAWS):
        graph = draw(attempt)
        if graph.number_of_edges() >= len(graph) - 1 and nx.is_connected(graph):
            return graph
    raise InputError(f"none of {DRAWS} graphs is connected: {what}")


def _whole(name: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST_EDGES:
        raise InputError(f"{name} is {shown(value)}; allowed: a whole number from {least} to {MOST_EDGES}")
    return value


def _share(name: str, value: Any) -> None:
    if not (isinstance(value, int | float) and 0 < value <= 1):
        raise InputError(f"{name} is {shown(value)}; allowed: above 0, at most 1")


def _few(edges: float) -> None:
    if edges > MOST_EDGES:
        raise InputError(f"a graph of up to {edges:.3g} edges; allowed: up to {MOST_EDGES}")
