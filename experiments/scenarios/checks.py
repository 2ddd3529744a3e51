"""``cutlayer scenario check``: everything about scenarios that can be known without running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutlayer.experiments.console import log
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.messages import ScenarioError
from cutlayer.experiments.scenarios.scenario import Scenario, load
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.units import render
from cutlayer.workloads.topology.graphs import counted


def check(files: Sequence[str], settings: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Check scenarios, make their inputs, and return what runs of them are given, as a mapping each.

    What was assumed of a network is a notice, and in ``notes``.

    Raises
    ------
    ScenarioError
        With all that is wrong with any of them, a line each.
    """
    found: list[dict[str, Any]] = []
    wrong: list[str] = []
    for file in files:
        try:
            scenario = load(file, settings)
            inputs = scenario.inputs(scenario.run.seed)
            found.append({"file": file} | given(scenario, inputs))
            for note in inputs.notes:
                log.info(f"{file}: {note}")
        except ScenarioError as fault:
            wrong += fault.lines
        except InputError as fault:
            said = str(fault)
            wrong.append(said if fault.file is not None else f"{file}: {said}")
    if wrong:
        raise ScenarioError.of(list(dict.fromkeys(wrong)))
    return found


def given(scenario: Scenario, inputs: Inputs) -> dict[str, Any]:
    """Return what a run of it is given; making that finds what is wrong in the files it names."""
    count, last_s = 0, 0.0
    for task in inputs.tasks:
        count, last_s = count + 1, task.arrival_s
    network = inputs.network
    return {
        "tasks": count,
        "last_arrival_s": last_s,
        "servers": len(network.servers),
        "links": len(network.links),
        "star": network.is_star,
        "capacity_flop_per_s": float(network.capacity_flop_per_s.sum()),
        "link_bps": float(network.link_bps.sum()),
        "schedulers": list(scenario.labels),
        "notes": list(inputs.notes),
    }


def as_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Return what was found in a line for each scenario."""
    return "\n".join(f"{one['file']}: {_summary(one)}" for one in found)


def _summary(found: Mapping[str, Any]) -> str:
    links = "" if found["star"] else f", {counted(found['links'], 'link')}"
    names = ", ".join(found["schedulers"]) or "no scheduler said"
    return (
        f"{counted(found['tasks'], 'task')} in {render(found['last_arrival_s'], 's')} on "
        f"{counted(found['servers'], 'server')}{links} ({render(found['capacity_flop_per_s'], 'FLOP/s')}, "
        f"{render(found['link_bps'], 'bit/s')}); {names}"
    )
