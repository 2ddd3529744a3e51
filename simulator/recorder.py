"""Listens to the engine and builds the tables of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from simulator.errors import InputError
from simulator.events import Decided, Departed, Evicted
from simulator.ledger import Ledger
from simulator.policy import Deploy
from simulator.tables import Row, column_names
from simulator.types import Deployment, Task
from simulator.units import bits

OUTCOMES = ("deployed", "departed", "rejected", "evicted")


class Recorder:
    """Keeps what happened to every task, every decision and every change of a total.

    Parameters
    ----------
    by_resource : bool
        Also keep every change at every server and link (``series_by``).
    """

    def __init__(self, *, by_resource: bool = False) -> None:
        self.by_resource = by_resource
        self.end_s = 0.0
        self.peak_deployed_tasks = 0
        self.first_eviction_arrivals: int | None = None
        self._tasks: dict[str, list[Any]] = {}
        self._counts = dict.fromkeys(("arrived", *OUTCOMES), 0)
        self._decisions: list[Row] = []
        self._series: list[Row] = []
        self._series_by: list[Row] = []

    def on_start(self, ledger: Ledger) -> None:
        """Remember the ledger to read."""
        self._ledger = ledger
        self._network = ledger.network

    def on_decided(self, event: Decided) -> None:
        """Keep the decision and what it did to the tasks and totals."""
        task, decision = event.task, event.decision
        if task.name in self._tasks:
            raise InputError(f"task {task.name!r} arrives twice; every task needs a name of its own")
        self._counts["arrived"] += 1
        for deployment in event.evicted:
            self._end(deployment, "evicted", event.time_s)
        if event.evicted and self.first_eviction_arrivals is None:
            self.first_eviction_arrivals = self._counts["arrived"]
        self._tasks[task.name] = [task, "rejected" if event.deployment is None else "deployed", event.deployment, None]
        self._counts["rejected" if event.deployment is None else "deployed"] += 1
        self._decisions.append(
            (
                event.time_s,
                task.name,
                "deploy" if isinstance(decision, Deploy) else "reject",
                decision.cut,
                None if isinstance(decision, Deploy) else decision.reason,
                json.dumps([deployment.task.name for deployment in event.evicted]),
                *self._met(event),
            )
        )
        changed = event.evicted if event.deployment is None else (*event.evicted, event.deployment)
        self._total(event.time_s, changed)

    def on_departed(self, event: Departed) -> None:
        """Keep the departure."""
        self._end(event.deployment, "departed", event.time_s)
        self._total(event.time_s, (event.deployment,))

    def on_evicted(self, event: Evicted) -> None:
        """Keep who was evicted after a change of capacity."""
        for deployment in event.deployments:
            self._end(deployment, "evicted", event.time_s)
        names = json.dumps([deployment.task.name for deployment in event.deployments])
        nothing = (None,) * (len(column_names("decisions")) - 6)
        self._decisions.append((event.time_s, None, "evict", None, "after a change of capacity", names, *nothing))
        self._total(event.time_s, event.deployments)

    def on_end(self, time_s: float) -> None:
        """Keep when the run ended."""
        self.end_s = time_s

    def _end(self, deployment: Deployment, outcome: str, time_s: float) -> None:
        self._tasks[deployment.task.name][1:] = [outcome, deployment, time_s]
        self._counts["deployed"] -= 1
        self._counts[outcome] += 1

    def _met(self, event: Decided) -> Row:
        """Return what the task met when it came: the tightest link and server, and what its cuts need there."""
        at, demand, cut = event.tightest, event.demand, event.decision.cut
        server = self._network.servers[at.server]
        needs = [at.needs(demand, k) for k in range(len(demand.rho))]
        need_bps, need_flop_per_s = (None, None) if cut is None else needs[cut]
        bound = None if cut is None else at.bottleneck(demand, cut)
        on_link: Row = (None,) * 4
        if at.link is not None:
            on_link = (self._network.links[at.link], need_bps, at.free_bps, _minus(at.free_bps, need_bps))
        on_server = (server, need_flop_per_s, at.free_flop_per_s, _minus(at.free_flop_per_s, need_flop_per_s))
        return (bound, *on_link, *on_server, json.dumps(needs))

    def _total(self, time_s: float, changed: tuple[Deployment, ...]) -> None:
        reserved_bps, reserved_flop_per_s = self._ledger.reserved_bps, self._ledger.reserved_flop_per_s
        self.peak_deployed_tasks = max(self.peak_deployed_tasks, self._counts["deployed"])
        counts = [self._counts[name] for name in ("arrived", *OUTCOMES)]
        self._series.append((time_s, *counts, float(reserved_bps.sum()), float(reserved_flop_per_s.sum())))
        if self.by_resource:
            servers = sorted({int(i) for deployment in changed for i in deployment.task.servers})
            links = servers
            if not self._network.is_star:
                links = sorted({int(m) for m in self._network.routes[:, servers].nonzero()[0]})
            names = self._network.links, self._network.servers
            self._series_by += [(time_s, "link", names[0][m], float(reserved_bps[m]), None) for m in links]
            self._series_by += [(time_s, "server", names[1][i], None, float(reserved_flop_per_s[i])) for i in servers]

    def _task_values(self) -> Iterator[Row]:
        for task, outcome, deployment, ended_s in self._tasks.values():
            yield (*_described(task), outcome, *self._held(task, deployment, ended_s))

    def _held(self, task: Task, deployment: Deployment | None, ended_s: float | None) -> Row:
        if deployment is None:
            return (None,) * 7
        frame_bits = bits(task.frame_bytes) * float(task.profile.ratio_by_cut[deployment.cut])
        transfer_s = frame_bits / deployment.reserved_bps
        return (
            deployment.cut,
            deployment.since_s,
            ended_s,
            float(deployment.reserved_bps),
            float(deployment.reserved_flop_per_s),
            _raw_bps(deployment),
            transfer_s,
        )

    def task_rows(self) -> list[dict[str, Any]]:
        """Return the rows of the table ``tasks`` as mappings, in order of arrival."""
        names = column_names("tasks")
        return [dict(zip(names, row, strict=True)) for row in self._task_values()]

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows of every table but ``runs``."""
        return {
            "tasks": list(self._task_values()),
            "decisions": self._decisions,
            "series": self._series,
            "series_by": self._series_by,
        }

    def summary(self) -> dict[str, Any]:
        """Return the summary numbers of the row of ``runs``."""
        reserved = self._series[-1][-2:] if self._series else (0.0, 0.0)
        return {
            "end_s": self.end_s,
            **{f"{name}_tasks": count for name, count in self._counts.items()},
            "peak_deployed_tasks": self.peak_deployed_tasks,
            "first_eviction_arrivals": self.first_eviction_arrivals,
            "reserved_bps": reserved[0],
            "reserved_flop_per_s": reserved[1],
            "raw_bps": sum(
                _raw_bps(deployment)
                for _, outcome, deployment, _ in self._tasks.values()
                if outcome == "deployed"
            ),
        }


def _minus(free: float, need: float | None) -> float | None:
    return None if need is None else free - need


def _raw_bps(deployment: Deployment) -> float:
    """Return what the task would reserve at cut 0."""
    return float(deployment.reserved_bps / deployment.task.profile.ratio_by_cut[deployment.cut])


def _described(task: Task) -> Row:
    lifetime_s = None if task.lifetime_s == float("inf") else task.lifetime_s
    return (
        task.name,
        task.arrival_s,
        task.profile.name,
        len(task.servers),
        task.frame_bytes,
        task.frame_rate_hz,
        task.deadline_s,
        lifetime_s,
    )
