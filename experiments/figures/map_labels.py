"""Names on a map, put where they lie on no node and on no other name; those without room are left out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from cutlayer.experiments.figures.map_places import line_between

_WAYS = [(math.cos(turn), math.sin(turn)) for turn in np.linspace(0, 2 * math.pi, 16, endpoint=False)]
_FAR = (1.0, 1.8, 2.8)
"""How far from its node a name may be, in widths of the gap beside the node."""


def label_map(
    axes: Axes,
    positions: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    texts: Mapping[str, str],
    size: float,
) -> None:
    """Write names beside nodes; to be called last, when nothing moves the axes any more.

    Parameters
    ----------
    axes : Axes
    positions : mapping of str to (float, float)
        Of all nodes.
    edges : sequence of (str, str)
        Lines between them, which names cross where they must.
    texts : mapping of str to str
        What to write by node, the most important first.
    size : float
        Of a node, as `matplotlib.axes.Axes.scatter` takes it [pt^2].
    """
    drawn = axes.get_figure(root=True)
    assert drawn is not None
    drawn.draw_without_rendering()  # lays out the axes
    point = drawn.dpi / 72
    radius = (math.sqrt(size) / 2 + 0.5) * point
    centres = {name: axes.transData.transform(place) for name, place in positions.items()}
    nodes = np.array(list(centres.values()))
    along = np.linspace(0, 1, 40)[:, None]
    parts = [axes.transData.transform(part) for a, b in edges for part in pairwise(line_between(positions, a, b))]
    lines = np.concatenate([(1 - along) * begin + along * end for begin, end in parts] or [np.empty((0, 2))])
    taken = np.column_stack([nodes - radius, nodes + radius])
    frame = axes.get_window_extent()
    halo = [withStroke(linewidth=2, foreground="white")]  # names stay legible where lines cross them
    for name, text in texts.items():
        written = axes.annotate(
            text, positions[name], xytext=(0, 0), textcoords="offset points", fontsize="small", zorder=5,
            path_effects=halo, ha="center", va="center",
        )  # fmt: skip
        written.set_in_layout(False)
        extent = written.get_window_extent()
        half = np.array([extent.width / 2, 0.4 * extent.height])
        best: tuple[float, np.ndarray] | None = None
        for far in _FAR:
            for way in _WAYS:
                gap = radius + (2.0 * far - 0.5) * point
                offset = np.array(way) * (gap + half * np.abs(way))
                low, high = centres[name] + offset - half, centres[name] + offset + half
                hit = ((taken[:, :2] < high) & (taken[:, 2:] > low)).all(axis=1).any()
                outside = low[0] < frame.x0 or high[0] > frame.x1 or low[1] < frame.y0 or high[1] > frame.y1
                if hit or outside:
                    continue
                crossed = int(((lines > low) & (lines < high)).all(axis=1).sum())
                away = np.hypot(*(nodes - (low + high) / 2).T)
                mistaken = away.min() < 0.999 * np.hypot(*offset)  # another node is nearer
                cost = crossed + 3 * far + 6 * mistaken
                if best is None or cost < best[0] - 1e-9:
                    best = cost, offset
        if best is None:
            written.remove()
            continue
        written.set_position(tuple((best[1] / point).tolist()))
        box = np.concatenate([centres[name] + best[1] - half, centres[name] + best[1] + half])
        taken = np.vstack([taken, box])


def head_over(part: Any, lines: Sequence[str]) -> None:
    """Write lines at the top of a part of a figure, on the left, wrapped where they would run over its edge."""
    room = 0.98 * part.bbox.width
    letters = max(map(len, lines))
    head = part.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=rcParams["axes.titlesize"])
    while (width := head.get_window_extent().width) > room and letters > 10:
        letters = min(letters - 1, int(letters * room / width) + 1)
        head.set_text("\n".join(textwrap.fill(line, letters) for line in lines))


def node_size(count: int) -> float:
    """Return the size of a node on a map of so many [pt^2]."""
    return float(rcParams["font.size"]) ** 2 * min(1.6, 25 / count)
