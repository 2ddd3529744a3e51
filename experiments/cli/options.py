"""The options of ``cutlayer run`` as keys of a scenario: one way to say a thing on the command line, one in a file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from cutlayer.experiments.scenarios.fields import Number
from cutlayer.experiments.scenarios.files import Draft, read
from cutlayer.experiments.scenarios.scenario import Scenario, find, with_options
from cutlayer.simulator.errors import InputError


class Option(NamedTuple):
    """An option: its name among the parsed arguments, the key of a scenario it is, and whether it has a unit."""

    name: str
    key: str
    unit: str = ""


OPTIONS = (
    Option("network", "network.file"),
    Option("tasks", "workload.trace.file"),
    Option("inputs", "workload.trace.inputs"),
    Option("profiles", "workload.profile_folder"),
    Option("reservation", "network.reservation"),
    Option("reservation_margin", "network.reservation_margin"),
    Option("usable_share", "network.usable_share"),
    Option("until", "run.until", "s"),
    Option("frames", "frames.arrivals"),
    Option("jitter", "frames.jitter"),
    Option("sizes", "frames.sizes"),
    Option("size_cv", "frames.size_cv"),
    Option("sharing", "frames.sharing"),
    Option("on_end", "frames.on_end"),
    Option("on_outage", "frames.on_outage"),
    Option("propagation", "frames.propagation", "s"),
    Option("violation", "frames.violation"),
    Option("window", "frames.window", "s"),
    Option("keep_frames", "frames.keep"),
    Option("seed", "run.seed"),
    Option("capacity", "bandwidth.file"),
    Option("load", "interaction.file"),
    Option("outages", "faults.file"),
    Option("bound", "run.bound"),
    Option("by_resource", "run.by_resource"),
)
"""What an option that is not among these says is no part of the scenario, or a parameter of the scheduler."""

NAMES = {option.key: f"--{option.name.replace('_', '-')}" for option in OPTIONS}
"""What the keys are called in messages about an option."""


def scenario_of(arguments: argparse.Namespace) -> Scenario:
    """Return the scenario that the file, the options and the settings of a command line say together.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    draft = Draft() if arguments.scenario is None else read(find(arguments.scenario))
    if arguments.scenario is None:
        lacking = [f"--{name}" for name in ("network", "tasks", "scheduler") if getattr(arguments, name) is None]
        if lacking:
            raise InputError(f"needs a scenario file, or {', '.join(lacking)}")
    options = _table(arguments)
    frames = "frames" in draft.data or any(text.partition(".")[0].strip() == "frames" for text in arguments.set)
    own = options.get("frames", {}).keys() or (arguments.scenario is None and arguments.seed is not None)
    if own and arguments.frames is None and not frames:
        raise InputError("options about frames need --frames (periodic, jittered or poisson)")
    parameters = scheduler_options(arguments)
    if arguments.scheduler is not None:
        options["scheduler"] = [{"name": arguments.scheduler, **parameters}]
    elif parameters:
        options["scheduler"] = parameters
    return with_options(draft, options, NAMES, arguments.set)


def as_typed(fault: InputError, arguments: argparse.Namespace) -> InputError:
    """Return the same fault, a key at the beginning of its message named by the option that gave it."""
    for option in OPTIONS:
        value, rest = getattr(arguments, option.name), fault.message.removeprefix(f"{option.key} ")
        if value is not None and rest != fault.message:
            return InputError(f"{NAMES[option.key]} {rest}", fault.file, fault.line)
    return fault


def _table(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, as tables of a scenario."""
    tables: dict[str, Any] = {}
    for option in OPTIONS:
        value = getattr(arguments, option.name)
        if value is None or value is False:
            continue
        inner = tables
        *path, last = option.key.split(".")
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = Number(value) if option.unit else value
    if arguments.tasks is not None:  # nothing is drawn for tasks of the command line
        tables["workload"]["trace"] |= {"format": "native", "complete": True}
    return tables


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


def written_files(scenario: Scenario) -> Mapping[str, str]:
    """Return where the files of a scenario lie, by the option that names them or else by their key."""
    names = {option.key: option.name for option in OPTIONS}
    plain = len(scenario.workload.trace or ()) == 1
    files = {key.replace("trace.0.", "trace.") if plain else key: file for key, file in scenario.files.items()}
    return {names.get(key, key): file.written for key, file in files.items()}
