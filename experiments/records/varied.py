"""What sets scenarios apart, and how to say it: one rule for figures, lists and comparisons."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cutlayer.simulator.results.tables import ENDINGS
from cutlayer.simulator.units import render

_UNITS = {
    "capacity": "FLOP/s", "uplink": "bit/s", "cloud": "FLOP/s", "link_speed": "bit/s", "link_delay": "s",
    "propagation": "s", "frame_bytes": "B", "frame_rate": "Hz", "deadline": "s", "lifetime": "s", "interval": "s",
    "mean_on": "s", "mean_off": "s", "mean_up": "s", "mean_down": "s",
}  # fmt: skip
"""Units of the keys of a scenario, or of the tables of a distribution."""


def varied(scenarios: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the parameters in which flat scenarios differ."""
    names = dict.fromkeys(name for scenario in scenarios for name in scenario)
    return [name for name in names if len({json.dumps(scenario.get(name)) for scenario in scenarios}) > 1]


def in_words(scenario: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return what these parameters of a flat scenario are, with units; a distribution is one item.

    Examples
    --------
    >>> size = {"w.frame_bytes.distribution": "uniform", "w.frame_bytes.low": 1e5, "w.frame_bytes.high": 1e6}
    >>> in_words(size | {"network.servers": 20, "until_s": 60.0}, ["network.servers", "until_s", *size])
    ['servers 20', 'until 60 s', 'frame bytes 100 kB to 1 MB']
    """
    found = {}
    for name in names:
        above = name.rpartition(".")[0]
        table = above if f"{above}.distribution" in scenario else ""
        if table:
            found[table] = f"{title_of(table)} {_distribution(scenario, table)}"
        else:
            found[name] = f"{title_of(name)} {_value(scenario.get(name), unit_of(name))}"
    return list(found.values())


def unit_of(name: str) -> str:
    """Return the unit of a parameter; nothing where it has none."""
    last = name.rpartition(".")[2]
    ending = next((unit for ending, unit in ENDINGS.items() if last.endswith(ending)), "")
    return _UNITS.get(last, ending)


def title_of(name: str) -> str:
    """Return a parameter's name in words, without its unit.

    Examples
    --------
    >>> title_of("network.capacity_flop_per_s"), title_of("workload.frame_bytes"), title_of("usable_share")
    ('capacity', 'frame bytes', 'usable share')
    """
    last = name.rpartition(".")[2]
    ending = next((ending for ending in ENDINGS if last.endswith(ending) and last != "frame_bytes"), "")
    return last.removesuffix(ending).replace("_", " ")


def _distribution(scenario: Mapping[str, Any], table: str) -> str:
    unit = unit_of(table)
    values = {
        name.rpartition(".")[2]: _value(value, unit if name.rpartition(".")[2] != "sigma" else "")
        for name, value in scenario.items()
        if name.rpartition(".")[0] == table
    }
    kind = values.pop("distribution")
    if kind == "constant":
        return values.get("value", kind)
    if set(values) == {"low", "high"}:
        return f"{values['low']} to {values['high']}" + ("" if kind == "uniform" else f", {kind}")
    return f"{kind} ({', '.join(f'{name} {value}' for name, value in values.items())})"


def _value(value: Any, unit: str) -> str:
    if isinstance(value, list) and value and all(isinstance(one, (int, float)) for one in value):
        return " to ".join(_value(one, unit) for one in value)
    if isinstance(value, float) or (isinstance(value, int) and unit and not isinstance(value, bool)):
        return render(value, unit) if unit else re.sub(r"\.0$", "", repr(value))
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
