"""Servers and links one by one: heat maps over time, and maps in the plane."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np

from cutlayer.experiments.figures.map_places import left_out, places_of
from cutlayer.experiments.figures.over_time import column
from cutlayer.experiments.figures.panels import HeatMap, Map, step_means, time_unit
from cutlayer.experiments.records.run_groups import Group, Missing, Row, read_table, with_table
from cutlayer.experiments.runs.resources import Chart, chart_of, network_of
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.types import FloatArray, Network

Place = tuple[float, float]

NEEDS_BY_RESOURCE = "no servers and links one by one in the results: `--by-resource` keeps them"
NEEDS_NETWORK = "the network of the runs is not in the results: an older version wrote them"
INTERVALS = 240
_KINDS = (
    ("server", "compute", "reserved_flop_per_s", 1e9, "GFLOP/s"),
    ("link", "uplink", "reserved_bps", 1e6, "Mbit/s"),
)


def heatmap(results: Results, groups: Sequence[Group]) -> list[HeatMap]:
    """Return the reserved compute of servers and uplink of links over time, of the first seed of each group."""
    maps = []
    for group in with_table(results, groups, "series_by", NEEDS_BY_RESOURCE):
        row = group.rows[0]
        network = network_of(results, row)
        scale, x_label = time_unit(row["end_s"])
        edges = np.linspace(0.0, row["end_s"] or 1.0, INTERVALS + 1)
        for kind, what, _, _, unit in _KINDS:
            names, values, known = _means(network, read_table(results, "series_by", row["key"]), kind, edges)
            label = f"reserved {what} [{'%' if known else unit}]"
            top = 100.0 if known else None
            name, title = f"heatmap-{what}", f"reserved {what}"
            maps.append(HeatMap(name, group.label, title, x_label, label, names, edges / scale, values, top))
    tops = {
        what: colour_top(one.values.ravel().tolist() for one in maps if one.name == f"heatmap-{what}")
        for _, what, *_ in _KINDS
    }
    return [one if one.largest is None else replace(one, largest=tops[one.name[8:]]) for one in maps]


def _means(
    network: Network | None, rows: Sequence[Row], kind: str, edges: FloatArray
) -> tuple[tuple[str, ...], FloatArray, bool]:
    """Return names, means over the intervals, and whether they are shares [%] of what is there."""
    col, factor = next(item[2:4] for item in _KINDS if item[0] == kind)
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        if row["resource"] == kind:
            by_name.setdefault(row["resource_name"], []).append(row)
    if network is None:
        names, capacity = tuple(sorted(by_name)), {}
    else:
        names = network.servers if kind == "server" else network.links
        capacity = dict(zip(names, network.capacity_flop_per_s if kind == "server" else network.link_bps, strict=True))
    values = np.zeros((len(names), len(edges) - 1))
    for k, name in enumerate(names):
        own = by_name.get(name, [])
        if own:
            per = float(capacity[name]) / 100 if capacity else factor
            values[k] = step_means(column(own, "time_s"), column(own, col), edges) / per
    return names, values, bool(capacity)


def load_map(results: Results, groups: Sequence[Group]) -> list[Map]:
    """Return maps of servers and links coloured by their mean reserved share over the run."""
    maps = []
    for group in with_table(results, groups, "series_by", NEEDS_BY_RESOURCE):
        row = group.rows[0]
        network = network_of(results, row)
        if network is None:
            raise Missing(NEEDS_NETWORK)
        edges = np.array([0.0, row["end_s"] or 1.0])
        rows = read_table(results, "series_by", row["key"])
        servers, links = (
            dict(zip(names, values[:, 0].tolist(), strict=True))
            for names, values, _ in (_means(network, rows, kind, edges) for kind in ("server", "link"))
        )
        chart = chart_of(results, row)
        if chart is not None:
            maps.append(_on_graph(group, chart, servers, links))
        elif network.is_star:
            spokes = {(server, CLOUD): links[server] for server in network.servers}
            places = around(network.servers) | {CLOUD: (0.0, 0.0)}
            maps.append(_map(group, "not to scale", places, spokes, servers))
        else:
            raise Missing("nothing in the results says where the servers stand")
    return [replace(one, largest=colour_top([one.values.values() for one in maps])) for one in maps]


def colour_top(shares: Iterable[Iterable[float]]) -> float:
    """Return where a scale of shares [%] ends: the next round number above all, 100 at most.

    Examples
    --------
    >>> colour_top([[0.0, 3.2], [7.0]]), colour_top([[61.0]]), colour_top([[]])
    (10.0, 100.0, 100.0)
    """
    largest = max((value for values in shares for value in values), default=0.0)
    return next((end for end in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0) if 0 < largest <= end * (1 + 1e-9)), 100.0)


def _map(
    group: Group,
    how: str,
    places: dict[str, Place],
    edges: Mapping[tuple[str, str], float | None],
    nodes: dict[str, float],
    note: str = "",
) -> Map:
    values: dict[Any, float] = {name: load for name, load in nodes.items() if name in places}
    values |= {edge: load for edge, load in edges.items() if load is not None}
    return Map(
        "map", group.label, f"mean reserved share, {how}", "reserved [%]", places, list(edges), values, note=note
    )


def _on_graph(group: Group, topology: Chart, servers: dict[str, float], links: Mapping[str, float]) -> Map:
    """Return the map of a graph: by latitude and longitude where most nodes have them, else laid out by its edges."""
    graph = nx.Graph([edge.ends for edge in topology.edges])
    graph.add_nodes_from(node.name for node in topology.nodes)
    places: dict[str, Place] = places_of(topology)
    note = ""
    if places:
        how, note = "north up", left_out(topology, places)
        graph.remove_nodes_from([name for name in graph if name not in places])
    else:
        places = {name: (float(x), float(y)) for name, (x, y) in nx.kamada_kawai_layout(graph).items()}
        how = "not to scale"
    edges = {
        edge.ends: links[edge.link] if edge.servers else None
        for edge in topology.edges
        if set(edge.ends) <= set(places)
    }
    return _map(group, how, places, edges, servers, note)


CLOUD = "cloud"


def around(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return places on a circle, the first at the top, clockwise."""
    angles = [math.pi / 2 - 2 * math.pi * k / len(names) for k in range(len(names))]
    return {name: (math.cos(angle), math.sin(angle)) for name, angle in zip(names, angles, strict=True)}
