"""Bandwidth of any table and of iperf: columns, units, clocks, repeated times, gaps; every number worked by hand."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth import read_bandwidth
from cutlayer.workloads.bandwidth.mapped import RateTable
from cutlayer.workloads.bandwidth.summary import in_words, summary, wonder
from cutlayer.workloads.traces.tables import Layout


@pytest.fixture
def read(tmp_path):
    def read(content, **options):
        path = tmp_path / "rates"
        path.write_text(content, encoding="utf-8")
        return read_bandwidth(path, table=RateTable(**options) if options else None)

    return read


def entries(trace):
    return trace.times_s.tolist(), trace.bps.tolist(), trace.end_s


TIME_RATE = {"time": "at", "rate": "down"}
LTE = "at;cell;down\n10;a;2,5\n11;a;-\n12;b;4\n12;b;8\n13;idle;9\n20;a;1\n"
MBIT = {"columns": TIME_RATE, "units": {"rate": "Mbit/s"}}


def test_columns_units_decimal_commas_blanks_and_repeated_times(read):
    assert entries(read(LTE, **MBIT)) == ([0, 2, 3, 10], [2.5e6, 6e6, 9e6, 1e6], 17)
    for how, bps in (("first", 4e6), ("last", 8e6), ("largest", 8e6), ("sum", 12e6)):
        assert read(LTE, **MBIT, repeated=how).bps[1] == bps
    assert entries(read(LTE, **MBIT, blank="0"))[1][:2] == [2.5e6, 0]
    assert entries(read(LTE, **MBIT, blank="100 kbit/s"))[1][1] == 100e3
    skipped = read(LTE, **MBIT, skip={"cell": ["idle", "b"]})
    assert entries(skipped) == ([0, 10], [2.5e6, 1e6], 20)
    assert skipped.notes == (
        "column down in Mbit/s", "3 rows left out (skip)", "1 rows without a rate or a time left out (blank)",
    )  # fmt: skip


def test_gaps_are_held_zero_or_cut(read):
    gaps = {**MBIT, "gap_after_s": 3.0}
    assert entries(read(LTE, **gaps)) == ([0, 2, 3, 10], [2.5e6, 6e6, 9e6, 1e6], 17)
    assert entries(read(LTE, **gaps, gap="zero")) == ([0, 2, 3, 6, 10, 13], [2.5e6, 6e6, 9e6, 0, 1e6, 0], 17)
    assert entries(read(LTE, **gaps, gap="cut")) == ([0, 2, 3, 6], [2.5e6, 6e6, 9e6, 1e6], 9)
    assert "2 gaps longer than 3 s: cut out (gap)" in read(LTE, **gaps, gap="cut").notes


def test_a_rate_may_hold_up_to_its_time(read):
    up_to = {**MBIT, "holds": "until"}
    assert entries(read(LTE, **up_to)) == ([0, 2, 3], [6e6, 9e6, 1e6], 10)
    assert entries(read(LTE, **up_to, gap="zero", gap_after_s=3.0)) == ([0, 2, 3, 7], [6e6, 9e6, 0, 1e6], 10)
    with pytest.raises(InputError, match="one time; allowed: 2 or more"):
        read("at,down\n1,2\n", **up_to)


def test_rows_may_come_in_any_order_with_units_of_their_own_and_from_any_time(read):
    text = "at\tdown\n1700000000500\t2 Mbps\n1700000000000\t300 kB/s\n"
    trace = read(text, columns=TIME_RATE, units={"time": "ms"}, time_format="unix")
    assert entries(trace) == ([0, 0.5], [2.4e6, 2e6], 1)
    with pytest.raises(InputError, match="times of a clock in ms"):
        read(text, columns=TIME_RATE)


def test_times_of_day_and_clocks_that_change(read):
    text = "at,down\n2024-10-27 01:59:59,1\n2024-10-27 01:00:00,2\n2024-10-27 01:00:01,3\n"
    local = {"columns": TIME_RATE, "time_format": "iso", "time_zone": "Europe/Dublin"}
    assert entries(read(text, **local)) == ([0, 1, 2], [1, 2, 3], 3)
    pattern = {"columns": TIME_RATE, "time_format": "%d.%m.%Y_%H:%M"}
    assert entries(read("at,down\n01.02.2024_10:00,5\n01.02.2024_10:01,6\n", **pattern))[0] == [0, 60]
    zoned = "at,down\n2024-07-01T12:00:00+01:00,1\n2024-07-01T11:00:30Z,2\n"
    assert entries(read(zoned, **local))[0] == [0, 30]


def test_json_lines_json_documents_and_columns_by_number(read):
    rows = [{"t": 0, "net": {"rx": [7, 800]}}, {"t": 2, "net": {"rx": [7, None]}}, {"t": 3, "net": {"rx": [7, 1200]}}]
    mapping = {"columns": {"time": "t", "rate": "net.rx.1"}, "units": {"rate": "kbit/s"}}
    lines = "\n".join(map(json.dumps, rows))
    assert entries(read(lines, **mapping)) == ([0, 3], [800e3, 1200e3], 6)
    assert entries(read(json.dumps({"samples": rows}), **mapping))[1] == [800e3, 1200e3]
    assert entries(read("0 5\n4 6\n", columns={"time": "1", "rate": "2"}, layout=Layout("space", False)))[0] == [0, 4]


def test_rows_without_a_time_are_as_far_apart_as_declared(read):
    assert entries(read("down\n5\n-\n7\n", columns={"rate": "down"}, every_s=0.5)) == ([0, 1], [5, 7], 2)


BROKEN = {
    "no rate": ({"columns": {"time": "at"}}, "no column is the rate"),
    "no time": ({"columns": {"rate": "down"}}, "times come from a column"),
    "two times": ({**MBIT, "every_s": 1.0}, "times come from a column"),
    "an unknown field": ({"columns": {"time": "at", "bitrate": "down"}}, "unknown column 'bitrate'; known: rate, time"),
    "an unknown unit": ({"columns": TIME_RATE, "units": {"rate": "MB"}}, "unit of rates is 'MB'; allowed: bit/s"),
    "an unknown unit of time": ({"columns": TIME_RATE, "units": {"time": "sec"}}, "unknown unit 'sec'"),
    "an unknown rule": ({**MBIT, "repeated": "median"}, "unknown repeated 'median'"),
    "a gap of no length": ({**MBIT, "gap": "cut"}, "needed: the length from which on it is one (gap_after)"),
    "no blank": ({**MBIT, "blank": "fast"}, "blank is 'fast'; allowed: drop, or a rate"),
    "an unknown zone": ({**MBIT, "time_format": "iso", "time_zone": "Europe/Dublyn"}, "time_zone is 'Europe/Dublyn'"),
    "a zone of numbers": ({**MBIT, "time_zone": "UTC"}, "time_zone with times that are numbers"),
    "an unknown format": ({**MBIT, "time_format": "posix"}, "unknown time format 'posix'"),
    "a unit of a date": ({"columns": TIME_RATE, "units": {"time": "s"}, "time_format": "iso"}, "time has a unit and"),
    "a word": (MBIT, ":3: down is 'fast'; allowed: a number", "at,down\n1,2\n2,fast\n"),
    "a negative rate": (MBIT, ":2: down is '-2'", "at,down\n1,-2\n"),
    "no time of day": ({**MBIT, "time_format": "%H:%M"}, ":2: at is '25:00'", "at,down\n25:00,2\n"),
    "a time of words": (MBIT, ":2: at is 'noon'; allowed: a number of s", "at,down\nnoon,2\n"),
    "a column is missing": (MBIT, "column 'down' is missing; did you mean 'dawn'?", "at,dawn\n1,2\n"),
    "all left out": ({**MBIT, "skip": {"at": ["1"]}}, "no row is left of 1", "at,down\n1,2\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_refused_in_one_line(read, case):
    options, message, *content = case
    with pytest.raises(InputError) as caught:
        read(*(content or [LTE]), **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)


# iperf ----------------------------------------------------------------------------------------------------

IPERF3 = """Connecting to host 198.51.100.7, port 5201
[  5] local 198.51.100.2 port 40000 connected to 198.51.100.7 port 5201
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.00   sec  1.25 MBytes  10.0 Mbits/sec    0   91.9 KBytes       (omitted)
[  5]   0.00-1.00   sec  1.25 MBytes  10.5 Mbits/sec    0   91.9 KBytes
[  5]   1.00-2.50   sec  0.00 Bytes   0.00 bits/sec    2   91.9 KBytes
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-2.50   sec  1.25 MBytes  4.20 Mbits/sec    2             sender
[  5]   0.00-2.53   sec  1.20 MBytes  4.10 Mbits/sec                  receiver
"""
IPERF2 = """------------------------------------------------------------
Client connecting to 198.51.100.7, TCP port 5001
[  3]  0.0- 1.0 sec   128 KBytes  1.00 MBytes/sec
[  4]  0.0- 1.0 sec   128 KBytes  2.00 MBytes/sec
[  3]  1.0- 2.0 sec   128 KBytes  3.00 MBytes/sec
[  4]  1.0- 2.0 sec   128 KBytes  4.00 MBytes/sec
[  3]  0.0- 2.0 sec   128 KBytes  2.00 MBytes/sec
[  4]  0.0- 2.0 sec   128 KBytes  3.00 MBytes/sec
"""
SUMS = """[  5]   0.00-1.00   sec  1 MBytes  8 Mbits/sec
[  7]   0.00-1.00   sec  1 MBytes  7 Mbits/sec
[SUM]   0.00-1.00   sec  2 MBytes  15 Mbits/sec
"""


def test_text_of_iperf(read):
    assert entries(read(IPERF3)) == ([0, 1], [10.5e6, 0], 2.5)
    assert entries(read(IPERF2)) == ([0, 1], [3 * 8 * 2**20, 7 * 8 * 2**20], 2)
    assert entries(read(SUMS)) == ([0], [15e6], 1)
    assert read(IPERF3).format == "iperf"


INTERVALS = [
    {"streams": [], "sum": {"start": 0, "end": 1.0, "bits_per_second": 5e6, "omitted": True}},
    {"streams": [], "sum": {"start": 0, "end": 1.00002, "bits_per_second": 8e6, "omitted": False}},
    {"streams": [], "sum": {"start": 1.00002, "end": 2, "bits_per_second": 9e6, "omitted": False}},
]


def test_json_of_iperf3(read):
    whole = {"start": {"version": "iperf 3.9"}, "intervals": INTERVALS, "end": {"sum_sent": {"bits_per_second": 1}}}
    lines = [{"event": "start", "data": {}}, *({"event": "interval", "data": one} for one in INTERVALS)]
    for text in (json.dumps(whole), json.dumps(whole, indent=2), "\n".join(map(json.dumps, lines))):
        assert entries(read(text)) == ([0, 1.00002], [8e6, 9e6], 2)


@pytest.mark.parametrize(
    "text, message",
    [
        (IPERF3[:300], "holds no interval of iperf"),
        ("[  5][TX-C]   0.00-1.00   sec  1 MBytes  8 Mbits/sec\n[  7][RX-C]   0.00-1.00   sec  1 MBytes  8 Mbits/sec\n",
         "holds several directions (RX-C, TX-C); allowed: one"),
        (SUMS.replace("8 Mbits/sec", "8 furlongs/sec").replace("[SUM]", "[5]"), "unit of rates is 'furlongs/sec'"),
        ('{"a": 1}', "JSON without the intervals of iperf3; for other JSON name the members with time and rate"),
        ('{"intervals": [{"sum": {"start": 1, "end": 1, "bits_per_second": 1}}]}', "JSON without the intervals"),
        ('{"intervals": [', "not JSON"),
        (SUMS + "[SUM]   0.50-2.00   sec  2 MBytes  15 Mbits/sec\n", "overlaps another"),
    ],
)  # fmt: skip
def test_broken_iperf_is_refused_in_one_line(read, text, message):
    with pytest.raises(InputError) as caught:
        read(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


# What is said of it ---------------------------------------------------------------------------------------


def test_length_mean_gaps_and_unit_are_told(read):
    trace = read("0 5\n1 0.5\n2 1\n12 0\n")
    found = summary(trace)
    assert (found["values"], found["length_s"], found["mean_bps"]) == (3, 12, 1.5e6 / 12)
    assert found["interval_s"] == {"median": 1, "longest": 10} and found["zero_s"] == 10
    assert in_words(trace) == (
        "pensieve (seconds and Mbit/s up to then, apart by white space): 3 values in 12 s, mean 125 kbit/s "
        "(0 bit/s to 1 Mbit/s), 0 bit/s for 10 s of it; an interval is 1 s, the longest 10 s"
    )


def test_a_mean_far_from_the_link_is_wondered_at():
    network = Network([1.0] * 3, [1e6, 1e6, 5e8], servers=["a", "b", "c"])
    notes = wonder(network, {"a": ("x.txt", 2e8), "b": ("x.txt", 2e8), "c": ("x.txt", 2e8)})
    assert notes == [
        "x.txt: its mean is 200 times the 1 Mbit/s of 2 links (a, b); is the unit right? "
        "(bandwidth.format, units or mean)"
    ]
    assert "its mean is 0.4 % of the 500 Mbit/s of 1 link (c)" in wonder(network, {"c": ("y.txt", 2e6)})[0]
    assert wonder(network, {"a": ("x.txt", 9e6), "b": ("x.txt", 0.2e6)}) == []


PIECES = [
    "",
    ",",
    "\n",
    ";",
    "\t",
    '"',
    "-",
    "nan",
    "1e999",
    "1e-400",
    "9" * 400,
    "{",
    "[",
    "}",
    "0.0-",
    "sec",
    "Mbits/sec",
    "é",
]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([LTE, IPERF3, IPERF2, SUMS, json.dumps({"intervals": INTERVALS}), "at,down\n1,2\n3,4\n"]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=4),
    st.booleans(),
)
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, text, edits, mapped):
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    path = tmp_path_factory.mktemp("fuzz") / "rates"
    path.write_text(text, encoding="utf-8")
    table = RateTable(**MBIT, gap="zero", gap_after_s=1.0) if mapped else None
    try:
        trace = read_bandwidth(path, table=table)
    except InputError as fault:
        assert (
            str(fault).startswith(str(path)) and "\n" not in str(fault) and len(str(fault)) < 2000
        )  # names of columns are listed whole
        return
    assert trace.times_s[0] == 0 and (trace.bps >= 0).all() and in_words(trace)
