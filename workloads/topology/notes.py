"""What a graph does not give, and what was assumed or left out instead: sentences for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

import networkx as nx

from cutlayer.simulator.units import render
from cutlayer.workloads.rates import KNOWN_RATES
from cutlayer.workloads.topology.attributes import position_of, shown, unread_speed, unused_numbers
from cutlayer.workloads.topology.graphs import Names, Trunk, counted, listed, natural


def notes_of(
    graph: nx.Graph,
    names: Names,
    trunks: Sequence[Trunk],
    default_bps: float,
    default_propagation_s: float | None,
    load: Mapping[int, int],
    *,
    passed: Mapping[Hashable, str],
    lost: int,
    used: Iterable[str],
) -> Iterator[str]:
    """Yield the notes of a topology.

    Parameters
    ----------
    graph, names, trunks
        The graph and what was read of it.
    default_bps, default_propagation_s : float
        Of edges without speed [bit/s] and without delay [s].
    load : mapping of int to int
        How many servers cross a trunk, by its index.
    passed : mapping
        Nodes without server and cloud because they are no places of their own, and why.
    lost : int
        Nodes that cannot reach the cloud.
    used : iterable of str
        Further attributes that were read.
    """
    edges = sum(len(trunk.edges) for trunk in trunks)
    if missing := sum(trunk.missing for trunk in trunks):
        speeds = (unread_speed(edge) for trunk in trunks for edge in trunk.edges)
        texts = sorted({text for text in speeds if text is not None})
        unread = f", or one that cannot be read ({listed(map(shown, texts))}; known units: {KNOWN_RATES})"
        yield (
            f"{missing} of {counted(edges, 'edge')} have no speed{unread if texts else ''}: "
            f"{render(default_bps, 'bit/s')} assumed"
        )
    if several := [trunk.name for trunk in trunks if len(trunk.edges) > 1]:
        how = "the slower direction counts" if graph.is_directed() else "their speeds are added"
        yield f"{counted(len(several), 'pair')} of nodes joined by several edges ({listed(several)}): {how}"
    if graph.is_directed():
        yield "the edges have directions: links are taken to carry traffic both ways"
    if loops := nx.number_of_selfloops(graph):
        yield f"{counted(loops, 'edge')} from a node to itself left out"
    if names.shared:
        yield f"labels of several nodes ({listed(names.shared)}): told apart by id"
    for reason, many in sorted(Counter(passed.values()).items()):
        who = listed(sorted((names.of[node] for node, why in passed.items() if why == reason), key=natural))
        each = "" if many == 1 else "each "
        yield f"no server and no cloud at {many} of {counted(len(graph), 'node')}, {each}{reason}: {who}"
    if unknown := sum(trunk.propagation_s is None and trunk.length_m is None for trunk in trunks):
        blank = sum(position_of(data) is None for _, data in graph.nodes(data=True))
        yield (
            f"{blank} of {counted(len(graph), 'node')} have no coordinates: on {counted(unknown, 'link')} "
            f"a propagation delay of {render(default_propagation_s or 0.0, 's')} assumed"
        )
    if lost:
        yield f"{lost} of {counted(len(graph), 'node')} cannot reach the cloud: no server there"
    if idle := len(trunks) - len(load):
        yield f"{idle} of {counted(len(trunks), 'link')} carry no server's traffic: not in the network"
    if unused := list(unused_numbers(graph, used)):
        found = " and ".join(f"{listed(attributes)} of {kind}" for kind, attributes in unused)
        yield f"numbers that nothing reads: {found} (speed_attribute, delay_attribute and so on name attributes)"
