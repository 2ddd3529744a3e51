"""The command line: ``cutlayer VERB``; the verbs are the modules of `experiments.verbs`."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from experiments import verbs

EXIT_STATUS = """\
exit status: 0 done; 1 a bug in cutlayer or in a scheduler of your own (a traceback); 2 something handed in is wrong
(one line); 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known where it is said: the verb knows its own options."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            from simulator.errors import near_name

            options = [text for text in self._option_string_actions if text.startswith("--")]
            hint = f"; {near_name(unknown[0], options)}" if unknown[0].startswith("-") else ""
            self.error(f"unknown argument {unknown[0]!r}{hint}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def guarded(prog: str, call: Callable[[], int]) -> int:
    """Return the exit status of `call`; what a user can set right is one line, not a traceback."""
    from simulator.errors import CutlayerError

    try:
        status = call()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader who has left is still nobody's fault
        return status
    except CutlayerError as fault:
        print(f"{prog}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has left; what Python would still write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="cutlayer",
        description="Simulate where to cut deep networks between edge servers and the cloud.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    choices = parser.add_subparsers(dest="verb", metavar="VERB")
    for module in sorted(pkgutil.iter_modules(verbs.__path__), key=lambda module: module.name):
        add_verb(choices, module.name, importlib.import_module(f"experiments.verbs.{module.name}"))
    return parser


def add_verb(choices: Any, name: str, verb: Any) -> None:
    """Add the parser of one verb: a module of `experiments.verbs`."""
    parser = choices.add_parser(
        name, help=verb.HELP, description=verb.DESCRIPTION, epilog=f"example:\n  {verb.EXAMPLE}"
    )
    verb.add_arguments(parser)
    parser.set_defaults(call=verb.call)


def _version() -> int:
    import simulator

    print(f"cutlayer {simulator.__version__}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as left:  # argparse has printed help, or what is wrong
        status = left.code
        return guarded("cutlayer", lambda: int(status or 0))
    if arguments.version:
        return guarded("cutlayer", _version)
    if arguments.verb is None:
        parser.print_help()
        return guarded("cutlayer", lambda: 2)
    return guarded(f"cutlayer {arguments.verb}", lambda: int(arguments.call(arguments)))


if __name__ == "__main__":
    sys.exit(main())
