"""``cutlayer scenario``: begin, check and show scenario files."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.inputs import Inputs
    from cutlayer.experiments.scenarios.scenario import Scenario

HELP = "begin, check or show a scenario: one file that says everything about a run"
DESCRIPTION = """\
A scenario is one TOML file that says everything about a run: network, workload, frames, scheduler. Begin one with
'init', simulate it with 'cutlayer run'."""
EXAMPLE = "cutlayer scenario init --out mine.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with a scenario."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    begin = _action(
        actions, "init", "write a scenario to begin with, and the schema for editors beside it", "--out mine.toml"
    )
    begin.add_argument("--out", metavar="FILE.toml", help="the new file (default: scenario.toml)")
    check = _action(
        actions, "check", "check scenarios and every file they name, and say all that is wrong", "mine.toml"
    )
    check.add_argument("files", nargs="+", metavar="FILE.toml", help="a scenario")
    check.add_argument("--json", action="store_true", help="print JSON and nothing else")
    show = _action(actions, "show", "print a scenario with everything resolved, as a scenario file", "paper")
    show.add_argument("file", metavar="FILE.toml", help="a scenario, or the name of one of ours, such as paper")
    for one in (check, show):
        one.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="a key to set, as workload.tasks=2000"
        )
    _action(actions, "schema", "print the JSON Schema of scenario files", "> cutlayer.schema.json")


def _action(actions: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  cutlayer scenario {name} {example}",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="print nothing but errors"
    )
    return parser


def call(arguments: argparse.Namespace) -> int:
    """Do it."""
    import json

    from cutlayer.experiments.scenarios.scenario import load
    from cutlayer.experiments.scenarios.text import init, schema_text, to_toml

    if arguments.action == "init":
        print("\n".join(init(arguments.out)))
    elif arguments.action == "check":
        found = _check(arguments.files, arguments.set)
        print(json.dumps({"scenarios": found}) if arguments.json else _as_text(found))
    elif arguments.action == "show":
        print(to_toml(load(arguments.file, arguments.set)), end="")
    else:
        print(schema_text(), end="")
    return 0


def _check(files: Sequence[str], settings: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Check scenarios, make their inputs, and return what runs of them are given, as a mapping each.

    What was assumed of a network is a notice, and in ``notes``.

    Raises
    ------
    ScenarioError
        With all that is wrong with any of them, a line each.
    """
    from cutlayer.experiments.console import log
    from cutlayer.experiments.scenarios.messages import ScenarioError
    from cutlayer.experiments.scenarios.scenario import load
    from cutlayer.simulator.errors import InputError

    found: list[dict[str, Any]] = []
    wrong: list[str] = []
    for file in files:
        try:
            scenario = load(file, settings)
            inputs = scenario.inputs(scenario.run.seed)
            found.append({"file": file} | _given(scenario, inputs))
            for note in inputs.notes:
                log.info(f"{file}: {note}")
        except ScenarioError as fault:
            wrong += fault.lines
        except InputError as fault:
            said = str(fault)
            wrong.append(said if fault.file is not None else f"{file}: {said}")
    if wrong:
        raise ScenarioError.of(list(dict.fromkeys(wrong)))
    return found


def _given(scenario: Scenario, inputs: Inputs) -> dict[str, Any]:
    """Return what a run of it is given; making that finds what is wrong in the files it names."""
    tasks, network = inputs.tasks, inputs.network
    last_s = max((task.arrival_s for task in tasks), default=0.0) if isinstance(tasks, list) else tasks.trace.last_s
    return {
        "tasks": len(tasks),
        "last_arrival_s": last_s,
        "servers": len(network.servers),
        "links": len(network.links),
        "star": network.is_star,
        "capacity_flop_per_s": float(network.capacity_flop_per_s.sum()),
        "link_bps": float(network.link_bps.sum()),
        "schedulers": list(scenario.labels),
        "notes": list(inputs.notes),
    }


def _as_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Return what was found in a line for each scenario."""
    return "\n".join(f"{one['file']}: {_summary(one)}" for one in found)


def _summary(found: Mapping[str, Any]) -> str:
    from cutlayer.simulator.units import render
    from cutlayer.workloads.topology.graphs import counted

    links = "" if found["star"] else f", {counted(found['links'], 'link')}"
    names = ", ".join(found["schedulers"]) or "no scheduler said"
    return (
        f"{counted(found['tasks'], 'task')} in {render(found['last_arrival_s'], 's')} on "
        f"{counted(found['servers'], 'server')}{links} ({render(found['capacity_flop_per_s'], 'FLOP/s')}, "
        f"{render(found['link_bps'], 'bit/s')}); {names}"
    )
