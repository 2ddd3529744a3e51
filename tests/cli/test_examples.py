"""Every verb, and every action of one, has an example in its help; it is understood, and it runs."""

import argparse
import shlex
import shutil

import pytest

from cutlayer.experiments.cli.main import build_parser

ONLY_READ = ("profile", "reproduce", "sweep", "plan", "replay")
"""Examples of these need torch or minutes, or a file that nobody made: they are parsed, not run."""


def parsers(parser, words=()):
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, own in action.choices.items():
                yield from parsers(own, (*words, name))


PARSERS = {words: parser for words, parser in parsers(build_parser()) if words}


def example(words):
    (_, line) = PARSERS[words].epilog.split("example:\n  cutlayer ")
    return shlex.split(line.partition(" > ")[0])


@pytest.mark.parametrize("words", PARSERS, ids=" ".join)
def test_help_has_an_example_that_is_understood(words):
    argv = example(words)
    assert tuple(argv[: len(words)]) == words
    assert build_parser().parse_args(argv).verb == words[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the examples name."""
    made = tmp_path_factory.mktemp("examples")
    (made / "mine.py").write_text(
        "from cutlayer.simulator.demand import balanced\n"
        "from cutlayer.simulator.policy import Deploy, OnlineScheduler, Reject\n\n\n"
        "class MyScheduler(OnlineScheduler):\n    def decide(self, task, view):\n"
        "        cut = view.first_fit(task, balanced)\n"
        '        return Reject("no cut fits") if cut is None else Deploy(cut)\n'
    )
    (made / "servers.csv").write_text("server,capacity_flop_per_s,uplink_bps\ngate,290e9,10e6\n")
    head = "task,arrival_s,profile,frame_rate_hz,deadline_s,input_bytes"
    (made / "tasks.csv").write_text(f"{head}\ndoor,0,alexnet,5,0.2,100000\nyard,9,alexnet,5,0.2,100000\n")
    calls = [f"{call + (call % 7) / 10},{100 + call}" for call in range(60)]
    (made / "log.csv").write_text("\n".join(["start,took", *calls, ""]))
    (made / "mine.toml").write_text('scheduler = "fifo"\n[network]\nservers = 2\n[workload]\ntasks = 3\n')
    return made


def test_the_examples_run(folder, cutlayer, monkeypatch):
    monkeypatch.chdir(folder)
    small = ["--set", "network.servers=2", "--set", "workload.tasks=5"]
    sweep = ["sweep", "paper", *small, "--vary", "scheduler=price,offline,fifo", "--seeds", "2", "-j", "1", "-q"]
    assert cutlayer([*sweep, "--out", "sweep.db"]).status == 0
    own = ["run", "--network", "servers.csv", "--tasks", "tasks.csv", "--scheduler", "fifo", "--frames", "periodic"]
    assert cutlayer([*own, "--window", "1", "--out", "run.db"]).status == 0
    for name in ("monday.db", "tuesday.db"):
        shutil.copy("sweep.db", name)
    ran = 0
    for words in PARSERS:
        argv = example(words)
        if words[0] in ONLY_READ:
            continue
        if words[0] == "trace" and argv[1] in ("info", "scale", "clip", "fit"):
            argv += ["--map", "arrival_s=start"]
        if "init" in argv:
            argv[-1] = "new.toml"  # it overwrites nothing
            (folder / "new.toml").unlink(missing_ok=True)
        done = cutlayer(argv)
        assert done.status == 0, (argv, done.err)
        ran += 1
    assert ran >= 20
    assert all((folder / name).exists() for name in ("all.db", "report.html", "trace.json.gz", "tables", "run-figures"))


@pytest.mark.parametrize(
    "argv, says",
    [
        (["plan", "paper", "--fnd", "network.servers=1:3"], "unknown argument '--fnd'; did you mean '--find'?"),
        (["sweep", "paper", "--ot=x.db"], "unknown argument '--ot'; did you mean '--out'?"),
        (["export", "x.db", "--out"], "expected one argument"),
        (["export", "x.db"], "are required: --out"),
    ],
)
def test_a_misspelt_option_is_named_before_the_one_it_leaves_missing(cutlayer, argv, says):
    done = cutlayer(argv)
    assert done.status == 2 and says in done.err and done.err.count("\n") == 1
