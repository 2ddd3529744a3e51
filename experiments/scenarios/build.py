"""From what a scenario says to what a run is given: networks, tasks, frames, conditions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer.experiments.scenarios.arrivals import cut_short, end_of, frame_note, left_out, trace_of
from cutlayer.experiments.scenarios.capacity import measured
from cutlayer.experiments.scenarios.fields import Range
from cutlayer.experiments.scenarios.inputs import Frames, Inputs, Streamed, traffic
from cutlayer.profiles.store import load_dir, shipped
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.settings import check as check_frames
from cutlayer.simulator.frames.settings import check_windows
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.workloads.conditions import merge, read_conditions
from cutlayer.workloads.formats import read_network
from cutlayer.workloads.outages import random_faults
from cutlayer.workloads.topology.build import Topology, build_network
from cutlayer.workloads.topology.formats import read_graph
from cutlayer.workloads.topology.graphs import great_circle_m
from cutlayer.workloads.topology.placement import Uniform
from cutlayer.workloads.topology.shapes import generate
from cutlayer.workloads.traces.trace import Trace

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.network_sections import TopologySection
    from cutlayer.experiments.scenarios.scenario import Scenario

MOST_HELD = 100_000
"""More tasks than these are not held in memory, but drawn again whenever they are gone through."""


def inputs(
    scenario: Scenario, seed: int, *, network: Network | None = None, tasks: Sequence[Task] | None = None
) -> Inputs:
    """Return the inputs of a run of `scenario` for `seed`, with a network or tasks in place of its own."""
    topology = topology_of(scenario, seed) if network is None else None
    if network is None:
        network = network_of(scenario, seed) if topology is None else topology.network
    notes: list[str] = []
    found: list[Task] | Streamed
    if tasks is None:
        streamed, notes = _streamed(scenario, network, topology, seed)
        found = streamed if len(streamed) > MOST_HELD else list(streamed)
        last_s = streamed.trace.last_s
    else:
        until_s = scenario.run.until if isinstance(scenario.run.until, float) else float("inf")
        found = [task for task in tasks if task.arrival_s <= until_s]
        notes = left_out(len(tasks) - len(found), len(tasks), until_s)
        last_s = max((task.arrival_s for task in found), default=0.0)
    end_s = end_of(scenario, last_s, found)
    frames = None
    if scenario.frames is not None:
        propagation_s: Any = 0.0 if topology is None else topology.propagation_s.tolist()
        frames = Frames(scenario.frames.settings(seed, propagation_s), scenario.frames.keep)
        if scenario.frames.window is not None:
            check_windows(network, scenario.frames.window, end_s, "frames.window")
        check_frames((), network, frames.settings, end_s)  # what no deployment can change
    return Inputs(
        network,
        found,
        None if scenario.run.until is None else end_s,
        frames,
        conditions_of(scenario, network, seed, end_s, notes),
        (*(f"network: {note}" for note in ([] if topology is None else topology.notes)), *notes),
        topology,
    )


def _streamed(scenario: Scenario, network: Network, topology: Topology | None, seed: int) -> tuple[Streamed, list[str]]:
    """Return the tasks of a scenario, checked, and notes on what was assumed; what the trace lacks is drawn."""
    profiles = profiles_of(scenario)
    trace, notes = trace_of(scenario, network, profiles, seed)
    workload = scenario.workload
    options = {
        "draws": {name: how for name, how in workload.draws.items() if not _says(trace, name)},
        "spread": workload.spreading(None if topology is None else distances(topology)),
        "seed": seed,
    }
    tasks = Streamed(trace, network, profiles, options)
    iter(tasks)
    return tasks, [*notes, *frame_note(scenario, trace, profiles), *cut_short(scenario, trace)]


def _says(trace: Trace, name: str) -> bool:
    return name in trace.columns or (name == "input_bytes" and "inputs" in trace.columns)


def network_of(scenario: Scenario, seed: int) -> Network:
    """Return the network: read, on a graph, or drawn."""
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
        "allow_raw": said.allow_raw,
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


def conditions_of(scenario: Scenario, network: Network, seed: int, end_s: float, notes: list[str]) -> Conditions | None:
    """Return the capacity, load and outages of links and servers up to `end_s`; add to `notes` what was measured."""
    bandwidth, interaction, faults = scenario.bandwidth, scenario.interaction, scenario.faults
    said = {"capacity": bandwidth, "load": interaction, "outages": faults}
    parts = []
    if named := {name: one.file.written for name, one in said.items() if one is not None and one.file is not None}:
        parts.append(read_conditions(network, **named))
    if bandwidth is not None and bandwidth.file is None:
        with _otherwise(f"bandwidth.loop = false, or {_EARLIER}"):
            parts.append(measured(bandwidth, network, seed, end_s, notes))
    if interaction is not None and interaction.share is not None:
        times = {"mean_on_s": interaction.mean_on, "mean_off_s": interaction.mean_off}
        with _otherwise(f"longer interaction.mean_on and mean_off, no [interaction], or {_EARLIER}"):
            parts.append(traffic(network, seed, end_s, share=interaction.share, **times))
    if faults is not None and (faults.servers is not None or faults.links is not None):
        servers = None if faults.servers is None else faults.servers.built()
        links = None if faults.links is None else faults.links.built()
        with _otherwise(f"longer mean_up and mean_down in [faults], or {_EARLIER}"):
            parts.append(random_faults(network, seed, end_s, servers=servers, links=links))
    return merge(*parts) if parts else None


_EARLIER = "an earlier end (run.until, workload.trace.end or 'cutlayer trace clip')"


@contextlib.contextmanager
def _otherwise(remedy: str) -> Iterator[None]:
    """Say what to set where there would be too many changes of a link or server."""
    try:
        yield
    except InputError as fault:
        head, fewer, _ = fault.message.partition("; allowed: fewer")
        if not fewer:
            raise
        raise InputError(f"{head}; allowed: {remedy}", fault.file, fault.line) from None
