"""Whatever is wrong with a scenario file: a line for each fault, exit status 2, nothing written, never a traceback."""

from __future__ import annotations

import os
import re
import tomllib

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.scenarios.scenario import SHIPPED, load
from cutlayer.simulator.errors import InputError

SOUND = """\
scheduler = "fifo"
[network]
servers = 4
uplink = ["10 Mbit/s", "1 Gbit/s"]
[workload]
tasks = 5
arrivals = { process = "poisson", rate = "2 Hz" }
frame_bytes = "100 kB"
lifetime = { distribution = "exponential", mean = "60 s" }
[frames]
window = "1 s"
"""


def edited(old, new):
    assert old in SOUND
    return SOUND.replace(old, new)


CORPUS = {
    # not a scenario file at all
    "empty": ("", ["is empty; allowed: a scenario"]),
    "blank": (" \n\t\n", ["is empty"]),
    "no TOML": ("network servers\n", [":1: not TOML (Expected '=' after a key"]),
    "cut off": (SOUND[: SOUND.index("{ process") + 5], [":7: not TOML"]),
    "open text": ('scheduler = "fifo\n', [":1: not TOML (Illegal character"]),
    "key twice": ("[run]\nseed = 1\nseed = 2\n", [":3: not TOML (Cannot overwrite a value"]),
    "table twice": ("[run]\n[run]\n", [":2: not TOML"]),
    "Latin-1": ("scheduler = 'K\xf6ln'\n".encode("latin-1"), [":1: not a text file in UTF-8 (byte 0xf6)"]),
    "UTF-16": (SOUND.encode("utf-16"), [":1: not a text file in UTF-8"]),
    "zeros": (bytes(100), [":1: not TOML"]),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["not a text file in UTF-8"]),
    "nested deeply": ("a = " + "[" * 100_000, ["not TOML (nested too deeply)"]),
    "thousands of digits": ("a = " + "9" * 5000, ["not TOML (Exceeds the limit"]),
    "a scenario in JSON": ('{"network": {"servers": 4}}', [":1: not TOML"]),
    "keys of 3000 parts": ("a" + ".a" * 3000 + " = 1", ["x.toml: nested more than 50 deep; allowed: less"]),
    "a table of 3000 parts": ("[a" + ".a" * 3000 + "]", ["x.toml: nested more than 50 deep; allowed: less"]),
    # includes
    "include itself": ("include = 'x.toml'\n", ["include is 'x.toml', which includes this file; allowed: no loops"]),
    "include in a ring": ("include = 'ring.toml'\n", ["ring.toml: include is 'x.toml', which includes this file"]),
    "include nothing": ("include = 'nosuch.toml'\n", ["nosuch.toml: cannot be read (No such file or directory)"]),
    "include a number": ("include = 3\n", ["include is 3; allowed: the name of a scenario file, or several"]),
    "include two lines": ('include = "a\\nb"\n', ["include is 'a\\nb'; allowed: the name of a scenario file"]),
    "include a folder": ("include = '.'\n", ["is a folder, a pipe or a device"]),
    "a fault in an included file": ("include = 'bad.toml'\n", ["bad.toml: network.servers is -3; allowed: 1 to"]),
    # keys
    "section misspelt": (edited("[network]", "[netwrk]"), ["unknown key 'netwrk'; did you mean 'network'?"]),
    "key misspelt": (edited("servers", "server"), ["unknown key 'network.server'; did you mean 'servers'?"]),
    "key of another process": (edited("rate", "interval"), ["unknown key 'workload.arrivals.interval'",
                                                           "workload.arrivals.rate is missing"]),
    "process misspelt": (
        edited('"poisson"', '"poison"'),
        ["workload.arrivals.process: unknown process 'poison'; did you"],
    ),
    "process not said": (edited('process = "poisson", ', ""), ["workload.arrivals says no process"]),
    "distribution misspelt": (
        edited('"exponential"', '"exponentail"'),
        ["workload.lifetime", "did you mean 'exponential'?"],
    ),
    "parameter missing": (edited(', mean = "60 s"', ""), ["'exponential' needs the parameter 'mean'"]),
    "parameter unknown": (edited("mean =", "median ="), ["workload.lifetime", "'median'"]),
    "section a number": ("frames = 3\n", ["frames is 3; allowed: a table"]),
    "section an array": ("[[network]]\nservers = 3\n", ["network is [{", "allowed: a table"]),
    # values
    "number without unit": (edited('"100 kB"', "100_000"), ["workload.frame_bytes is 100000; allowed: a quantity"]),
    "wrong unit": (edited('"1 s"', '"1 Hz"'), ["frames.window is '1 Hz'; allowed: text with a number and its unit"]),
    "negative": (edited("servers = 4", "servers = -4"), ["network.servers is -4; allowed: 1 to 1,000,000"]),
    "zero": (edited('"60 s"', '"0 s"'), ["workload.lifetime"]),
    "a fraction": (edited("tasks = 5", "tasks = 5.0"), ["workload.tasks is 5.0; allowed: a whole number"]),
    "a text": (edited("tasks = 5", "tasks = '5'"), ["workload.tasks is '5'; allowed: a whole number"]),
    "true": (edited("tasks = 5", "tasks = true"), ["workload.tasks is True; allowed: a whole number"]),
    "a date": (edited("tasks = 5", "tasks = 2024-01-01"), ["workload.tasks is datetime.date(2024, 1, 1); allowed"]),
    "huge": (edited("tasks = 5", f"tasks = {10**30}"), ["workload.tasks is 1000", "allowed: 1 to 1,000,000,000"]),
    "huge quantity": (edited('"100 kB"', '"1e60 B"'), ["workload.frame_bytes"]),
    "infinite quantity": (edited('"1 s"', '"1e999 s"'), ["frames.window is '1e999 s'"]),
    "nan": ("[network]\nusable_share = nan\n", ["network.usable_share is nan; allowed: 1e-09 to 1"]),
    "a share of nothing": ("[network]\nusable_share = 1e-300\n", ["network.usable_share is 1e-300; allowed"]),
    "inf": ("[network]\nreservation_margin = inf\n", ["network.reservation_margin is inf; allowed"]),
    "range backwards": (edited('["10 Mbit/s", "1 Gbit/s"]', '["1 Gbit/s", "10 Mbit/s"]'), ["allowed: low before high"]),
    "range of three": (edited('["10 Mbit/s", ', '["1 kbit/s", "2 kbit/s", '), ["network.uplink is ["]),
    "choice misspelt": ("[network]\nreservation = 'sustaned'\n", ["unknown reservation 'sustaned'; did you mean"]),
    "settings that disagree": ("[frames]\njitter = 0.5\n", ["frames: jitter is 0.5 with periodic arrivals"]),
    "spread unknown": ("[workload]\nspread = 'nearst(3)'\n", ["'nearst(3)'; did you mean 'nearest(3)'?"]),
    "spread of none": ("[workload]\nspread = 'nearest(0)'\n", ["unknown spread 'nearest(0)'"]),
    "spread too far": ("[network]\nservers = 2\n[workload]\nspread = 'nearest(3)'\n", ["allowed: 1 to 2"]),
    "profile unknown": ("[workload]\nprofiles = ['alexnt']\n", ["'alexnt'", "did you mean 'alexnet'?"]),
    "two ways to say it": (
        "[network]\nservers = 3\nfile = 'servers.csv'\n",
        ["network.file and network.servers say the same"],
    ),
    "end before begin": ("[workload]\ntrace = { file = 't.csv', begin = '5 s', end = '2 s' }\n", ["after begin"]),
    # schedulers
    "scheduler misspelt": (edited('"fifo"', '"fifi"'), ["unknown scheduler 'fifi'; did you mean 'fifo'?"]),
    "scheduler a number": ("scheduler = 3\n", ["scheduler is 3; allowed: a table"]),
    "no scheduler in the brackets": ("scheduler = []\n", ["scheduler", "allowed: 1 or more"]),
    "scheduler without its parameter": (edited('"fifo"', '"fixed"'), ["'fixed' needs the parameter 'cut'"]),
    "scheduler with an unknown one": ("scheduler = { name = 'fifo', cut = 3 }\n", ["'fifo' has no parameter 'cut'"]),
    "scheduler file missing": ("scheduler = 'mine.py:Mine'\n", ["mine.py: no such file"]),
    # files
    "no such file": ("[network]\nfile = 'nosuch.csv'\n", ["nosuch.csv: cannot be read"]),
    "file of something else": ("[network]\nfile = 't.csv'\n", ["t.csv:1: unknown column 'arrival_s'"]),
    "a file of nothing": ("[network]\nfile = ''\n", ["network.file is ''; allowed: the name of a file"]),
    "trace format misspelt": ("[workload]\ntrace = { file = 't.csv', format = 'natve' }\n", ["did you mean 'native'?"]),
    "not a graph": ("[network.topology]\nfile = 't.csv'\n", ["t.csv"]),
    "a shape without nodes": ("[network.topology]\nshape = { name = 'tree' }\n", ["needs the parameter 'nodes'"]),
    "shape misspelt": ("[network.topology]\nshape = { name = 'tre', nodes = 3 }\n", ["did you mean 'tree'?"]),
    "neither file nor shape": ("[network.topology]\ncloud = 'x'\n", ["network.topology: needs 'file' or 'shape'"]),
    "a cloud nowhere": ("[network.topology]\nshape = { name = 'tree', nodes = 3 }\ncloud = 'n9'\n", ["'n9'"]),
    "a link nowhere": ("[bandwidth]\nlinks = { s99 = 'lte.csv' }\n", ["unknown link 's99'"]),
    "a key of two lines": ('[bandwidth]\nlinks = { "a\\nb" = 3 }\n', ["bandwidth.links.'a\\nb' is 3"]),
    "bandwidth of nothing": ("[bandwidth]\nmean = '1 Mbit/s'\n", ["needs one of 'file', 'trace' and 'links'"]),
    "interaction of nothing": ("[interaction]\nmean_on = '1 s'\n", ["needs 'file' or 'share'"]),
    "faults without times": ("[faults]\nservers = { mean_up = '1 h' }\n", ["faults.servers.mean_down is missing"]),
    "a rate of nothing": (
        edited('process = "poisson", rate = "2 Hz"', 'process = "poisson", rate = "0 Hz"'),
        ["workload.arrivals: rate is 0"],
    ),
    "a lifetime below nothing": (
        SOUND.replace('{ distribution = "exponential", mean = "60 s" }', '"-1 s"'),
        ["workload.lifetime is '-1 s'; allowed: above 0"],
    ),
    "a key that belongs in a table": ("tasks = 5\n", ["unknown key 'tasks'; did you mean 'workload.tasks'?"]),
    "scheduler whose parameter has no option": ("scheduler = 'price-online'\n", ["(--option expected_tasks=VALUE, or"]),
    "fair shares of links of several servers": (
        "scheduler = 'fifo'\n[network.topology]\nshape = { name = 'tree', nodes = 7 }\n[workload]\ntasks = 3\n"
        "[frames]\nsharing = 'fair'\n", ["carries several servers; sharing 'fair' is for links that carry one"],
    ),
    "interaction of milliseconds": (
        SOUND + "[interaction]\nshare = 0.4\nmean_on = '10 ms'\nmean_off = '10 ms'\n[run]\nuntil = '1 h'\n",
        ["more than 100000 changes of interaction load on a link in 3600 s at 0.01 s and 0.01 s"],
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, content in (
        ("ring.toml", "include = 'x.toml'\n"),
        ("bad.toml", "[network]\nservers = -3\n"),
        ("servers.csv", "server,capacity_flop_per_s,uplink_bps\na,1e9,1e6\n"),
        ("t.csv", "arrival_s\n0\n5\n"),
        ("lte.csv", "1,Mbits/sec\n2,Mbits/sec\n"),
    ):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, argv, lines=None):
    """Check that a command is refused, a line for each fault, and return what it says."""
    capsys.readouterr()
    status = main(argv)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert "Traceback" not in err and err.endswith("\n")
    said = err.splitlines()
    assert all(line.startswith(f"cutlayer {argv[0]}: ") and len(line) < 600 for line in said), said
    assert lines is None or len(said) == lines, said
    return err


@pytest.mark.parametrize("name", CORPUS)
def test_a_broken_scenario_is_refused_with_a_line_for_each_fault_and_nothing_is_written(name, folder, capsys):
    content, says = CORPUS[name]
    (folder / "x.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(os.listdir(folder))
    for argv in (["run", "x.toml", "--scheduler", "lbf"], ["scenario", "check", "x.toml"]):
        if argv[0] == "run" and "scheduler" in name:
            del argv[2:]
        err = refused(capsys, argv)
        for text in says:
            assert text in err
    assert sorted(os.listdir(folder)) == before


def test_at_least_25_kinds_of_broken_files_are_tried():
    assert len(CORPUS) >= 25


def test_a_scenario_is_sound_without_its_faults(folder):
    (folder / "x.toml").write_text(SOUND)
    assert len(load("x.toml").inputs(0).tasks) == 5


def test_a_mark_and_line_ends_of_other_systems_are_read(folder):
    (folder / "x.toml").write_bytes(b"\xef\xbb\xbf" + SOUND.replace("\n", "\r\n").encode())
    (folder / "y.toml").write_text(SOUND)
    assert load("x.toml") == load("y.toml")


def test_all_faults_are_said_at_once(folder, capsys):
    text = SOUND.replace("servers = 4", "servers = 0").replace('"1 s"', "1").replace("tasks = 5", "taks = 5")
    (folder / "x.toml").write_text(text.replace('"fifo"', '"fifi"'))
    err = refused(capsys, ["run", "x.toml"], lines=4)
    for key in ("network.servers", "frames.window", "workload.taks", "fifi"):
        assert key in err


def test_includes_that_double_at_every_step_are_refused_after_100_files(folder, capsys):
    for n in range(18):
        (folder / f"i{n}.toml").write_text(f"include = ['i{n + 1}.toml', 'i{n + 1}.toml', 'i{n + 1}.toml']\n")
    (folder / "i18.toml").write_text("scheduler = 'fifo'\n")
    said = refused(capsys, ["scenario", "check", "i0.toml"], lines=1)
    assert "is included as file 101; allowed: 100 files in one scenario" in said


def test_a_name_near_one_of_ours_is_said(folder, capsys):
    assert "did you mean 'paper'?" in refused(capsys, ["scenario", "show", "papr"], lines=1)


def test_a_setting_of_thousands_of_parts_is_refused(folder, capsys):
    (folder / "x.toml").write_text(SOUND)
    for text in ("a" + ".a" * 3000 + "=1", "a=" + "[" * 60 + "]" * 60):
        assert "nested more than 50 deep" in refused(capsys, ["run", "x.toml", "--set", text], lines=1)


def test_a_file_that_is_included_twice_is_no_loop(folder):
    (folder / "base.toml").write_text("[network]\nservers = 3\n")
    (folder / "other.toml").write_text("include = 'base.toml'\n[workload]\ntasks = 3\n")
    (folder / "x.toml").write_text("include = ['base.toml', 'other.toml']\n")
    assert load("x.toml").network.servers == 3


@pytest.mark.parametrize("what", ["a folder", "a device"])
def test_what_is_no_file_is_refused(what, folder, capsys):
    path = str(folder) if what == "a folder" else "/dev/zero"
    assert "is a folder, a pipe or a device" in refused(capsys, ["run", path, "--scheduler", "fifo"], lines=1)


# Fuzz -------------------------------------------------------------------------------------------------------

WORDS = [b"=", b"[", b"]", b"\n", b'"', b"'", b"\0", b"\xff", b"\xef\xbb\xbf", b"-", b"inf", b"nan", b"1e999"]
WORDS.append(b"9" * 60)
WORDS += [b"{", b"}", b",", b".", b"#", b" s", b" Hz", b"include = 'x.toml'\n", b"true", b"0", b"file = 'x.toml'\n"]
KEYS = ["network", "workload", "frames", "scheduler", "run", "servers", "uplink", "file", "trace", "arrivals"]
KEYS.append("process")
KEYS += ["include", "topology", "shape", "name", "lifetime", "distribution", "mean", "faults", "bandwidth", "seed", ""]
VALUES = st.recursive(
    st.none().map(lambda _: "1 s")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["5 Hz", "1 Mbit/s", "fifo", "poisson", "exponential", "x.toml", "1e400 s", "-1 s", "tree"])
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner),
    max_leaves=12,
)


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@st.composite
def mutated(draw):
    """Draw a file that differs from a sound one by a few small edits."""
    whole = draw(st.sampled_from([SOUND.encode(), (SHIPPED / "template.toml").read_bytes()]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 12)))
        middle = draw(st.sampled_from(WORDS) | st.binary(max_size=4) | st.just(whole[start:end] * 2))
        whole = whole[:start] + middle + whole[end:]
    return whole


def outcome(path):
    """Return the scenario, or the lines that refuse it."""
    try:
        return load(path)
    except InputError as fault:
        lines = str(fault).split("\n")
        assert all(0 < len(line) < 5000 and not CONTROL.search(line) for line in lines), lines
        return lines


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole=mutated())
def test_a_mutated_scenario_is_read_or_refused_in_lines(whole, folder):
    (folder / "x.toml").write_bytes(whole)
    outcome("x.toml")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), VALUES, max_size=4))
@example(data={"scheduler": [{}]})
@example(data={"scheduler": {"name": {"name": "fifo"}}})
@example(data={"workload": {"trace": [[1]]}})
@example(data={"workload": {"arrivals": {"process": {"process": 1}}}})
@example(data={"workload": {"lifetime": {"distribution": {}}}})
@example(data={"workload": {"lifetime": {"distribution": "choice", "names": ["a"]}}})
@example(data={"workload": {"arrivals": {"process": "hourly", "rates": []}}})
@example(data={"network": {"topology": {"shape": {"name": "tree", "nodes": "x"}}}})
def test_random_tables_are_read_or_refused_in_lines(data, folder):
    text = tomli_w.dumps(data)
    tomllib.loads(text)
    (folder / "x.toml").write_text(text)
    outcome("x.toml")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.lists(st.sampled_from(KEYS) | st.text(max_size=4), min_size=1, max_size=4), value=st.text(max_size=12))
@example(key=["scheduler", "cut"], value="3")
@example(key=["workload", "trace", "file"], value="x.csv")
@example(key=["network", "servers", "x"], value="3")
@example(key=["run", "seed"], value="1\nseed = 2")
def test_any_setting_is_taken_or_refused_in_lines(key, value, folder):
    (folder / "x.toml").write_text(SOUND)
    text = f"{'.'.join(key)}={value}"
    try:
        load("x.toml", [text])
    except InputError as fault:
        assert all(len(line) < 700 and not CONTROL.search(line) for line in str(fault).split("\n")), str(fault)
