"""``cutlayer explain``: why a task was deployed, rejected or evicted, from the results alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cutlayer.experiments.records.run_groups import parameters_of
from cutlayer.experiments.records.varied import in_words, varied
from cutlayer.simulator.demand import SLACK, share_of
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.units import moment, render

Row = Mapping[str, Any]


def explain(path: str, task: str, run: str | None = None) -> list[dict[str, Any]]:
    """Return what happened to a task, in every run of the results file or the one chosen; the newest run comes first.

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
        One a run: ``scheduler``, ``key``, ``differs`` (the seed and the parameters of its scenario in which the runs
        differ), ``raw`` (whether the scheduler may send raw input), and ``events`` in order of time. Of each,
        ``time_s`` and ``event``: deployed, rejected, evicted or departed. Of a decision also its ``cut``, ``reason``,
        which tasks it ``evicted``, the tightest link and server and what was free there, and in ``cuts`` what every
        cut needs there, and which share of it.

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
        for row in reversed(chosen):
            decisions = list(results.rows("decisions", row["key"]))
            known |= {decision["task"] for decision in decisions if decision["task"]}
            if events := list(_events(task, decisions, results, row["key"])):
                about = {"differs": parameters_of(row)[0] | {"seed": row["seed"]}, "raw": _may_send_raw(row)}
                stories.append(
                    {name: row[name] for name in ("scheduler", "key")} | {"task": task, "events": events} | about
                )
        if not stories:
            if not known and any(row["status"] == "done" for row in chosen):
                raise InputError("has no decisions; 'cutlayer sweep --keep decisions' keeps them", path)
            raise UnknownNameError("task", task, known).located(path)
        apart = varied([story["differs"] for story in stories])
        return [story | {"differs": {name: story["differs"].get(name) for name in apart}} for story in stories]


def _may_send_raw(row: Row) -> bool:
    """Return whether cut 0 was a candidate: of the scheduler ``cloud``, and where the scenario allows it."""
    network = json.loads(row["scenario"]).get("network")
    allowed = isinstance(network, dict) and network.get("allow_raw") is True
    return bool(allowed or row["scheduler"].partition("(")[0] == "cloud")


def _events(task: str, decisions: Sequence[Row], results: Results, key: str) -> Iterator[dict[str, Any]]:
    found = next((row for row in results.rows("tasks", key) if row["task"] == task), None)
    layers = {}
    if found is not None:
        layers = {row["cut"]: row["layer"] for row in results.rows("layers", key) if row["profile"] == found["profile"]}
    for decision in decisions:
        evicted, at = json.loads(decision["evicted"]), {"time_s": decision["time_s"]}
        if decision["task"] == task:
            yield at | _decided(decision, evicted, layers)
        elif task in evicted and decision["verdict"] == "evict":
            yield at | {"event": "evicted", "reason": decision["reason"], "for": None}
        elif task in evicted:
            yield at | {"event": "evicted", "reason": None, "for": decision["task"], "cut": decision["cut"]}
    if found is not None and found["outcome"] == "departed":
        yield {"time_s": found["ended_s"], "event": "departed"}


_KEPT = ("cut", "reason", "link", "free_bps", "server", "free_flop_per_s", "down")


def _decided(decision: Row, evicted: Sequence[str], layers: Mapping[int, str]) -> dict[str, Any]:
    event = "deployed" if decision["verdict"] == "deploy" else "rejected"
    cuts = [
        _cut(decision, cut, *needs) | {"layer": layers.get(cut)}
        for cut, needs in enumerate(json.loads(decision["needs"] or "[]"))
    ]
    return {"event": event, "evicted": list(evicted)} | {name: decision[name] for name in _KEPT} | {"cuts": cuts}


def _cut(decision: Row, cut: int, need_bps: float, need_flop_per_s: float) -> dict[str, Any]:
    """Return what a cut needs at the tightest link and server; the bottleneck share is the larger one of the two."""
    shares = [
        (share_of(need, free), kind)
        for kind, need, free in (
            ("link", need_bps, decision["free_bps"]),
            ("server", need_flop_per_s, decision["free_flop_per_s"]),
        )
        if free is not None
    ]
    share, bottleneck = max(shares, key=lambda found: found[0], default=(0.0, "link"))
    return {
        "cut": cut,
        "need_bps": need_bps,
        "need_flop_per_s": need_flop_per_s,
        "share": share if math.isfinite(share) else None,
        "bottleneck": bottleneck,
        "fits": not _short(decision, need_bps, need_flop_per_s),
    }


def as_text(stories: Sequence[Mapping[str, Any]]) -> str:
    """Return what happened in words."""
    lines = []
    for story in stories:
        differs = "".join(f", {text}" for text in in_words(story["differs"], list(story["differs"])))
        lines.append(f"{story['scheduler']} ({story['key'][:8]}){differs}:")
        for event in story["events"]:
            lines += _told(story, event)
    return "\n".join(lines)


def _told(story: Row, event: Row) -> Iterator[str]:
    task, at = story["task"], f"  {moment(event['time_s'])}:"
    if event["event"] == "departed":
        yield f"{at} departed at the end of its life"
    elif event["event"] == "evicted":
        why = event["reason"] or f"to deploy {event['for']} at cut {event['cut']}"
        yield f"{at} evicted {why}"
    else:
        yield f"{at} {task} arrived; its tightest resources: {_where(event)}"
        link_down, server_down = _down(event)
        names = {cut["cut"]: _name(cut["cut"], cut["layer"]) for cut in event["cuts"]}
        width = max(map(len, names.values()), default=0)
        for cut in event["cuts"]:
            short = _short(event, cut["need_bps"], cut["need_flop_per_s"])
            fits = "fits, computing nothing there" if server_down and not cut["need_flop_per_s"] else "fits"
            if not cut["cut"] and not story["raw"]:
                fits += ", but without allow_raw only the scheduler cloud sends raw input"
            needs = f"{render(cut['need_bps'], 'bit/s')}, {render(cut['need_flop_per_s'], 'FLOP/s')}"
            known = cut["share"] is not None and not (link_down or server_down)
            free = "bandwidth" if cut["bottleneck"] == "link" else "compute"
            share = f" ({_percent(cut['share'])} of the free {free})" if known else ""
            yield f"    {names[cut['cut']]:{width}} needs {needs}{share}: {', '.join(short) or fits}"
        if event["event"] == "deployed":
            for_it = f", after evicting {', '.join(event['evicted'])}" if event["evicted"] else ""
            cut = names.get(event["cut"], f"cut {event['cut']}")
            yield f"{at} deployed at {cut}{for_it}{_why(event)}"
        else:
            considered = "" if event["cut"] is None else f" (cut {event['cut']} was considered first)"
            yield f"{at} rejected: {event['reason']}{considered}"


def _name(cut: int, layer: str | None) -> str:
    """Return a cut with its layer, as ``cut 5 (conv5)``."""
    return "raw input" if cut == 0 else f"cut {cut} ({layer})" if layer else f"cut {cut}"


def _why(event: Row) -> str:
    """Return what the shares say about the cut that was chosen."""
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
    """Return the tightest link and server, and what was free there."""
    return ", ".join(
        f"{kind} {decision[kind]} ({'down' if down else f'{render(free, unit)} free'})"
        for kind, free, unit, down in (
            ("link", decision["free_bps"], "bit/s", _down(decision)[0]),
            ("server", decision["free_flop_per_s"], "FLOP/s", _down(decision)[1]),
        )
        if free is not None
    )


def _down(decision: Row) -> tuple[bool, bool]:
    """Return whether the tightest link and server were down."""
    return decision["down"] in ("link", "both"), decision["down"] in ("server", "both")
