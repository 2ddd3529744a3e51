"""``cutlayer trace``: what it says and writes; whatever is wrong with a file is one line and leaves nothing behind."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_files import ROOT, assert_one_line, command, rows

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.formats import FORMATS, read_trace, save_trace

NATIVE = "task,arrival_s,profile,frame_rate_hz,deadline_s,lifetime_s,input_bytes\n" + "".join(
    f"t{j},{j / 4},alexnet,5,0.2,{'' if j == 2 else j + 1},1000\n" for j in range(30)
)
INPUTS = "task,server,input_bytes\n" + "".join(f"t{j},a,{j + 1}\nt{j},b,1\n" for j in range(30))
LLM = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2023-11-16 18:17:{j:02}.9799600,{j + 5},10\n" for j in range(30)
)
FUNCTIONS = "app,func,end_timestamp,duration\n" + "".join(f"x,f,{30.5 - j},0.25\n" for j in range(30))
LOG = "id,start,took\n" + "".join(f"r{j},{100 + j},{j + 1}\n" for j in range(30))
MAP = ["--map", "arrival_s=start", "--map", "lifetime_s=took"]


@pytest.fixture
def folder(tmp_path):
    for name, text in (("n", NATIVE), ("i", INPUTS), ("llm", LLM), ("fun", FUNCTIONS), ("log", LOG)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_drawn_workload_that_was_saved_replays_to_the_identical_run(folder, cutlayer, ending):
    (folder / "s.toml").write_text(
        "scheduler = 'lbf'\n[network]\nservers = 4\n"
        "[workload]\ntasks = 40\nframe_bytes = ['100 kB', '1 MB']\n"
        "lifetime = { distribution = 'pareto', minimum = '3 s', shape = 1.5 }\n"
    )
    scenario, trace = str(folder / "s.toml"), str(folder / f"w.{ending}")
    assert cutlayer(["trace", "save", scenario, trace, "--seed", "3"]).status == 0
    tables = []
    for name, settings_ in (("drawn", []), ("saved", ["--set", f"workload.trace={trace}"])):
        results = folder / f"{name}.db"
        done = cutlayer(["run", scenario, "--seed", "3", *settings_, "--out", str(results)])
        assert (done.status, done.err) == (0, "")
        tables.append([list(rows(results, table)) for table in ("tasks", "decisions", "series")])
    assert tables[0] == tables[1]
    assert len(tables[0][0]) == 40


def everything(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_info_says_what_a_trace_holds(folder, cutlayer):
    done = cutlayer(["trace", "info", str(folder / "n.csv")])
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "native: 30 arrivals from 0.0 s to 7.25 s",
        "4 Hz; gaps 0.25 s on average, coefficient of variation 0, 0.25 s at most, 0 of 0 s",
        "arrivals in a window, variance / mean: 0.03448 in 0.725 s",
        "task: 30 names: t0, t1, t10, t11, t12, ...",
        "profile: 1 name: alexnet",
        "frame_rate_hz: 5 Hz to 5 Hz, 5 Hz on average",
        "deadline_s: 0.2 s to 0.2 s, 0.2 s on average",
        "lifetime_s: 1 s to 30 s, 15.93 s on average, 1 without",
        "input_bytes: 1 kB to 1 kB, 1 kB on average",
    ]
    said = cutlayer(["trace", "info", str(folder / "llm.csv"), "--bytes-per-token", "4"]).out
    assert "azure-llm: 30 arrivals from 0.0 s to 29.0 s" in said and "input_bytes: 20 B to 136 B" in said
    assert "does not specify profile, frame_rate_hz, deadline_s, lifetime_s" in said


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_convert_sorts_and_keeps_every_value(folder, cutlayer, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    out = folder / f"out.{ending}"
    assert cutlayer(["trace", "convert", str(folder / "fun.csv"), str(out)]).status == 0
    trace = read_trace(out)
    assert trace.arrivals_s().tolist() == [1.25 + j for j in range(30)]
    cutlayer(["trace", "convert", str(folder / "log.csv"), str(out), *MAP, "--unit", "lifetime_s=ms"])
    trace = read_trace(out)
    assert (trace.first_s, trace.table()["lifetime_s"][2]) == (100.0, 0.003)
    argv = ["trace", "convert", str(folder / "n.csv"), str(out), "--inputs", str(folder / "i.csv")]
    assert_one_line(cutlayer(argv), "task 't0' has input_bytes and rows in the inputs file")


def test_inputs_go_beside_a_csv_file_and_into_parquet(folder, cutlayer):
    pytest.importorskip("pyarrow")
    (folder / "n.csv").write_text(NATIVE.replace(",1000\n", ",\n"))
    argv = ["trace", "convert", str(folder / "n.csv"), "--inputs", str(folder / "i.csv")]
    done = cutlayer([*argv[:3], str(folder / "o.csv"), *argv[3:]])
    assert done.out.splitlines()[-2:] == [str(folder / "o.csv"), str(folder / "o.inputs.csv")]
    assert (folder / "o.inputs.csv").read_text().splitlines()[1:3] == ["t0,a,1.0", "t0,b,1.0"]
    cutlayer([*argv[:3], str(folder / "o.parquet"), *argv[3:]])
    assert read_trace(folder / "o.parquet").table()["inputs"][4] == (("a", 5.0), ("b", 1.0))


def test_scale_and_clip_change_the_times(folder, cutlayer):
    source, out = str(folder / "n.csv"), str(folder / "o.csv")
    cutlayer(["trace", "scale", source, out, "--rate-factor", "2"])
    assert read_trace(out).last_s == 7.25 / 2
    cutlayer(["trace", "scale", source, out, "--mean-rate", "0.5 Hz"])
    assert read_trace(out).mean_rate_hz == pytest.approx(0.5, rel=1e-12)
    cutlayer(["trace", "scale", source, out, "--count", "7"])
    assert read_trace(out).count == 7
    cutlayer(["trace", "clip", source, out, "--from-s", "1", "--to-s", "2"])
    assert read_trace(out).arrivals_s().tolist() == [0, 0.25, 0.5, 0.75]
    assert read_trace(out).table()["task"] == ["t4", "t5", "t6", "t7"]


def test_fit_prints_parameters_with_units_and_draws_them(folder, cutlayer):
    done = cutlayer(["trace", "fit", str(folder / "llm.csv"), "--plot", str(folder / "fit.png"), "--parts", "2"])
    assert done.status == 0
    tables = done.out[done.out.index("[workload") : done.out.index(str(folder))].split("[workload.arrivals]\n")[1:]
    poisson, mmpp2, hourly = map(tomllib.loads, tables)
    assert poisson == {"process": "poisson", "rate": "1 Hz"}
    assert hourly == {"process": "hourly", "rates": ["0.965517 Hz", "1.03448 Hz"], "period": "29 s"}
    assert list(mmpp2) == ["process", "calm", "busy", "mean_calm", "mean_busy"]
    assert (folder / "fit.png").read_bytes()[:4] == b"\x89PNG" and (folder / "fit.svg").exists()
    first = (folder / "fit.png").read_bytes()
    cutlayer(["trace", "fit", str(folder / "llm.csv"), "--plot", str(folder / "fit.png"), "--parts", "2"])
    assert (folder / "fit.png").read_bytes() == first


def test_quiet_prints_nothing(folder, cutlayer):
    done = cutlayer(["trace", "convert", "-q", str(folder / "llm.csv"), str(folder / "o.csv")])
    assert (done.status, done.out, done.err) == (0, "", "")


def test_the_format_in_the_guide_reads(folder):
    text = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "FORMATS" in block)
    exec(block, {})
    try:
        (folder / "x.csv").write_text("second,count\n2,1\n1,2\n")
        assert read_trace(folder / "x.csv").arrivals_s().tolist() == [1.0, 1.0, 2.0]
    finally:
        del FORMATS._entries["slots"]


@dataclass(frozen=True)
class Fault:
    """A broken file: its name, its bytes, what the message says, and more words of the command line."""

    what: str
    file: str
    content: bytes
    says: tuple[str, ...]
    options: tuple[str, ...] = ()


def broken(file: str, text: str, *more: tuple[str, str | bytes, str]) -> list[Fault]:
    """Return the faults that any text file may have, and `more` of its own."""
    lines = text.count("\n")
    options = {"log.csv": tuple(MAP), "llm.csv": ("--bytes-per-token", "2")}.get(file, ())
    head = text.splitlines()[0]
    cases: list[tuple[str, str | bytes, str]] = [
        ("cut off in a row", text[: text.rindex(",")], f":{lines}: "),
        ("NUL", text.encode() + b"\0", "NUL byte"),
        ("Latin-1", text.encode() + "Köln".encode("latin-1"), "UTF-8 (byte 0xf6)"),
        ("UTF-16", text.encode("utf-16"), "not a text file in UTF-8"),
        ("cut off in a letter", text.encode() + "ö".encode()[:1], "UTF-8"),
        ("empty", b"", "is empty"),
        ("a mark alone", b"\xef\xbb\xbf", "is empty"),
        ("header only", head + "\r\n", "no rows"),
        ("column twice", text.replace(head, f"{head},{head.split(',')[0]}", 1), ":1: column"),
        ("open quote", text + '"x', "not a CSV file"),
        ("a long field", text + "9" * 200_000, "not a CSV file"),
        *([("semicolons", text.replace(",", ";"), "column")] if file != "log.csv" else []),
        *more,
    ]
    return [
        Fault(
            f"{file} {what}",
            file,
            content if isinstance(content, bytes) else content.encode(),
            (says,),
            options if len(content) > 3 else (),
        )
        for what, content, says in cases
    ]


def number_faults(text: str, old: str, column: str, *, zero: bool) -> list[tuple[str, str | bytes, str]]:
    """Return the text with the cell `old` (with its commas) replaced by what is no number."""
    values = ["-1", "nan", "inf", "1e999", "1e60", "9" * 400, "5 s", "0x10", "1_0", *([] if zero else ["0"])]
    left, right = old[: old.index("@")], old[old.index("@") + 1 :]
    value = text[text.index(left) + len(left) :].partition(right)[0]
    sound = f"{left}{value}{right}"
    return [
        (f"{column} {new[:9]}", text.replace(sound, f"{left}{new}{right}", 1), f"{column} is '{new[:9]}")
        for new in values
    ]


FAULTS = [
    *broken(
        "n.csv",
        NATIVE,
        ("unsorted", NATIVE.replace("t9,2.25", "t9,1.25"), "n.csv:11: arrival_s is 1.25, before 2.0; rows go by time"),
        ("duplicate", NATIVE.replace("t9,", "t8,"), "n.csv:11: task 't8' stands twice"),
        ("duplicate before another fault", NATIVE.replace("t9,", "t8,").replace("t20,5.0", "t20,x"), "n.csv:11: "),
        ("unknown column", NATIVE.replace("lifetime_s", "lifetim_s"), "did you mean 'lifetime_s'?"),
        ("no time", NATIVE.replace("arrival_s", "arrival"), "did you mean 'arrival_s'?"),
        ("empty bytes", NATIVE.replace(",1000\n", ",\n", 1), "n.csv:2: task 't0' has no input_bytes"),
        ("empty rate", NATIVE.replace(",5,", ",,", 1), "n.csv:2: frame_rate_hz is ''"),
        ("name of two lines", NATIVE.replace("t3", '"t\n3"'), "letters in one line"),
        *number_faults(NATIVE, "t1,@,", "arrival_s", zero=True),
        *number_faults(NATIVE, "\nt0,0.0,alexnet,@,", "frame_rate_hz", zero=False),
    ),
    *broken(
        "llm.csv",
        LLM,
        ("no such day", LLM.replace("11-16", "02-30", 1), "llm.csv:2: TIMESTAMP is '2023-02-30"),
        ("a number for a time", LLM.replace("2023-11-16 18:17:00.9799600", "12", 1), "TIMESTAMP is '12'; allowed"),
        ("too many digits", LLM.replace(".9799600", ".9799600000000001", 1), "TIMESTAMP is "),
        *number_faults(LLM, ".9799600,@,", "ContextTokens", zero=True),
    ),
    *broken(
        "fun.csv",
        FUNCTIONS,
        *number_faults(FUNCTIONS, "x,f,@,", "end_timestamp", zero=True),
        ("negative duration", FUNCTIONS.replace("0.25", "-0.25", 1), "duration is '-0.25'"),
        ("an exponent beyond all", FUNCTIONS.replace("0.25", "1e99999999999999999999", 1), "duration is "),
        ("a huge exponent", FUNCTIONS.replace("0.25", "1e999999999", 1), "duration is "),
    ),
    *broken(
        "log.csv",
        LOG,
        ("a missing column", LOG.replace("took", "dur"), "column 'took' is missing"),
        *number_faults(LOG, "r0,@,", "start", zero=True),
        ("no lifetime", LOG.replace("100,1\n", "100,0\n"), "log.csv:2: took is '0'; allowed: a number above 0"),
    ),
]
OPTIONS = [
    (["--map", "start"], "--map 'start'; allowed: FIELD=COLUMN"),
    (["--map", "arrival=start"], "did you mean 'arrival_s'?"),
    (["--map", "lifetime_s=took"], "no column is said to be arrival_s"),
    (["--map", "arrival_s=strt"], "column 'strt' is missing; did you mean 'start'?"),
    ([*MAP, "--map", "arrival_s=took"], "--map gives arrival_s twice"),
    ([*MAP, "--unit", "lifetime_s=parsec"], "unknown unit 'parsec'"),
    ([*MAP, "--unit", "deadline_s=ms"], "deadline_s has a unit and no column"),
    ([*MAP, "--unit", "task=ms"], "unknown field with a unit 'task'"),
    ([*MAP, "--time-format", "isoo"], "did you mean 'iso'?"),
    ([*MAP, "--time-format", "iso"], "start is '100'; allowed: a time such as"),
    ([*MAP, "--time-format", "%Q"], "time format '%Q'"),
    ([*MAP, "--time-format", "%H", "--unit", "arrival_s=ms"], "allowed: one"),
    ([*MAP, "--from", "mappd"], "did you mean 'mapped'?"),
    ([*MAP, "--from", "native"], "option of the trace format 'native': 'columns'"),
    (["--from", "azure-llm"], "column 'TIMESTAMP' is missing"),
    ([], "columns 'id,start,took': no known format (azure-functions, azure-functions-2019, azure-llm, mapped, native"),
    (["--bytes-per-token", "3", "--from", "native"], "of the trace format 'native'"),
    ([*MAP, "--inputs", "x.csv"], "of the trace format 'mapped'"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_broken_file_is_one_line_and_nothing_is_written(fault, folder, cutlayer):
    (folder / fault.file).write_bytes(fault.content)
    before = everything(folder)
    done = cutlayer(["trace", "convert", str(folder / fault.file), str(folder / "out.csv"), *fault.options])
    assert_one_line(done, "cutlayer trace: ", fault.file, *fault.says)
    assert len(done.err) < 1000
    assert everything(folder) == before


@pytest.mark.parametrize("options, says", OPTIONS)
def test_options_that_do_not_fit_are_one_line(options, says, folder, cutlayer):
    before = everything(folder)
    done = cutlayer(["trace", "convert", str(folder / "log.csv"), str(folder / "out.csv"), *options])
    assert_one_line(done, "cutlayer trace: ", says)
    assert everything(folder) == before


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "required: ACTION"),
        (["inf"], "'inf'"),
        (["scale", "@n.csv", "@o.csv"], "--rate-factor"),
        (["scale", "@n.csv", "@o.csv", "--rate-factor", "-1"], "rate factor is -1.0"),
        (["scale", "@n.csv", "@o.csv", "--rate-factor", "nan"], "rate factor is nan"),
        (["scale", "@n.csv", "@o.csv", "--mean-rate", "3"], "'3' is not a quantity in Hz"),
        (["scale", "@n.csv", "@o.csv", "--count", "31"], "allowed: 1 to 30"),
        (["clip", "@n.csv", "@o.csv", "--from-s", "100"], "no task arrives"),
        (["clip", "@n.csv", "@o.csv", "--from-s", "3", "--to-s", "2"], "rising"),
        (["convert", "@n.csv", "@o.txt"], "o.txt: ends in '.txt'; allowed: .csv or .parquet"),
        (["convert", "@n.csv", "@no/where.csv"], "cannot be written (No such file"),
        (["convert", "@n.csv", "@"], "allowed: .csv or .parquet"),
        (["convert", "@nothing.csv", "@o.csv"], "nothing.csv: cannot be read (No such file"),
        (["convert", "@nothing.parquet", "@o.csv"], "nothing.parquet: cannot be read"),
        (["info", "@"], "is a folder"),
        (["fit", "@n.csv", "--parts", "0"], "0 parts"),
        (["fit", "@n.csv", "--period", "1 d"], "what the trace lasts"),
        (["fit", "@n.csv", "--plot", "@fit.pdf"], "allowed: a .png or .svg file"),
        (["fit", "@n.csv", "--plot", "@no/fit.png"], "in a folder that is there"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, says, folder, cutlayer):
    before = everything(folder)
    argv = [str(folder / word[1:]) if word.startswith("@") else word for word in words]
    assert_one_line(cutlayer(["trace", *argv]), "cutlayer trace", says)
    assert everything(folder) == before


def test_a_process_of_its_own_says_just_that_line(folder):
    (folder / "n.csv").write_text(NATIVE.replace("t9,2.25", "t9,1.25"))
    assert_one_line(command("trace", "info", "n.csv", cwd=folder), "cutlayer trace: n.csv:11: ")


# Parquet


def table(**changes):
    arrow = pytest.importorskip("pyarrow")
    columns = {"arrival_s": [0.0, 1.0, 2.0], "task": ["a", "b", "c"]} | changes
    return arrow.table({name: column for name, column in columns.items() if column is not None})


def parquet(made) -> bytes:
    file = io.BytesIO()
    pytest.importorskip("pyarrow.parquet").write_table(made, file)
    return file.getvalue()


def fed(*pairs):
    return [[{"server": server, "input_bytes": value} for server, value in pairs]] * 3


PARQUET: list[tuple[str, Callable[[], bytes], str]] = [
    ("cut in half", lambda: parquet(table())[:300], "not a sound Parquet file"),
    ("without its end", lambda: parquet(table())[:-4], "not a sound Parquet file"),
    ("its name alone", lambda: b"PAR1", "not a sound Parquet file"),
    ("empty", lambda: b"", "not a sound Parquet file"),
    ("a CSV file", NATIVE.encode, "not a sound Parquet file"),
    ("no rows", lambda: parquet(table().slice(0, 0)), "without arrivals"),
    ("no time", lambda: parquet(table(arrival_s=None)), "column 'arrival_s' is missing"),
    ("text for a time", lambda: parquet(table(arrival_s=["0", "1", "2"])), "holds string; allowed: numbers"),
    ("truth for a time", lambda: parquet(table(arrival_s=[True] * 3)), "holds bool"),
    ("numbers for names", lambda: parquet(table(task=[1, 2, 3])), "'task' holds int64; allowed: text"),
    ("bytes for names", lambda: parquet(table(task=[b"\xff", b"b", b"c"])), "holds binary"),
    ("unknown column", lambda: parquet(table(lifetim_s=[1.0] * 3)), "did you mean 'lifetime_s'?"),
    ("no time in a row", lambda: parquet(table(arrival_s=[0.0, None, 2.0])), "row 2: arrival_s is empty"),
    ("no name in a row", lambda: parquet(table(task=["a", None, "c"])), "row 2: task is empty"),
    ("NaN", lambda: parquet(table(arrival_s=[0.0, 1.0, float("nan")])), "row 3: arrival_s is nan"),
    ("infinite", lambda: parquet(table(arrival_s=[0.0, 1.0, float("inf")])), "row 3: arrival_s is inf"),
    ("negative", lambda: parquet(table(arrival_s=[-1.0, 1.0, 2.0])), "row 1: arrival_s is -1.0"),
    ("huge", lambda: parquet(table(lifetime_s=[1e60, 1.0, 2.0])), "row 1: lifetime_s is 1e+60"),
    ("unsorted", lambda: parquet(table(arrival_s=[0.0, 2.0, 1.0])), "row 3: arrival_s is 1.0, before 2.0"),
    ("duplicate", lambda: parquet(table(task=["a", "b", "a"])), "row 3: task 'a' stands twice"),
    ("an empty name", lambda: parquet(table(task=["a", "", "c"])), "row 2: task is ''"),
    ("no bytes", lambda: parquet(table(input_bytes=[1.0, None, 2.0])), "row 2: input_bytes is empty"),
    ("a whole number too long", lambda: parquet(table(arrival_s=[0, 1, 2**53 + 1])), "column 'arrival_s'"),
    ("inputs of text", lambda: parquet(table(inputs=["a", "b", "c"])), "'inputs' holds string"),
    ("inputs of another shape", lambda: parquet(table(inputs=[[{"host": "a"}]] * 3)), "'inputs' holds list"),
    ("inputs of no bytes", lambda: parquet(table(inputs=fed(("a", None)))), "row 1: inputs is"),
    ("inputs of zero bytes", lambda: parquet(table(inputs=fed(("a", 0.0)))), "row 1: input_bytes at 'a' is 0.0"),
    ("a server twice", lambda: parquet(table(inputs=fed(("a", 1.0), ("a", 1.0)))), "name no server, or one twice"),
    ("no server", lambda: parquet(table(inputs=fed())), "'inputs' holds list"),
    ("both", lambda: parquet(table(inputs=fed(("a", 1.0)), input_bytes=[1.0] * 3)), "one of them"),
    ("an origin that is none", lambda: parquet(table().replace_schema_metadata({"cutlayer": "[" * 9})), "its origin"),
]


@pytest.mark.parametrize("make, says", [case[1:] for case in PARQUET], ids=[case[0] for case in PARQUET])
def test_a_broken_parquet_file_is_one_line_and_nothing_is_written(make, says, folder, cutlayer):
    pytest.importorskip("pyarrow")
    (folder / "x.parquet").write_bytes(make())
    before = everything(folder)
    done = cutlayer(["trace", "convert", str(folder / "x.parquet"), str(folder / "out.csv")])
    assert_one_line(done, "cutlayer trace: ", says)
    assert len(done.err) < 1000
    assert everything(folder) == before


def test_other_numbers_and_texts_of_parquet_are_read(folder):
    arrow = pytest.importorskip("pyarrow")
    made = table(
        arrival_s=arrow.array([0, 1, 2], arrow.int32()),
        task=arrow.array(["a", "b", "c"]).dictionary_encode(),
        lifetime_s=arrow.array([0.5, None, 2.0], arrow.float32()),
    )
    (folder / "x.parquet").write_bytes(parquet(made))
    trace = read_trace(folder / "x.parquet")
    assert trace.arrivals_s().tolist() == [0, 1, 2] and trace.table()["task"] == ["a", "b", "c"]
    assert trace.table()["lifetime_s"].tolist() == [0.5, float("inf"), 2.0]


# fuzz

WORDS = [b",", b"\n", b"\r", b'"', b"\0", b"\xff", b"\xef\xbb\xbf", b"-", b"1e999", b"1e-400", b"nan", b"0", b"9" * 400]
WORDS += [b" ", b";", b"arrival_s", b"input_bytes", b"t1", b"2023", b":", b"1e-99999999999", "é".encode()]


@st.composite
def mutated(draw, whole: bytes) -> bytes:
    """Draw a file that differs by a few small edits."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 12)))
        middle = draw(st.sampled_from(WORDS) | st.binary(max_size=4) | st.just(whole[start:end] * 2))
        whole = whole[:start] + middle + whole[end:]
    return whole


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def outcome(path, out, **options):
    try:
        trace = read_trace(path, **options)
    except InputError as fault:
        assert len(str(fault).splitlines()) == 1 and len(str(fault)) < 1000
        return
    assert trace.count == len(trace.arrivals_s()) >= 1 and (trace.arrivals_s()[1:] >= trace.arrivals_s()[:-1]).all()
    json.dumps(dict(trace.provenance))
    try:
        save_trace(trace, out)  # converters may read what a native file cannot hold: times since 1970, say
    except InputError as fault:
        assert len(str(fault).splitlines()) == 1
        assert not out.exists()
    else:
        again = read_trace(out, **({"inputs": out.with_suffix(".inputs.csv")} if "inputs" in trace.columns else {}))
        assert again.arrivals_s().tolist() == trace.arrivals_s().tolist()
        out.unlink()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_mutated_text_file_is_read_or_refused_in_one_line(fuzz, data):
    name, text = data.draw(st.sampled_from([("n", NATIVE), ("llm", LLM), ("fun", FUNCTIONS), ("log", LOG)]))
    path = fuzz / f"{name}.csv"
    path.write_bytes(data.draw(mutated(text[:400].rpartition("\n")[0].encode())))
    options = {"format": "mapped", "columns": {"arrival_s": "start", "lifetime_s": "took"}} if name == "log" else {}
    outcome(path, fuzz / "out.csv", **options)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_mutated_parquet_file_is_read_or_refused_in_one_line(fuzz, data):
    sound = parquet(table(inputs=fed(("a", 1.0), ("b", 2.0)), lifetime_s=[1.0, None, 3.0]))
    path = fuzz / "x.parquet"
    path.write_bytes(data.draw(mutated(sound)))
    outcome(path, fuzz / "out.csv")


@settings(max_examples=100)
@given(whole=st.binary(max_size=99) | st.text(max_size=99).map(str.encode), ending=st.sampled_from(["csv", "parquet"]))
def test_noise_is_refused_in_one_line(fuzz, whole, ending):
    path = fuzz / f"noise.{ending}"
    path.write_bytes(whole)
    outcome(path, fuzz / "out.csv")
