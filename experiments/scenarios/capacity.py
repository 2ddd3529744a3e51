"""From the section ``[bandwidth]`` of a scenario to the capacity of links over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth.give import given_to, placed, read_bandwidth
from cutlayer.workloads.bandwidth.summary import in_words, wonder
from cutlayer.workloads.bandwidth.trace import BandwidthTrace

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.network_sections import BandwidthSection


def read_measurement(said: BandwidthSection, path: str) -> BandwidthTrace:
    """Return the measurement in a file, cut and scaled as the section has it."""
    trace = read_bandwidth(path, said.format, bin_s=said.bin, table=said.table)
    try:
        if said.begin or said.end is not None:
            trace = trace.cut(said.begin, trace.end_s if said.end is None else said.end)
        return trace if said.mean is None else trace.scaled(said.mean)
    except InputError as fault:
        raise fault.located(path) from None


def measured(said: BandwidthSection, network: Network, seed: int, end_s: float, notes: list[str]) -> Conditions:
    """Return the links' capacity up to `end_s` as measured; add to `notes` what each file holds.

    Raises
    ------
    InputError
        For a file or link that is wrong.
    """
    known: dict[str, BandwidthTrace] = {}

    def read(file: Any) -> str:
        path: str = file.written
        if path not in known:
            known[path] = read_measurement(said, path)
            notes.append(f"bandwidth: {path}: {in_words(known[path])}")
        return path

    files = said.trace if isinstance(said.trace, list) else [said.trace]
    of_links = given_to(network, {link: read(file) for link, file in said.links.items()} if said.links else
                        [read(file) for file in files])  # fmt: skip
    means = {path: trace.mean_bps for path, trace in known.items()}
    far = wonder(network, {link: (path, means[path]) for link, path in of_links.items()})
    notes += [f"bandwidth: {note}" for note in far]
    until_s = end_s if said.loop and end_s > 0 else None
    start = seed if said.random_start else None
    return Conditions(
        capacity_bps={link: placed(known[path], link, until_s, start).steps() for link, path in of_links.items()}
    )
