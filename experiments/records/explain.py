"""``cutlayer explain``: why a task was deployed, turned away or evicted, from the results alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cutlayer.simulator.demand import SLACK, share_of
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.units import render

Row = Mapping[str, Any]


def explain(path: str, task: str, run: str | None = None) -> list[dict[str, Any]]:
    """Return the story of a task, for every run of the results file or the one chosen.

    Parameters
    ----------
    path : str
        A results file.
    task : str
        The name of the task.
    run : str, optional
        The scheduler as the results call it, or the beginning of a run's key.

    Returns
    -------
    list of dict
        One a run: ``scheduler``, ``key``, and ``events`` in order of time. Of each, ``time_s`` and ``event``: deployed,
        rejected, evicted or departed. Of a decision also its ``cut``, ``reason``, whom it ``evicted``, where the task
        had least room and what was free there, and in ``cuts`` what every cut needs there, and as which share of it.

    Raises
    ------
    InputError
        If there is no such file, run or task.
    """
    with Results(path, must_exist=True) as results:
        runs = [row for row in results.rows("runs") if row["scheduler"] is not None]
        chosen = [row for row in runs if run is None or row["scheduler"] == run or row["key"].startswith(run)]
        if not chosen:
            names = [row["scheduler"] for row in runs]
            raise UnknownNameError("run", run or "", names).located(path) if run else InputError("has no runs", path)
        stories = []
        known: set[str] = set()
        for row in chosen:
            decisions = list(results.rows("decisions", row["key"]))
            known |= {decision["task"] for decision in decisions if decision["task"]}
            if events := list(_events(task, decisions, results, row["key"])):
                stories.append({"scheduler": row["scheduler"], "key": row["key"], "task": task, "events": events})
        if not stories:
            raise UnknownNameError("task", task, known).located(path)
        return stories


def _events(task: str, decisions: Sequence[Row], results: Results, key: str) -> Iterator[dict[str, Any]]:
    for decision in decisions:
        evicted, at = json.loads(decision["evicted"]), {"time_s": decision["time_s"]}
        if decision["task"] == task:
            yield at | _decided(decision, evicted)
        elif task in evicted and decision["verdict"] == "evict":
            yield at | {"event": "evicted", "reason": decision["reason"], "for": None}
        elif task in evicted:
            yield at | {"event": "evicted", "reason": None, "for": decision["task"], "cut": decision["cut"]}
    for row in results.rows("tasks", key):
        if row["task"] == task and row["outcome"] == "departed":
            yield {"time_s": row["ended_s"], "event": "departed"}


_KEPT = ("cut", "reason", "link", "free_bps", "server", "free_flop_per_s", "down")


def _decided(decision: Row, evicted: Sequence[str]) -> dict[str, Any]:
    event = "deployed" if decision["verdict"] == "deploy" else "rejected"
    cuts = [_cut(decision, cut, *needs) for cut, needs in enumerate(json.loads(decision["needs"]))]
    return {"event": event, "evicted": list(evicted)} | {name: decision[name] for name in _KEPT} | {"cuts": cuts}


def _cut(decision: Row, cut: int, need_bps: float, need_flop_per_s: float) -> dict[str, Any]:
    """Return what a cut needs where the task has least room; the bottleneck share is the larger one of the two."""
    shares = [
        (share_of(need, free), kind)
        for kind, need, free in (
            ("link", need_bps, decision["free_bps"]),
            ("server", need_flop_per_s, decision["free_flop_per_s"]),
        )
        if free is not None
    ]
    share, bottleneck = max(shares, key=lambda found: found[0])
    return {
        "cut": cut,
        "need_bps": need_bps,
        "need_flop_per_s": need_flop_per_s,
        "share": share if math.isfinite(share) else None,
        "bottleneck": bottleneck,
        "fits": not _short(decision, need_bps, need_flop_per_s),
    }


def as_text(stories: Sequence[Mapping[str, Any]]) -> str:
    """Return stories in words."""
    lines = []
    for story in stories:
        lines.append(f"{story['scheduler']} ({story['key'][:8]}):")
        for event in story["events"]:
            lines += _told(story["task"], event)
    return "\n".join(lines)


def _told(task: str, event: Row) -> Iterator[str]:
    at = f"  {event['time_s']:g} s:"
    if event["event"] == "departed":
        yield f"{at} departed at the end of its life"
    elif event["event"] == "evicted":
        so = event["reason"] or f"so that {event['for']} could be deployed at cut {event['cut']}"
        yield f"{at} evicted{' ' if event['reason'] else ', '}{so}"
    else:
        yield f"{at} {task} came; it had least room {_where(event)}"
        link_down, server_down = _down(event)
        for cut in event["cuts"]:
            short = _short(event, cut["need_bps"], cut["need_flop_per_s"])
            fits = "fits, computing nothing there" if server_down and not cut["need_flop_per_s"] else "fits"
            name = "raw input" if cut["cut"] == 0 else f"cut {cut['cut']}"
            needs = f"{render(cut['need_bps'], 'bit/s')}, {render(cut['need_flop_per_s'], 'FLOP/s')}"
            known = cut["share"] is not None and not (link_down or server_down)
            free = "bandwidth" if cut["bottleneck"] == "link" else "compute"
            share = f" ({_percent(cut['share'])} of the free {free})" if known else ""
            yield f"    {name:9} needs {needs}{share}: {', '.join(short) or fits}"
        if event["event"] == "deployed":
            for_it = f", after evicting {', '.join(event['evicted'])}" if event["evicted"] else ""
            yield f"{at} deployed at cut {event['cut']}{for_it}{_why(event)}"
        else:
            considered = "" if event["cut"] is None else f" (cut {event['cut']} was considered first)"
            yield f"{at} rejected: {event['reason']}{considered}"


def _why(event: Row) -> str:
    """Return what the shares say about the cut that was chosen; cut 0 is only ever chosen by those who cut nowhere."""
    if not event["cut"] or event["down"]:
        return ""
    if event["evicted"]:
        return "; the shares above are of what was free before that"
    shares = {cut["cut"]: cut["share"] for cut in event["cuts"] if cut["cut"] and cut["share"] is not None}
    if event["cut"] not in shares:
        return ""
    least = min(shares, key=lambda cut: shares[cut])
    if least == event["cut"] or shares[least] == shares[event["cut"]]:
        return ", which takes the smallest share of what is free"
    return f", though cut {least} takes a smaller share of what is free"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 10 else f"{100 * share:,.0f} %"


def _short(decision: Row, need_bps: float, need_flop_per_s: float) -> list[str]:
    """Return what is short for a cut, in words."""
    link_down, server_down = _down(decision)
    return [
        f"{kind} {decision[kind]} is down" if down else f"{render(need - free, unit)} short at {kind} {decision[kind]}"
        for kind, need, free, unit, down in (
            ("link", need_bps, decision["free_bps"], "bit/s", link_down),
            ("server", need_flop_per_s, decision["free_flop_per_s"], "FLOP/s", server_down),
        )
        if free is not None and need - free > SLACK * need
    ]


def _where(decision: Row) -> str:
    link_down, server_down = _down(decision)
    free = f" ({render(decision['free_flop_per_s'], 'FLOP/s')} free)"
    server = f"at server {decision['server']}{', which is down' if server_down else free}"
    if decision["link"] is None:
        return server
    free = f" ({render(decision['free_bps'], 'bit/s')} free)"
    return f"on link {decision['link']}{', which is down,' if link_down else free} and {server}"


def _down(decision: Row) -> tuple[bool, bool]:
    """Return whether the link and the server where the task had least room were down."""
    return decision["down"] in ("link", "both"), decision["down"] in ("server", "both")
