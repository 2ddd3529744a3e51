"""Trace files of every format become arrivals, exactly; what is saved reads back to the last bit."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import paper

from cutlayer import workloads
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile
from cutlayer.workloads.arrivals.generated import MMPP2, generated
from cutlayer.workloads.distributions import Choice, Constant, Exponential, Uniform
from cutlayer.workloads.spreads import Everywhere, One
from cutlayer.workloads.tasks import tasks_of, trace_of
from cutlayer.workloads.traces import trace as trace_module
from cutlayer.workloads.traces.formats import FORMATS, format_of, native, parquet, read_trace, save_trace
from cutlayer.workloads.traces.formats.azure_functions import SHORTEST_S
from cutlayer.workloads.traces.rows import read_number, read_rows
from cutlayer.workloads.traces.trace import COLUMNS, NUMBERS, Format, Trace, from_columns

DATA = Path(os.environ.get("CUTLAYER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "arrivals"
PROFILES = {
    name: Profile(name, (10,), 10, (Layer("fc1", 50.0, (5,), 5), Layer("fc2", 200.0, (1,), 1))) for name in ("p", "q")
}
NETWORK = Network([2000.0] * 3, [2000.0] * 3, servers=["a", "b", "c"])


def write(path, *lines, end="\n"):
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def same(one: Trace, other: Trace) -> bool:
    """Return whether two traces say the same, to the last bit."""
    a, b = one.table(), other.table()
    return (one.columns, one.count, one.first_s, one.last_s) == (
        other.columns,
        other.count,
        other.first_s,
        other.last_s,
    ) and all(
        np.array_equal(a[name].view(np.int64), b[name].view(np.int64)) if name in NUMBERS else a[name] == b[name]
        for name in one.columns
    )


# formats


def test_azure_llm_times_are_exact_relative_seconds_sorted_by_us(tmp_path):
    path = write(
        tmp_path / "x.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "2023-11-16 23:59:59.9799600,4808,10",
        "2023-11-17 00:00:00.0319601,3180,8",
        "2023-11-16 23:59:59.9799599,110,27",
        end="\r\n",
    )
    trace = read_trace(path)
    # 0.9799599 s is the origin: 0.9799600 is 1e-7 s later, the next midnight's 0.0319601 is 0.0520002 s later
    assert trace.arrivals_s().tolist() == [0.0, 1e-7, 0.0520002]
    assert (trace.columns, trace.provenance) == (("arrival_s",), {"format": "azure-llm"})
    sized = read_trace(path, bytes_per_token=4.0)
    assert sized.table()["input_bytes"].tolist() == [440.0, 19232.0, 12720.0]


def test_azure_functions_arrive_their_duration_before_their_end(tmp_path):
    path = write(
        tmp_path / "x.csv", "app,func,end_timestamp,duration", "x,f,57.1578,57.154", "x,f,0.3,0.1", "y,g,0.25,0.0"
    )
    trace = read_trace(path)
    assert trace.arrivals_s().tolist() == [0.0038, 0.2, 0.25]  # 0.3 - 0.1 in floats is 0.19999999999999998
    assert trace.table()["lifetime_s"].tolist() == [57.154, 0.1, SHORTEST_S]
    assert trace.provenance == {
        "format": "azure-functions",
        "replaced": {"lifetime_s zero": {"rows": 1, "value": 0.0005}},
    }


def test_a_number_too_small_for_a_float_is_0_whatever_its_exponent(tmp_path):
    for text in ("1e-400", "1e-99999999999999999999", "0e99999999999999999999"):
        path = write(tmp_path / "x.csv", "app,func,end_timestamp,duration", f"x,f,2,{text}")
        assert read_trace(path).provenance["replaced"]["lifetime_s zero"]["rows"] == 1


def test_calls_that_began_before_the_log_move_all_times(tmp_path):
    path = write(tmp_path / "x.csv", "app,func,end_timestamp,duration", "x,f,1.5,0.5", "x,f,0.5,2")
    trace = read_trace(path)
    assert trace.arrivals_s().tolist() == [0.0, 2.5] and trace.provenance["moved_s"] == 1.5


def test_any_csv_reads_with_its_columns_and_units_declared(tmp_path):
    path = write(tmp_path / "x.csv", "id,begin,took,kind,note", "u,3000,250,q,x", "v,1000,,p,", "", "w,1000,5,p,y")
    trace = read_trace(
        path,
        "mapped",
        columns={"arrival_s": "begin", "lifetime_s": "took", "profile": "kind", "task": "id"},
        units={"arrival_s": "ms", "lifetime_s": "min"},
    )
    assert trace.columns == ("task", "arrival_s", "profile", "lifetime_s")
    found = trace.table()
    assert found["arrival_s"].tolist() == [1.0, 1.0, 3.0]
    assert (found["task"], found["profile"]) == (["v", "w", "u"], ["p", "p", "q"])  # equal times keep their order
    assert found["lifetime_s"].tolist() == [math.inf, 300.0, 15000.0]


@pytest.mark.parametrize(
    "time_format, units, texts",
    [
        ("seconds", {}, ["0", "0.1", "7e0"]),
        ("unix", {}, ["1700222223.9799600", "1700222224.0799600", "1700222230.97996"]),
        ("unix", {"arrival_s": "ns"}, ["1700222223979960000", "1700222224079960000", "1700222230979960000"]),
        ("iso", {}, ["2023-11-16T18:17:03.9", "2023-11-16 19:17:04.0+01:00", "2023-11-16T18:17:10.900Z"]),
        ("%d/%m/%Y %H:%M:%S.%f", {}, ["16/11/2023 23:59:59.9", "17/11/2023 00:00:00.0", "17/11/2023 00:00:06.9"]),
    ],
)
def test_times_are_read_as_declared(tmp_path, time_format, units, texts):
    path = write(tmp_path / "x.csv", "start", *texts)
    trace = read_trace(path, "mapped", columns={"arrival_s": "start"}, units=units, time_format=time_format)
    assert trace.arrivals_s().tolist() == [0.0, 0.1, 7.0]


def test_a_native_file_says_as_much_as_it_likes(tmp_path):
    path = write(tmp_path / "x.csv", "arrival_s,lifetime_s", "1,", "1,5", "2.5,7")
    trace = read_trace(path)
    assert trace.columns == ("arrival_s", "lifetime_s")
    assert trace.table()["lifetime_s"].tolist() == [math.inf, 5.0, 7.0]


def test_a_byte_order_mark_blank_lines_and_any_line_end_are_no_fault(tmp_path):
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "x.csv"
        path.write_bytes(b"\xef\xbb\xbf" + end.join(["arrival_s", "", "1", "", "2", ""]).encode())
        assert read_trace(path).arrivals_s().tolist() == [1.0, 2.0]


def test_inputs_may_stand_in_any_order_and_zeros_are_left_out(tmp_path):
    inputs = write(tmp_path / "i.csv", "task,server,input_bytes", "t,c,7", "u,b,1", "t,b,0", "t,a,9")
    trace = read_trace(write(tmp_path / "x.csv", "task,arrival_s", "t,0", "u,0"), inputs=inputs)
    assert trace.table()["inputs"] == [(("c", 7.0), ("a", 9.0)), (("b", 1.0),)]
    assert trace.names["server"] == {"c": 0, "a": 0, "b": 1}


@pytest.mark.parametrize("name, first, arrivals", [("code", 0.0519999, 8819), ("conv", 4.3145790, 19366)])
def test_azures_llm_traces_read(name, first, arrivals):
    path = DATA / f"AzureLLMInferenceTrace_{name}.csv"
    if not path.exists():
        pytest.skip("the published traces are not here")
    trace = read_trace(path)
    assert trace.count == arrivals and trace.first_s == 0.0
    if name == "conv":
        assert trace.arrivals_s()[1] == first
    gaps_s = np.diff(trace.arrivals_s())
    assert (gaps_s.std() / gaps_s.mean() > 10) == (name == "code")


def test_azures_functions_trace_reads():
    path = DATA / "AzureFunctions2021_invitro_200.csv"
    if not path.exists():
        pytest.skip("the published traces are not here")
    trace = read_trace(path)
    assert trace.count == 199 and trace.first_s == 0.00149090003967285
    assert trace.provenance["replaced"]["lifetime_s zero"]["rows"] == 8


def test_the_sample_reads():
    sample = Path(workloads.__path__[0]) / "data" / "arrivals.csv"
    trace = read_trace(sample)
    assert trace.count == 60 and format_of(sample) == "native"


def test_the_header_tells_the_format(tmp_path):
    heads = {"azure-llm": "TIMESTAMP,ContextTokens,GeneratedTokens", "native": "arrival_s"}
    heads |= {"azure-functions": "app,func,end_timestamp,duration"}
    for name, head in heads.items():
        assert format_of(write(tmp_path / "x.csv", head, "1")) == name
    assert set(FORMATS) == {*heads, "mapped", "parquet", "swf", "azure-functions-2019"}


# saved and read again


def columns_of_traces():
    number = st.floats(1e-50, 1e50)
    name = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
    fed = st.dictionaries(name, number, min_size=1, max_size=4).map(lambda found: tuple(found.items()))

    @st.composite
    def drawn(draw):
        count = draw(st.integers(1, 6))

        def many(values, **options):
            return draw(st.lists(values, min_size=count, max_size=count, **options))

        columns = {"arrival_s": np.sort(many(st.just(0.0) | number))}
        possible = {
            "task": lambda: many(name, unique=True),
            "profile": lambda: many(name),
            "frame_rate_hz": lambda: np.array(many(number)),
            "deadline_s": lambda: np.array(many(number)),
            "lifetime_s": lambda: np.array(many(number | st.just(math.inf))),
        }
        for column in draw(st.lists(st.sampled_from(list(possible)), unique=True)):
            columns[column] = possible[column]()
        where = draw(st.sampled_from(["", "input_bytes", "inputs", "both"]))
        if where == "input_bytes":
            columns["input_bytes"] = np.array(many(number))
        elif where:
            columns.setdefault("task", many(name, unique=True))  # in CSV, inputs go by the name
            either = many(fed if where == "inputs" else fed | number)
            columns["inputs"] = [value if isinstance(value, tuple) else None for value in either]
            columns["input_bytes"] = np.array([math.nan if isinstance(v, tuple) else v for v in either])
            if where == "inputs":
                del columns["input_bytes"]
        return columns

    return drawn()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("traces")


@settings(max_examples=80)
@given(columns=columns_of_traces(), provenance=st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False)))
def test_parquet_loses_nothing(folder, columns, provenance):
    pytest.importorskip("pyarrow")
    trace = from_columns(columns, {"format": "made"} | provenance)
    save_trace(trace, folder / "x.parquet")
    again = read_trace(folder / "x.parquet")
    assert same(trace, again) and again.provenance == trace.provenance


@settings(max_examples=80)
@given(columns=columns_of_traces())
def test_csv_loses_no_value(folder, columns):
    trace = from_columns(columns, {})
    _, *inputs = save_trace(trace, folder / "x.csv")
    if "inputs" in columns and all(where is None for where in columns["inputs"]):
        return  # a file of inputs without rows is refused
    again = read_trace(folder / "x.csv", **({"inputs": inputs[0]} if inputs else {}))
    if inputs and "input_bytes" not in columns:
        assert same(trace, again)
    assert all(
        np.array_equal(again.table()[n], trace.table()[n], equal_nan=True)
        if n in NUMBERS
        else again.table()[n] == trace.table()[n]
        for n in trace.columns
    )


def run(tasks, scheduler, network=NETWORK):
    recorder = Recorder(by_resource=True)
    simulate(network, tasks, SCHEDULERS[scheduler](), listeners=[recorder])
    return recorder.tables(), recorder.summary()


@pytest.mark.parametrize("scheduler", ["fifo", "lbf", "price-evict"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_saved_workload_replays_to_the_identical_run(tmp_path, ending, scheduler):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    draws = {
        "profile": Choice(),
        "frame_rate_hz": Uniform(1 / 3, 5),
        "deadline_s": Uniform(0.1, 0.7),
        "lifetime_s": Exponential(20.0),
        "input_bytes": Uniform(1, 40),
    }
    arrivals = generated(MMPP2(0.3, 7.0, 10.0, 3.0), 3, tasks=150)
    tasks = tasks_of(arrivals, NETWORK, PROFILES, draws=draws, spread=Everywhere(Uniform(0.5, 1.5)), seed=3)
    path, *inputs = save_trace(trace_of(tasks, NETWORK), tmp_path / f"x.{ending}")
    trace = read_trace(path, **({"inputs": inputs[0]} if inputs else {}))
    again = tasks_of(trace, NETWORK, PROFILES)
    assert [(t.name, t.arrival_s, t.lifetime_s, t.input_bytes.tolist()) for t in tasks] == [
        (t.name, t.arrival_s, t.lifetime_s, t.input_bytes.tolist()) for t in again
    ]
    first = run(tasks, scheduler)
    assert first == run(again, scheduler)
    assert 0 < first[1]["rejected_tasks"] + first[1]["evicted_tasks"] < 150


def test_the_papers_workload_replays_to_the_identical_run(tmp_path):
    scenario = paper(servers=4, tasks=120)
    network, tasks = scenario.inputs(2).network, scenario.inputs(2).tasks
    path, inputs = save_trace(trace_of(tasks, network), tmp_path / "x.csv")
    profiles = {task.profile.name: task.profile for task in tasks}
    again = tasks_of(read_trace(path, inputs=inputs), network, profiles)
    assert run(tasks, "fifo", network) == run(again, "fifo", network)


def test_a_trace_longer_than_memory_holds_is_read_in_pieces(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    for module in (trace_module, native, parquet):
        monkeypatch.setattr(module, "ROWS", 100)
    count = 2007
    columns = {"arrival_s": np.arange(count) / 8, "task": [f"t{j}" for j in range(count)]}
    columns["inputs"] = [(("a", j + 1.0),) for j in range(count)]
    whole = from_columns(columns, {})
    for name in ("x.csv", "x.parquet"):
        _, *inputs = save_trace(whole, tmp_path / name)
        again = read_trace(tmp_path / name, **({"inputs": inputs[0]} if inputs else {}))
        assert max(len(chunk["arrival_s"]) for chunk in again.chunks()) <= 100
        assert len(list(again.chunks())) >= 20
        assert same(whole, again) and same(whole, again)  # however often it is gone through


def test_a_trace_may_be_saved_over_itself(tmp_path):
    path = write(tmp_path / "x.csv", "arrival_s", "1", "2")
    save_trace(read_trace(path), path)
    assert path.read_text() == "arrival_s\n1.0\n2.0\n" and os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize(
    "columns, says",
    [
        ({"arrival_s": [0.0], "task": ["a\nb"]}, "task is 'a\\nb'"),
        ({"arrival_s": [0.0], "task": [" a"]}, "task is ' a'"),
        ({"arrival_s": [0.0, 1.0], "task": ["a", "a"]}, "row 2: task 'a' stands twice"),
        ({"arrival_s": [0.0], "lifetime_s": [1e60]}, "lifetime_s is 1e+60"),
        ({"arrival_s": [-1.0]}, "arrival_s is -1.0"),
        ({"arrival_s": [0.0], "inputs": [()]}, "no server"),
        ({"arrival_s": [0.0], "inputs": [(("a", 0.0),)]}, "input_bytes at 'a' is 0.0"),
        ({"arrival_s": [0.0], "inputs": [None]}, "input_bytes or inputs"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_reading_refuses_is_not_written(tmp_path, columns, says, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    with pytest.raises(InputError) as caught:
        save_trace(from_columns(columns, {}), tmp_path / f"x.{ending}")
    assert says in str(caught.value) and os.listdir(tmp_path) == []


def test_names_of_columns_are_as_documented():
    assert COLUMNS[:2] == ("task", "arrival_s") and set(NUMBERS) < set(COLUMNS)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    trace = from_columns({"arrival_s": [0.0]}, {})
    with pytest.raises(InputError, match=r"pip install 'cutlayer\[parquet\]'"):
        save_trace(trace, tmp_path / "x.parquet")
    assert os.listdir(tmp_path) == []
    (tmp_path / "y.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="pyarrow"):
        read_trace(tmp_path / "y.parquet")


def test_options_of_other_formats_are_refused(tmp_path):
    path = write(tmp_path / "x.csv", "arrival_s", "1")
    with pytest.raises(InputError, match="option of the trace format 'native': 'input'; did you mean 'inputs'"):
        read_trace(path, input="x")
    with pytest.raises(InputError, match="did you mean 'native'"):
        read_trace(path, "nativ")


def test_a_gateway_a_task_is_one_server(tmp_path):
    path = write(tmp_path / "x.csv", "arrival_s,input_bytes", *(f"{j},{j + 1}" for j in range(50)))
    draws = {"profile": Choice(("p",)), "frame_rate_hz": Constant(1.0), "deadline_s": Constant(1.0)}
    tasks = tasks_of(read_trace(path), NETWORK, PROFILES, draws=draws, spread=One(), seed=1)
    assert {len(task.servers) for task in tasks} == {1}
    assert {task.servers[0] for task in tasks} == {0, 1, 2}
    assert [task.input_bytes.tolist() for task in tasks] == [[j + 1.0] for j in range(50)]


def test_a_format_of_ones_own_is_one_class(tmp_path):
    class Slots(Format):
        """Counts by the second."""

        def recognises(self, path, header):
            return list(header) == ["second", "count"]

        def read(self, path, *, offset_s=0.0):
            times = [
                read_number(row, "second", path, line) + offset_s
                for line, row in read_rows(path, ("second", "count"))
                for _ in range(int(row["count"]))
            ]
            return from_columns({"arrival_s": times}, {"format": "slots"})

    FORMATS.register("slots")(Slots())
    try:
        path = write(tmp_path / "x.csv", "second,count", "3,2", "1,1")
        assert read_trace(path).arrivals_s().tolist() == [1.0, 3.0, 3.0]
        assert read_trace(path, offset_s=1.0).arrivals_s().tolist() == [2.0, 4.0, 4.0]
    finally:
        del FORMATS._entries["slots"]


MILLION = """
import resource
from cutlayer.simulator.types import Layer, Network, Profile
from cutlayer.workloads.arrivals.generated import Poisson, generated
from cutlayer.workloads.distributions import Choice, Constant, Exponential
from cutlayer.workloads.spreads import One
from cutlayer.workloads.tasks import iter_tasks
from cutlayer.workloads.traces.trace import Trace
from cutlayer.workloads.traces.formats import read_trace, save_trace

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

profiles = {"p": Profile("p", (10,), 10, (Layer("fc1", 5.0, (5,), 5),))}
draws = {"profile": Choice(), "frame_rate_hz": Constant(5.0), "deadline_s": Constant(0.2),
         "lifetime_s": Exponential(60.0), "input_bytes": Exponential(1e5)}
network = Network([1.0] * 4, [1.0] * 4)
start = peak()
trace = generated(Poisson(10.0), 1, tasks=1_000_000)
(path,) = save_trace(trace, "arrivals.csv")
trace = read_trace(path)
count = sum(1 for _ in iter_tasks(trace, network, profiles, draws=draws, spread=One(), seed=1))
print(count, peak() - start)
"""


@pytest.mark.slow
def test_a_million_arrivals_need_less_than_100_megabytes(tmp_path):
    root = Path(trace_module.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", MILLION],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    count, more = done.stdout.split()
    assert int(count) == 1_000_000
    assert float(more) < 100  # a million tasks take more than a thousand
