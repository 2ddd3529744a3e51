"""``cutlayer scenario check``: everything about scenarios that can be known without running them."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.console import log
from experiments.inputs import Inputs
from experiments.scenario import Scenario, load
from experiments.scenarios.faults import ScenarioError
from simulator.errors import InputError
from simulator.units import render
from workloads.graphs import counted


def check(files: Sequence[str], settings: Sequence[str] = ()) -> list[str]:
    """Check scenarios, make their inputs, and return a line about each; what was assumed of a network is a notice.

    Raises
    ------
    ScenarioError
        With all that is wrong with any of them, a line each.
    """
    lines, wrong = [], []
    for file in files:
        try:
            scenario = load(file, settings)
            inputs = scenario.inputs(scenario.run.seed)
            lines.append(f"{file}: {summary(scenario, inputs)}")
            for note in inputs.notes:
                log.info(f"{file}: network: {note}")
        except ScenarioError as fault:
            wrong += fault.lines
        except InputError as fault:
            said = str(fault)
            wrong.append(said if fault.file is not None else f"{file}: {said}")
    if wrong:
        raise ScenarioError.of(list(dict.fromkeys(wrong)))
    return lines


def summary(scenario: Scenario, inputs: Inputs) -> str:
    """Return in a line what a run of it is given; making that finds what is wrong in the files it names."""
    count, last_s = 0, 0.0
    for task in inputs.tasks:
        count, last_s = count + 1, task.arrival_s
    network = inputs.network
    links = "" if network.is_star else f", {counted(len(network.links), 'link')}"
    names = ", ".join(scenario.labels) or "no scheduler said"
    return (
        f"{counted(count, 'task')} in {render(last_s, 's')} on {counted(len(network.servers), 'server')}{links} "
        f"({render(float(network.capacity_flop_per_s.sum()), 'FLOP/s')}, "
        f"{render(float(network.link_bps.sum()), 'bit/s')}); {names}"
    )
