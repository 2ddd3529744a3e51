"""The simulation: tasks arrive and leave, the scheduler is asked, the ledger is kept.

SimPy owns time. At every arrival the engine suspends, shows the scheduler a `View`, takes its answer,
checks it against the ledger, applies it and resumes. Events of one instant go in this order: changes of
capacity, departures, arrivals in trace order; times that rounding alone keeps apart are one
instant (see `cutlayer.simulator.ties`). The engine never prints and never formats: it announces to listeners.
"""

from __future__ import annotations

import copy
import math
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from cutlayer.simulator.answers import Planned, check_answer, check_evicted, twice, who
from cutlayer.simulator.clock import EventClock
from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.demand import Demand
from cutlayer.simulator.errors import CapacityError, DecisionError, InputError
from cutlayer.simulator.events import Decided, Departed, Evicted, Listener
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Past, Scheduler, View
from cutlayer.simulator.types import Deployment, FloatArray, Network, Task

CHANGE, DEPARTURE, ARRIVAL = 2, 3, 4
"""SimPy priorities of events at one instant; 0 and 1 are SimPy's own."""

PAST_DECISIONS = 1000
"""How many decisions a view remembers."""


@dataclass(slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    deployed : dict of str to Deployment
        Who is deployed at the end, the one deployed longest ago first.
    counts : Counter
        How many tasks ``arrived``, were ``rejected``, ``evicted`` and ``departed``.
    end_s : float
        When it ended [s].
    scheduler : Scheduler
        The scheduler as it was at the end.
    """

    deployed: dict[str, Deployment] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    end_s: float = 0.0
    scheduler: Scheduler = field(default_factory=Scheduler)


class Simulation:
    """One run, ready to go.

    Parameters
    ----------
    network : Network
    tasks : iterable of Task
        In order of arrival; may be lazy for an online scheduler.
    scheduler : Scheduler
        The run plays a deep copy of it.
    until_s : float, optional
        When to end [s]; the last arrival by default. Events at that very time still happen.
    listeners : sequence of Listener
    conditions : Conditions, optional
        Capacities, loads and outages over time. Reservations stay; what is down offers nothing to newcomers.
    """

    def __init__(
        self,
        network: Network,
        tasks: Iterable[Task],
        scheduler: Scheduler,
        *,
        until_s: float | None = None,
        listeners: Sequence[Listener] = (),
        conditions: Conditions | None = None,
    ) -> None:
        if until_s is not None and not 0 <= until_s < math.inf:
            raise InputError(f"until_s is {until_s!r}; allowed: 0 or more, finite")
        self.network = network
        self.clock = EventClock()
        self.ledger = Ledger(network)
        self.listeners = listeners
        self.until_s = until_s
        self.outcome = Outcome(scheduler=copy.deepcopy(scheduler))
        self._past: deque[Past] = deque(maxlen=PAST_DECISIONS)
        self._demands: dict[str, Demand] = {}
        self._leaving: dict[str, simpy.Event] = {}
        policy = self.outcome.scheduler
        if isinstance(policy, OfflineScheduler):
            tasks = tuple(tasks)
            policy = Planned(policy, tasks, network)
        if not isinstance(policy, OnlineScheduler):
            raise DecisionError(f"{policy!r} is neither an OnlineScheduler nor an OfflineScheduler")
        self.policy = policy
        self._tasks = tasks
        self._changing: Iterator[tuple[float, FloatArray, NDArray[np.bool_]]] | None = None
        if conditions is not None:
            conditions.check(network)
            self._changing = conditions.changes(network)

    def run(self) -> Outcome:
        """Run to the end and return the outcome.

        Raises
        ------
        DecisionError
            If the scheduler answers with something not allowed; the message names task, server, resource,
            need and free amount.
        InputError
            If tasks are not in order of arrival.
        """
        for listener in self.listeners:
            listener.on_start(self.ledger)
        if self._changing is not None:
            _, link_capacity_bps, server_up = next(self._changing)
            self.ledger.set_state(link_capacity_bps, server_up)
            self.clock.process(self._changes(self._changing))
        arrivals = self.clock.process(self._arrivals())
        if self.until_s is None:
            self.clock.run(arrivals)
        else:
            self.clock.run(self.clock.at(self.until_s, ARRIVAL + 1))
        self.outcome.end_s = self.clock.now
        for listener in self.listeners:
            listener.on_end(self.clock.now)
        return self.outcome

    def _changes(
        self, changing: Iterator[tuple[float, FloatArray, NDArray[np.bool_]]]
    ) -> Generator[simpy.Event, Any, None]:
        for time_s, link_capacity_bps, server_up in changing:
            yield self.clock.at(time_s, CHANGE)
            self.ledger.set_state(link_capacity_bps, server_up)
            names = tuple(self.policy.on_change(self._view()))
            if names:
                check_evicted(names, self.outcome.deployed, self.outcome.scheduler, "after a change of capacity")
                event = Evicted(self.clock.now, tuple(self._evict(names)))
                self.outcome.counts["evicted"] += len(names)
                for listener in self.listeners:
                    listener.on_evicted(event)

    def _evict(self, names: Iterable[str]) -> list[Deployment]:
        evicted = []
        for name in names:
            evicted.append(self.outcome.deployed.pop(name))
            self.ledger.release(name)
            if (leaving := self._leaving.pop(name, None)) is not None:
                self.clock.cancel(leaving)
        return evicted

    def _arrivals(self) -> Generator[simpy.Event, Any, None]:
        for task in self._tasks:
            if task.arrival_s < self.clock.now:
                raise InputError(
                    f"task {task.name!r} arrives at {task.arrival_s!r} s, before {self.clock.now!r} s; sort by arrival"
                )
            yield self.clock.at(task.arrival_s, ARRIVAL)
            self._arrive(task)

    def _arrive(self, task: Task) -> None:
        if task.name in self.outcome.deployed:
            raise twice(task.name)
        view = self._view()
        decision = self.policy.decide(task, view)
        check_answer(decision, task, view, self.outcome.scheduler)
        self.outcome.counts["arrived"] += 1
        demand = view.demand(task)
        tightest = self.ledger.tightest(demand) if self.listeners else None
        evicted: list[Deployment] = []
        deployment = None
        if isinstance(decision, Deploy):
            evicted = self._evict(decision.evict)
            deployment = self._deploy(task, decision.cut, demand)
        else:
            self.outcome.counts["rejected"] += 1
        self.outcome.counts["evicted"] += len(evicted)
        self._past.append(Past(self.clock.now, task, decision))
        if tightest is not None:
            event = Decided(self.clock.now, task, decision, deployment, tuple(evicted), demand, tightest)
            for listener in self.listeners:
                listener.on_decided(event)

    def _deploy(self, task: Task, cut: int, demand: Demand) -> Deployment:
        try:
            self.ledger.reserve(demand, cut)
        except CapacityError as fault:
            raise DecisionError(f"{who(self.outcome.scheduler)} deploys what does not fit: {fault}") from fault
        deployment = Deployment(
            task, cut, self.clock.now, task.frame_bytes * demand.rho[cut], task.frame_bytes * demand.gamma[cut]
        )
        self.outcome.deployed[task.name] = deployment
        if task.lifetime_s < math.inf:
            leaving = self.clock.at(self.clock.now + task.lifetime_s, DEPARTURE)
            leaving.callbacks.append(lambda _: self._depart(deployment))
            self._leaving[task.name] = leaving
        return deployment

    def _depart(self, deployment: Deployment) -> None:
        name = deployment.task.name
        del self._leaving[name], self.outcome.deployed[name]
        self.ledger.release(name)
        self.outcome.counts["departed"] += 1
        self.policy.on_departure(deployment, self._view())
        if self.listeners:
            event = Departed(self.clock.now, deployment)
            for listener in self.listeners:
                listener.on_departed(event)

    def _view(self) -> View:
        return View(self.ledger, self.outcome.deployed, self.clock.now, self._past, self._demands)


def simulate(
    network: Network,
    tasks: Iterable[Task],
    scheduler: Scheduler,
    *,
    until_s: float | None = None,
    listeners: Sequence[Listener] = (),
    conditions: Conditions | None = None,
) -> Outcome:
    """Run `tasks` through `network` under `scheduler` and return the outcome; see `Simulation`."""
    return Simulation(network, tasks, scheduler, until_s=until_s, listeners=listeners, conditions=conditions).run()
