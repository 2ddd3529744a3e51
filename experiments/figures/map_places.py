"""Where the nodes of a graph stand on a map: where the graph says, and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Collection

from cutlayer.experiments.runs.resources import Chart
from cutlayer.workloads.topology.build import Topology

_NAMED = 4
"""Of more nodes that are left out, so many are named."""


def places_of(topology: Topology | Chart) -> dict[str, tuple[float, float]]:
    """Return where nodes are drawn: east to the right, north up, at the scale of their mean latitude.

    A node of which the graph does not say where it stands is left out: a guess would look like a place. Where the
    graph does not say it of more than half of its nodes there is no map: nothing is returned.
    """
    placed = {node.name: node.position for node in topology.nodes if node.position is not None}
    if 2 * len(placed) <= len(topology.nodes) or len(placed) < 2:
        return {}
    shrink = math.cos(math.radians(sum(latitude for latitude, _ in placed.values()) / len(placed)))
    return {name: (shrink * longitude, latitude) for name, (latitude, longitude) in placed.items()}


def left_out(topology: Topology | Chart, places: Collection[str]) -> str:
    """Return what to say of the nodes that have no place; nothing where all have one."""
    names = [node.name for node in topology.nodes if node.name not in places]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = "1 node has no place and is" if len(names) == 1 else f"{len(names)} nodes have no place and are"
    return f"{told} left out: {', '.join(names[:_NAMED])}{more}"
