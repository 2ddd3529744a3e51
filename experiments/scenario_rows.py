"""From a row of ``runs`` back to the scenario it came from, as far as what it names is still there and unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from experiments.run_options import OPTIONS
from experiments.runner import digest_of
from experiments.scenario import Scenario
from experiments.scenario_build import network_of
from experiments.scenario_fields import Number
from simulator.errors import InputError
from simulator.types import Network

_NAMES = {option.key: option.name for option in OPTIONS}


class _Gone(Exception):
    """A file is not where it was, or holds something else."""


def network_of_row(row: Mapping[str, Any]) -> Network | None:
    """Return the network of a run of a scenario: drawn or read again; None where that cannot be done."""
    described = json.loads(row["scenario"])
    if not isinstance(described.get("network"), dict):
        return None
    try:
        network = _restored(described["network"], "network", described.get("paths", {}))
        return network_of(Scenario.model_validate({"network": network}), row["seed"] or 0)
    except (_Gone, OSError, InputError, ValidationError):
        return None


def _restored(value: Any, key: str, paths: Mapping[str, str]) -> Any:
    """Return what a description says as a scenario file would: quantities as numbers, files by where they lie."""
    if isinstance(value, dict):
        if value.keys() == {"sha256"}:
            path = paths.get(_NAMES.get(key, key))
            if path is None or digest_of(path) != value["sha256"]:
                raise _Gone
            return path
        return {name: _restored(item, f"{key}.{name}", paths) for name, item in value.items()}
    if isinstance(value, list):
        return [_restored(item, key, paths) for item in value]
    return Number(value) if isinstance(value, float) else value
