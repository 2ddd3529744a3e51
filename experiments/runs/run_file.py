"""``cutlayer run``: the runs of one scenario, into a results file."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cutlayer.experiments.cli.options import as_typed, scenario_of, written_files
from cutlayer.experiments.console import log
from cutlayer.experiments.runs.kept_frames import frames_path, remove_left_drafts, save_frames
from cutlayer.experiments.runs.runner import ALL_TABLES, Done, bound_at, run, run_row
from cutlayer.experiments.scenarios.build import Streamed
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.plugin import code_digest, label, prints_to_stderr
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.experiments.scenarios.sections import SchedulerSection
from cutlayer.simulator.bounds.bounds import Bound
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.sinks import Sink
from cutlayer.simulator.units import render


def run_files(arguments: argparse.Namespace) -> int:
    """Read the scenario, simulate, write the results, print what came out."""
    with prints_to_stderr():
        scenario = scenario_of(arguments)
    if scenario.scheduler is None:
        raise InputError("scheduler is missing; say one in the scenario, or with --scheduler")
    out = arguments.out if arguments.out is not None else f"{Path(arguments.scenario).stem}.db"
    try:
        inputs = scenario.inputs(scenario.run.seed)
    except InputError as fault:
        raise as_typed(fault, arguments) from None
    several = len(scenario.scheduler) > 1
    say_inputs(scenario, inputs)
    with Results(os.path.abspath(out)) as results:  # to SQLite, "" and ":memory:" are no files
        for chosen in scenario.scheduler:
            with prints_to_stderr():
                done = run_into(results, scenario, chosen, inputs)
            print(_as_json(results, done.row, several) if arguments.json else as_text(done, out))
    if not arguments.json:
        print(out)
    return 0


def say_inputs(scenario: Scenario, inputs: Inputs) -> None:
    """Say what was assumed of the network, and where there are too many tasks to hold."""
    for note in inputs.notes:
        log.info(note)
    if isinstance(inputs.tasks, Streamed):
        more = "" if scenario.run.bound else "; no bound is found (run.bound=dual asks for it, and for memory)"
        held = "" if inputs.frames is None else " (those that are deployed are held, for their frames)"
        log.info(f"{len(inputs.tasks):,} tasks are not held in memory, but written as they come{held}{more}")


def run_into(results: Results, scenario: Scenario, chosen: SchedulerSection, inputs: Inputs) -> Done:
    """Run one scheduler of the scenario and write what it leaves: at the end, or as it comes where it is much."""
    remove_left_drafts(results.path)
    if isinstance(inputs.tasks, list):
        done = run_one(scenario, chosen, inputs)
        with _or_no_frames(results, done.row["key"]):
            _keep_frames(results, done, inputs)
            results.write(done.row, done.tables)
        return done
    named = naming(scenario, chosen)
    row = run_row(named["scenario"], named["scheduler_label"], named["seed"])
    with _or_no_frames(results, row["key"]), results.writing(row, _tables(scenario)) as writer:
        done = run_one(scenario, chosen, inputs, writer)
        for table, rows in done.tables.items():
            writer.take(table, rows)
        _keep_frames(results, done, inputs)
        writer.finish(done.row)
    return done


@contextlib.contextmanager
def _or_no_frames(results: Results, key: str) -> Iterator[None]:
    """Write a run with its frames meanwhile: where the run does not get written, its frames do not stay either."""
    path = frames_path(results.path, key)
    there = path.exists()  # of the same run, so the same frames
    try:
        yield
    except BaseException:
        if not there:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _keep_frames(results: Results, done: Done, inputs: Inputs) -> None:
    if done.frames is not None and done.frames.kept is not None:
        save_frames(frames_path(results.path, done.row["key"]), done.frames.kept, inputs.network, done.spans)


def run_one(scenario: Scenario, chosen: SchedulerSection, inputs: Inputs, sink: Sink | None = None) -> Done:
    """Run one scheduler of the scenario and return all that is known of it."""
    done = run(
        inputs.network,
        inputs.tasks,
        chosen.built,
        **naming(scenario, chosen),
        until_s=inputs.until_s,
        keep=_tables(scenario),
        frames=inputs.frames,
        conditions=inputs.conditions,
        bound=_bound(scenario, inputs),
        sink=sink,
        notes=inputs.notes,
        topology=inputs.topology,
    )
    done.row["paths"] = json.dumps(written_files(scenario), sort_keys=True)
    return done


def naming(scenario: Scenario, chosen: SchedulerSection) -> dict[str, Any]:
    """Return what names a run: its scenario, scheduler and seed."""
    return {
        "scenario": _described(scenario, chosen.name.written),
        "scheduler_label": label(chosen.name.written, chosen.options),
        "seed": scenario.run.seed if scenario.is_random else None,
    }


def _bound(scenario: Scenario, inputs: Inputs) -> Bound | None:
    """Return the bound that was asked for, or that costs nothing to speak of."""
    kind = scenario.run.bound or ("dual" if isinstance(inputs.tasks, list) else "none")
    if kind == "none":
        return None
    tasks = list(inputs.tasks)
    return bound_at(inputs.network, tasks, tasks[-1].arrival_s if inputs.until_s is None else inputs.until_s, kind)


def _described(scenario: Scenario, spec: str) -> dict[str, Any]:
    """Return what decides the results and what is kept of them."""
    digest = code_digest(spec)
    described = {**scenario.description, "bound": scenario.run.bound, "by_resource": scenario.run.by_resource}
    return described | ({"scheduler": {"sha256": digest}} if digest else {})


def _tables(scenario: Scenario) -> list[str]:
    """Return the tables to keep."""
    keep = [*ALL_TABLES]
    if scenario.run.by_resource:
        keep.append("series_by")
    if scenario.frames is not None:
        keep += ["frames", "frame_series"]
        if scenario.run.by_resource:
            keep.append("frame_series_by")
    return keep


def _as_json(results: Results, row: Mapping[str, Any], several: bool) -> str:
    tasks = results.rows("tasks", row["key"])
    return json.dumps(
        ({"scheduler": row["scheduler"]} if several else {})
        | {
            "deployed": row["deployed_tasks"],
            "bound": row.get("bound_tasks"),
            "gap": row.get("gap"),
            "tasks": {task["task"]: {"verdict": task["outcome"], "cut": task["cut"]} for task in tasks},
        }
    )


def as_text(done: Done, out: str) -> str:
    """Return what to print of a run."""
    row = done.row
    names = ("deployed", "departed", "rejected", "evicted")
    counts = ", ".join(f"{row[f'{name}_tasks']} {name}" for name in names)
    reserved = f"{render(row['reserved_bps'], 'bit/s')} and {render(row['reserved_flop_per_s'], 'FLOP/s')}"
    lines = [
        f"{row['scheduler']}: {row['arrived_tasks']} tasks arrived in {row['end_s']:g} s: {counts}",
        f"reserved at the end: {reserved}",
    ]
    if row.get("bound_tasks") is not None:
        lines.append(f"at most {row['bound_tasks']:.1f} tasks can be deployed at the end; gap {row['gap']:.1%}")
    if row.get("frames") is not None:
        lines.append(
            f"{row['frames']} frames: {row['delivered']} delivered, {row['lost']} lost, {row['in_flight']} in flight; "
            f"{row['violations']} violations"
        )
        if row["delivered"]:
            lines.append(
                f"transfer latency {render(row['transfer_mean_s'], 's')} on average, "
                f"{render(row['transfer_max_s'], 's')} at most"
            )
        if row["unstable_slices"]:
            slices = "slice is" if row["unstable_slices"] == 1 else "slices are"
            lines.append(f"{row['unstable_slices']} {slices} unstable: frames arrive faster than they leave")
    if done.frames is not None and done.frames.kept is not None:
        lines.append(str(frames_path(out, row["key"])))
    return "\n".join(lines)
