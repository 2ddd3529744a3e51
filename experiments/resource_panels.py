"""Servers and links one by one: heat maps over time, and maps in the plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from experiments.over_time import column
from experiments.panels import HeatMap, Map, Missing, step_means, time_unit
from experiments.run_groups import Group, Row, read_table, with_table
from simulator.results import Results
from simulator.types import FloatArray

NEEDS_BY_RESOURCE = "no servers and links one by one in the results: `--by-resource` keeps them"
NEEDS_NETWORK = "the network of the runs cannot be had: its file is not where it was, or has changed"
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
        scale, x_label = time_unit(row["end_s"])
        edges = np.linspace(0.0, row["end_s"] or 1.0, INTERVALS + 1)
        for kind, what, _, _, unit in _KINDS:
            names, values, known = _means(group, read_table(results, "series_by", row["key"]), kind, edges)
            label = f"reserved {what} [{'%' if known else unit}]"
            title = f"{group.label}: reserved {what}"
            maps.append(
                HeatMap(
                    f"heatmap-{what}", title, x_label, label, names, edges / scale, values, 100.0 if known else None
                )
            )
    return maps


def _means(group: Group, rows: Sequence[Row], kind: str, edges: FloatArray) -> tuple[tuple[str, ...], FloatArray, bool]:
    """Return names, means over the intervals, and whether they are shares [%] of what is there."""
    col, factor = next(item[2:4] for item in _KINDS if item[0] == kind)
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        if row["resource"] == kind:
            by_name.setdefault(row["resource_name"], []).append(row)
    network = group.network
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
        network = group.network
        if network is None:
            raise Missing(NEEDS_NETWORK)
        if not network.is_star:
            raise Missing("maps are drawn of stars and of runs whose scenario says where its servers are")
        row = group.rows[0]
        edges = np.array([0.0, row["end_s"] or 1.0])
        rows = read_table(results, "series_by", row["key"])
        loads = [_means(group, rows, kind, edges) for kind in ("server", "link")]
        positions = around(network.servers)
        values = {name: float(load) for name, load in zip(loads[0][0], loads[0][1][:, 0], strict=True)}
        spokes = {(server, CLOUD): float(load) for server, load in zip(network.servers, loads[1][1][:, 0], strict=True)}
        title = f"{group.label}: mean reserved share, not to scale"
        maps.append(Map("map", title, "reserved [%]", positions | {CLOUD: (0.0, 0.0)}, list(spokes), values | spokes))
    return maps


CLOUD = "cloud"


def around(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return places on a circle, the first at the top, clockwise."""
    angles = [math.pi / 2 - 2 * math.pi * k / len(names) for k in range(len(names))]
    return {name: (math.cos(angle), math.sin(angle)) for name, angle in zip(names, angles, strict=True)}
