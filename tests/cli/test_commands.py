"""The command line as a whole: help, no torch, interruptions, several processes at a time."""

from __future__ import annotations

import io
import json
import pkgutil
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from user_files import assert_one_line, command, python, rows, same_but_for_the_machine

from cutlayer.experiments.cli import verbs
from cutlayer.experiments.cli.main import build_parser
from cutlayer.experiments.console import console
from cutlayer.simulator.compiled import compiled

VERBS = sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))

WITHOUT_TORCH = """\
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, NoTorch())
"""

SMALLER = """\
'''cutlayer with a smaller paper, hit by a signal in the middle of its n-th write (0: by none).'''
import os, signal, sys
from cutlayer.experiments.cli import main as cli
from cutlayer.simulator.results.file import Results

hit, left = (getattr(signal, sys.argv[1]), int(sys.argv[2])) if __name__ == "__main__" else (None, 0)
write = Results.write

def write_until_hit(self, run, tables):
    global left
    left -= 1
    write(self, run, {name: interrupted(rows) if left == 0 else rows for name, rows in tables.items()})

def interrupted(rows):
    for number, row in enumerate(rows):
        if number == 3:
            os.kill(os.getpid(), hit)
        yield row

Results.write = write_until_hit
if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[3:]))
"""


def test_help_lists_the_verbs_without_loading_what_they_need(tmp_path):
    done = python("-X", "importtime", "-m", "cutlayer.experiments.cli.main", "--help", cwd=tmp_path)
    assert done.status == 0
    assert all(f"\n    {verb}" in done.out for verb in VERBS)
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert loaded.isdisjoint({"numpy", "scipy", "torch", "matplotlib", "numba", "simpy", "tqdm"})


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(cutlayer, verb):
    done = cutlayer([verb, "--help"])
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: cutlayer {verb}")


def test_without_a_verb_there_is_help_and_status_2(cutlayer):
    done = cutlayer([])
    assert (done.status, done.err) == (2, "")
    assert done.out.startswith("usage: cutlayer")


def test_the_version_is_the_packages_own(cutlayer):
    from cutlayer import __version__

    assert cutlayer(["--version"]).out == f"cutlayer {__version__}\n"


def test_schedulers_are_listed_with_their_parameters(cutlayer):
    out = cutlayer(["schedulers"]).out
    names = ("cloud", "fifo", "fixed", "lbf", "offline", "threshold")
    assert all(any(line.split()[:1] == [name] for line in out.splitlines()) for name in names)
    assert "admission" in out and "cut_rule" in out


@pytest.mark.parametrize(
    "argv, says",
    [
        (["rnu"], "'rnu'"),
        (["--vrsion"], "did you mean '--version'?"),
        (["run"], "--network"),
        (["reproduce", "--sedes", "3"], "did you mean '--seeds'?"),
        (["reproduce", "--seeds", "three"], "'three'"),
        (["reproduce", "--seeds", "0"], "seeds is 0; allowed: 1 or more"),
        (["reproduce", "--only", "cammera"], "did you mean 'camera'?"),
        (["reproduce", "--out", "a_file/paper", "--only", "camera"], "a_file/paper: "),
        (["reproduce", "--out", "a_file", "--only", "camera"], "a_file: "),
        (["reproduce", "--out", "taken", "--only", "camera"], "claims.json: is a folder"),
        (["reproduce", "--out", "foreign", "--only", "camera"], "results.db: not a results file"),
        (["check", "fifi"], "did you mean 'fifo'?"),
        (["check", "nowhere.py:Mine"], "nowhere.py: no such file"),
        (["schedulers", "fifo"], "'fifo'"),
    ],
)
def test_a_fault_on_the_command_line_is_one_line(cutlayer, tmp_path, monkeypatch, argv, says):
    monkeypatch.chdir(tmp_path)
    Path("a_file").write_text("x")
    Path("taken/claims.json").mkdir(parents=True)
    Path("foreign").mkdir()
    Path("foreign/results.db").write_text("not a database, and long enough to be looked at\n" * 9)
    done = cutlayer(argv)
    done.err = "".join(line for line in done.err.splitlines(keepends=True) if not line.startswith("camera example:"))
    assert_one_line(done, "cutlayer", says)


# Without torch ---------------------------------------------------------------------------------------------


@pytest.fixture
def without_torch(tmp_path):
    folder = tmp_path / "without_torch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_TORCH)
    assert python("-c", "import torch", cwd=tmp_path, path=[folder]).status == 1
    return [folder]


def test_run_needs_no_torch(files, without_torch):
    assert command(*files.argv("--json"), cwd=files.folder, path=without_torch).json["deployed"] == 3


def test_reproduce_needs_no_torch(tmp_path, without_torch):
    done = command("reproduce", "--seeds", "1", "--only", "camera", "--out", "o", cwd=tmp_path, path=without_torch)
    assert (done.status, done.out.splitlines()[-1]) == (0, "o")
    assert len(json.loads((tmp_path / "o/claims.json").read_text())) == 4


@pytest.mark.parametrize("name", ["alexnet", "all"])
def test_profile_without_torch_says_what_to_install(tmp_path, without_torch, name):
    done = command("profile", name, "--out", "measured", cwd=tmp_path, path=without_torch)
    assert_one_line(done, "cutlayer profile: ", "torch", "cutlayer[profile]")
    assert not (tmp_path / "measured").exists()


# Interrupted -----------------------------------------------------------------------------------------------


@pytest.fixture
def smaller(tmp_path):
    """Run ``reproduce`` of a smaller paper, two seeds, hit by a signal in the middle of a write."""
    (tmp_path / "smaller.py").write_text(SMALLER)

    def run(out, *, hit="SIGTERM", at=0, only="online_arrivals"):
        words = (
            "smaller.py",
            hit,
            str(at),
            "reproduce",
            "--seeds",
            "2",
            "--set",
            "workload.tasks=120",
            "--out",
            out,
            "--only",
            only,
        )
        return python(*words, "--out", out, "--only", only, cwd=tmp_path)

    return run


@pytest.mark.parametrize("hit, status", [("SIGINT", 130), ("SIGKILL", -9)])
def test_what_was_interrupted_goes_on_to_the_same_end(tmp_path, smaller, hit, status):
    whole = smaller("whole")
    assert whole.status == 0
    stopped = smaller("stopped", hit=hit, at=4)  # of eight runs, the fourth
    assert (stopped.status, stopped.out) == (status, "")
    assert "Traceback" not in stopped.err
    if hit == "SIGINT":
        assert stopped.err.splitlines()[-1] == "cutlayer reproduce: interrupted"
    assert len(rows(tmp_path / "stopped/results.db")) == 3  # whole runs only
    assert not list((tmp_path / "stopped").glob("claims.*"))

    resumed = smaller("stopped")
    assert resumed.status == 0
    tables = [same_but_for_the_machine(tmp_path / out / "results.db") for out in ("whole", "stopped")]
    assert tables[0] == tables[1] and len(tables[0]["series"]) > 500
    for name in ("claims.json", "claims.md", "fig4b_online_arrivals.png", "fig4b_online_arrivals.svg"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_a_finished_sweep_is_not_run_again(tmp_path, smaller):
    first = smaller("once", only="sweep_servers")
    times = [row["wall_s"] for row in rows(tmp_path / "once/results.db")]
    second = smaller("once", only="sweep_servers")
    assert first.status == second.status == 0 and first.out == second.out
    again = [row["wall_s"] for row in rows(tmp_path / "once/results.db")]
    assert len(times) == 2 * 8 * 8 + 1 and times == again  # and the row that carries the measures


def test_a_reader_who_leaves_early_is_nobodys_fault(files):
    argv = [sys.executable, "-m", "cutlayer.experiments.cli.main", *files.argv("--json")]
    for verb in (argv, [*argv[:3], "schedulers"], [*argv[:3], "--help"]):
        process = subprocess.Popen(
            verb,
            cwd=files.folder,
            env={"PATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.stdout.close()  # before anything is written
        assert (process.stderr.read(), process.wait() in (0, 141)) == ("", True)
        process.stderr.close()
    assert len(rows(files.path("run.db"))) == 1


def test_processes_that_share_a_results_file_all_succeed(files):
    assert command(*files.argv(), cwd=files.folder).status == 0
    words = [[f"--cut-rule=fixed({cut})", f"--usable-share={share}"] for cut in (1, 2) for share in (1, 0.5)]
    argv = [sys.executable, "-m", "cutlayer.experiments.cli.main"]
    environment = {"PATH": ""}
    started = [
        subprocess.Popen([*argv, *files.argv(*more)], cwd=files.folder, env=environment, stdout=subprocess.DEVNULL)
        for more in words
    ]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert len(rows(files.path("run.db"))) == 5
    assert len(rows(files.path("run.db"), "tasks")) == 20


# At a terminal, and away from one -----------------------------------------------------------------------------


def test_quiet_prints_nothing_but_errors(cutlayer, files):
    done = cutlayer([*files.argv(), "--quiet"])
    assert (done.status, done.out, done.err) == (0, "", "")
    assert cutlayer(["schedulers", "-q"]).out == ""
    assert_one_line(cutlayer(["check", "fifi", "--quiet"]), "cutlayer check", "did you mean 'fifo'?")


def test_quiet_keeps_the_json_that_was_asked_for(cutlayer, files):
    assert json.loads(cutlayer([*files.argv("--json"), "--quiet"]).out)["tasks"]


def test_notices_go_to_standard_error_once_and_not_at_all_when_quiet(cutlayer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reproduce = ["reproduce", "--seeds", "1", "--only", "camera", "--out", "out"]
    first, again = cutlayer(reproduce), cutlayer(reproduce)
    assert first.err.count("\n") == again.err.count("\n") >= 1
    assert cutlayer([*reproduce, "--quiet"]).err == ""


@pytest.mark.parametrize("terminal, quiet, shown", [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_that_something_is_compiled_is_told_at_a_terminal(monkeypatch, tmp_path, terminal, quiet, shown):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("cutlayer.simulator.compiled._told", set())
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", screen)
    loop = compiled(lambda values: values.sum())
    with console(quiet=quiet):
        loop(np.arange(5.0))
    assert screen.getvalue().count("\n") == shown == screen.getvalue().count("compiling")


@pytest.mark.parametrize(
    "variables, expected", [({}, "\x1b[31mred\x1b[0m"), ({"NO_COLOR": "1"}, "red"), ({"TERM": "dumb"}, "red")]
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, variables, expected):
    from cutlayer.experiments.console import coloured

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert coloured("red", "red", Terminal()) == expected
    assert coloured("red", "red", io.StringIO()) == "red"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_names_every_verb(cutlayer, shell):
    done = cutlayer(["completion", shell])
    assert (done.status, done.err) == (0, "")
    assert all(verb in done.out for verb in VERBS)


def test_bash_completes_verbs_and_options(cutlayer, tmp_path):
    script = tmp_path / "completion.sh"
    script.write_text(cutlayer(["completion", "bash"]).out)
    ask = f"source {script}; COMP_WORDS=(cutlayer run --sched); COMP_CWORD=2; _shtab_cutlayer; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--scheduler"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_that_its_parser_takes(cutlayer, verb):
    example = cutlayer([verb, "--help"]).out.partition("example:")[2].partition(">")[0]
    name, *argv = shlex.split(example)
    assert (name, argv[0]) == ("cutlayer", verb)
    assert build_parser().parse_args(argv).verb == verb
