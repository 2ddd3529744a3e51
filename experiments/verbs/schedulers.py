"""``cutlayer schedulers``: list the schedulers."""

from __future__ import annotations

import argparse
import inspect

HELP = "list the schedulers"
DESCRIPTION = "List the schedulers with their parameters."
EXAMPLE = "cutlayer schedulers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""


def call(arguments: argparse.Namespace) -> int:
    """Print the list."""
    from simulator.schedulers import SCHEDULERS

    for name in sorted(SCHEDULERS):
        found = SCHEDULERS[name]
        print(f"{name:14} {(found.__doc__ or '').strip().splitlines()[0]}")
        for parameter in inspect.signature(found).parameters.values():
            default = "needed" if parameter.default is parameter.empty else f"default: {parameter.default}"
            print(f"{'':14}   {parameter.name} ({default})")
    return 0
