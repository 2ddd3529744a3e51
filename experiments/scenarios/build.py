"""From what a scenario says to what a run is given: networks, tasks, frames, conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.scenarios.capacity import measured
from cutlayer.experiments.scenarios.fields import Range
from cutlayer.experiments.scenarios.inputs import Frames, Inputs, Traffic
from cutlayer.profiles.store import load_dir, shipped
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.settings import check as check_frames
from cutlayer.simulator.frames.settings import check_windows
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.workloads.arrivals.generated import generated
from cutlayer.workloads.conditions import merge, read_conditions
from cutlayer.workloads.formats import read_network
from cutlayer.workloads.outages import random_faults
from cutlayer.workloads.tasks import iter_tasks
from cutlayer.workloads.topology.build import Topology, build_network
from cutlayer.workloads.topology.formats import read_graph
from cutlayer.workloads.topology.graphs import great_circle_m
from cutlayer.workloads.topology.placement import Uniform
from cutlayer.workloads.topology.shapes import generate
from cutlayer.workloads.traces.formats import format_of, read_trace
from cutlayer.workloads.traces.reshape import at_mean_rate, clipped, from_first, thinned
from cutlayer.workloads.traces.together import together
from cutlayer.workloads.traces.trace import Trace

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.network_sections import TopologySection
    from cutlayer.experiments.scenarios.scenario import Scenario
    from cutlayer.experiments.scenarios.workload import TraceSection

MOST_HELD = 100_000
"""More tasks than these are not held in memory, but drawn again whenever they are gone through."""


@dataclass(frozen=True)
class Streamed:
    """Tasks that are made as they are gone through, every time anew."""

    trace: Trace
    network: Network
    profiles: Mapping[str, Profile]
    options: Mapping[str, Any]

    def __iter__(self) -> Iterator[Task]:
        return iter_tasks(self.trace, self.network, self.profiles, **self.options)

    def __len__(self) -> int:
        return self.trace.count


def inputs(scenario: Scenario, seed: int) -> Inputs:
    """Return the inputs of a run of `scenario` for `seed`."""
    topology = topology_of(scenario, seed)
    network = network_of(scenario, seed) if topology is None else topology.network
    profiles = profiles_of(scenario)
    trace = trace_of(scenario, network, profiles, seed)
    until_s = scenario.run.until
    if until_s is not None and until_s < trace.last_s:
        raise InputError(f"run.until is {until_s:g}; allowed: {trace.last_s:g} (the last arrival) or later [s]")
    end_s = trace.last_s if until_s is None else until_s
    workload = scenario.workload
    options = {
        "draws": {name: how for name, how in workload.draws.items() if not _says(trace, name)},
        "spread": workload.spreading(None if topology is None else distances(topology)),
        "seed": seed,
    }
    tasks = Streamed(trace, network, profiles, options)
    iter(tasks)  # so that what is wrong is said now
    frames = None
    if scenario.frames is not None:
        propagation_s: Any = 0.0 if topology is None else topology.propagation_s.tolist()
        frames = Frames(scenario.frames.settings(seed, propagation_s), scenario.frames.keep)
        if scenario.frames.window is not None:
            check_windows(network, scenario.frames.window, end_s, "frames.window")
        check_frames((), network, frames.settings, end_s)  # what no deployment can change
    notes = [f"network: {note}" for note in ([] if topology is None else topology.notes)]
    return Inputs(
        network,
        list(tasks) if trace.count <= MOST_HELD else tasks,
        until_s,
        frames,
        conditions_of(scenario, network, seed, end_s, notes),
        notes,
        topology,
    )


def _says(trace: Trace, name: str) -> bool:
    return name in trace.columns or (name == "input_bytes" and "inputs" in trace.columns)


def network_of(scenario: Scenario, seed: int) -> Network:
    """Return the network: read, on a graph, or drawn as the paper's (`cutlayer.workloads.generate`)."""
    said = scenario.network
    topology = topology_of(scenario, seed)
    if topology is not None:
        return topology.network
    if said.file is not None:
        return read_network(said.file.written, **_options(scenario))
    return Network(
        stream(seed, "capacity").uniform(said.capacity.low, said.capacity.high, said.servers),
        stream(seed, "uplink").uniform(said.uplink.low, said.uplink.high, said.servers),
        **_options(scenario),
    )


def _options(scenario: Scenario) -> dict[str, Any]:
    said = scenario.network
    return {
        "usable_share": said.usable_share,
        "reservation": said.reservation,
        "reservation_margin": said.reservation_margin,
        "cloud_flop_per_s": float("inf") if said.cloud is None else said.cloud,
    }


def topology_of(scenario: Scenario, seed: int) -> Topology | None:
    """Return the graph that the servers stand on, where there is one."""
    said = scenario.network.topology
    if said is None:
        return None
    try:
        return _placed(said, scenario, seed)
    except InputError as fault:
        raise fault if fault.file or said.file is None else fault.located(said.file.written) from None


def _placed(said: TopologySection, scenario: Scenario, seed: int) -> Topology:
    if said.shape is not None:
        speed = _one_or(said.link_speed)
        graph = generate(said.shape.name, seed=seed, link_bps=speed, **said.shape.parameters)
    else:
        assert said.file is not None
        graph = read_graph(said.file.written, source=said.source_attribute, target=said.target_attribute)
    return build_network(
        graph,
        servers=said.servers,
        cloud=said.cloud,
        capacity_flop_per_s=said.capacity_attribute or _one_or(scenario.network.capacity),
        route_by=said.route_by,
        default_link_bps=said.link_speed.low,
        default_propagation_s=said.link_delay,
        seed=seed,
        attributes=said.attributes,
        capacity_unit=said.capacity_unit,
        **_options(scenario),
    )


def _one_or(range: Range) -> float | Uniform:
    return range.low if range.low == range.high else Uniform(*range)


def distances(topology: Topology) -> Any:
    """Return the distances between servers on the map, shape (E, E); None where a server has no place on it."""
    by_name = {node.name: node.position for node in topology.nodes}
    places = [by_name.get(path[0]) for path in topology.paths]
    if any(place is None for place in places):
        return None
    return np.array([[great_circle_m(one, other) for other in places] for one in places])  # type: ignore[arg-type]


def profiles_of(scenario: Scenario) -> Mapping[str, Profile]:
    """Return the profiles there are."""
    folder = scenario.workload.profile_folder
    return shipped() if folder is None else load_dir(folder.written)


def trace_of(scenario: Scenario, network: Network, profiles: Mapping[str, Profile], seed: int) -> Trace:
    """Return when tasks arrive and what is known of them: from files, or generated."""
    said = scenario.workload
    if said.trace is None:
        return generated(said.arrivals.built(), seed, tasks=said.tasks, until_s=said.duration)
    traces: dict[str, Trace] = {}
    for one in said.trace:
        name = one.file.written
        while name in traces:
            name += " "  # the same file again: its tasks come twice
        traces[name] = _read(one, network, profiles, seed)
    return together(traces)


def _read(said: TraceSection, network: Network, profiles: Mapping[str, Profile], seed: int) -> Trace:
    path = said.file.written
    kind = said.format or ("mapped" if said.columns is not None else format_of(path))
    names = {"servers": dict.fromkeys(network.servers), "profiles": profiles}
    trace = read_trace(path, kind, seed=seed, **said.options, **(names if kind in ("native", "parquet") else {}))
    try:
        if said.begin is None:
            trace = from_first(trace)
        if said.begin is not None or said.end is not None:
            trace = clipped(trace, said.begin or 0.0, float("inf") if said.end is None else said.end)
        if said.tasks is not None:
            trace = thinned(trace, said.tasks, seed)
        return trace if said.rate is None else at_mean_rate(trace, said.rate)
    except InputError as fault:
        raise fault.located(path) from None


def conditions_of(scenario: Scenario, network: Network, seed: int, end_s: float, notes: list[str]) -> Conditions | None:
    """Return the capacity, load and outages of links and servers up to `end_s`; add to `notes` what was measured."""
    bandwidth, interaction, faults = scenario.bandwidth, scenario.interaction, scenario.faults
    said = {"capacity": bandwidth, "load": interaction, "outages": faults}
    parts = []
    if named := {name: one.file.written for name, one in said.items() if one is not None and one.file is not None}:
        parts.append(read_conditions(network, **named))
    if bandwidth is not None and bandwidth.file is None:
        parts.append(measured(bandwidth, network, seed, end_s, notes))
    if interaction is not None and interaction.share is not None:
        parts.append(Traffic(interaction.share, interaction.mean_on, interaction.mean_off).on(network, seed, end_s))
    if faults is not None and (faults.servers is not None or faults.links is not None):
        servers = None if faults.servers is None else faults.servers.built()
        links = None if faults.links is None else faults.links.built()
        parts.append(random_faults(network, seed, end_s, servers=servers, links=links))
    return merge(*parts) if parts else None
