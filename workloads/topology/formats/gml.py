"""GML files, those of the Topology Zoo and any other, as networkx reads them."""

from __future__ import annotations

import re

import networkx as nx

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.topology.attributes import shown
from cutlayer.workloads.topology.formats import FORMATS, GraphFormat, simplified, text_of

_NO_WORDS = re.compile(r'"[^"]*"|#.*')
_FAULTS = (nx.NetworkXError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
"""What networkx raises when a file is not GML."""

_PLACE = re.compile(r"at \((\d+), \d+\)")


def recognises(content: bytes) -> bool:
    """Tell a file whose first brackets are those of a graph."""
    before = _NO_WORDS.sub("", content[:100_000].decode("utf-8-sig", "replace")).partition("[")[0]
    return before.split()[-1:] == ["graph"]


def read(content: bytes, ends: tuple[str | None, str | None]) -> nx.Graph:
    """Read a graph whose nodes are known by their id; edges may be parallel without being declared so."""
    text = re.sub(r"(^|\s)graph\s*\[", lambda found: f"{found[0]} multigraph 1 ", text_of(content), count=1)
    try:
        return simplified(nx.parse_gml(text, label="id"))
    except _FAULTS as fault:
        place = _PLACE.search(str(fault))
        said = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise InputError(f"not GML ({shown(said)})", None, int(place[1]) if place else None) from None


FORMATS.register("gml")(GraphFormat("graph [ node [ id 0 ] ... ]", recognises, read))
