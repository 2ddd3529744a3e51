"""The options of ``cutlayer run`` that are keys of a scenario."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.scenario import Scenario
    from cutlayer.simulator.errors import InputError


class Option(NamedTuple):
    """An option that is a key of the scenario: `unit` if its value is a number of that unit."""

    name: str
    key: str
    metavar: str
    help: str
    type: type = str
    unit: str = ""


OPTIONS = (
    Option("network", "network.file", "CSV", "server,capacity_flop_per_s,uplink_bps"),
    Option(
        "tasks", "workload.trace.file", "CSV",
        "task,arrival_s,profile,frame_rate_hz,deadline_s and, optionally, lifetime_s, input_bytes; by arrival",
    ),
    Option("inputs", "workload.trace.inputs", "CSV", "task,server,input_bytes, for tasks without input_bytes"),
    Option("profiles", "workload.profile_folder", "DIR", "folder of profiles (default: the ten measured networks)"),
    Option(
        "reservation", "network.reservation", "R",
        "bandwidth for deadline and frame rate: sustained (default), or for the deadline alone: deadline",
    ),
    Option("reservation_margin", "network.reservation_margin", "H", "slack of every reservation (default: 0)", float),
    Option("usable_share", "network.usable_share", "V", "share of an uplink tasks may reserve (default: 1)", float),
    Option("until", "run.until", "SECONDS", "simulate until then (default: the last arrival)", float, "s"),
    Option("seed", "run.seed", "N", "seed of everything that is drawn (default: 0)", int),
    Option(
        "bound", "run.bound", "B",
        "upper bound on the tasks any scheduler deploys: dual (by prices, default), lp (linear program) or none",
    ),
    Option("by_resource", "run.by_resource", "", "also keep every change at every server and link", bool),
)  # fmt: skip

FRAME_OPTIONS = (
    Option("frames", "frames.arrivals", "ARRIVALS", "periodic, jittered or poisson; without it, no frames"),
    Option("jitter", "frames.jitter", "J", "of jittered frames: 0 to 1 period", float),
    Option("sizes", "frames.sizes", "S", "constant (default), exponential or lognormal"),
    Option("size_cv", "frames.size_cv", "CV", "of lognormal sizes: standard deviation / mean", float),
    Option("sharing", "frames.sharing", "S", "idle slices of an uplink: reserved (kept, default) or fair (lent)"),
    Option("on_end", "frames.on_end", "E", "frames of a task that ends: drain (default) or drop"),
    Option("on_outage", "frames.on_outage", "O", "frames in an outage: hold (default) or drop"),
    Option("propagation", "frames.propagation", "SECONDS", "delay to the cloud", float, "s"),
    Option("violation", "frames.violation", "V", "latency held against the deadline: transfer (default) or end-to-end"),
    Option(
        "window", "frames.window", "SECONDS", "also report latency over time, in windows of this length", float, "s"
    ),
    Option("capacity", "bandwidth.file", "CSV", "link,time_s,bps: what a link can carry from then on"),
    Option("load", "interaction.file", "CSV", "link,time_s,bps: interaction traffic, which goes first"),
    Option("outages", "faults.file", "CSV", "resource,name,down_s,up_s: resource is link or server"),
    Option("keep_frames", "frames.keep", "", "write every frame beside the results (.npz)", bool),
)
"""An option that is not among these is no part of the scenario, or a parameter of the scheduler."""

_ALL = (*OPTIONS, *FRAME_OPTIONS)


def add_options(parser: Any, options: Sequence[Option]) -> None:
    """Add options to a parser, or to a group of one."""
    for option in options:
        value: dict[str, Any] = {"type": option.type, "metavar": option.metavar}
        parser.add_argument(
            flag(option.name), help=option.help, **({"action": "store_true"} if option.type is bool else value)
        )


def flag(name: str) -> str:
    """Return an option as it is typed."""
    return f"--{name.replace('_', '-')}"


NAMES = {option.key: flag(option.name) for option in _ALL}
"""What the keys are called in messages about an option."""


def scenario_of(arguments: argparse.Namespace) -> Scenario:
    """Return the scenario that the file, the options and the settings of a command line say together.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    from cutlayer.experiments.scenarios.files import Draft, read
    from cutlayer.experiments.scenarios.scenario import find, with_options
    from cutlayer.simulator.errors import InputError

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
    from cutlayer.simulator.errors import InputError

    for option in _ALL:
        value, rest = getattr(arguments, option.name), fault.message.removeprefix(f"{option.key} ")
        if value is not None and rest != fault.message:
            return InputError(f"{NAMES[option.key]} {rest}", fault.file, fault.line)
    return fault


def _table(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, as tables of a scenario."""
    from cutlayer.experiments.scenarios.fields import Number

    tables: dict[str, Any] = {}
    for option in _ALL:
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
    from cutlayer.simulator.errors import InputError

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
