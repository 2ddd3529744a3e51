"""Whatever is wrong with what a user hands in: one line that says where and what, exit status 2, no results."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from user_files import INPUTS, SERVERS, TASKS, Done, Files, assert_one_line, command


@dataclass(frozen=True)
class Fault:
    """A fault, how to make it from sound files, and what the message must say."""

    name: str
    spoil: Callable[[Files], object]
    """Changes the files; may return words to add to the command line."""
    says: tuple[str, ...]
    scheduler: str = "fifo"


def edit(file: str, old: str, new: str) -> Callable[[Files], None]:
    return lambda files: files.edit(file, old, new)


def content(file: str, whole: str | bytes) -> Callable[[Files], None]:
    return lambda files: files.write(file, whole)


def folder_in_place_of(file: str) -> Callable[[Files], None]:
    def spoil(files: Files) -> None:
        files.path(file).unlink()
        files.path(file).mkdir()

    return spoil


def without(file: str) -> Callable[[Files], None]:
    return lambda files: files.path(file).unlink()


def option(*words: str) -> Callable[[Files], list[str]]:
    return lambda files: [str(files.path(word[1:])) if word.startswith("@") else word for word in words]


def cell(text: str, row: int, column: str, value: str) -> str:
    """Return the CSV text with one value replaced; row 1 is the first below the header."""
    lines = [line.split(",") for line in text.splitlines()]
    lines[row][lines[0].index(column)] = value
    return "\n".join(map(",".join, lines)) + "\n"


FILES = {"servers.csv": SERVERS, "tasks.csv": TASKS, "inputs.csv": INPUTS}
NUMBERS = [
    # file, row, column, may it be 0, may it be empty
    ("servers.csv", 2, "capacity_flop_per_s", False, False),
    ("servers.csv", 1, "uplink_bps", False, False),
    ("tasks.csv", 1, "arrival_s", True, False),
    ("tasks.csv", 2, "frame_rate_hz", False, False),
    ("tasks.csv", 3, "deadline_s", False, False),
    ("tasks.csv", 4, "lifetime_s", False, True),
    ("tasks.csv", 4, "input_bytes", False, True),
    ("inputs.csv", 2, "input_bytes", True, False),
]
NO_NUMBERS = ["-1", "-1e-9", "nan", "NaN", "inf", "Infinity", "1e999", "1e60", "0", ""]
NO_NUMBERS += ["1_000", "0x10", "1e", "5 Hz", "٣", "1;5", "True", "--1"]


def wrong_numbers() -> Iterator[Fault]:
    for file, row, column, zero, empty in NUMBERS:
        for value in NO_NUMBERS:
            if not ((zero and value == "0") or (empty and value == "")):
                whole = cell(FILES[file], row, column, value)
                says = (f"{file}:{row + 1}: ", f"{column} is {value!r}", "allowed: ")
                yield Fault(f"{file} {column} {value!r}", content(file, whole), says)


def every_file() -> Iterator[Fault]:
    """Yield the faults that any of the CSV files may have."""
    for file, text in FILES.items():
        columns = text.splitlines()[0].split(",")
        for at, name in enumerate(columns[:5]):  # those that must be there
            dropped = "".join(
                ",".join(v for i, v in enumerate(line.split(",")) if i != at) + "\n" for line in text.splitlines()
            )
            says = (f"{file}:1: ", f"column {name!r} is missing", "needed: ")
            yield Fault(f"{file} without {name}", content(file, dropped), says)
        last = columns[-1]
        lines = text.count("\n")
        cases = [
            ("misspelt column", text.replace(last, last[:-1], 1), (f"{file}:1: ", f"did you mean {last!r}?")),
            ("unknown column", text.replace("\n", ",zzz\n"), (f"{file}:1: ", "unknown column 'zzz'")),
            ("column twice", text.replace("\n", f",{columns[0]}\n", 1), (f"{file}:1: ", "stands twice")),
            ("empty", "", (f"{file}: ", "is empty", "allowed: a header with")),
            ("blank", " \n\n", (f"{file}:1: ", "unknown column ''")),
            ("header only", text.splitlines()[0] + "\n", (f"{file}: ", "no rows")),
            ("no header", text.partition("\n")[2], (f"{file}:1: ", "unknown column")),
            ("short row", text + "x\n", (f"{file}:{lines + 1}: ", f"1 values for {len(columns)} columns")),
            ("long row", text[:-1] + ",1\n", (f"{file}:{lines}: ", f"{len(columns) + 1} values for {len(columns)}")),
            ("open quote", text + '"x', (f"{file}:{lines + 1}: ", "not a CSV file")),
            ("text after a quote", text + '"x"y,1\n', (f"{file}:{lines + 1}: ", "not a CSV file")),
            ("semicolons", text.replace(",", ";"), (f"{file}:1: ", "unknown column")),
            ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), (f"{file}:", "not a text file in UTF-8")),
            ("zeros", bytes(1000), (f"{file}:1: ", "NUL byte")),
            ("a NUL byte", text.encode() + b"x\0", (f"{file}:{lines + 1}: ", "NUL byte")),
            ("Latin-1", text.encode() + "Köln".encode("latin-1"), (f"{file}:{lines + 1}: ", "UTF-8 (byte 0xf6)")),
            ("UTF-16", text.encode("utf-16"), (f"{file}:1: ", "not a text file in UTF-8")),
            ("UTF-16 without a mark", text.encode("utf-16-be"), (f"{file}:1: ", "not a text file in UTF-8")),
            ("a long line", "x" * 300_000, (f"{file}:", "not a CSV file")),
            ("a name of two lines", text + '"x\ny"' + "," * (len(columns) - 1), (f"{file}:{lines + 2}: ", "'x\\ny'")),
            ("an empty name", text + "," * (len(columns) - 1), (f"{file}:{lines + 1}: ", f"{columns[0]} is empty")),
        ]
        for what, whole, says in cases:
            yield Fault(f"{file} {what}", content(file, whole), says)
        yield Fault(f"{file} a folder", folder_in_place_of(file), (f"{file}: ", "is a folder"))
        yield Fault(f"{file} missing", without(file), (f"{file}: ", "cannot be read", "No such file"))


MEANINGS = [
    Fault("server twice", edit("servers.csv", "b,", "a,"), ("servers.csv:3: ", "server 'a' stands twice")),
    Fault("task twice", edit("tasks.csv", "t4", " t1 "), ("tasks.csv:5: ", "task 't1' stands twice")),
    Fault(
        "input twice",
        edit("inputs.csv", "t3,b", "t3,a"),
        ("inputs.csv:3: ", "task 't3' at server 'a' stands twice"),
    ),
    Fault(
        "arrivals not in order",
        edit("tasks.csv", "t4,3,", "t4,1.5,"),
        ("tasks.csv:5: ", "arrival_s is 1.5", "before 2.0", "by time"),
    ),
    Fault("profile misspelt", edit("tasks.csv", "wide", "widt"), ("tasks.csv:5: ", "'widt'", "did you mean 'wide'?")),
    Fault("profile unknown", edit("tasks.csv", "wide", "vgg"), ("tasks.csv:5: ", "'vgg'", "known: small, wide")),
    Fault(
        "server misspelt",
        lambda files: (files.edit("servers.csv", "b,", "berlin,"), files.edit("inputs.csv", "t3,b", "t3,berln")),
        ("inputs.csv:3: ", "'berln'", "did you mean 'berlin'?"),
    ),
    Fault("server unknown", edit("inputs.csv", "t3,b", "t3,q"), ("inputs.csv:3: ", "'q'", "known: a, b")),
    Fault(
        "inputs of an unknown task",
        lambda files: files.write("inputs.csv", INPUTS + "t33,a,1\n"),
        ("inputs.csv:4: ", "unknown task 't33'", "did you mean 't3'?"),
    ),
    Fault("input_bytes and rows", edit("tasks.csv", "small,5,0.2,,\n", "small,5,0.2,,7\n"), ("tasks.csv:4: ", "'t3'")),
    Fault("neither", edit("tasks.csv", "2000.0", ""), ("tasks.csv:5: ", "task 't4' has no input_bytes")),
    Fault(
        "zero bytes everywhere",
        content("inputs.csv", INPUTS.replace("1000", "0")),
        ("tasks.csv:4: ", "task 't3' has 0 input_bytes everywhere"),
    ),
]


def profile(old: str, new: str, *says: str) -> Fault:
    return Fault(f"profile {new or 'without ' + old}", edit("profiles/small.json", old, new), ("small.json", *says))


PROFILES = [
    Fault("profile empty", content("profiles/small.json", ""), ("small.json:1: ", "is empty")),
    Fault("profile cut off", content("profiles/small.json", '{"schema": 1,\n"name'), ("small.json:2: ", "not JSON")),
    Fault("profile binary", content("profiles/small.json", b"\x80\x81"), ("small.json:1: ", "not text in UTF-8")),
    Fault("profile a list", content("profiles/small.json", "[]"), ("small.json:1: ", "a profile is []")),
    Fault(
        "profile nested deeply",
        content("profiles/small.json", "[" * 100_000),
        ("small.json", "nested too deeply"),
    ),
    Fault("profile a folder", folder_in_place_of("profiles/small.json"), ("small.json: ", "is a folder")),
    profile('"name": "small"', '"name": "wide"', "'wide'", "too"),
    profile('"schema": 1', '"schema": 3', ":1: ", "schema is 3; allowed: 1"),
    profile('"flop": 4000', '"flop": NaN', ":4: ", "flop is nan"),
    profile('"flop": 4000', '"flop": -1', ":4: ", "-1", "allowed"),
    profile('"flop": 4000', '"flop": "4000"', ":4: ", "'4000'", "allowed: a number"),
    profile('"flop": 4000', '"flop": null', ":4: ", "None", "allowed: a number"),
    profile('"flop": 4000', '"flop": true', ":4: ", "True", "allowed: a number"),
    profile('"flop": 4000', '"flops": 4000', ":4: ", "'flops'", "did you mean 'flop'?"),
    profile('"flop": 4000, ', "", ":4: ", "lacks the key 'flop'"),
    profile('"output_bytes": 10', '"output_bytes": 0', ":4: ", "output_bytes", "allowed"),
    profile('"output_bytes": 10', '"output_bytes": 1e999', ":4: ", "inf"),
    profile('"output_shape": [10]', '"output_shape": [0]', ":4: ", "[0]"),
    profile('"output_shape": [10]', '"output_shape": []', ":4: ", "[]"),
    profile('"name": "fc2"', '"name": ""', ":4: ", "name is ''"),
    profile('"bytes": 100', '"bytes": 0', ":1: ", "0"),
    profile('"kind": "assumed"', '"kind": "asumed"', ":6: ", "did you mean 'assumed'?"),
    Fault("no profiles", option("--profiles", "@empty"), ("empty: ", "holds no profile")),
    Fault("profiles missing", option("--profiles", "@nowhere"), ("nowhere: ", "cannot be read")),
    Fault("profiles a file", option("--profiles", "@tasks.csv"), ("tasks.csv: ", "cannot be read")),
]

OPTIONS = [
    Fault("scheduler misspelt", lambda files: None, ("'fifi'", "did you mean 'fifo'?"), "fifi"),
    Fault("scheduler unknown", lambda files: None, ("'xyz'", "known: cloud, fifo, fixed, lbf"), "xyz"),
    Fault("scheduler empty", lambda files: None, ("unknown scheduler ''",), ""),
    Fault("cut rule misspelt", option("--cut-rule", "balancd"), ("'balancd'", "did you mean 'balanced'?")),
    Fault("cut rule fixed(0)", option("--cut-rule", "fixed(0)"), ("cut is 0", "1 or more")),
    Fault("cut rule without its cut", option("--cut-rule", "fixed"), ("needs --cut",)),
    Fault("cut rule a number", option("--option", "cut_rule=5"), ("cut_rule is 5", "allowed: text")),
    Fault("cut 0", option("--cut", "0"), ("cut is 0", "1 or more"), "fixed"),
    Fault("cut negative", option("--cut", "-3"), ("cut is -3", "1 or more"), "fixed"),
    Fault("cut a fraction", option("--cut", "1.5"), ("--cut", "'1.5'"), "fixed"),
    Fault("cut true", option("--option", "cut=true"), ("cut is True", "a whole number"), "fixed"),
    Fault(
        "cut missing", lambda files: None, ("'fixed' needs the parameter 'cut' (--cut, or fixed(cut=VALUE))",), "fixed"
    ),
    Fault("cut where none is taken", option("--cut", "1"), ("'fifo' has no parameter 'cut'",)),
    Fault("admission misspelt", option("--admission", "print"), ("'print'", "did you mean 'printed'?"), "threshold"),
    Fault("admission of fifo", option("--admission", "printed"), ("'fifo' has no parameter 'admission'",)),
    Fault("option without value", option("--option", "cut"), ("--option 'cut'", "NAME=VALUE")),
    Fault("option without name", option("--option", "=1"), ("--option '=1'", "NAME=VALUE")),
    Fault("option unknown", option("--option", "cut_rul=x"), ("'cut_rul'", "did you mean 'cut_rule'?")),
    Fault("reservation misspelt", option("--reservation", "sustaned"), ("did you mean 'sustained'?",)),
    *(
        Fault(f"usable share {share}", option("--usable-share", share), (f"--usable-share is {share}", "1e-09 to 1"))
        for share in ("0.0", "1.5", "-1.0", "nan", "inf")
    ),
    Fault("usable share a word", option("--usable-share", "half"), ("--usable-share", "'half'")),
    Fault("margin negative", option("--reservation-margin", "-0.1"), ("--reservation-margin is -0.1", "0 or more")),
    Fault("margin infinite", option("--reservation-margin", "inf"), ("--reservation-margin is inf", "finite")),
    Fault("until not a number", option("--until", "nan"), ("--until is nan",)),
    Fault("until for ever", option("--until", "inf"), ("--until is inf",)),
    Fault("argument misspelt", option("--netwrk", "x"), ("'--netwrk'", "did you mean '--network'?")),
    Fault("argument cut short", option("--usable", "1"), ("did you mean '--usable-share'?",)),
    Fault("a word too many", option("x", "y"), ("unknown argument 'y'",)),
]


def own(name: str, text: str | bytes, *says: str, spec: str = "mine.py:MyScheduler") -> Fault:
    return Fault(f"own scheduler {name}", content("mine.py", text), says, spec)


SCHEDULERS = [
    own("misspelt",
        "from cutlayer.simulator.policy import OnlineScheduler\nclass MyScheduller(OnlineScheduler): pass\n",
        "mine.py: ", "'MyScheduler'", "did you mean 'MyScheduller'?"),
    own("not there", "", "mine.py: ", "unknown class 'MyScheduler'"),
    own("without a name", "", "mine.py: ", "unknown class ''", spec="mine.py:"),
    own("not a scheduler", "class MyScheduler: pass\n", "mine.py: ", "MyScheduler is not a subclass of"),
    own("not a class", "MyScheduler = 3\n", "mine.py: ", "MyScheduler is not a subclass of"),
    own("the base itself", "from cutlayer.simulator.policy import OnlineScheduler\n", "mine.py: ", "not a subclass",
        spec="mine.py:OnlineScheduler"),
    own("of bad syntax", "x = 1\ndef f(:\n", "mine.py:2: ", "syntax error"),
    own("of bad indentation", "def f():\nx = 1\n", "mine.py:2: ", "syntax error"),
    own("with a NUL byte", b"x = 1\0\n", "mine.py", "null bytes"),
    own("in Latin-1", "x = 'Köln'\n".encode("latin-1"), "mine.py", "syntax error"),
    own("that imports what is not there", "import nosuch\n", "mine.py:1: ", "ModuleNotFoundError", "nosuch"),
    own("that raises two lines", "x = 1\nraise ValueError('two\\nlines')\n", "mine.py:2: ", "ValueError: two lines"),
    own("that leaves", "import sys\nsys.exit(0)\n", "mine.py:2: ", "SystemExit"),
    Fault("own scheduler missing", without("mine.py"), ("mine.py: ", "no such file"), "mine.py:MyScheduler"),
    Fault("own scheduler a folder", lambda files: None, ("profiles: ", "no such file"), "profiles:MyScheduler"),
    Fault("own scheduler not Python", lambda files: None, ("tasks.csv: ", "not a Python file"), "tasks.csv:Mine"),
    Fault("own scheduler without class", lambda files: None, ("names no class", "mine.py:MyScheduler"), "mine.py"),
    Fault("own scheduler's parameter", option("--option", "evry=3"), ("'every'?",), "mine.py:MyScheduler"),
    Fault("own scheduler's value", option("--option", "every=x"), ("every is 'x'", "whole"), "mine.py:MyScheduler"),
]  # fmt: skip


def other_database(files: Files) -> None:
    connection = sqlite3.connect(files.path("run.db"))
    connection.execute("CREATE TABLE runs (key TEXT)")
    connection.commit()
    connection.close()


RESULTS = [
    Fault("results a text", content("run.db", "some notes that are not a database, and not to be lost\n" * 20),
          ("run.db: ", "not a results file")),
    Fault("results of another program", other_database, ("run.db: ", "not a results file of cutlayer")),
    Fault("results a folder", lambda files: files.path("run.db").mkdir(), ("run.db: ", "is a folder")),
    Fault("results in a missing folder", option("--out", "@no/such/run.db"), ("run.db: ", "there is no folder")),
    Fault("results in a file", option("--out", "@tasks.csv/run.db"), ("run.db: ", "there is no folder")),
    Fault("results an input", option("--out", "@tasks.csv"), ("tasks.csv: ", "not a results file")),
    Fault("results without a name", option("--out", ""), ("is a folder",)),
]  # fmt: skip

FAULTS = [*wrong_numbers(), *every_file(), *MEANINGS, *PROFILES, *OPTIONS, *SCHEDULERS, *RESULTS]


def argv_of(fault: Fault, files: Files) -> list[str]:
    files.path("empty").mkdir()
    more = fault.spoil(files)
    return files.argv(*(more if isinstance(more, list) else ()), scheduler=fault.scheduler)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_one_line_and_leaves_nothing(fault, files, cutlayer, monkeypatch):
    monkeypatch.chdir(files.folder)
    argv = argv_of(fault, files)
    before = files.everything()
    done = cutlayer(argv)
    assert_one_line(done, "cutlayer run: ", *fault.says)
    assert len(done.err) < 1000
    assert files.everything() == before


SOME = [MEANINGS[1], PROFILES[7], OPTIONS[0], SCHEDULERS[6], RESULTS[0]]


@pytest.mark.parametrize("fault", SOME, ids=lambda fault: fault.name)
def test_a_fault_in_a_process_of_its_own_is_just_that_line(fault, files):
    argv = argv_of(fault, files)
    before = files.everything()
    assert_one_line(command(*argv, cwd=files.folder), "cutlayer run: ", *fault.says)
    assert files.everything() == before


def test_a_fault_leaves_earlier_results_as_they_were(files, cutlayer):
    cutlayer(files.argv())
    files.edit("tasks.csv", "0.2", "-0.2")
    before = files.everything()
    assert_one_line(cutlayer(files.argv()), "tasks.csv:2: ")
    assert files.everything() == before


def test_a_pipe_is_refused_because_it_cannot_be_read_twice(files, cutlayer):
    files.path("tasks.csv").unlink()
    os.mkfifo(files.path("tasks.csv"))
    assert_one_line(cutlayer(files.argv()), "tasks.csv: ", "allowed: a file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("what", ["run.db", "."])
def test_results_that_may_not_be_written_are_one_line(files, cutlayer, what):
    cutlayer(files.argv())
    out = "run.db" if what == "run.db" else "other.db"
    files.path(what).chmod(0o500)
    try:
        assert_one_line(cutlayer(files.argv(out=out)), out)
    finally:
        files.path(what).chmod(0o700)


def test_a_full_disk_is_one_line(files, cutlayer):
    assert_one_line(cutlayer(files.argv("--out", "/dev/full")), "/dev/full")


def test_results_cut_off_in_the_middle_are_one_line(files, cutlayer):
    cutlayer(files.argv())
    whole = files.path("run.db").read_bytes()
    for size in (50, 100, 1000, 5000, len(whole) // 2):
        files.write("run.db", whole[:size])
        assert_one_line(cutlayer(files.argv()), "run.db: ")


@pytest.mark.parametrize(
    "argv, unbuffered",
    [(["run"], ""), (["run"], "1"), (["explain", "t1"], ""), (["explain", "t1"], "1"), (["run", "--help"], "")],
)
def test_standard_output_that_is_full_is_one_line(files, cutlayer, argv, unbuffered):
    assert cutlayer(files.argv()).status == 0
    verb, *more = argv
    argv = {"run": [*files.argv(), *more], "explain": ["explain", "run.db", *more]}[verb]
    words = [sys.executable, "-m", "cutlayer.experiments.cli.main", *argv]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            words, cwd=files.folder, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert_one_line(Done(done.returncode, "", done.stderr), "cannot write to standard output (No space left on device)")
