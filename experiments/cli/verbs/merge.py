"""``cutlayer merge``: several results files in one."""

from __future__ import annotations

import argparse

HELP = "merge the runs of several results files into one"
DESCRIPTION = """\
Merge the runs of several results files into one. Runs in more than one file count once; if they differ in anything but
wall time, memory, host and command, nothing is written. Frames that were kept are copied with their run."""
EXAMPLE = "cutlayer merge all.db monday.db tuesday.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("out", metavar="OUT.db", help="results file to add to; created if it does not exist")
    parser.add_argument("parts", nargs="+", metavar="FILE.db", help="results files to take from")


def call(arguments: argparse.Namespace) -> int:
    """Merge and print how many runs were added."""
    import contextlib
    import os

    from cutlayer.experiments.records.store import merge
    from cutlayer.simulator.errors import InputError
    from cutlayer.simulator.results.file import Results

    with contextlib.ExitStack() as stack:
        parts = [stack.enter_context(Results(part, must_exist=True)) for part in arguments.parts]
        for part in arguments.parts:
            if os.path.exists(arguments.out) and os.path.samefile(part, arguments.out):
                raise InputError("is the file to add to; allowed: other files", part)
        out = stack.enter_context(Results(os.path.abspath(arguments.out)))
        added, there = merge(out, parts)
    print(f"{added} runs added, {there} already present")
    print(arguments.out)
    return 0
