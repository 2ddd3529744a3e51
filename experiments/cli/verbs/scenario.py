"""``cutlayer scenario``: begin, check and show scenario files."""

from __future__ import annotations

import argparse
from typing import Any

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

    from cutlayer.experiments.scenarios.checks import as_text, check
    from cutlayer.experiments.scenarios.scenario import load
    from cutlayer.experiments.scenarios.text import init, schema_text, to_toml

    if arguments.action == "init":
        print("\n".join(init(arguments.out)))
    elif arguments.action == "check":
        found = check(arguments.files, arguments.set)
        print(json.dumps({"scenarios": found}) if arguments.json else as_text(found))
    elif arguments.action == "show":
        print(to_toml(load(arguments.file, arguments.set)), end="")
    else:
        print(schema_text(), end="")
    return 0
