"""One run into a results file, as ``cutlayer run`` and ``replay`` do it: with its frames, and its rows as they come."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from cutlayer.experiments.console import log
from cutlayer.experiments.runs.cell import Cell, Workload, played
from cutlayer.experiments.runs.kept_frames import frames_path, remove_left_drafts, save_frames
from cutlayer.experiments.runs.runner import Done
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.simulator.policy import Scheduler
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.units import moment, render


def say_inputs(scenario: Scenario, inputs: Inputs) -> None:
    """Say what was assumed of the network, and where there are too many tasks to hold."""
    for note in inputs.notes:
        log.info(note)
    if not inputs.held:
        more = "" if scenario.run.bound else "; no bound is computed (run.bound=dual computes it, and needs the memory)"
        held = "" if inputs.frames is None else " (deployed tasks are held, for their frames)"
        log.info(f"{len(inputs.tasks):,} tasks are not held in memory, but written as they come{held}{more}")


def run_into(results: Results, cell: Cell, workload: Workload, scheduler: Scheduler) -> Done:
    """Do one run and write what it leaves: at the end, or as it comes where there is too much to hold.

    Returns what was measured, with all of its row of ``runs``.
    """
    remove_left_drafts(results.path)
    cell = cell.settled()
    row, inputs = cell.row, workload.inputs
    with _or_no_frames(results, row["key"]):
        if inputs.held:
            done = played(cell, workload, scheduler)
            _keep_frames(results, row["key"], done, inputs)
            results.write(row | done.row, done.tables)
        else:
            with results.writing(row, cell.keep) as writer:
                done = played(cell, workload, scheduler, writer)
                for table, rows in done.tables.items():
                    writer.take(table, rows)
                _keep_frames(results, row["key"], done, inputs)
                writer.finish(done.row)
    return done._replace(row=row | done.row)


@contextlib.contextmanager
def _or_no_frames(results: Results, key: str) -> Iterator[None]:
    """Write a run with its frames meanwhile: where the run does not get written, its frames do not stay either."""
    path = frames_path(results.path, key)
    there = os.path.exists(path)  # of the same run, so the same frames
    try:
        yield
    except BaseException:
        if not there:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def _keep_frames(results: Results, key: str, done: Done, inputs: Inputs) -> None:
    if done.frames is not None and done.frames.kept is not None:
        save_frames(frames_path(results.path, key), done.frames.kept, inputs.network, done.spans)


def as_text(done: Done, out: str) -> str:
    """Return what to print of a run."""
    row = done.row
    names = ("deployed", "departed", "rejected", "evicted")
    counts = ", ".join(f"{row[f'{name}_tasks']} {name}" for name in names)
    reserved = f"{render(row['reserved_bps'], 'bit/s')} and {render(row['reserved_flop_per_s'], 'FLOP/s')}"
    lines = [
        f"{row['scheduler']}: {row['arrived_tasks']} tasks arrived in {moment(row['end_s'])}: {counts}",
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
