"""Who was deployed from when to when, at which cut: what the frames of a run follow from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.events import Decided, Departed, Evicted
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.types import Deployment, Task

Ending = Literal["deployed", "departed", "evicted"]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """One task's time in the network.

    Attributes
    ----------
    task : Task
    cut : int
        Layers 1..cut run on the edge.
    start_s, end_s : float
        When it was deployed (included) and when it ended (excluded) [s]; infinite if it never did.
    ending : {"deployed", "departed", "evicted"}
        How it ended; ``"deployed"``: it was there at the end of the run.
    """

    task: Task
    cut: int
    start_s: float
    end_s: float = float("inf")
    ending: Ending = "deployed"

    def __post_init__(self) -> None:
        what = f"task {self.task.name!r}:"
        if not 0 <= self.start_s <= self.end_s:
            raise InputError(f"{what} deployed from {self.start_s!r} to {self.end_s!r} s; allowed: 0 <= start <= end")
        if not 0 <= self.cut <= len(self.task.profile):
            raise InputError(f"{what} cut is {self.cut!r}; allowed: 0 to {len(self.task.profile)}")


class SpanRecorder:
    """Listens to the engine and keeps one span a deployment, in order of deployment.

    Examples
    --------
    >>> from cutlayer.simulator.schedulers import SCHEDULERS
    >>> from cutlayer.simulator.engine import simulate
    >>> from cutlayer.simulator.types import Layer, Network, Profile, Task
    >>> camera = Profile("camera", (8,), 8.0, (Layer("conv", 100, (4,), 4.0),))
    >>> spans = SpanRecorder()
    >>> _ = simulate(
    ...     Network([1e3], [1e3]), [Task("t", 2.0, camera, 1.0, 1.0, [0], [8.0])], SCHEDULERS["fifo"](),
    ...     listeners=[spans],
    ... )
    >>> [(span.task.name, span.cut, span.start_s, span.end_s, span.ending) for span in spans.spans()]
    [('t', 1, 2.0, inf, 'deployed')]
    """

    def __init__(self) -> None:
        self.end_s = 0.0
        self._spans: dict[Deployment, Span] = {}

    def on_start(self, ledger: Ledger) -> None:
        """Nothing to remember."""

    def on_decided(self, event: Decided) -> None:
        """Open the span of the task deployed, close those of the evicted."""
        for deployment in event.evicted:
            self._close(deployment, event.time_s, "evicted")
        if event.deployment is not None:
            held = event.deployment
            self._spans[held] = Span(held.task, held.cut, held.since_s)

    def on_departed(self, event: Departed) -> None:
        """Close the span of the task that left."""
        self._close(event.deployment, event.time_s, "departed")

    def on_evicted(self, event: Evicted) -> None:
        """Close the spans of the evicted."""
        for deployment in event.deployments:
            self._close(deployment, event.time_s, "evicted")

    def on_end(self, time_s: float) -> None:
        """Keep when the run ended."""
        self.end_s = time_s

    def _close(self, held: Deployment, time_s: float, ending: Ending) -> None:
        self._spans[held] = Span(held.task, held.cut, held.since_s, time_s, ending)

    def spans(self) -> list[Span]:
        """Return the spans, in order of deployment."""
        return list(self._spans.values())
