"""``cutlayer run``: one simulation on the user's own files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.plugin import build_scheduler, label
from experiments.runner import ALL_TABLES, digest_of, run
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
    files = _files(arguments)
    with Results(os.path.abspath(arguments.out)) as results:  # to SQLite, "" and ":memory:" are no files
        with _quiet(arguments.json):
            row, tables, recorder = run(
                network,
                tasks,
                scheduler,
                scenario=_scenario(arguments, {name: digest_of(path) for name, path in files.items()}),
                scheduler_label=label(arguments.scheduler, options),
                until_s=arguments.until,
                keep=(*ALL_TABLES, "series_by") if arguments.by_resource else ALL_TABLES,
            )
        # the key is made of what the files say, not of where they lie; that is worth keeping all the same
        row["scenario"] = json.dumps(json.loads(row["scenario"]) | {"paths": files}, sort_keys=True)
        results.write(row, tables)
    print(_as_json(recorder) if arguments.json else _as_text(arguments, row))
    return 0


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
    if arguments.inputs:
        files["inputs"] = arguments.inputs
    own, colon, _ = arguments.scheduler.rpartition(":")
    if colon:
        files["scheduler"] = own
    folder = Path(arguments.profiles) if arguments.profiles else None
    return files | ({f"profile {path.name}": str(path) for path in sorted(folder.glob("*.json"))} if folder else {})


def _scenario(arguments: argparse.Namespace, digests: Mapping[str, str]) -> dict[str, Any]:
    """Return what decides the results: parameters, and the content of every file."""
    return {
        "files": {name: {"sha256": digest} for name, digest in digests.items()},
        "usable_share": arguments.usable_share,
        "reservation": arguments.reservation,
        "reservation_margin": arguments.reservation_margin,
        "until_s": arguments.until,
        "by_resource": arguments.by_resource,
    }


def _as_json(recorder: Recorder) -> str:
    rows = recorder.task_rows()
    return json.dumps(
        {
            "deployed": sum(row["outcome"] == "deployed" for row in rows),
            "tasks": {row["task"]: {"verdict": row["outcome"], "cut": row["cut"]} for row in rows},
        }
    )


def _as_text(arguments: argparse.Namespace, row: Mapping[str, Any]) -> str:
    names = ("deployed", "departed", "rejected", "evicted")
    counts = ", ".join(f"{row[f'{name}_tasks']} {name}" for name in names)
    reserved = f"{render(row['reserved_bps'], 'bit/s')} and {render(row['reserved_flop_per_s'], 'FLOP/s')}"
    return (
        f"{row['scheduler']}: {row['arrived_tasks']} tasks arrived in {row['end_s']:g} s: {counts}\n"
        f"reserved at the end: {reserved}\n{arguments.out}"
    )
