"""The right half of the figure of a replay: the network as a map, and its fullest links over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cutlayer.experiments.console import printable
from cutlayer.experiments.figures.drawings import COLOUR_MAP, draw_map, short
from cutlayer.experiments.figures.map_labels import head_over, label_map, node_size
from cutlayer.experiments.figures.map_places import left_out
from cutlayer.experiments.figures.panels import time_unit
from cutlayer.experiments.figures.replay_history import History, Use
from cutlayer.experiments.figures.style import COLOURS
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.topology.build import Topology

LINKS = 16
"""So many have room to be named."""
_NAMED_NODES = 80


def draw_network(part: Any, seen: History, topology: Topology, places: Mapping[str, tuple[float, float]]) -> None:
    """Draw the map, nodes and links coloured by how full they are on average, and below it links over time."""
    many = len(seen.uplink.each) > 0
    rows = part.subplots(2 if many else 1, 1, height_ratios=(1.25, 1) if many else None, squeeze=False)
    axes = rows[0, 0]
    values: dict[Any, float] = {}
    tops = [max(float(_average(use).max(initial=0.0)), 1e-9) for use in (seen.compute, seen.uplink)]
    if many:
        servers, links = (
            dict(zip(names, (_average(use) / top).tolist(), strict=True))
            for names, use, top in zip(seen.names, (seen.compute, seen.uplink), tops, strict=True)
        )
        values |= {edge.ends: links[edge.link] for edge in topology.edges if edge.link in links}
        values |= servers
    edges = [edge.ends for edge in topology.edges if set(edge.ends) <= set(places)]
    mesh = draw_map(axes, places, edges, values, 1.0)
    x, y = places.get(topology.cloud, (math.nan, math.nan))
    axes.plot([x], [y], marker="*", markersize=15, color=COLOURS[1], markeredgecolor="black", zorder=4)
    axes.margins(0.08)
    lines = [f"the network; star: the cloud, {short(topology.cloud)}"] if topology.cloud in places else ["the network"]
    lines += ["coloured: servers and the links they use, on average over time"] if many else []
    lines += [missing] if (missing := left_out(topology, places)) else []
    if many:
        for of, top, what in zip((0.0, 0.52), tops, ("servers: compute reserved", "links: reserved"), strict=True):
            bar = part.colorbar(
                mesh, cax=axes.inset_axes((of, 1.06, 0.42, 0.02)), orientation="horizontal", ticks=[0, 0.5, 1],
            )  # fmt: skip
            bar.ax.set_xticklabels([f"{share * top:.3g}" for share in (0, 0.5, 1)])
            bar.ax.set_title(f"{what} [% of available]", fontsize="small", pad=3)
            bar.ax.tick_params(labelsize="small", length=2)
        _draw_links(part, rows[1, 0], seen)
    head_over(part, list(map(printable, lines)))
    if len(places) <= _NAMED_NODES:
        first = {topology.cloud: 0} | dict.fromkeys(seen.names[0], 1)
        names = sorted(places, key=lambda name: (first.get(name, 2), name))
        label_map(axes, places, edges, {name: short(name) for name in names}, node_size(len(places)))


def _average(use: Use) -> FloatArray:
    """Return how full each is on average, outages left out [%]; with less than is reserved, or nothing, it is full."""
    up = use.up >= 0.5
    each = np.where(np.isnan(use.of_available), np.where(use.each > 0, 100.0, 0.0), use.of_available)
    average: FloatArray = np.where(up, np.minimum(each, 100.0), 0.0).sum(axis=1) / np.maximum(up.sum(axis=1), 1)
    return average


def _draw_links(part: Any, axes: Axes, seen: History) -> None:
    """Draw the links that are fullest on average, over time."""
    scale, x_label = time_unit(float(seen.edges[-1]))
    filled = seen.uplink.of_available
    means = _average(seen.uplink)
    top = min(max(float(np.nanmax(filled, initial=0.0)), 1e-9), 100.0)
    most = np.argsort(-means, kind="stable")[:LINKS]
    most = most[means[most] > 0]
    axes.set_facecolor("#bbbbbb")
    mesh = axes.pcolormesh(
        seen.edges / scale, np.arange(len(most) + 1), np.ma.masked_invalid(filled[most]), cmap=COLOUR_MAP,
        vmin=0, vmax=top, rasterized=True,
    )  # fmt: skip
    axes.grid(False)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(most)) + 0.5, [short(seen.names[1][link]) for link in most])
    axes.tick_params(axis="y", length=0, labelsize="small")
    axes.set_xlabel(x_label)
    down = "; grey: carries nothing" if np.isnan(filled[most]).any() else ""
    axes.set_title(f"the {'fullest ' if len(most) < len(means) else ''}links over time{down}", loc="left")
    part.colorbar(
        mesh, ax=axes, label="reserved [% of available]", extend="max" if top >= 100 else "neither", pad=0.01, aspect=30
    )
