"""What goes into a run: network, tasks, frames, and what befalls links and servers meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cutlayer.simulator.conditions import Conditions, on_off_load
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.spans import SpanRecorder
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.workloads.tasks import iter_tasks
from cutlayer.workloads.traces.trace import Trace

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


def traffic(
    network: Network, seed: int, end_s: float, *, share: float, mean_on_s: float, mean_off_s: float
) -> Conditions:
    """Return interaction traffic on every link up to `end_s`, each from a stream of its own.

    It takes `share` of the link while it is on, and is on and off for exponential times with these means [s].
    """
    return Conditions(
        load_bps={
            name: on_off_load(stream(seed, "interaction", name), share * float(bps), mean_on_s, mean_off_s, end_s)
            for name, bps in zip(network.links, network.link_bps, strict=True)
        }
    )


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


@dataclass(frozen=True)
class Inputs:
    """All that one run is given but its scheduler.

    Attributes
    ----------
    network : Network
    tasks : list of Task, or Streamed
        In order of arrival; streamed where there are too many to hold.
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
    tasks: list[Task] | Streamed
    until_s: float | None = None
    frames: Frames | None = None
    conditions: Conditions | None = None
    notes: tuple[str, ...] = ()
    topology: Topology | None = None

    @property
    def end_s(self) -> float:
        """When the run ends [s]."""
        if self.until_s is not None:
            return self.until_s
        if isinstance(self.tasks, Streamed):
            return self.tasks.trace.last_s
        return self.tasks[-1].arrival_s if self.tasks else 0.0

    @property
    def held(self) -> bool:
        """Whether all tasks are in memory."""
        return not isinstance(self.tasks, Streamed)
