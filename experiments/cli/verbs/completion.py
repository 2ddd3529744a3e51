"""``cutlayer completion``: print what makes a shell complete verbs and options."""

from __future__ import annotations

import argparse

HELP = "print shell completion (bash, zsh or tcsh)"
DESCRIPTION = "Print the completion of verbs and options for a shell; load it, or put it where your shell looks for it."
EXAMPLE = "cutlayer completion bash > ~/.local/share/bash-completion/completions/cutlayer"
SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or tcsh")


def call(arguments: argparse.Namespace) -> int:
    """Print the completion."""
    import shtab

    from cutlayer.experiments.cli.main import build_parser

    print(shtab.complete(build_parser(), arguments.shell))
    return 0
