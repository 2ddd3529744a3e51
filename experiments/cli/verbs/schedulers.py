"""``cutlayer schedulers``: list the schedulers."""

from __future__ import annotations

import argparse
from typing import Any

HELP = "list the schedulers"
DESCRIPTION = "List the schedulers with their parameters."
EXAMPLE = "cutlayer schedulers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def call(arguments: argparse.Namespace) -> int:
    """Print the list."""
    import inspect
    import json

    from cutlayer.simulator.schedulers import SCHEDULERS

    found: list[dict[str, Any]] = [
        {
            "name": name,
            "does": (SCHEDULERS[name].__doc__ or "").strip().splitlines()[0],
            "parameters": [
                {"name": one.name, "needed": one.default is one.empty}
                | ({} if one.default is one.empty else {"default": one.default})
                for one in inspect.signature(SCHEDULERS[name]).parameters.values()
            ],
        }
        for name in sorted(SCHEDULERS)
    ]
    if arguments.json:
        print(json.dumps({"schedulers": found}, default=str))
        return 0
    for one in found:
        print(f"{one['name']:14} {one['does']}")
        for parameter in one["parameters"]:
            default = "needed" if parameter["needed"] else f"default: {parameter['default']}"
            print(f"{'':14}   {parameter['name']} ({default})")
    return 0
