"""Rows of tasks, decisions and layers: what happened in a run, as the tables say it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cutlayer.simulator.demand import Tightest
from cutlayer.simulator.events import Decided, Evicted
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Deploy
from cutlayer.simulator.results.tables import Row, column_names
from cutlayer.simulator.types import Deployment, Profile, Task
from cutlayer.simulator.units import bits


def task_row(task: Task, outcome: str, deployment: Deployment | None = None, ended_s: float | None = None) -> Row:
    """Return the row of ``tasks`` of a task whose outcome is known; `deployment` is the one it had."""
    lifetime_s = None if task.lifetime_s == float("inf") else task.lifetime_s
    described = (
        task.name,
        task.arrival_s,
        task.profile.name,
        len(task.servers),
        task.frame_bytes,
        task.frame_rate_hz,
        task.deadline_s,
        lifetime_s,
        outcome,
    )
    if deployment is None:
        return (*described, *(None,) * 7)
    frame_bits = bits(task.frame_bytes) * float(task.profile.ratio_by_cut[deployment.cut])
    return (
        *described,
        deployment.cut,
        deployment.since_s,
        ended_s,
        float(deployment.reserved_bps),
        float(deployment.reserved_flop_per_s),
        raw_bps(deployment),
        frame_bits / deployment.reserved_bps,
    )


def raw_bps(deployment: Deployment) -> float:
    """Return what the task would reserve at cut 0."""
    return float(deployment.reserved_bps / deployment.task.profile.ratio_by_cut[deployment.cut])


def decision_row(event: Decided, ledger: Ledger) -> Row:
    """Return the row of ``decisions``: the answer, and the tightest link and server with what the cuts need there."""
    decision, at = event.decision, event.tightest
    needs = at.needs_by_cut(event.demand)
    need_bps, need_flop_per_s = (None, None) if decision.cut is None else needs[decision.cut]
    on_link: Row = (None,) * 4
    if at.link is not None:
        on_link = (ledger.network.links[at.link], need_bps, at.free_bps, _minus(at.free_bps, need_bps))
    return (
        event.time_s,
        event.task.name,
        "deploy" if isinstance(decision, Deploy) else "reject",
        decision.cut,
        None if isinstance(decision, Deploy) else decision.reason,
        _names(event.evicted),
        None if decision.cut is None else at.bottleneck(event.demand, decision.cut),
        *on_link,
        ledger.network.servers[at.server],
        need_flop_per_s,
        at.free_flop_per_s,
        _minus(at.free_flop_per_s, need_flop_per_s),
        str(needs),  # of finite numbers that is JSON, in two thirds of the time
        None if ledger.all_up else _down(at, ledger),
    )


def eviction_row(event: Evicted) -> Row:
    """Return the row of ``decisions`` of tasks that were evicted after a change of capacity."""
    nothing = (None,) * (len(column_names("decisions")) - 6)
    return (event.time_s, None, "evict", None, "after a change of capacity", _names(event.deployments), *nothing)


def layer_rows(profile: Profile) -> Iterator[Row]:
    """Yield the rows of ``layers`` of a network."""
    for cut, layer in enumerate(profile.layers, start=1):
        yield profile.name, cut, layer.name, float(layer.flop), float(layer.output_bytes)


def _names(deployments: tuple[Deployment, ...]) -> str:
    return json.dumps([deployment.task.name for deployment in deployments]) if deployments else "[]"


def _minus(free: float, need: float | None) -> float | None:
    return None if need is None else free - need


def _down(at: Tightest, ledger: Ledger) -> str | None:
    link_down = at.link is not None and not ledger.link_capacity_bps[at.link] > 0
    server_down = not ledger.server_up[at.server]
    return {(True, True): "both", (True, False): "link", (False, True): "server"}.get((link_down, server_down))
