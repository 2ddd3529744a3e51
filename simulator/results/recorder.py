"""Listens to the engine and builds the tables of a run, row by row as things happen."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from cutlayer.simulator.demand import Tightest
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.events import Decided, Departed, Evicted
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Deploy
from cutlayer.simulator.results.names import Names
from cutlayer.simulator.results.sinks import Collected, Sink
from cutlayer.simulator.results.tables import Row, column_names
from cutlayer.simulator.types import Deployment, Profile, Task
from cutlayer.simulator.units import bits

OUTCOMES = ("deployed", "departed", "rejected", "evicted")


BATCH = 1000
"""Rows of a table that go to the sink together."""

TABLES_KEPT = ("layers", "tasks", "decisions", "series", "series_by")


class Recorder:
    """Says what happened to every task, every decision and every change of a total.

    A task's row goes to the sink when its fate is known, so what is kept here grows with the tasks that are
    deployed, not with those that have come.

    Parameters
    ----------
    by_resource : bool
        Also say every change at every server and link (``series_by``).
    sink : Sink, optional
        Where the rows go, in batches, the last with the end of the run; by default they are kept (`tables`).
    """

    def __init__(self, *, by_resource: bool = False, sink: Sink | None = None) -> None:
        self.by_resource = by_resource
        self._sink: Sink = Collected() if sink is None else sink
        self.end_s = 0.0
        self.peak_deployed_tasks = 0
        self.first_eviction_arrivals: int | None = None
        self._counts = dict.fromkeys(("arrived", *OUTCOMES), 0)
        self._reserved = 0.0, 0.0
        self._deployed: dict[str, tuple[int, Deployment]] = {}
        self._pending: dict[str, list[Row]] = defaultdict(list)
        self._places: list[int] = []
        self._arrived: list[str] = []
        self._names = Names()
        self._profiles: dict[str, Profile] = {}

    def on_start(self, ledger: Ledger) -> None:
        """Remember the ledger to read."""
        self._ledger = ledger
        self._network = ledger.network

    def on_decided(self, event: Decided) -> None:
        """Keep the decision and what it did to the tasks and totals."""
        task, decision = event.task, event.decision
        place = self._counts["arrived"]
        self._counts["arrived"] += 1
        self._arrived.append(task.name)
        self._profiles.setdefault(task.profile.name, task.profile)
        if len(self._arrived) >= BATCH:
            self._check_names()
        for deployment in event.evicted:
            self._end(deployment, "evicted", event.time_s)
        if event.evicted and self.first_eviction_arrivals is None:
            self.first_eviction_arrivals = self._counts["arrived"]
        if event.deployment is None:
            self._counts["rejected"] += 1
            self._task(place, task, "rejected")
        else:
            self._counts["deployed"] += 1
            self._deployed[task.name] = place, event.deployment
        self._say(
            "decisions",
            (
                event.time_s,
                task.name,
                "deploy" if isinstance(decision, Deploy) else "reject",
                decision.cut,
                None if isinstance(decision, Deploy) else decision.reason,
                json.dumps([deployment.task.name for deployment in event.evicted]) if event.evicted else "[]",
                *self._met(event),
            ),
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
        self._say("decisions", (event.time_s, None, "evict", None, "after a change of capacity", names, *nothing))
        self._total(event.time_s, event.deployments)

    def on_end(self, time_s: float) -> None:
        """Say who is still deployed and when the run ended."""
        self.end_s = time_s
        for place, deployment in self._deployed.values():
            self._task(place, deployment.task, "deployed", deployment)
        for name, profile in self._profiles.items():
            for cut, layer in enumerate(profile.layers, start=1):
                self._say("layers", (name, cut, layer.name, float(layer.flop), float(layer.output_bytes)))
        self._check_names()
        self._names.close()
        for table in TABLES_KEPT:
            self._flush(table)

    def _end(self, deployment: Deployment, outcome: str, time_s: float) -> None:
        place, _ = self._deployed.pop(deployment.task.name)
        self._task(place, deployment.task, outcome, deployment, time_s)
        self._counts["deployed"] -= 1
        self._counts[outcome] += 1

    def _task(
        self, place: int, task: Task, outcome: str, deployment: Deployment | None = None, ended_s: float | None = None
    ) -> None:
        """Say what became of the task that came as number `place`, from 0."""
        self._places.append(place)
        self._say("tasks", (*_described(task), outcome, *_held(task, deployment, ended_s)))

    def _say(self, table: str, row: Row) -> None:
        rows = self._pending[table]
        rows.append(row)
        if len(rows) >= BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        if rows := self._pending.pop(table, None):
            places = None
            if table == "tasks":
                places, self._places = self._places, []
            self._sink.take(table, rows, places)

    def _check_names(self) -> None:
        names, self._arrived = self._arrived, []
        if (name := self._names.add(names)) is not None:
            raise InputError(f"task {name!r} arrives twice; every task needs a name of its own")

    def _met(self, event: Decided) -> Row:
        """Return what the task met when it came: the tightest link and server, and what its cuts need there."""
        at, demand, cut = event.tightest, event.demand, event.decision.cut
        server = self._network.servers[at.server]
        needs = at.needs_by_cut(demand)
        need_bps, need_flop_per_s = (None, None) if cut is None else needs[cut]
        bound = None if cut is None else at.bottleneck(demand, cut)
        on_link: Row = (None,) * 4
        if at.link is not None:
            on_link = (self._network.links[at.link], need_bps, at.free_bps, _minus(at.free_bps, need_bps))
        on_server = (server, need_flop_per_s, at.free_flop_per_s, _minus(at.free_flop_per_s, need_flop_per_s))
        down = None if self._ledger.all_up else self._down(at)
        return (
            bound,
            *on_link,
            *on_server,
            str(needs),
            down,
        )  # of finite numbers that is JSON, in two thirds of the time

    def _down(self, at: Tightest) -> str | None:
        link_down = at.link is not None and not self._ledger.link_capacity_bps[at.link] > 0
        server_down = not self._ledger.server_up[at.server]
        return {(True, True): "both", (True, False): "link", (False, True): "server"}.get((link_down, server_down))

    def _total(self, time_s: float, changed: tuple[Deployment, ...]) -> None:
        reserved_bps, reserved_flop_per_s = self._ledger.reserved_bps, self._ledger.reserved_flop_per_s
        self.peak_deployed_tasks = max(self.peak_deployed_tasks, self._counts["deployed"])
        self._reserved = float(reserved_bps.sum()), float(reserved_flop_per_s.sum())
        self._say("series", (time_s, *self._counts.values(), *self._reserved))
        if self.by_resource:
            servers = sorted({int(i) for deployment in changed for i in deployment.task.servers})
            links = servers
            if not self._network.is_star:
                links = sorted({int(m) for m in self._network.routes[:, servers].nonzero()[0]})
            for m in links:
                self._say("series_by", (time_s, "link", self._network.links[m], float(reserved_bps[m]), None))
            for i in servers:
                name = self._network.servers[i]
                self._say("series_by", (time_s, "server", name, None, float(reserved_flop_per_s[i])))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table but ``runs`` as mappings, in order, once the run has ended; see `tables`.

        Raises
        ------
        UnknownNameError
            If a recorder does not make a table of that name.
        ValueError
            If the rows went to a sink.
        """
        if table not in TABLES_KEPT:
            raise UnknownNameError("table of a recorder", table, TABLES_KEPT)
        return self._own().mappings(table)

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows of every table but ``runs``, once the run has ended.

        Raises
        ------
        ValueError
            If they went to a sink.
        """
        return {table: self._own().rows(table) for table in TABLES_KEPT}

    def _own(self) -> Collected:
        if not isinstance(self._sink, Collected):
            raise ValueError("the rows of this run went to a sink; ask there")
        return self._sink

    def summary(self) -> dict[str, Any]:
        """Return the summary numbers of the row of ``runs``."""
        return {
            "end_s": self.end_s,
            **{f"{name}_tasks": count for name, count in self._counts.items()},
            "peak_deployed_tasks": self.peak_deployed_tasks,
            "first_eviction_arrivals": self.first_eviction_arrivals,
            "reserved_bps": self._reserved[0],
            "reserved_flop_per_s": self._reserved[1],
            "raw_bps": sum(_raw_bps(deployment) for _, deployment in self._deployed.values()),
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


def _held(task: Task, deployment: Deployment | None, ended_s: float | None) -> Row:
    if deployment is None:
        return (None,) * 7
    frame_bits = bits(task.frame_bytes) * float(task.profile.ratio_by_cut[deployment.cut])
    return (
        deployment.cut,
        deployment.since_s,
        ended_s,
        float(deployment.reserved_bps),
        float(deployment.reserved_flop_per_s),
        _raw_bps(deployment),
        frame_bits / deployment.reserved_bps,
    )
