"""``cutlayer run``: one simulation on the user's own files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.frame_options import CONDITION_FILES, conditions_of, frames_of, save_frames
from experiments.inputs import Frames
from experiments.plugin import build_scheduler, label
from experiments.runner import ALL_TABLES, bound_at, digest_of, run
from profiles.store import load_dir, shipped
from simulator.errors import InputError
from simulator.recorder import Recorder
from simulator.results import Results
from simulator.units import render
from workloads.formats import read_network, read_tasks


def run_files(arguments: argparse.Namespace) -> int:
    """Read the files, simulate, write the results, print what came out."""
    options = scheduler_options(arguments)
    with _quiet(arguments.json):
        scheduler = build_scheduler(arguments.scheduler, options)
    profiles = shipped() if arguments.profiles is None else load_dir(arguments.profiles)
    network = read_network(
        arguments.network,
        usable_share=arguments.usable_share,
        reservation=arguments.reservation,
        reservation_margin=arguments.reservation_margin,
    )
    tasks = read_tasks(arguments.tasks, network, profiles, arguments.inputs)
    if arguments.until is not None and not tasks[-1].arrival_s <= arguments.until < float("inf"):
        last = tasks[-1].arrival_s
        raise InputError(f"--until is {arguments.until:g}; allowed: {last:g} (the last arrival) or later")
    frames, conditions = frames_of(arguments), conditions_of(arguments, network)
    end_s = tasks[-1].arrival_s if arguments.until is None else arguments.until
    files = _files(arguments)
    with Results(os.path.abspath(arguments.out)) as results:  # to SQLite, "" and ":memory:" are no files
        with _quiet(arguments.json):
            done = run(
                network,
                tasks,
                scheduler,
                scenario=_scenario(arguments, {name: digest_of(path) for name, path in files.items()}, frames),
                scheduler_label=label(arguments.scheduler, options),
                until_s=arguments.until,
                keep=_tables(arguments),
                frames=frames,
                conditions=conditions,
                bound=bound_at(network, tasks, end_s, arguments.bound),
            )
        row, tables, recorder, met = done.row, done.tables, done.recorder, done.frames
        # the key is made of what the files say, not of where they lie; that is worth keeping all the same
        row["scenario"] = json.dumps(json.loads(row["scenario"]) | {"paths": files}, sort_keys=True)
        if met is not None and met.kept is not None:
            save_frames(frames_path(arguments.out, row["key"]), met.kept, network, done.spans)
        results.write(row, tables)
    print(_as_json(recorder, row) if arguments.json else _as_text(arguments, row))
    return 0


def _tables(arguments: argparse.Namespace) -> list[str]:
    """Return the tables to keep."""
    keep = [*ALL_TABLES]
    if arguments.by_resource:
        keep.append("series_by")
    if arguments.frames is not None:
        keep += ["frames", "frame_series"]
    return keep


def frames_path(out: str, key: str) -> Path:
    """Return where the frames of a run are kept: beside the results file, by the run's key."""
    return Path(out).with_suffix(f".{key[:12]}.frames.npz")


def _quiet(json: bool) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which what a scheduler prints keeps out of the JSON on standard output."""
    return contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext()


def scheduler_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters for the scheduler: those options that were given.

    ``--cut-rule fixed --cut 3`` is another way to say ``--cut-rule 'fixed(3)'``.
    """
    options: dict[str, Any] = {}
    for text in arguments.option:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError(f"--option {text!r}; allowed: NAME=VALUE")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    cut_rule, cut = arguments.cut_rule, arguments.cut
    if cut_rule == "fixed":
        if cut is None:
            raise InputError("--cut-rule fixed needs --cut K")
        cut_rule, cut = f"fixed({cut})", None
    given = {"cut_rule": cut_rule, "cut": cut, "admission": arguments.admission}
    return options | {name: value for name, value in given.items() if value is not None}


def _files(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the files that decide the results, by what they are."""
    files = {"network": arguments.network, "tasks": arguments.tasks}
    files |= {name: getattr(arguments, name) for name in ("inputs", *CONDITION_FILES) if getattr(arguments, name)}
    own, colon, _ = arguments.scheduler.rpartition(":")
    if colon:
        files["scheduler"] = own
    folder = Path(arguments.profiles) if arguments.profiles else None
    return files | ({f"profile {path.name}": str(path) for path in sorted(folder.glob("*.json"))} if folder else {})


def _scenario(
    arguments: argparse.Namespace, digests: Mapping[str, str], frames: Frames | None
) -> dict[str, Any]:
    """Return what decides the results: parameters, and the content of every file."""
    return {
        "files": {name: {"sha256": digest} for name, digest in digests.items()},
        "usable_share": arguments.usable_share,
        "reservation": arguments.reservation,
        "reservation_margin": arguments.reservation_margin,
        "until_s": arguments.until,
        "bound": arguments.bound,
        "by_resource": arguments.by_resource,
        "frames": None if frames is None else asdict(frames.settings),
    }


def _as_json(recorder: Recorder, row: Mapping[str, Any]) -> str:
    tasks = recorder.task_rows()
    return json.dumps(
        {
            "deployed": row["deployed_tasks"],
            "bound": row["bound_tasks"],
            "gap": row["gap"],
            "tasks": {task["task"]: {"verdict": task["outcome"], "cut": task["cut"]} for task in tasks},
        }
    )


def _as_text(arguments: argparse.Namespace, row: Mapping[str, Any]) -> str:
    names = ("deployed", "departed", "rejected", "evicted")
    counts = ", ".join(f"{row[f'{name}_tasks']} {name}" for name in names)
    reserved = f"{render(row['reserved_bps'], 'bit/s')} and {render(row['reserved_flop_per_s'], 'FLOP/s')}"
    lines = [
        f"{row['scheduler']}: {row['arrived_tasks']} tasks arrived in {row['end_s']:g} s: {counts}",
        f"reserved at the end: {reserved}",
        f"at most {row['bound_tasks']:.1f} tasks can be deployed at the end; gap {row['gap']:.1%}",
    ]
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
            lines.append(f"{row['unstable_slices']} slices are unstable: frames arrive faster than they leave")
    if arguments.keep_frames:
        lines.append(str(frames_path(arguments.out, row["key"])))
    return "\n".join([*lines, arguments.out])
