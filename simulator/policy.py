"""What a scheduler sees and what it may answer.

A scheduler is asked about one task at a time (`OnlineScheduler.decide`) or sees the whole task set once
(`OfflineScheduler.plan`). It sees a `View`: what a real scheduler could know, never the future. It answers
`Deploy` or `Reject`; the engine checks the answer against the ledger and applies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cutlayer.simulator.demand import CutRule, Demand, balanced, demand_of
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.types import Deployment, FloatArray, IntArray, Network, Task


def _plain(cut: Any) -> Any:
    """Return a whole number of numpy's as Python's; anything else as it is, for the engine to judge."""
    return int(cut) if isinstance(cut, np.integer) else cut


@dataclass(frozen=True, slots=True)
class Deploy:
    """Deploy the task at `cut`, after evicting the tasks named in `evict`, in that order."""

    cut: int
    evict: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cut", _plain(self.cut))
        object.__setattr__(self, "evict", tuple(self.evict))


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not deploy the task.

    Attributes
    ----------
    reason : str
        Why, in words, for the results.
    cut : int or None
        The cut that was considered first; the results record its shortage.
    """

    reason: str
    cut: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cut", _plain(self.cut))


Decision = Deploy | Reject


@dataclass(frozen=True, slots=True)
class Past:
    """One decision that has been taken."""

    time_s: float
    task: Task
    decision: Decision


class View:
    """What a scheduler knows at the moment it is asked. Nothing in it can be written to.

    Attributes
    ----------
    now_s : float
        The time [s].
    network : Network
        Nominal capacities.
    deployed : mapping of str to Deployment
        The deployed tasks by name, the one deployed longest ago first.
    past : sequence of Past
        The most recent decisions, newest last.
    """

    __slots__ = ("_demands", "_ledger", "_past", "deployed", "network", "now_s")

    def __init__(
        self,
        ledger: Ledger,
        deployed: Mapping[str, Deployment],
        now_s: float = 0.0,
        past: Iterable[Past] = (),
        demands: dict[str, Demand] | None = None,
    ) -> None:
        self._ledger = ledger
        self._past = past
        self._demands = {} if demands is None else demands
        self.deployed = MappingProxyType(deployed)
        self.network = ledger.network
        self.now_s = now_s

    @property
    def past(self) -> Sequence[Past]:
        """The most recent decisions, newest last."""
        return tuple(self._past)

    @property
    def free_bps(self) -> FloatArray:
        """What may still be reserved on every link [bit/s], shape (M,); read-only."""
        return self._ledger.free_bps

    @property
    def free_flop_per_s(self) -> FloatArray:
        """What may still be reserved at every server [FLOP/s], shape (E,); read-only."""
        return self._ledger.free_flop_per_s

    @property
    def link_capacity_bps(self) -> FloatArray:
        """What every link can carry right now [bit/s], shape (M,), 0 where it is down; read-only."""
        return self._ledger.link_capacity_bps

    @property
    def server_up(self) -> NDArray[np.bool_]:
        """Which servers are up right now, shape (E,); read-only."""
        return self._ledger.server_up

    @property
    def all_up(self) -> bool:
        """Whether every link and every server is up."""
        return self._ledger.all_up

    def demand(self, task: Task) -> Demand:
        """Return what every cut of `task` takes, of its own links and servers alone.

        Index arrays of the network, such as `free_bps`, with ``demand.links``, and `free_flop_per_s` with
        ``demand.servers``, to set them beside it.
        """
        demand = self._demands.get(task.name)
        if demand is None or demand.task is not task:
            self._demands.clear()  # a scheduler looks at one task at a time
            demand = self._demands[task.name] = demand_of(task, self.network)
        return demand

    def candidates(self, task: Task, rule: CutRule) -> list[int]:
        """Return the cuts that `rule` allows, first choice first, whether they fit or not."""
        return self._order(self.demand(task), rule).tolist()  # type: ignore[no-any-return]

    def fitting(self, task: Task) -> list[int]:
        """Return every cut that fits on all servers of `task`, rising: 1 to N; from 0 (raw input) with `allow_raw`."""
        demand = self.demand(task)
        return (np.flatnonzero(self._ledger.fitting(demand)[demand.first_cut :]) + demand.first_cut).tolist()

    def fits(self, task: Task, cut: int) -> bool:
        """Return whether that cut, 0 (raw input) to N, fits on all servers of `task`."""
        return bool(self._ledger.fitting(self.demand(task))[cut])

    def first_fit(self, task: Task, rule: CutRule) -> int | None:
        """Return the first candidate cut of `rule` that fits on all servers of `task`, or None."""
        demand = self.demand(task)
        order = self._order(demand, rule)
        fitting = order[self._ledger.fitting(demand)[order]]
        return int(fitting[0]) if len(fitting) else None

    def _order(self, demand: Demand, rule: CutRule) -> IntArray:
        order = rule(demand, self._ledger.room(demand))
        return order[order >= demand.first_cut]

    def empty(self) -> View:
        """Return the view of the same network, as it is now, with nobody deployed."""
        return View(self._ledger.emptied(), {}, self.now_s, self._past, self._demands)

    def nominal(self) -> View:
        """Return the view of the same network with all of it up and nobody deployed."""
        return View(Ledger(self.network), {}, self.now_s, self._past, self._demands)

    def without(self, *names: str) -> View:
        """Return the view as it would be with these tasks evicted."""
        ledger, deployed = self._ledger.copy(), dict(self.deployed)
        for name in names:
            ledger.release(name)
            del deployed[name]
        return View(ledger, deployed, self.now_s, self._past, self._demands)


DOWN = "what it needs is down"
"""Why a task is rejected that would fit if every link and server were up."""


def rejection_when_empty(task: Task, view: View, rule: CutRule = balanced) -> Reject:
    """Return the answer for a task that no cut of `rule` could place right now even with no task deployed.

    The reason tells a network that is too small for it from one part of which is down.
    """
    would_fit = not view.all_up and view.nominal().first_fit(task, rule) is not None
    reason = f"no cut fits: {DOWN}" if would_fit else "no cut fits even the empty network"
    return Reject(reason, view.candidates(task, rule)[0])


class Scheduler:
    """Base of all schedulers. Parameters are keyword arguments of the constructor.

    Every run plays a deep copy, so what a scheduler learns in one run never reaches another: initialise
    state in ``__init__`` and change it freely.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """Parameters the contract checks try, one set each."""

    sends_raw: ClassVar[bool] = False
    """Whether it may answer cut 0, the raw input, without `allow_raw`; of the built-in schedulers only `cloud` may."""

    excused: ClassVar[Mapping[str, str]] = {}
    """Contract checks this scheduler cannot pass, with the reason; an excuse that is not needed fails."""

    def report(self) -> Mapping[str, Any]:
        """Return what the scheduler knows at the end of a run that the results should keep, as plain values."""
        return {}


class OnlineScheduler(Scheduler):
    """A scheduler that decides about each task as it arrives."""

    def decide(self, task: Task, view: View) -> Decision:
        """Answer `Deploy` or `Reject` for `task`, which has just arrived."""
        raise NotImplementedError

    def on_departure(self, deployment: Deployment, view: View) -> None:
        """Called when a task has left at the end of its lifetime."""

    def on_change(self, view: View) -> Iterable[str]:
        """Called when the capacity of a link changes, or a server or link goes down or comes back.

        Returns
        -------
        iterable of str
            The deployed tasks to evict, by name; none by default.
        """
        return ()


class OfflineScheduler(Scheduler):
    """A scheduler that sees all tasks once, treating them as staying, and returns a plan."""

    def plan(self, tasks: Sequence[Task], network: Network) -> Mapping[str, int]:
        """Return the cut of every task to deploy, by name; tasks left out are rejected."""
        raise NotImplementedError

    def rejection(self, task: Task) -> Reject:
        """Return the answer for a task that the last plan has left out, with the reason."""
        return Reject("not in the plan")


SCHEDULERS: Registry[type[Scheduler]] = Registry("scheduler")
