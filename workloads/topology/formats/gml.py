"""GML files, those of the Topology Zoo and any other, as networkx reads them."""

from __future__ import annotations

import re

import networkx as nx

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.attributes import shown
from cutlayer.workloads.topology.formats import FORMATS, GraphFormat, simplified, text_of

_GRAPH = re.compile(r"^(?:[ \t]*(?:#.*|\w+\s+(?:\"[^\"]*\"|\S+))?\r?\n)*?[ \t]*(?:\w+\s+\S+\s+)*graph\s*\[", re.ASCII)
_PLACE = re.compile(r"at \((\d+), \d+\)")


def recognises(content: bytes) -> bool:
    """Tell a file whose first brackets are those of a graph."""
    text = content[:100_000].decode("utf-8-sig", "replace")
    return text.lstrip()[:1] not in ("{", "<") and _GRAPH.match(text.lstrip()) is not None


def read(content: bytes, ends: tuple[str | None, str | None]) -> nx.Graph:
    """Read a graph whose nodes are known by their id; edges may be parallel without being declared so."""
    text = re.sub(r"(^|\s)graph\s*\[", lambda found: f"{found[0]} multigraph 1 ", text_of(content), count=1)
    try:
        return simplified(nx.parse_gml(text, label="id"))
    except (nx.NetworkXError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        place = _PLACE.search(str(fault))
        said = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise InputError(f"not GML ({shown(said)})", None, int(place[1]) if place else None) from None


FORMATS.register("gml")(GraphFormat("graph [ node [ id 0 ] ... ]", recognises, read))
