"""From what a scenario says to what a run is given: networks, tasks, frames, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.inputs import Frames, Inputs, Traffic
from profiles.store import load_dir, shipped
from simulator.errors import InputError
from simulator.rng import stream
from simulator.types import Network, Profile, Task
from simulator.uplink import Conditions
from workloads.conditions import read_conditions
from workloads.formats import read_network, read_tasks
from workloads.generate import PaperScenario

if TYPE_CHECKING:
    from experiments.scenario import Scenario


def inputs(scenario: Scenario, seed: int) -> Inputs:
    """Return the inputs of a run of `scenario` for `seed`."""
    network = network_of(scenario, seed)
    tasks = tasks_of(scenario, network, seed)
    last_s = tasks[-1].arrival_s
    until_s = scenario.run.until
    if until_s is not None and until_s < last_s:
        raise InputError(f"run.until is {until_s:g}; allowed: {last_s:g} (the last arrival) or later [s]")
    return Inputs(
        network,
        tasks,
        until_s,
        None if scenario.frames is None else Frames(scenario.frames.settings(seed), scenario.frames.keep),
        conditions_of(scenario, network, seed, last_s if until_s is None else until_s),
    )


def network_of(scenario: Scenario, seed: int) -> Network:
    """Return the network: read, or drawn as the paper's (`workloads.generate`)."""
    said = scenario.network
    options = {
        "usable_share": said.usable_share,
        "reservation": said.reservation,
        "reservation_margin": said.reservation_margin,
        "cloud_flop_per_s": float("inf") if said.cloud is None else said.cloud,
    }
    if said.file is not None:
        return read_network(said.file.written, **options)
    return Network(
        stream(seed, "capacity").uniform(*said.capacity, said.servers),
        stream(seed, "uplink").uniform(*said.uplink, said.servers),
        **options,
    )


def profiles_of(scenario: Scenario) -> Mapping[str, Profile]:
    """Return the profiles tasks may have."""
    folder = scenario.workload.profiles
    return shipped() if folder is None else load_dir(folder)


def tasks_of(scenario: Scenario, network: Network, seed: int) -> list[Task]:
    """Return the tasks, in order of arrival."""
    said = scenario.workload
    profiles = profiles_of(scenario)
    if said.trace is not None:
        return read_tasks(
            said.trace.file.written, network, profiles, None if said.trace.inputs is None else said.trace.inputs.written
        )
    return PaperScenario(
        servers=len(network.servers),
        tasks=said.tasks,
        interarrival_s=said.arrivals.interval,
        frame_bytes=said.frame_bytes,
        weight=said.weight,
        frame_rate_hz=said.frame_rate,
        deadline_s=said.deadline,
    ).arrivals(seed, profiles)


def conditions_of(scenario: Scenario, network: Network, seed: int, end_s: float) -> Conditions | None:
    """Return what befalls links and servers, where the scenario says so."""
    interaction = scenario.interaction
    files = {
        "capacity": scenario.bandwidth and scenario.bandwidth.file,
        "load": interaction and interaction.file,
        "outages": scenario.faults and scenario.faults.file,
    }
    named = {name: file.written for name, file in files.items() if file is not None}
    found = read_conditions(network, **named) if named else None
    if interaction is not None and interaction.share is not None:
        traffic = Traffic(interaction.share, interaction.mean_on, interaction.mean_off).on(network, seed, end_s)
        found = traffic if found is None else replace(found, load_bps=traffic.load_bps)
    return found
