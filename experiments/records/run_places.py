"""The network of a run that is done, and where its servers stand: drawn anew, or read from files still unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import digest_of
from cutlayer.simulator.types import Network

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.scenario import Scenario
    from cutlayer.workloads.topology.build import Topology

_UNITS = {"capacity": "FLOP/s", "uplink": "bit/s", "cloud": "FLOP/s", "link_speed": "bit/s", "link_delay": "s"}
"""Quantities of the network's section of a scenario, which has them as text."""


def network_of(row: Mapping[str, Any]) -> Network | None:
    """Return the network of a run; None where it can no longer be had.

    Parameters
    ----------
    row : mapping
        A row of ``runs``.
    """
    said = _scenario(json.loads(row["scenario"]), paths_of(row))
    if said is None:
        return None
    from cutlayer.experiments.scenarios import build

    try:
        return build.network_of(said, row["seed"] or 0)
    except InputError:
        return None


def topology_of(row: Mapping[str, Any]) -> Topology | None:
    """Return the graph on which the servers of a run stand; None where there is none, or it can no longer be had."""
    said = _scenario(json.loads(row["scenario"]), paths_of(row))
    if said is None:
        return None
    from cutlayer.experiments.scenarios import build

    try:
        return build.topology_of(said, row["seed"] or 0)
    except InputError:
        return None


def paths_of(row: Mapping[str, Any]) -> Mapping[str, str]:
    """Return where the files of a run lay, by the key that names them."""
    paths: Mapping[str, str] = json.loads(row.get("paths") or "{}")
    return paths


def _scenario(described: Mapping[str, Any], paths: Mapping[str, str]) -> Scenario | None:
    """Return a scenario whose network is that of the description; None if it has none, or a file has changed."""
    if not isinstance(described.get("network"), dict):
        return None
    from cutlayer.experiments.scenarios.scenario import Scenario

    try:
        return Scenario.model_validate({"network": _as_said(described["network"], dict(_unchanged(paths)))})
    except (ValueError, KeyError):  # a file that is gone or has changed, or a description of another version
        return None


def _unchanged(paths: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield digests of the files the run was made of with where they lie."""
    for path in paths.values():
        try:
            yield digest_of(path), path
        except OSError:
            continue


def _as_said(value: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return a section of a description as a scenario file would have it: quantities as text, files by their paths."""
    from cutlayer.experiments.scenarios.fields import InputFile, written

    said: dict[str, Any] = {}
    for name, item in value.items():
        unit = _UNITS.get(name)
        if isinstance(item, dict) and "sha256" in item:
            said[name] = InputFile.at("", files[item["sha256"]])
        elif isinstance(item, dict):
            said[name] = _as_said(item, files)
        elif unit is not None and isinstance(item, list):
            said[name] = [written(end, unit) for end in item]
        elif unit is not None and isinstance(item, (int, float)):
            said[name] = written(item, unit)
        else:
            said[name] = item
    return said
