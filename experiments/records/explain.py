"""``cutlayer explain``: why a task was deployed, turned away or evicted, in words, from the results alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.demand import SLACK
from simulator.errors import InputError, UnknownNameError
from simulator.results import Results
from simulator.units import render


def explain(path: str, task: str, run: str | None = None) -> str:
    """Return the story of a task, for every run of the results file or the one chosen.

    Parameters
    ----------
    path : str
        A results file.
    task : str
        The name of the task.
    run : str, optional
        The scheduler as the results call it, or the beginning of a run's key.

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
            story = "\n".join(_story(task, decisions, results, row["key"]))
            if story:
                stories.append(f"{row['scheduler']} ({row['key'][:8]}):\n{story}")
        if not stories:
            raise UnknownNameError("task", task, known).located(path)
        return "\n".join(stories)


def _story(task: str, decisions: list[dict[str, Any]], results: Results, key: str) -> Iterator[str]:
    for decision in decisions:
        evicted = json.loads(decision["evicted"])
        if decision["task"] == task:
            yield from _own(task, decision, evicted)
        elif task in evicted:
            if decision["verdict"] == "evict":
                yield f"  {decision['time_s']:g} s: evicted {decision['reason']}"
                continue
            yield (
                f"  {decision['time_s']:g} s: evicted, so that {decision['task']} could be deployed at cut "
                f"{decision['cut']}"
            )
    for row in results.rows("tasks", key):
        if row["task"] == task and row["outcome"] == "departed":
            yield f"  {row['ended_s']:g} s: departed at the end of its life"


def _own(task: str, decision: Mapping[str, Any], evicted: list[str]) -> Iterator[str]:
    yield f"  {decision['time_s']:g} s: {task} came; it had least room {_where(decision)}"
    link_down, server_down = _down(decision)
    for cut, (need_bps, need_flop_per_s) in enumerate(json.loads(decision["needs"])):
        short = [
            f"{kind} {decision[kind]} is down"
            if down
            else f"{render(need - free, unit)} short at {kind} {decision[kind]}"
            for kind, need, free, unit, down in (
                ("link", need_bps, decision["free_bps"], "bit/s", link_down),
                ("server", need_flop_per_s, decision["free_flop_per_s"], "FLOP/s", server_down),
            )
            if free is not None and need - free > SLACK * need
        ]
        fits = "fits, computing nothing there" if server_down and not need_flop_per_s else "fits"
        name = "raw input" if cut == 0 else f"cut {cut}"
        needs = f"{render(need_bps, 'bit/s')}, {render(need_flop_per_s, 'FLOP/s')}"
        yield f"    {name:9} needs {needs}: {', '.join(short) or fits}"
    if decision["verdict"] == "deploy":
        for_it = f", after evicting {', '.join(evicted)}" if evicted else ""
        yield f"  {decision['time_s']:g} s: deployed at cut {decision['cut']}{for_it}"
    else:
        considered = "" if decision["cut"] is None else f" (cut {decision['cut']} was considered first)"
        yield f"  {decision['time_s']:g} s: rejected: {decision['reason']}{considered}"


def _where(decision: Mapping[str, Any]) -> str:
    link_down, server_down = _down(decision)
    free = f" ({render(decision['free_flop_per_s'], 'FLOP/s')} free)"
    server = f"at server {decision['server']}{', which is down' if server_down else free}"
    if decision["link"] is None:
        return server
    free = f" ({render(decision['free_bps'], 'bit/s')} free)"
    return f"on link {decision['link']}{', which is down,' if link_down else free} and {server}"


def _down(decision: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether the link and the server where the task had least room were down."""
    return decision["down"] in ("link", "both"), decision["down"] in ("server", "both")
