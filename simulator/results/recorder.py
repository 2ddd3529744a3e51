"""Listens to the engine and builds the tables of a run, row by row as things happen."""

from __future__ import annotations

from typing import Any

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.events import Decided, Departed, Evicted
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.results.names import Names
from cutlayer.simulator.results.rows import decision_row, eviction_row, layer_rows, raw_bps, task_row
from cutlayer.simulator.results.sinks import BATCH, Batches, Collected, Sink
from cutlayer.simulator.results.tables import Row
from cutlayer.simulator.types import Deployment, Profile

OUTCOMES = ("deployed", "departed", "rejected", "evicted")


TABLES_KEPT = ("layers", "tasks", "decisions", "series", "series_by")


class Recorder:
    """Records what happened to every task, every decision and every change of a total.

    A task's row goes to the sink when its fate is known, so what is kept here grows with the tasks that are
    deployed, not with those that have come.

    Parameters
    ----------
    by_resource : bool
        Also record every change at every server and link (``series_by``).
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
        self._rows = Batches(self._sink)
        self._arrived: list[str] = []
        self._names = Names()
        self._profiles: dict[str, Profile] = {}

    def on_start(self, ledger: Ledger) -> None:
        """Remember the ledger to read."""
        self._ledger = ledger
        self._network = ledger.network

    def on_decided(self, event: Decided) -> None:
        """Keep the decision and what it did to the tasks and totals."""
        task, place = event.task, self._counts["arrived"]
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
            self._rows.add("tasks", task_row(task, "rejected"), place)
        else:
            self._counts["deployed"] += 1
            self._deployed[task.name] = place, event.deployment
        self._rows.add("decisions", decision_row(event, self._ledger))
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
        self._rows.add("decisions", eviction_row(event))
        self._total(event.time_s, event.deployments)

    def on_end(self, time_s: float) -> None:
        """Say who is still deployed and when the run ended."""
        self.end_s = time_s
        for place, deployment in self._deployed.values():
            self._rows.add("tasks", task_row(deployment.task, "deployed", deployment), place)
        for profile in self._profiles.values():
            for row in layer_rows(profile):
                self._rows.add("layers", row)
        self._check_names()
        self._names.close()
        self._rows.flush()

    def _end(self, deployment: Deployment, outcome: str, time_s: float) -> None:
        place, _ = self._deployed.pop(deployment.task.name)
        self._rows.add("tasks", task_row(deployment.task, outcome, deployment, time_s), place)
        self._counts["deployed"] -= 1
        self._counts[outcome] += 1

    def _check_names(self) -> None:
        names, self._arrived = self._arrived, []
        if (name := self._names.add(names)) is not None:
            raise InputError(f"task {name!r} arrives twice; every task needs a name of its own")

    def _total(self, time_s: float, changed: tuple[Deployment, ...]) -> None:
        reserved_bps, reserved_flop_per_s = self._ledger.reserved_bps, self._ledger.reserved_flop_per_s
        self.peak_deployed_tasks = max(self.peak_deployed_tasks, self._counts["deployed"])
        self._reserved = float(reserved_bps.sum()), float(reserved_flop_per_s.sum())
        self._rows.add("series", (time_s, *self._counts.values(), *self._reserved))
        if self.by_resource:
            servers = sorted({int(i) for deployment in changed for i in deployment.task.servers})
            links = servers
            if not self._network.is_star:
                links = sorted({int(m) for m in self._network.routes[:, servers].nonzero()[0]})
            for m in links:
                self._rows.add("series_by", (time_s, "link", self._network.links[m], float(reserved_bps[m]), None))
            for i in servers:
                name = self._network.servers[i]
                self._rows.add("series_by", (time_s, "server", name, None, float(reserved_flop_per_s[i])))

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
            raise ValueError("the rows of this run went to a sink; read them there")
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
            "raw_bps": sum(raw_bps(deployment) for _, deployment in self._deployed.values()),
        }
