"""The command line: ``cutlayer VERB``. Slow imports happen in the verb that needs them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

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
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    _add_run(verbs)
    _add_reproduce(verbs)
    _add_profile(verbs)
    _add_explain(verbs)
    _add_check(verbs)
    schedulers = verbs.add_parser("schedulers", help="list the schedulers", description="List the schedulers.")
    schedulers.set_defaults(call=_schedulers)
    return parser


def _add_run(verbs: Any) -> None:
    parser = verbs.add_parser(
        "run",
        help="simulate your own servers and tasks",
        description="Simulate one scheduler on your own servers and tasks, and keep every decision.",
        epilog="example:\n  cutlayer run --network servers.csv --tasks tasks.csv --scheduler fifo --out run.db",
    )
    parser.add_argument("--network", required=True, metavar="CSV", help="server,capacity_flop_per_s,uplink_bps")
    parser.add_argument(
        "--tasks",
        required=True,
        metavar="CSV",
        help="task,arrival_s,profile,frame_rate_hz,deadline_s and, optionally, lifetime_s, input_bytes; by arrival",
    )
    parser.add_argument("--inputs", metavar="CSV", help="task,server,input_bytes, for tasks without input_bytes")
    parser.add_argument("--profiles", metavar="DIR", help="folder of profiles (default: the ten measured networks)")
    parser.add_argument(
        "--scheduler", required=True, metavar="NAME", help="a name from 'cutlayer schedulers', or path/to/mine.py:Class"
    )
    parser.add_argument("--cut-rule", metavar="RULE", help="balanced (default), largest-product or fixed(K)")
    parser.add_argument("--cut", type=int, metavar="K", help="the cut of the scheduler 'fixed' or the cut rule 'fixed'")
    parser.add_argument("--admission", metavar="A", help="of the scheduler 'threshold': threshold (default) or printed")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of the scheduler; the value is JSON or text",
    )
    parser.add_argument("--reservation", default="sustained", metavar="R", help="sustained (default) or deadline")
    parser.add_argument(
        "--reservation-margin", type=float, default=0.0, metavar="H", help="slack of every reservation (default: 0)"
    )
    parser.add_argument(
        "--usable-share", type=float, default=1.0, metavar="V", help="share of an uplink tasks may reserve (default: 1)"
    )
    parser.add_argument(
        "--until", type=float, metavar="SECONDS", help="simulate until then (default: the last arrival)"
    )
    parser.add_argument("--by-resource", action="store_true", help="also keep every change at every server and link")
    parser.add_argument("--out", required=True, metavar="FILE.db", help="results file (SQLite); runs are added to it")
    parser.add_argument("--json", action="store_true", help="print verdicts and cuts as JSON and nothing else")
    parser.set_defaults(call=_run)


def _add_reproduce(verbs: Any) -> None:
    parser = verbs.add_parser(
        "reproduce",
        help="redraw the paper's figures and check its claims",
        description="Redraw the figures of Li, Ota and Dong (IEEE Network 2018) and check each of their claims.",
        epilog="example:\n  cutlayer reproduce --seeds 5 --out results/paper",
    )
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="number of seeds (default: 20)")
    parser.add_argument("--out", default="results/paper", metavar="DIR", help="folder (default: results/paper)")
    parser.add_argument("--only", action="append", default=[], metavar="EXPERIMENT", help="one experiment; repeatable")
    parser.set_defaults(call=_reproduce)


def _add_profile(verbs: Any) -> None:
    parser = verbs.add_parser(
        "profile",
        help="measure a network with torch",
        description="Measure FLOP, output bytes and time of every layer of a network; needs cutlayer[profile].",
        epilog="example:\n  cutlayer profile squeezenet-1-1 --input 3x360x540 --out my_profiles",
    )
    parser.add_argument("network", nargs="+", metavar="NAME", help="networks to measure, or 'all'")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu (default) or cuda")
    parser.add_argument("--input", metavar="CxHxW", help="shape of a frame (default: the network's own)")
    parser.add_argument("--wire", default="uint8", metavar="W", help="uint8 (default), float16 or float32")
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="timed repeats (default: 20)")
    parser.add_argument("--out", default="profiles", metavar="DIR", help="folder to write to (default: profiles)")
    parser.set_defaults(call=_profile)


def _add_explain(verbs: Any) -> None:
    parser = verbs.add_parser(
        "explain",
        help="say why a task was deployed, rejected or evicted",
        description="Say in words what happened to a task: when it came, what was tried, what was short.",
        epilog="example:\n  cutlayer explain run.db door",
    )
    parser.add_argument("results", metavar="RESULTS.db", help="a results file")
    parser.add_argument("task", metavar="TASK", help="the name of the task")
    parser.add_argument("--run", metavar="RUN", help="a scheduler as the results call it, or a run's key")
    parser.set_defaults(call=_explain)


def _add_check(verbs: Any) -> None:
    parser = verbs.add_parser(
        "check",
        help="check a scheduler against the contract",
        description="Check that a scheduler keeps the contract every scheduler must keep.",
        epilog="example:\n  cutlayer check mine.py:MyScheduler",
    )
    parser.add_argument("scheduler", metavar="NAME", help="a registered name, or path/to/mine.py:Class")
    parser.set_defaults(call=_check)


def _run(arguments: argparse.Namespace) -> int:
    from experiments.run_files import run_files

    return run_files(arguments)


def _reproduce(arguments: argparse.Namespace) -> int:
    from experiments.reproduce import as_text, reproduce

    claims, folder = reproduce(arguments.out, arguments.seeds, arguments.only)
    print(as_text(claims))
    print(folder)
    return 0


def _profile(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from profiles.measure import measure_all, network_names

    every = arguments.network == ["all"]
    with tqdm(
        total=len(network_names()) if every else len(arguments.network), desc="measured", disable=None, file=sys.stderr
    ) as bar:
        paths = measure_all(
            arguments.network,
            arguments.out,
            device=arguments.device,
            input_text=arguments.input,
            wire=arguments.wire,
            repeats=arguments.repeats,
            progress=lambda name: bar.update(1),
        )
    for path in paths:
        print(path)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from experiments.explain import explain

    print(explain(arguments.results, arguments.task, arguments.run))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from experiments.plugin import scheduler_class
    from simulator.checks import check_scheduler
    from simulator.errors import ContractError

    try:
        check_scheduler(scheduler_class(arguments.scheduler))
    except ContractError as fault:
        print(fault)
        return 2
    print(f"{arguments.scheduler} keeps the contract")
    return 0


def _schedulers(arguments: argparse.Namespace) -> int:
    import inspect

    from simulator.schedulers import SCHEDULERS

    for name in sorted(SCHEDULERS):
        found = SCHEDULERS[name]
        print(f"{name:14} {(found.__doc__ or '').strip().splitlines()[0]}")
        for parameter in inspect.signature(found).parameters.values():
            default = "needed" if parameter.default is parameter.empty else f"default: {parameter.default}"
            print(f"{'':14}   {parameter.name} ({default})")
    return 0


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
