"""The command line: ``cutlayer VERB``; the verbs are the modules of `cutlayer.experiments.cli.verbs`."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from cutlayer.experiments.cli import verbs
from cutlayer.experiments.cli.interrupts import INTERRUPTED, until_interrupted
from cutlayer.experiments.console import coloured, console, printable

EXIT_STATUS = """\
exit status:
  0    done
  1    a bug in cutlayer or in a scheduler of your own (a traceback)
  2    an error in the input (one line: where, what, what is allowed); nothing is written
  3    some runs of a sweep failed; the results hold each error
  130  interrupted (Ctrl-C)
  141  the program reading the output closed the pipe"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help with room for the longest option on its own line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)

    def add_argument(self, action: argparse.Action) -> None:
        """Leave room for the names of verbs, whose indentation argparse forgets."""
        super().add_argument(action)
        if isinstance(action.choices, dict):
            self._action_max_length = max(self._action_max_length, *(len(name) + 6 for name in action.choices))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from cutlayer.simulator.errors import near_name

            what = "value" if action.option_strings else action.dest
            message = f"unknown {what} {value!r}; {near_name(value, map(str, action.choices))}"
            raise argparse.ArgumentError(action if action.option_strings else None, message)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Take a "--" that is all there is for a value: argparse drops the first one, even of --out=--."""
        literal = arg_strings == ["--"] and (action.option_strings or action.nargs is None)
        return super()._get_values(action, ["--", "--"] if literal else arg_strings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known where it is said: the verb knows its own options."""
        self._given = tuple(args or ())
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            from cutlayer.simulator.errors import near_name

            options = [text for text in self._option_string_actions if text.startswith("--")]
            hint = f"; {near_name(unknown[0], options)}" if unknown[0].startswith("-") else ""
            self.error(f"unknown argument {unknown[0]!r}{hint}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with status 2; a misspelt option goes before the one it leaves missing."""
        if "are required" in message:
            from cutlayer.simulator.errors import near_name

            options = [text for text in self._option_string_actions if text.startswith("--")]
            said = [text.partition("=")[0] for text in getattr(self, "_given", ()) if text.startswith("--")]
            if unknown := [text for text in said if text not in options and text != "--"]:
                message = f"unknown argument {unknown[0]!r}; {near_name(unknown[0], options)}"
        self.exit(2, _fault(self.prog, message) + "\n")


def _fault(prog: str, message: object) -> str:
    return f"{coloured(f'{prog}:', 'red', sys.stderr)} {printable(str(message))}"


def guarded(prog: str, call: Callable[[], int], *, quiet: bool = False, json: bool = False) -> int:
    """Return the exit status of `call`; what a user can set right is one line, not a traceback.

    With `quiet` nothing is printed but errors, and the JSON where `json` says it was asked for.
    """
    from cutlayer.simulator.errors import CutlayerError

    try:
        with console(quiet=quiet, json=json):
            status = call()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader who has left is still nobody's fault
        return status
    except CutlayerError as fault:
        for line in str(fault).split("\n"):  # a scenario says all that is wrong with it, a line each
            print(_fault(prog, line), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(_fault(prog, "interrupted"), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the program reading the output closed the pipe
        _write_nowhere()
        return 141
    except OSError as fault:
        reason = _why_not_written() if fault.filename is None else None
        if reason is None:
            raise
        _write_nowhere()
        print(_fault(prog, f"cannot write to standard output ({reason})"), file=sys.stderr)
        return 2


def _why_not_written() -> str | None:
    """Return why nothing can be written to standard output; None where it can."""
    try:
        if sys.stdout is not None:
            sys.stdout.write("\n")
            sys.stdout.flush()
    except OSError as fault:
        return fault.strerror or str(fault)
    return None


def _write_nowhere() -> None:
    """Let what Python would still write to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="cutlayer",
        description="Simulate where to cut deep networks between edge servers and the cloud.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    choices = parser.add_subparsers(dest="verb", metavar="VERB")
    for module in sorted(pkgutil.iter_modules(verbs.__path__), key=lambda module: module.name):
        add_verb(choices, module.name, importlib.import_module(f"cutlayer.experiments.cli.verbs.{module.name}"))
    return parser


def add_verb(choices: Any, name: str, verb: Any) -> None:
    """Add the parser of one verb: a module of `cutlayer.experiments.cli.verbs`."""
    parser = choices.add_parser(
        name, help=verb.HELP, description=verb.DESCRIPTION, epilog=f"example:\n  {verb.EXAMPLE}"
    )
    verb.add_arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only (and JSON if --json is given)")
    parser.set_defaults(call=verb.call)


def _version() -> int:
    from cutlayer import __version__

    print(f"cutlayer {__version__}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    if argv is not None:
        return _status(argv)
    _open_streams()
    return until_interrupted(lambda: _status(None), lambda: print(_fault("cutlayer", "interrupted"), file=sys.stderr))


def _open_streams() -> None:
    """Let what was closed by who started us lead nowhere: otherwise a file that is opened later takes its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            os.set_inheritable(number, True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _status(argv: Sequence[str] | None) -> int:
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
    return guarded(
        f"cutlayer {arguments.verb}",
        lambda: int(arguments.call(arguments)),
        quiet=arguments.quiet,
        json=getattr(arguments, "json", False),
    )


if __name__ == "__main__":
    sys.exit(main())
