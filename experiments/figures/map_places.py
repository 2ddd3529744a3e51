"""Places of nodes on a map, as the graph gives them, and the lines between them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cutlayer.experiments.runs.resources import Chart
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.topology.build import Topology

_NAMED = 4
"""Of more nodes that are left out, so many are named."""


class Places(dict[str, tuple[float, float]]):
    """Positions of nodes by name, on a map that may go around the world.

    Attributes
    ----------
    west, around : float
        Where the map is cut, and its width once around the world; infinite where no link crosses the cut.
    """

    west = around = math.inf


def places_of(topology: Topology | Chart) -> Places:
    """Return where nodes are drawn: east to the right, north up, at the scale of their mean latitude.

    Nodes without coordinates are left out: a guess would look like a place. Where more than half have none there is
    no map: nothing is returned. Links go the short way around the world: where one crosses the date line, the map is
    cut at the longitude that the fewest links cross.
    """
    placed = {node.name: node.position for node in topology.nodes if node.position is not None}
    if 2 * len(placed) <= len(topology.nodes) or len(placed) < 2:
        return Places()
    shrink = math.cos(math.radians(sum(latitude for latitude, _ in placed.values()) / len(placed)))
    east = {name: longitude for name, (_, longitude) in placed.items()}
    ends = np.array([[east[a], east[b]] for a, b in (edge.ends for edge in topology.edges) if a in east and b in east])
    west = -180.0
    if len(ends) and (np.abs(np.diff(ends)) > 180).any():
        west = _cut(np.array(list(east.values())), ends)
    places = Places((name, (shrink * ((lon - west) % 360 + west), lat)) for name, (lat, lon) in placed.items())
    places.west, places.around = shrink * west, shrink * 360
    return places


def _cut(longitudes: FloatArray, ends: FloatArray) -> float:
    """Return the longitude, in the middle between two nodes, that the fewest links cross; of several, the loneliest."""
    sorted_ = np.unique(longitudes % 360)
    widths = np.diff(sorted_, append=sorted_[0] + 360)
    middles = sorted_ + widths / 2
    begin = np.where((ends[:, 1] - ends[:, 0]) % 360 <= 180, ends[:, 0], ends[:, 1])  # of the short way, eastwards
    length = np.abs((ends[:, 1] - ends[:, 0] + 180) % 360 - 180)
    crossed = [int(((middle - begin) % 360 < length).sum()) for middle in middles.tolist()]
    best = min(range(len(middles)), key=lambda n: (crossed[n], -widths[n]))
    return float((middles[best] + 180) % 360 - 180)


def line_between(places: Mapping[str, tuple[float, float]], one: str, other: str) -> list[tuple[float, float]]:
    """Return the corners of a link on the map; one that crosses the cut is broken there, the parts apart by NaN."""
    (x, y), (other_x, other_y) = places[one], places[other]
    west, around = getattr(places, "west", math.inf), getattr(places, "around", math.inf)
    if abs(other_x - x) <= around / 2:
        return [(x, y), (other_x, other_y)]
    if other_x < x:
        return line_between(places, other, one)
    share = (x - west) / (x + around - other_x)
    at_cut = y + share * (other_y - y)
    return [(x, y), (west, at_cut), (math.nan, math.nan), (west + around, at_cut), (other_x, other_y)]


def left_out(topology: Topology | Chart, places: Collection[str]) -> str:
    """Return a note on the nodes without a place; nothing where all have one."""
    names: Sequence[str] = [node.name for node in topology.nodes if node.name not in places]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = "1 node has no place and is" if len(names) == 1 else f"{len(names)} nodes have no place and are"
    return f"{told} left out: {', '.join(names[:_NAMED])}{more}"
