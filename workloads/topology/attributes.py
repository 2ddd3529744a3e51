"""Attributes of nodes and edges as numbers, flags, positions and speeds, however a library has written them.

Read are, of a node, ``label`` and the pair ``Latitude``, ``Longitude`` [degree]; of an edge, its speed from the first
that it has of

- ``link_bps`` or ``LinkSpeedRaw``, a number [bit/s];
- ``LinkSpeed`` with ``LinkSpeedUnits``, such as 2.5 and G (the Topology Zoo's text),

and its delay ``propagation_s`` [s]. A graph that uses other names declares them (`Mapping`). Numbers may be text.
NaN, empty text and words such as ``None`` mean that a value is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Data
from dataclasses import dataclass, fields
from decimal import Decimal
from numbers import Real
from typing import Any

import networkx as nx

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.workloads.rates import known_rate, rate_of
from cutlayer.workloads.traces.rows import LEAST, MOST, NUMBER
from cutlayer.workloads.traces.times import factor_of

_NO_VALUE = {"", "nan", "none", "null", "na", "n/a", "-", "?", "unknown"}
_TRUE, _FALSE = {"true", "yes", "y", "t", "on", "1", "1.0"}, {"false", "no", "n", "f", "off", "0", "0.0"}

GROUP = "is_group"
"""Attribute of a node that in its file holds other nodes."""

READ = {
    "node": ("label", "Latitude", "Longitude", "server", "cloud", "capacity_flop_per_s", "hyperedge", "Internal"),
    "edge": ("link", "link_bps", "LinkSpeedRaw", "LinkSpeed", "LinkSpeedUnits", "propagation_s"),
}
"""Attributes that are read without being declared."""


def shown(value: object) -> str:
    """Return the value as Python writes it, on one line and cut after 60 letters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def is_missing(value: object) -> bool:
    """Return whether a value is None, NaN, or text that means the same."""
    if isinstance(value, str):
        return value.strip().lower() in _NO_VALUE
    return value is None or (_is_number(value) and math.isnan(as_number(value)))


def flag_of(value: object) -> bool | str | None:
    """Return a flag as True or False, None where it is missing, and text that is no flag as it is.

    Examples
    --------
    >>> [flag_of(value) for value in ("no", 0, "True", 1.0, "", float("nan"), "cam")]
    [False, False, True, True, None, None, 'cam']
    """
    if is_missing(value):
        return None
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return value if isinstance(value, str) else bool(value)


def as_number(value: Any) -> float:
    """Return a number, also one that is written as text, as a float; NaN for anything else."""
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return float(value)
    if not _is_number(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_number(value: object) -> bool:
    return isinstance(value, (Real, Decimal)) and not isinstance(value, bool)


def number(value: Any, name: str) -> float:
    """Return a number above 0 as a float.

    Raises
    ------
    InputError
        If it is something else, or beyond what any unit of the model needs.
    """
    return _in_range(as_number(value), name, value)


def delay(value: Any, name: str) -> float:
    """Return a number of seconds that may be 0 as a float; raise as `number` does."""
    return 0.0 if as_number(value) == 0 else number(value, name)


def _in_range(value: float, name: str, given: object) -> float:
    if not LEAST <= value <= MOST:
        raise InputError(f"{name} is {shown(given)}; allowed: a number from {LEAST:g} to {MOST:g}")
    return value


def position_of(node: Data[str, Any]) -> tuple[float, float] | None:
    """Return latitude and longitude of a node [degree], or None where one is missing.

    Raises
    ------
    InputError
        If one is no number or not on Earth.
    """
    found = []
    for name, limit in (("Latitude", 90), ("Longitude", 180)):
        value = node.get(name)
        if is_missing(value):
            continue
        degrees = as_number(value)
        if not -limit <= degrees <= limit:
            raise InputError(f"{name} is {shown(value)}; allowed: {-limit} to {limit} degrees")
        found.append(degrees)
    return (found[0], found[1]) if len(found) == 2 else None


def speed_of(edge: Data[str, Any]) -> float | None:
    """Return the speed of an edge [bit/s], or None where it has none or one that `unread_speed` returns.

    Raises
    ------
    InputError
        If it is a number no link can have.
    """
    for name in ("link_bps", "LinkSpeedRaw"):
        if not is_missing(edge.get(name)):
            return rate(edge[name], name, "bit/s")
    speed, unit = edge.get("LinkSpeed"), edge.get("LinkSpeedUnits")
    if is_missing(speed):
        return None
    unit = "" if is_missing(unit) else str(unit)
    return None if _scaled(speed, unit) is None else rate(speed, "LinkSpeed", unit)


def unread_speed(edge: Data[str, Any]) -> str | None:
    """Return the speed of an edge as the file writes it where it is no number with a known unit, else None."""
    if is_missing(edge.get("LinkSpeed")) or speed_of(edge) is not None:
        return None
    unit = edge.get("LinkSpeedUnits")
    return f"{edge['LinkSpeed']} {'' if is_missing(unit) else unit}".strip()


def rate(value: Any, name: str, unit: str) -> float:
    """Return a number in `unit`, or text that ends with a unit of its own, in bit/s.

    Raises
    ------
    InputError
        If it is something else, or not above 0.
    """
    return _in_range(math.nan if (scaled := _scaled(value, unit)) is None else scaled, name, value)


def _scaled(value: Any, unit: str) -> float | None:
    """Return a rate [bit/s]; NaN or infinite for a number that no link has, None where it cannot be read."""
    plain = as_number(value)
    return rate_of(str(value), unit) if isinstance(value, str) or math.isfinite(plain) else plain


def propagation_of(edge: Data[str, Any]) -> float | None:
    """Return the propagation delay of an edge [s], or None where the file gives none.

    Raises
    ------
    InputError
        If it is negative or no finite number.
    """
    value = edge.get("propagation_s")
    return None if is_missing(value) else delay(value, "propagation_s")


@dataclass(frozen=True)
class Mapping:
    """Which attributes of a graph hold what `cutlayer.workloads.topology.build` reads.

    Parameters
    ----------
    speed, speed_unit : str
        Attribute of edges with their speed, and its unit.
    delay, delay_unit : str
        Attribute of edges with their propagation delay, and its unit: s, ms, us or ns.
    latitude, longitude, label : str
        Attributes of nodes with their position [degree] and name.

    Examples
    --------
    >>> graph = nx.Graph([("a", "b", {"BW": 75, "PR": "5"})])
    >>> Mapping(speed="BW", speed_unit="Mbit/s", delay="PR", delay_unit="ms").applied(graph).edges["a", "b"]
    {'BW': 75, 'PR': '5', 'link_bps': 75000000.0, 'propagation_s': 0.005}
    """

    speed: str | None = None
    speed_unit: str = "bit/s"
    delay: str | None = None
    delay_unit: str = "s"
    latitude: str | None = None
    longitude: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        known_rate(self.speed_unit)
        factor_of(self.delay_unit, "s")

    @property
    def names(self) -> set[str]:
        """The attributes it names."""
        named = (getattr(self, field.name) for field in fields(self) if not field.name.endswith("_unit"))
        return {name for name in named if name is not None}

    def applied(self, graph: nx.Graph) -> nx.Graph:
        """Return the graph with these attributes under the names that are read; itself where nothing is mapped.

        Raises
        ------
        InputError
            For an attribute that no node or edge has, or a value that is none.
        """
        if not self.names:
            return graph
        graph = graph.copy()
        per_unit = factor_of(self.delay_unit, "s")

        def seconds(value: Any, name: str) -> float:
            return delay(float(Decimal(str(value).strip()) * per_unit) if as_number(value) > 0 else value, name)

        edges = [(f"edge {shown(one)} to {shown(other)}", data) for one, other, data in graph.edges(data=True)]
        nodes = [(f"node {shown(node)}", data) for node, data in graph.nodes(data=True)]
        for name, of, target, read in (
            (self.speed, edges, "link_bps", lambda value, name: rate(value, name, self.speed_unit)),
            (self.delay, edges, "propagation_s", seconds),
            (self.latitude, nodes, "Latitude", lambda value, _: value),
            (self.longitude, nodes, "Longitude", lambda value, _: value),
            (self.label, nodes, "label", lambda value, _: value),
        ):
            if name is not None:
                _copy(of, name, target, read)
        return graph


def _copy(items: list[tuple[str, dict[str, Any]]], name: str, target: str, read: Any) -> None:
    known = dict.fromkeys(key for _, data in items for key in data)
    if name not in known and items:
        raise UnknownNameError(f"attribute of {'edges' if items[0][0].startswith('edge') else 'nodes'}", name, known)
    for what, data in items:
        if not is_missing(data.get(name)):
            try:
                data[target] = read(data[name], name)
            except InputError as fault:
                raise InputError(f"{what}: {fault.message}") from None


def unused_numbers(graph: nx.Graph, used: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield ("nodes" or "edges", attributes) that hold nothing but numbers and that nothing reads."""
    used = {*used, "id", "key"}
    for kind, items in (("edge", graph.edges(data=True)), ("node", graph.nodes(data=True))):
        numeric: dict[str, bool] = {}
        for *_, data in items:
            for name, value in data.items():
                if name not in used and name not in READ[kind] and not is_missing(value):
                    numeric[name] = numeric.get(name, True) and math.isfinite(as_number(value))
        if found := sorted(str(name) for name, yes in numeric.items() if yes):
            yield f"{kind}s", found
