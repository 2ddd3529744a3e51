"""What the engine announces, and who may listen. No listener, no cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cutlayer.simulator.demand import Demand, Tightest
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Decision
from cutlayer.simulator.types import Deployment, Task


@dataclass(frozen=True, slots=True)
class Decided:
    """Announced after a decision has been applied.

    Attributes
    ----------
    time_s : float
    task : Task
    decision : Decision
    deployment : Deployment or None
        What the task holds now.
    evicted : tuple of Deployment
        What was given up for it.
    demand : Demand
        What every cut of the task takes.
    tightest : Tightest
        Its tightest link and server on arrival, before any eviction for it.
    """

    time_s: float
    task: Task
    decision: Decision
    deployment: Deployment | None
    evicted: tuple[Deployment, ...]
    demand: Demand
    tightest: Tightest


@dataclass(frozen=True, slots=True)
class Departed:
    """Announced when a task leaves at the end of its life."""

    time_s: float
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Evicted:
    """Announced when a scheduler has evicted tasks after a change of capacity or an outage."""

    time_s: float
    deployments: tuple[Deployment, ...]


class Listener(Protocol):
    """Hears what the engine does; may read the ledger it is shown at the start, never write to it."""

    def on_start(self, ledger: Ledger) -> None: ...
    def on_decided(self, event: Decided) -> None: ...
    def on_departed(self, event: Departed) -> None: ...
    def on_evicted(self, event: Evicted) -> None: ...
    def on_end(self, time_s: float) -> None: ...
