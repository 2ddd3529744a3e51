"""What the columns of a report's long tables are called, and in which unit people read them.

The numbers themselves stay as the results have them, in SI units: the page divides where it shows them, and says the
exact one on hover.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cutlayer.simulator.results import tables
from cutlayer.simulator.results.tables import TABLES

_HEADS = {
    "time_s": "time", "resource": "scarcer", "need_bps": "need", "free_bps": "free", "need_flop_per_s": "need",
    "free_flop_per_s": "free", "arrival_s": "arrived", "profile": "network", "input_bytes": "input",
    "frame_rate_hz": "rate", "deadline_s": "deadline", "lifetime_s": "lifetime", "deployed_s": "deployed",
    "ended_s": "ended", "reserved_bps": "reserved", "reserved_flop_per_s": "reserved", "raw_bps": "raw",
    "transfer_s": "transfer", "in_flight": "in flight", "violations": "late", "transfer_mean_s": "transfer, mean",
    "transfer_p50_s": "transfer, median", "transfer_p99_s": "transfer, 99 %", "transfer_max_s": "transfer, most",
    "end_to_end_mean_s": "end to end, mean", "end_to_end_max_s": "end to end, most", "compute_load": "compute load",
    "uplink_load": "uplink load", "x_name": "over", "x": "at",
}  # fmt: skip
"""Short heads; the full name and what it means are said on hover."""
_MEANINGS = {
    "run": "the scheduler and, where there are several, the seed",
    "why": "what was decided and why, in words",
}


class Unit(NamedTuple):
    """How a quantity is shown: divided by `per`, under the name `shown`; `name` is the unit it is kept in."""

    shown: str
    per: float
    name: str


_SHOWN = {
    "FLOP/s": Unit("GFLOP/s", 1e9, "FLOP/s"),
    "bit/s": Unit("Mbit/s", 1e6, "bit/s"),
    "B": Unit("kB", 1e3, "byte"),
    "Hz": Unit("Hz", 1.0, "Hz"),
    "s": Unit("s", 1.0, "s"),
}
_MS = Unit("ms", 1e-3, "s")
_IN_MS = ("deadline_s", "transfer_", "end_to_end_")


def unit_of(name: str) -> Unit | None:
    """Return the unit of a column by the end of its name, if it has one.

    Examples
    --------
    >>> unit_of("need_bps"), unit_of("transfer_mean_s").shown, unit_of("arrival_s").shown, unit_of("cut")
    (Unit(shown='Mbit/s', per=1000000.0, name='bit/s'), 'ms', 's', None)
    """
    unit = tables.unit_of(name)
    return _MS if unit == "s" and name.startswith(_IN_MS) else _SHOWN.get(unit)


def described(table: str, name: str) -> dict[str, Any]:
    """Return what the page needs to know of a column: its head, what to say on hover, its unit."""
    unit = unit_of(name)
    head = _HEADS.get(name, name)
    meaning = next((column.meaning for column in TABLES[table] if column.name == name), "")
    meaning = _MEANINGS.get(name, meaning)
    told: dict[str, Any] = {
        "name": name,
        "label": head if unit is None else f"{head} [{unit.shown}]",
        "meaning": f"{name}: {meaning}" if meaning else name,
    }
    return told if unit is None else told | {"per": unit.per, "unit": unit.name}
