"""Logs as other programs write them: end times, counts, any delimiter, no header, JSON, SWF, blank and zero values."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces import counts as counts_module
from cutlayer.workloads.traces.counts import binned
from cutlayer.workloads.traces.formats import read_trace
from cutlayer.workloads.traces.reshape import from_first
from cutlayer.workloads.traces.summary import notes_of, summary
from cutlayer.workloads.traces.trace import from_columns

START = {"arrival_s": "start"}


@pytest.fixture
def log(tmp_path):
    def read(text, columns=None, name="log.csv", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_trace(
            path, None if columns is None else "mapped", **({"columns": columns} if columns else {}), **options
        )

    return read


def refused(says, call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    assert says in str(caught.value), caught.value
    assert "\n" not in str(caught.value)


# end times ------------------------------------------------------------------------------------------------------


def test_an_end_is_a_lifetime_exactly_and_none_is_for_ever(log):
    text = "start,stop\n0.1,0.3\n5,\n7,NULL\n1e3,1000.25\n"
    trace = log(text, START | {"end_s": "stop"})
    assert trace.columns == ("arrival_s", "lifetime_s")
    assert trace.table()["lifetime_s"].tolist() == [0.2, math.inf, math.inf, 0.25]  # 0.3 - 0.1 in floats is below 0.2


def test_ends_have_the_format_of_time_and_the_unit_of_their_own(log):
    iso = "start,stop\n2024-02-29 23:59:00,2024-03-01T00:00:30Z\n2024-02-29 23:58,2024-02-29 23:59\n"
    trace = log(iso, START | {"end_s": "stop"}, time_format="iso")
    assert trace.table()["arrival_s"].tolist() == [0, 60] and trace.table()["lifetime_s"].tolist() == [60, 90]
    trace = log("start,stop\n1,2500\n", START | {"end_s": "stop"}, units={"end_s": "ms"})
    assert trace.table()["lifetime_s"].tolist() == [1.5]


def test_an_end_and_a_duration_give_the_arrival(log):
    trace = log("stop,took\n9,4\n3,4\n", {"end_s": "stop", "lifetime_s": "took"})
    assert trace.arrivals_s().tolist() == [0, 6] and trace.provenance["moved_s"] == 1  # 3 - 4 is before the log


def test_an_end_before_the_arrival_is_refused_or_left_out(log):
    text, columns = "start,stop\n4,3\n5,5\n6,8\n", START | {"end_s": "stop"}
    refused(
        "log.csv:2: stop is '3'; allowed: a number above 0, or --zero lifetime_s=drop or =VALUE", log, text, columns
    )
    trace = log(text, columns, zero={"lifetime_s": "drop"})
    assert trace.count == 1 and notes_of(trace) == ["2 rows with zero lifetime_s left out"]


def test_all_three_are_too_many_and_an_end_alone_is_too_few(log):
    refused("two of them", log, "a,b,c\n1,2,3\n", {"arrival_s": "a", "end_s": "b", "lifetime_s": "c"})
    refused("needed: arrival_s=COLUMN", log, "a\n1\n", {"end_s": "a"})


# counts ---------------------------------------------------------------------------------------------------------


def test_counted_arrivals_lie_in_their_intervals_and_are_the_same_for_a_seed(log):
    text = "hour,requests\n0,40\n2,0\n1,25\n1,5\n"
    columns = {"arrival_s": "hour", "count": "requests"}
    trace = log(text, columns, units={"arrival_s": "h"})
    times_s = trace.arrivals_s()
    assert np.bincount((times_s // 3600).astype(int)).tolist() == [40, 30]
    assert (np.diff(times_s) >= 0).all() and len(np.unique(times_s)) == 70
    assert times_s.tolist() == log(text, columns, units={"arrival_s": "h"}).arrivals_s().tolist()
    assert times_s.tolist() != log(text, columns, units={"arrival_s": "h"}, seed=1).arrivals_s().tolist()
    assert notes_of(trace) == ["arrivals are counted in intervals of 3600 s and spread evenly at random over them"]


def test_spread_times_are_uniform_whatever_the_piece(monkeypatch):
    whole = binned(np.array([10.0]), np.array([20_000]), 5.0, {}).arrivals_s()
    assert abs(whole.mean() - 12.5) < 4 * 5 / math.sqrt(12 * 20_000)
    # Kolmogorov: above 1.95 / sqrt(n) with probability 0.001
    monkeypatch.setattr(counts_module, "ROWS", 100)
    pieces = binned(np.array([10.0]), np.array([20_000]), 5.0, {}).arrivals_s()
    for times_s in (whole, pieces):
        steps = np.arange(1, 20_001) / 20_000
        assert len(times_s) == 20_000 and np.abs(steps - (times_s - 10) / 5).max() < 1.95 / math.sqrt(20_000)
        assert (np.diff(times_s) >= 0).all()


def test_functions_counted_by_the_minute_read(log):
    text = "HashOwner,HashApp,HashFunction,Trigger,1,2,3,4\na,b,c,http,5,0,0,1\na,b,d,queue,2,0,9,0\n"
    trace = log(text)
    assert np.bincount((trace.arrivals_s() // 60).astype(int)).tolist() == [7, 0, 9, 1]
    refused("minute 3 is '-1'", log, text.replace(",9,", ",-1,"))
    refused("without a gap", log, text.replace(",2,3,4\n", ",2,4,5\n", 1))
    refused("0 arrivals are counted", log, text.replace("5", "0").replace(",1\na", ",0\na").replace("2,0,9", "0,0,0"))


@pytest.mark.parametrize(
    "text, options, says",
    [
        ("start,count\n0,1.5\n60,1\n", {}, "count is '1.5'; allowed: a whole number"),
        ("start,count\n0,3\n", {}, "needed: bin"),
        ("start,count\n0,3\n60,1\n", {"bin": "2 min"}, "overlap"),
        ("start,count\n0,3\n60,1\n", {"bin": "-1 s"}, "bin is '-1 s'"),
        ("start,count\n0,99999999999\n60,1\n", {}, "allowed: 1 to 1000000000"),
        ("start,count\n0,\n60,1\n", {}, "count is ''; allowed: a whole number, or --blank count=drop"),
    ],
)
def test_counts_that_are_none_are_refused(log, text, options, says):
    refused(says, log, text, START | {"count": "count"}, **options)


@pytest.mark.parametrize(
    "text, unit, time_format",
    [
        ("start,requests\n0,120\n1,90\n2,77\n", "h", "seconds"),
        ("start,anything\n0,120\n5,90\n", "min", "seconds"),
        ("start,zone,num_calls\n2024-01-01 00:00,a,3\n2024-01-01 01:00,b,9\n2024-01-01 03:00,a,4\n", None, "iso"),
        ("start,count,x,y\n0,1,a,b\n1,2,a,b\n2,3,a,b\n", None, "seconds"),
    ],
)
def test_a_table_of_counts_is_not_read_as_one_arrival_a_row(log, text, unit, time_format):
    options = {"time_format": time_format} | ({"units": {"arrival_s": unit}} if unit else {})
    refused("rows are intervals of", log, text, START, **options)
    assert log(text, START, each_row=True, **options).count == text.count("\n") - 1


def test_a_regular_log_without_counts_is_one_arrival_a_row(log):
    assert log("start,took,name\n0,5,a\n60,6,b\n120,9,c\n", START | {"lifetime_s": "took"}).count == 3
    assert log("start,num_gpu\n0,1\n7,2\n9,1\n", START).count == 3


# how a table is laid out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_the_delimiter_is_found_out(log, mark):
    text = "id;start;took\nx y;1.5;7\nz;2;8\n".replace(";", mark)
    for columns in (START | {"lifetime_s": "took", "task": "id"}, {"arrival_s": "2", "lifetime_s": "3", "task": "1"}):
        found = log(text if "start" in columns.values() else text.partition("\n")[2], columns).table()
        assert (found["task"], found["arrival_s"].tolist(), found["lifetime_s"].tolist()) == (
            ["x y", "z"],
            [1.5, 2],
            [7, 8],
        )
    assert log("start  took\n1   2\n 3 4\n", START | {"lifetime_s": "took"}).arrivals_s().tolist() == [1, 3]


def test_a_decimal_comma_is_found_out_where_commas_divide_nothing(log):
    columns = START | {"lifetime_s": "took"}
    assert log("start;took\n0,125;7,5\n3;1,250\n", columns).table()["lifetime_s"].tolist() == [7.5, 1.25]
    assert log('start,took\n"0,5",2\n', columns, decimal=",").first_s == 0.5
    refused("say which is the decimal mark", log, "start;took\n0,125;7.5\n", columns)
    refused("start is '0,5'", log, 'start,took\n"0,5",2\n', columns)
    refused("start is '1.234,5'", log, "start;took\n1.234,5;2\n", columns)
    refused("decimal is ';'", log, "start;took\n1;2\n", columns, decimal=";")


def test_columns_go_by_number_where_there_is_no_header(log):
    text = "600,a,3\n601.5,b,4\n"
    columns = {"arrival_s": "1", "lifetime_s": "3"}
    assert log(text, columns).arrivals_s().tolist() == [600, 601.5]
    assert log("when,who,long\n" + text, columns).arrivals_s().tolist() == [600, 601.5]
    assert log(text, columns, header=True).arrivals_s().tolist() == [601.5]
    refused("column '7' is missing", log, text, {"arrival_s": "7"})
    refused("2 values for 3 columns", log, text + "9,x\n", columns)
    assert log("1,2\n5,6\n", {"arrival_s": "2"}).arrivals_s().tolist() == [6]  # as a header names them
    assert log("1,2\n5,6\n", {"arrival_s": "2"}, header=False).arrivals_s().tolist() == [2, 6]


def test_json_lines_arrays_and_documents_read_like_a_table(log):
    rows = [{"t": 0, "n": {"took": [7.5, 1]}}, {"t": "3.25", "n": {"took": [None]}, "id": "x"}]
    columns = {"arrival_s": "t", "lifetime_s": "n.took.0"}
    for text in (
        "\n".join(map(json.dumps, rows)), json.dumps(rows), json.dumps(rows, indent=1),
        json.dumps({"version": 2, "hosts": [1], "jobs": rows}, indent=2),
    ):  # fmt: skip
        found = log(text, columns, name="log.json").table()
        assert found["arrival_s"].tolist() == [0, 3.25] and found["lifetime_s"].tolist() == [7.5, math.inf]
    two = json.dumps({"a": rows[:1], "b": rows})
    assert log(two, columns, records="b").count == 2
    refused("rows may be in these of its members: a, b", log, two, columns)


def test_numbers_in_json_keep_every_digit(log):
    times = [1700000000.1, 1700000000.3]
    text = "".join(f'{{"t": {t}, "e": {t + 1:.1f}}}\n' for t in times)
    found = log(text, {"arrival_s": "t", "end_s": "e"}, time_format="unix").table()
    assert found["arrival_s"].tolist() == [0, 0.2] and found["lifetime_s"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "text, says",
    [
        ('{"t": 1}\n{"t": }\n', "log.json:2: not JSON"),
        ('[\n{"t": 1},\n{"t": x}]', "log.json:3: not JSON"),
        ('[{"t": 1},\n 7]', "log.json:2: is '7'; allowed: an object"),
        ('{"t": [1]}\n{"t": 2}\n', "log.json:1: t holds a list"),
        ('{"x": 1, "time": 3}\n{"x": 2}\n', "column 't' is missing"),
        ("[]", "without rows"),
        ("{}", "without rows"),
        ("[" * 100_000, "log.json: nested too deeply"),
        ('{"t": true}\n{"t": 2}\n', "t is 'True'"),
        ('{"t": 1} {"t": 2}\n', "not JSON"),
        ('[{"t": 1}', "not JSON"),
    ],
)
def test_json_that_is_no_log_is_one_line(log, text, says):
    refused(says, log, text, {"arrival_s": "t"}, name="log.json")


SWF = """\
; Computer: a cluster, with commas; and more
;UnixStartTime: 1000
  1   10   5   60  4 -1 -1 4 -1 -1 1 1 1 -1 1 -1 -1 -1
  2   25   0   -1  4 -1 -1 4 -1 -1 0 1 1 -1 1 -1 -1 -1
  3   25   0    0  4 -1 -1 4 -1 -1 0 1 1 -1 1 -1 -1 -1
  4   30   9  7.5  4 -1 -1 4 -1 -1 1 1 1 -1 1 -1 -1 -1
"""


def test_jobs_in_the_standard_workload_format_read(log):
    trace = log(SWF, name="cluster.swf")
    found = trace.table()
    assert (found["task"], found["arrival_s"].tolist(), found["lifetime_s"].tolist()) == (
        ["1", "4"],
        [10, 30],
        [60, 7.5],
    )
    assert notes_of(trace) == ["1 row with blank lifetime_s left out", "1 row with zero lifetime_s left out"]
    assert log(SWF, name="cluster.swf", zero={"lifetime_s": "1 s"}, blank={"lifetime_s": 90}).count == 4
    assert log(SWF, name="cluster.txt").count == 2
    assert log(SWF.partition("\n  ")[2], name="bare.txt").count == 2


# what values mean -----------------------------------------------------------------------------------------------


def test_zero_and_blank_values_are_left_out_or_replaced_and_counted(log):
    text = "start,took,size\n0,4,10\n,5,10\n3,0,10\n4,-1,10\n5,6,0\nNaN,6,1\n9,1,-\n"
    columns = START | {"lifetime_s": "took", "input_bytes": "size"}
    trace = log(
        text, columns, zero={"lifetime_s": "0.5 s", "input_bytes": "1 kB"},
        blank={"arrival_s": "drop", "input_bytes": 8}, unknown={"lifetime_s": ["-1"]},
    )  # fmt: skip
    found = trace.table()
    assert found["arrival_s"].tolist() == [0, 3, 4, 5, 9]
    assert found["lifetime_s"].tolist() == [4, 0.5, math.inf, 6, 1]
    assert found["input_bytes"].tolist() == [10, 10, 10, 1000, 8]
    assert notes_of(trace) == [
        "2 rows with blank arrival_s left out", "1 row with zero lifetime_s: 0.5 s assumed",
        "1 row with zero input_bytes: 1000 B assumed", "1 row with blank input_bytes: 8 B assumed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text, options, says",
    [
        ("start\n\nNULL\n1\n", {}, "start is 'NULL'; allowed: a number, 0 or more, or --blank arrival_s=drop"),
        ("start\n-5\n", {}, "start is '-5'; allowed: a number, 0 or more; or --unknown arrival_s=-5"),
        ("start\nNULL\n", {"blank": {"arrival_s": "drop"}}, "all 1 rows are left out"),
        ("start\n1\n", {"blank": {"arrival_s": 3}}, "blank: arrival_s is '3'; allowed: drop"),
        ("start\n1\n", {"zero": {"lifetime_s": "drop"}}, "lifetime_s has zero and no column"),
        ("start\n1\n", {"zero": {"lifetim_s": "drop"}}, "did you mean 'lifetime_s'?"),
        ("start\n1\n", {"factors": {"arrival_s": 0.0}}, "the factor of arrival_s is 0.0"),
        ("start\n1\n", {"unknown": {"count": "9"}}, "count has unknown and no column"),
    ],
)
def test_policies_that_are_missing_or_wrong_are_one_line(log, text, options, says):
    refused(says, log, text, START, **options)


def test_a_factor_makes_bytes_of_tokens_and_scales_any_number(log):
    columns = START | {"input_bytes": "tokens", "deadline_s": "slo"}
    trace = log(
        "start,tokens,slo\n1,1543,30\n",
        columns,
        factors={"input_bytes": 4, "deadline_s": 0.1},
        units={"deadline_s": "ms"},
    )
    assert trace.table()["input_bytes"].tolist() == [6172] and trace.table()["deadline_s"].tolist() == [0.003]


def test_azures_tokens_read_by_the_columns_that_are_needed(log):
    text = "Id,ContextTokens,TIMESTAMP,More\n1,100,2024-05-01 00:00:01.5,x\n2,7,2024-05-01 00:00:00,\n"
    trace = log(text, bytes_per_token=3.0)
    assert trace.arrivals_s().tolist() == [0, 1.5] and trace.table()["input_bytes"].tolist() == [21, 300]


# times of a clock -----------------------------------------------------------------------------------------------


def test_times_of_a_clock_count_from_the_first_and_are_said_to(log):
    text = "start,took\n1700000004.25,3\n1700000000.5,2\n"
    trace = log(text, START | {"lifetime_s": "took"})
    assert trace.arrivals_s().tolist() == [0, 3.75]
    assert notes_of(trace) == ["times are those of a clock and count from the first arrival, 1700000000.5 s"]
    native = from_first(log("arrival_s\n1700000000\n1700000009\n"))
    assert native.arrivals_s().tolist() == [0, 9] and "clock" in notes_of(native)[0]
    assert from_first(log("arrival_s\n86400\n")).first_s == 86400


@pytest.mark.parametrize("factor, unit", [(1000, "ms"), (10**6, "us"), (10**9, "ns")])
def test_a_clock_in_other_units_is_refused_with_its_unit(log, factor, unit):
    times = f"{1700000000 * factor}\n{1700000001 * factor}\n"
    refused(f"--unit arrival_s={unit}", log, "start\n" + times, START)
    refused(f"--unit arrival_s={unit}", from_first, log("arrival_s\n" + times))
    assert log("start\n" + times, START, units={"arrival_s": unit}).arrivals_s().tolist() == [0, 1]


def test_moments_taken_for_lifetimes_are_refused(log):
    text = "start,stop\n1700000000,1700000050\n1700000010,1700000060\n"
    refused("map them as end_s", log, text, START | {"lifetime_s": "stop"})
    refused("map them as end_s", log, text, START | {"lifetime_s": "stop"}, time_format="unix")
    assert log(text, START | {"end_s": "stop"}).table()["lifetime_s"].tolist() == [50, 50]


# what a trace holds ---------------------------------------------------------------------------------------------


def test_a_summary_is_the_same_in_pieces_and_at_once(log, monkeypatch):
    rng = np.random.default_rng(1)
    columns = {
        "arrival_s": np.cumsum(rng.exponential(2.0, 500)).round(1), "lifetime_s": rng.uniform(1, 9, 500),
        "task": [f"t{j}" for j in range(500)],
    }  # fmt: skip
    trace = from_columns(columns, {})
    whole = summary(trace)
    gaps_s = np.diff(columns["arrival_s"])
    assert whole["gaps"]["mean_s"] == pytest.approx(gaps_s.mean(), rel=1e-12)
    assert whole["gaps"]["coefficient_of_variation"] == pytest.approx(gaps_s.std() / gaps_s.mean(), rel=1e-9)
    assert whole["gaps"]["of_0_s"] == np.count_nonzero(gaps_s == 0)
    assert whole["columns"]["task"] == {"count": 500, "first": ["t0", "t1", "t10", "t100", "t101"]}
    (chunk,) = trace.chunks()
    pieces = [{name: values[at : at + 37] for name, values in chunk.items()} for at in range(0, 500, 37)]
    object.__setattr__(trace, "_read", lambda: iter(pieces))
    again = summary(trace)
    assert again["counts"] == whole["counts"] and again["gaps"]["of_0_s"] == whole["gaps"]["of_0_s"]
    assert again["columns"]["lifetime_s"]["mean"] == pytest.approx(whole["columns"]["lifetime_s"]["mean"], rel=1e-12)


def test_what_is_no_known_format_says_what_to_map(log):
    refused("JSON: no known format", log, '{"timestamp": 1}\n')
    refused("--map arrival_s=COLUMN", log, "a;b\n1;2\n")
