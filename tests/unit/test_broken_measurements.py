"""Whatever a file of bandwidth or outages holds, it is read or refused in one line that says where."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth.give import FORMATS, read_bandwidth
from cutlayer.workloads.conditions import read_conditions

NETWORK = Network([1.0] * 2, [8.0] * 2, servers=["a", "b"])
OUTAGES = "resource,name,down_s,up_s\n"
CHANGES = "link,time_s,bps\n"

BANDWIDTH = {
    "empty": (b"", "is empty"),
    "blank lines": (b"\n \r\n\t\n", "is empty"),
    "only a mark of byte order": (b"\xef\xbb\xbf", "is empty"),
    "words": (b"hello world\n", ":1: 'hello world' begins no bandwidth measurement; known: "),
    "another table": (b"task,arrival_s\nt,0\n", ":1: 'task,arrival_s' begins no bandwidth measurement"),
    "a NUL byte": (b"1\n2\n\0\n", ":3: not a text file"),
    "Latin-1": (b"1 2\n2 \xb5\n", ":2: not a text file in UTF-8"),
    "UTF-16": ("1 2\n".encode("utf-16"), "not a text file in UTF-8"),
    "old line ends": (b"1 2\r2 3\r", ":1: "),
    "METS: no value": (b"1,Mbits/sec\n,Mbits/sec\n", ":2: value is ''; allowed: a number, 0 or more"),
    "METS: a negative value": (b"1,Mbits/sec\n-1,Mbits/sec\n", ":2: value is '-1'"),
    "METS: nan": (b"nan,Mbits/sec\n", ":1: value is 'nan'"),
    "METS: inf": (b"1,bits/sec\n2,bits/sec\ninf,bits/sec\n", ":3: value is 'inf'"),
    "METS: huge": (b"1e999,bits/sec\n", ":1: value is '1e999'"),
    "METS: a thousand digits": (b"1,bits/sec\n" + b"9" * 1000 + b",bits/sec\n", ":2: value is '999"),
    "METS: no unit": (b"1,Mbits/sec\n2\n", ":2: 1 values in a line; allowed: 2"),
    "METS: an unknown unit": (b"1,Mbits/sec\n2,MBytes/sec\n", ":2: unit is 'MBytes/sec'; allowed: bits/sec, Kbits/sec"),
    "METS: a unit of its own case": (b"1,mbits/sec\n", ":1: unit is 'mbits/sec'"),
    "METS: three values": (b"1,Mbits/sec\n1,2,Mbits/sec\n", ":2: 3 values in a line"),
    "METS: cut off": (b"1,Mbits/sec\n2,Mbi", ":2: unit is 'Mbi'"),
    "METS: a decimal comma": (b"1,5,Mbits/sec\n", ":1: 3 values in a line"),
    "Mahimahi: back in time": (b"5\n7\n6\n", ":3: time goes back from 7 to 6 ms"),
    "Mahimahi: negative": (b"-5\n7\n", ":1: time is '-5'; allowed: a whole number of milliseconds"),
    "Mahimahi: a fraction": (b"5\n7.5\n", ":2: time is '7.5'"),
    "Mahimahi: a word": (b"5\nseven\n", ":2: time is 'seven'"),
    "Mahimahi: lasts no time": (b"0\n0\n", ":2: ends at 0 ms; allowed: a last time above 0"),
    "Mahimahi: huge": (b"5\n" + b"9" * 400 + b"\n", ":2: time is '999"),
    "Mahimahi: two columns from the middle": (b"5\n6 7\n", ":2: time is '6 7'"),
    "Pensieve: back in time": (b"0 1\n2 1\n1 1\n", ":3: time goes back from 2.0 to 1.0 s"),
    "Pensieve: a time twice": (b"0 1\n\n0 1\n", ":3: duplicate time 0.0 s; allowed: times that rise"),
    "Pensieve: one column": (b"0 1\n2\n", ":2: 1 values in a line; allowed: 2"),
    "Pensieve: three columns": (b"0 1\n2 1 5\n", ":2: 3 values in a line"),
    "Pensieve: a negative rate": (b"0 1\n2 -1\n", ":2: Mbit/s is '-1'"),
    "Pensieve: a negative time": (b"-1 1\n2 1\n", ":1: time is '-1'"),
    "Pensieve: nan": (b"0 1\n1 nan\n", ":2: Mbit/s is 'nan'"),
    "Pensieve: cut off": (b"0 1\n1 2.5e", ":2: Mbit/s is '2.5e'"),
    "Pensieve: commas from the middle": (b"0 1\n1,2\n", ":2: 1 values in a line"),
    "CSV: two links": (b"link,time_s,bps\nx,0,1\ny,1,1\n", ":3: link 'y' after 'x'; allowed: one link in a file"),
    "CSV: back in time": (b"link,time_s,bps\nx,0,1\nx,3,1\nx,2,1\n", ":4: time goes back"),
    "CSV: no rows": (b"link,time_s,bps\n", "has a header and no rows"),
    "CSV: a column is missing": (b"link,time_s\nx,0\n", ":1: column 'bps' is missing"),
    "CSV: a column too many": (b"link,time_s,bps,note\nx,0,1,n\n", ":1: unknown column 'note'"),
    "CSV: a quote that is not closed": (b'link,time_s,bps\n"x,0,1\n', "not a CSV file"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BANDWIDTH))
def test_a_broken_measurement_is_refused_where_it_breaks(tmp_path, name):
    content, message = BANDWIDTH[name]
    path = tmp_path / "trace"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_bandwidth(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 1000


CONDITIONS = {
    "another kind": (OUTAGES + "node,a,0,1\n", ":2: unknown resource 'node'; known: link, server"),
    "a near kind": (OUTAGES + "Link,a,0,1\n", ":2: unknown resource 'Link'; did you mean 'link'?"),
    "another name": (OUTAGES + "link,a,0,1\nserver,c,0,1\n", ":3: unknown server 'c'; known: a, b"),
    "no name": (OUTAGES + "link,,0,1\n", ":2: name is empty"),
    "up before down": (OUTAGES + "link,a,5,1\n", ":2: outage: from 5.0 to 1.0 s; allowed: 0 <= begin < end"),
    "no time at all": (OUTAGES + "link,a,5,5\n", ":2: outage: from 5.0 to 5.0 s"),
    "a negative time": (OUTAGES + "link,a,-5,5\n", ":2: down_s is '-5'"),
    "never up": (OUTAGES + "link,a,5,inf\n", ":2: up_s is 'inf'"),
    "a value missing": (OUTAGES + "link,a,5\n", ":2: 3 values for 4 columns"),
    "cut off": (OUTAGES + "link,a,5,6\nli", ":3: 1 values for 4 columns"),
    "a column twice": ("resource,name,down_s,up_s,up_s\n", ":1: column 'up_s' stands twice"),
    "capacities instead": (CHANGES + "a,0,1\n", ":1: unknown column 'link'"),
}


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_broken_outages_are_refused_where_they_break(tmp_path, name):
    content, message = CONDITIONS[name]
    path = tmp_path / "outages.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_conditions(NETWORK, outages=path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_are_none_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "nul\0"):
        with pytest.raises(InputError) as caught:
            read_bandwidth(path)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("bin_s", [0.0, -1.0, math.nan, math.inf, 1e-300])
def test_a_bin_of_no_width_is_refused(tmp_path, bin_s):
    (tmp_path / "trace").write_text("1\n2\n")
    with pytest.raises(InputError, match="bin_s is"):
        read_bandwidth(tmp_path / "trace", bin_s=bin_s)


SOUND = [
    b"0.57,Mbits/sec\r\n120,Kbits/sec\r\n0.0,bits/sec\r\n",
    b"0\n5\n5\n1200\n",
    b"0.0 1.5\n1.0 2.25\n3.5 0\n",
    b"link,time_s,bps\na,0,8e6\na,10,2e6\n",
    (OUTAGES + "link,a,6,7\nserver,b,0,2.5\n").encode(),
]
WORDS = [b",", b"\n", b"\r", b'"', b"\0", b"\xff", b"\xef\xbb\xbf", b"-", b"1e999", b"1e-400", b"nan", b"0", b"9" * 400]
WORDS += [b" ", b"\t", b".", b"1e49", b"1e-50", b"bits/sec", b"Gbits/sec", b"link", b"b", "é".encode(), b"\xc2\x85"]


@st.composite
def broken(draw):
    """Draw a sound file with a few small edits."""
    whole = draw(st.sampled_from(SOUND))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 12)))
        whole = whole[:start] + draw(st.sampled_from(WORDS) | st.binary(max_size=4)) + whole[end:]
    return whole


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(whole=broken() | st.binary(max_size=60), name=st.sampled_from([None, *FORMATS]))
def test_any_file_is_read_or_refused_in_one_line(tmp_path, whole, name):
    path = tmp_path / "drawn"
    path.write_bytes(whole)
    for read in (
        lambda: sound(read_bandwidth(path, name, bin_s=0.1)),
        lambda: read_conditions(NETWORK, outages=path).check(NETWORK),
        lambda: read_conditions(NETWORK, capacity=path).check(NETWORK),
    ):
        try:
            read()
        except InputError as fault:
            text = str(fault)
            assert text.startswith(str(path)) and len(text.splitlines()) == 1 and len(text) < 1000


def sound(trace):
    assert trace.times_s[0] == 0 and (trace.bps >= 0).all()
    assert math.isfinite(trace.mean_bps) and trace.steps().at(trace.end_s) == trace.bps[-1]
    assert trace.cut(0, trace.end_s / 2).end_s == trace.end_s / 2
