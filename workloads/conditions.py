"""What befalls links and servers during a run, from CSV files: capacity over time, loads, outages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.steps import Intervals, Steps, combine, first_fault, merged
from cutlayer.simulator.types import Network
from cutlayer.workloads.traces.rows import Path, read_number, read_rows, read_text

CHANGE_COLUMNS = ("link", "time_s", "bps")
OUTAGE_COLUMNS = ("resource", "name", "down_s", "up_s")


def read_conditions(
    network: Network, *, capacity: Path | None = None, load: Path | None = None, outages: Path | None = None
) -> Conditions:
    """Read what befalls the links and servers of `network`.

    Parameters
    ----------
    network : Network
    capacity : path, optional
        Columns link, time_s, bps: what a link can carry from that time on; the last value stays. Every link
        named starts at 0 s, its times rise.
    load : path, optional
        The same for interaction traffic, which goes first.
    outages : path, optional
        Columns resource (link or server), name, down_s, up_s.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    links, servers = _read_outages(outages, network) if outages is not None else ({}, {})
    return Conditions(
        capacity_bps={} if capacity is None else _read_changes(capacity, network),
        load_bps={} if load is None else _read_changes(load, network),
        link_outages=links,
        server_outages=servers,
    )


def merge(*conditions: Conditions) -> Conditions:
    """Return what befalls links and servers when all of these come together.

    Loads on one link add up, outages of one resource join.

    Raises
    ------
    InputError
        If two of them say what one link can carry.
    """
    capacity: dict[str, Steps] = {}
    load: dict[str, Steps] = {}
    links: dict[str, Intervals] = {}
    servers: dict[str, Intervals] = {}
    for part in conditions:
        for name, steps in part.capacity_bps.items():
            if name in capacity:
                raise InputError(f"two capacities of link {name!r}; allowed: one")
            capacity[name] = steps
        for name, steps in part.load_bps.items():
            load[name] = combine(np.add, load[name], steps) if name in load else steps
        _join(links, part.link_outages, "link")
        _join(servers, part.server_outages, "server")
    return Conditions(capacity, load, links, servers)


def _join(outages: dict[str, Intervals], more: Mapping[str, Intervals], what: str) -> None:
    for name, intervals in more.items():
        outages[name] = merged([*outages.get(name, ()), *intervals], f"outage of {what} {name!r}")


def _read_changes(path: Path, network: Network) -> dict[str, Steps]:
    changes: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for line, row in read_rows(path, CHANGE_COLUMNS):
        name = read_text(row, "link", path, line)
        if name not in network.links:
            raise UnknownNameError("link", name, network.links).located(path, line)
        changes[name].append((line, read_number(row, "time_s", path, line), read_number(row, "bps", path, line)))
    steps = {}
    for name, rows in changes.items():
        lines, times, values = zip(*rows, strict=True)
        if (fault := first_fault(times, values)) is not None:
            raise InputError(f"link {name!r}: {fault[1]}", path, lines[fault[0]])
        steps[name] = Steps(times, values)
    return steps


def _read_outages(path: Path, network: Network) -> tuple[dict[str, Intervals], dict[str, Intervals]]:
    found: dict[str, dict[str, list[tuple[float, float]]]] = {"link": defaultdict(list), "server": defaultdict(list)}
    known = {"link": network.links, "server": network.servers}
    for line, row in read_rows(path, OUTAGE_COLUMNS):
        kind, name = read_text(row, "resource", path, line), read_text(row, "name", path, line)
        if kind not in known:
            raise UnknownNameError("resource", kind, known).located(path, line)
        if name not in known[kind]:
            raise UnknownNameError(kind, name, known[kind]).located(path, line)
        outage = (read_number(row, "down_s", path, line), read_number(row, "up_s", path, line))
        try:
            merged([outage])
        except InputError as fault:
            raise fault.located(path, line) from None
        found[kind][name].append(outage)
    return dict(found["link"]), dict(found["server"])
