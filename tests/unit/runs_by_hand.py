"""Results files written by hand, row by row."""

from __future__ import annotations

import hashlib
import json

from cutlayer.experiments.runs.resources import resource_rows
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES, column_names
from cutlayer.simulator.types import Network


def run(scheduler="fifo", seed=0, scenario=None, **more):
    """Return a row of ``runs``."""
    scenario = {} if scenario is None else scenario
    key = hashlib.sha256(json.dumps([scheduler, seed, scenario]).encode()).hexdigest()
    counts = ("arrived", "deployed", "departed", "rejected", "evicted", "peak_deployed")
    row = {"key": key, "scheduler": scheduler, "seed": seed, "scenario": json.dumps(scenario), "status": "done"}
    row |= {"versions": '{"cutlayer": "1"}', "end_s": 10.0, "reserved_bps": 0.0, "reserved_flop_per_s": 0.0}
    return row | {f"{name}_tasks": 0 for name in counts} | more


def rows(table, *mappings):
    """Return rows of a table of mappings; what is not said is empty."""
    return [[mapping.get(name) for name in column_names(table)] for mapping in mappings]


def star(servers, uplink_bps=1e6, flop_per_s=290e9, **more):
    """Return the table ``resources`` of a star of equal servers."""
    network = Network([flop_per_s] * servers, [uplink_bps] * servers, **more)
    return {"resources": resource_rows(network)}


def series(*points):
    """Return rows of ``series`` of (time, deployed tasks)."""
    return rows(
        "series",
        *({"time_s": t, "deployed_tasks": n, "reserved_bps": 0.0, "reserved_flop_per_s": 0.0} for t, n in points),
    )


def written(path, *runs):
    """Write runs, each with its tables, and return the open results."""
    results = Results(path)
    for row, tables in runs:
        assert set(tables) <= set(TABLES)
        results.write(row, tables)
    return results
