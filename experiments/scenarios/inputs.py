"""What goes into a run: network, tasks, frames, and what befalls links and servers meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cutlayer.simulator.conditions import Conditions, on_off_load
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.spans import SpanRecorder
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Task

if TYPE_CHECKING:
    from cutlayer.simulator.frames.results import FrameResults
    from cutlayer.workloads.topology.build import Topology


@dataclass(frozen=True)
class Frames:
    """What the frames of a run are like, whether to keep every one, and in how many threads to walk them (all)."""

    settings: FrameSettings
    keep: bool = False
    threads: int | None = None

    def walk(self, network: Network, spans: SpanRecorder, conditions: Conditions | None) -> FrameResults:
        """Walk every frame of the tasks that `spans` heard of."""
        from cutlayer.simulator.frames.run import run_frames  # compiled: loaded by those who ask for frames

        return run_frames(
            network,
            spans.spans(),
            self.settings,
            end_s=spans.end_s,
            conditions=conditions,
            keep_frames=self.keep,
            workers=self.threads or os.cpu_count() or 1,
        )


@dataclass(frozen=True)
class Traffic:
    """Interaction traffic on every uplink: on for exponential times, off for exponential times.

    Attributes
    ----------
    share : float
        What it takes while it is on, as a share of the uplink.
    mean_on_s, mean_off_s : float
        How long it stays on and off, on average [s].
    """

    share: float
    mean_on_s: float
    mean_off_s: float

    def on(self, network: Network, seed: int, end_s: float) -> Conditions:
        """Return the loads on the links of `network` up to `end_s`, each from a stream of its own."""
        return Conditions(
            load_bps={
                name: on_off_load(
                    stream(seed, "interaction", name), self.share * float(bps), self.mean_on_s, self.mean_off_s, end_s
                )
                for name, bps in zip(network.links, network.link_bps, strict=True)
            }
        )


@dataclass(frozen=True)
class Inputs:
    """All that one run is given but its scheduler.

    Attributes
    ----------
    network : Network
    tasks : iterable of Task
        In order of arrival; a list, or lazy where there are too many to hold.
    until_s : float, optional
        When to end [s]; the last arrival by default.
    frames : Frames, optional
        What the deployed tasks' frames are like; without it no frame is simulated.
    conditions : Conditions, optional
        What befalls links and servers meanwhile.
    notes : tuple of str
        What the network's graph does not say and what was assumed instead, a sentence each.
    topology : Topology, optional
        The graph from which the network was made.
    """

    network: Network
    tasks: Iterable[Task]
    until_s: float | None = None
    frames: Frames | None = None
    conditions: Conditions | None = None
    notes: tuple[str, ...] = ()
    topology: Topology | None = None


class Source(Protocol):
    """Where the inputs of runs come from: a scenario. Picklable, so that workers can make their own inputs."""

    @property
    def description(self) -> Mapping[str, Any]:
        """All that decides the inputs but the seed, as JSON: parameters, and digests of what files hold."""

    def inputs(self, seed: int) -> Inputs:
        """Return the inputs for `seed`: always the same ones."""
