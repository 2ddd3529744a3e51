"""The figures of a report, as the page reads them."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cutlayer.experiments.figures.panels import Curve, HeatMap, Panel, thinned
from cutlayer.experiments.figures.plot import KINDS
from cutlayer.experiments.records.run_groups import Group, Missing
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.types import FloatArray

CURVE_POINTS = 20_000
"""A longer curve is thinned to so many points: its lowest and highest ones stay."""
HEAT_MAP_BYTES = 1_000_000
"""All heat maps of a report together."""
_FIELDS = (
    "name", "title", "x_label", "y_label", "lines", "x_lines", "ends", "nothing", "x_log", "y_log", "upper_line",
    "x_whole",
)  # fmt: skip


def figures(results: Results, groups: Sequence[Group]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Return panels and heat maps as the page reads them, and what to say of those that are not there."""
    panels: list[dict[str, Any]] = []
    maps: list[dict[str, Any]] = []
    notes = []
    room = HEAT_MAP_BYTES
    for name in KINDS:
        if name == "map":
            continue
        try:
            for built in KINDS[name].build(results, groups):
                if isinstance(built, Panel):
                    panels.append(_panel(built))
                elif not built.names:
                    notes.append(f"{built.heading}: none")
                elif built.values.size <= room:
                    room -= built.values.size
                    maps.append(_heat_map(built))
                else:
                    notes.append(f"{built.heading}: left out, too large for a page; cutlayer plot draws it")
        except Missing as missing:
            notes.append(f"{name}: {missing}")
    return panels, maps, notes


def _panel(panel: Panel) -> dict[str, Any]:
    curves = [thinned(curve, CURVE_POINTS) for curve in panel.curves]
    note = panel.note
    if any(own is not curve for own, curve in zip(curves, panel.curves, strict=True)):
        note = "; ".join(filter(None, [note, f"thinned to about {CURVE_POINTS:,} points a line"]))
    return {name: getattr(panel, name) for name in _FIELDS} | {
        "note": note,
        "curves": [_curve(curve) for curve in curves],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    described = {"label": curve.label, "steps": curve.steps, "plain": curve.plain}
    described |= {"x": _numbers(curve.x), "y": _numbers(curve.y)}
    if curve.low is not None and curve.high is not None:
        described |= {"low": _numbers(curve.low), "high": _numbers(curve.high)}
    return described


def _numbers(values: FloatArray) -> list[float | int | None]:
    """Return numbers as the page reads them, whole ones without a point, what is none as null."""
    return [
        None if not math.isfinite(value) else int(value) if value.is_integer() and abs(value) < 1e15 else value
        for value in values.tolist()
    ]


def _heat_map(built: HeatMap) -> dict[str, Any]:
    shades = np.clip(np.rint(built.values * (255 / built.top)), 0, 255).astype(np.uint8)
    return {
        "name": built.name, "title": built.heading, "x_label": built.x_label, "value_label": built.value_label,
        "names": built.names, "from": float(built.edges[0]), "to": float(built.edges[-1]), "columns": shades.shape[1],
        "largest": built.top, "values": base64.b64encode(shades.tobytes()).decode(),
    }  # fmt: skip
