"""Bandwidth measurements become capacities of links; every number here is worked by hand."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Network
from cutlayer.workloads.bandwidth.give import FORMATS, give, read_bandwidth
from cutlayer.workloads.bandwidth.trace import BandwidthTrace

DATA = Path(os.environ.get("CUTLAYER_DATA", Path(__file__).parents[3] / "shared" / "data")) / "bandwidth"
NETWORK = Network([1.0] * 3, [1e6] * 3, servers=["a", "b", "c"])


@pytest.fixture
def file(tmp_path):
    def write(content, name="trace"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def entries(trace):
    return trace.times_s.tolist(), trace.bps.tolist(), trace.end_s


def test_nyu_mets_has_its_unit_on_every_line_and_a_line_a_second(file):
    trace = read_bandwidth(file("0.5,Mbits/sec\r\n250,Kbits/sec\r\n16,bits/sec\r\n0.00,bits/sec\r\n2,Gbits/sec\r\n"))
    assert entries(trace) == ([0, 1, 2, 3, 4], [500e3, 250e3, 16, 0, 2e9], 5)


def test_a_mahimahi_packet_a_millisecond_is_12_megabits_a_second_in_every_bin(file):
    path = file("".join(f"{ms}\n" for ms in range(1, 2501)))
    assert entries(read_bandwidth(path)) == ([0, 1, 2], [12e6] * 3, 2.5)
    assert set(read_bandwidth(path, bin_s=0.1).bps.round(3).tolist()) == {12e6}


def test_mahimahi_packets_repeat_and_pauses_are_zero(file):
    # 2 packets of 12,000 bits up to 0.1 s, none up to 0.5 s, 3 up to 0.6 s, 1 in the last 0.05 s
    path = file("0\n100\n501\n501\n600\n650\n")
    trace = read_bandwidth(path, bin_s=0.1)
    assert trace.times_s.tolist() == pytest.approx([0, 0.1, 0.5, 0.6])
    assert trace.bps.tolist() == pytest.approx([240e3, 0, 360e3, 240e3])
    assert trace.end_s == 0.65
    assert trace.mean_bps * 0.65 == pytest.approx(6 * 12000), "no packet is lost or counted twice"


def test_mahimahi_with_a_pause_of_a_year_takes_no_memory(file):
    trace = read_bandwidth(file("1\n31536000000\n"), bin_s=0.001)
    assert trace.end_s == 31536000 and len(trace.bps) < 5


@given(st.lists(st.integers(0, 5000), min_size=1), st.sampled_from([0.001, 0.03, 0.1, 0.57, 1.0, 7.0]))
def test_every_mahimahi_packet_counts_once_in_bins_of_any_width(tmp_path_factory, times, bin_s):
    path = tmp_path_factory.getbasetemp() / "drawn"
    path.write_text("\n".join(map(str, [*sorted(times), 5001])))
    trace = read_bandwidth(path, bin_s=bin_s)
    assert trace.mean_bps * trace.end_s == pytest.approx((len(times) + 1) * 12000)


def test_a_value_of_pensieve_holds_up_to_its_time_and_nothing_after_the_last(file):
    trace = read_bandwidth(file("7.5 4.0\n 8.0\t1.5 \n\n10 3\n"))
    assert entries(trace) == ([0, 0.5], [1.5e6, 3e6], 2.5)
    assert trace.mean_bps == (1.5e6 * 0.5 + 3e6 * 2) / 2.5  # the 4 Mbit/s were before the trace begins


def test_native_csv_of_one_link_begins_at_zero(file):
    trace = read_bandwidth(file("bps,link,time_s\n8e6,x,10\n2e6,x,12\n"))
    assert entries(trace) == ([0, 2], [8e6, 2e6], 4)


@pytest.mark.parametrize("content", ["5,Kbits/sec", "link,time_s,bps\nx,3,5000"])
def test_a_single_value_is_a_constant(file, content):
    trace = read_bandwidth(file(content))
    assert entries(trace) == ([0], [5000], 1)


def test_a_format_may_be_named_and_a_typo_gets_the_near_name(file):
    path = file("0 5\n1 6\n")
    assert read_bandwidth(path, "pensieve").bps.tolist() == [6e6]
    with pytest.raises(InputError, match=r"trace:1: time is '0 5'; allowed: a whole number"):
        read_bandwidth(path, "mahimahi")
    with pytest.raises(UnknownNameError, match="unknown bandwidth format 'pensive'; did you mean 'pensieve'"):
        read_bandwidth(path, "pensive")
    assert {"nyu-mets", "mahimahi", "pensieve", "csv"} <= set(FORMATS)


def test_a_mark_of_byte_order_and_any_line_ends_are_read_past(file):
    for content in ("\ufeff1 2\r\n2 3\r\n", "1 2\n2 3", "1 2\n\n\n2 3\n"):
        assert entries(read_bandwidth(file(content))) == ([0], [3e6], 1)


@pytest.mark.parametrize("name", ["7Train1.csv", "Long_Island_Rail_Road.csv", "bus57.csv"])
def test_published_measurements_read_to_the_last_line(name):
    if not (DATA / name).is_file():
        pytest.skip("the published measurements are not here")
    lines = (DATA / name).read_text().split()
    trace = read_bandwidth(DATA / name)
    assert len(trace.bps) == len(lines) == trace.end_s
    value, unit = lines[-1].split(",")
    assert trace.bps[-1] == float(value) * {"Mbits/sec": 1e6, "Kbits/sec": 1e3, "bits/sec": 1}[unit]


TRACE = BandwidthTrace([0, 1, 4], [8e6, 2e6, 5e6], 6)


def test_the_mean_is_over_time():
    assert TRACE.mean_bps == (8e6 * 1 + 2e6 * 3 + 5e6 * 2) / 6


def test_a_cut_begins_at_zero_with_the_value_it_finds():
    assert entries(TRACE.cut(0.5, 4.5)) == ([0, 0.5, 3.5], [8e6, 2e6, 5e6], 4)
    assert entries(TRACE.cut(1, 4)) == ([0], [2e6], 3)
    assert entries(TRACE.cut(0, 6)) == entries(TRACE)


def test_a_loop_begins_anew_at_the_end():
    assert entries(TRACE.looped(13)) == ([0, 1, 4, 6, 7, 10, 12], [8e6, 2e6, 5e6, 8e6, 2e6, 5e6, 8e6], 13)
    assert entries(TRACE.looped(7, 5)) == ([0, 1, 2, 5], [5e6, 8e6, 2e6, 5e6], 7)
    assert entries(TRACE.looped(3)) == ([0, 1], [8e6, 2e6], 3)


@given(st.floats(0, 5.999), st.floats(0.01, 40))
def test_a_loop_is_the_trace_at_every_moment(offset_s, length_s):
    steps = TRACE.looped(length_s, offset_s).steps()
    for share in np.linspace(0.0031, 0.9931, 40).tolist():
        at = (offset_s + share * length_s) % 6
        if min(abs(at - change) for change in (0, 1, 4, 6)) > 1e-9:
            assert steps.at(share * length_s) == (8e6 if at < 1 else 2e6 if at < 4 else 5e6)


@pytest.mark.parametrize("packets", ["1\n", "1\n1\n2\n3\n", "7\n"])
def test_a_short_file_of_mahimahi_is_a_constant_link_however_long(file, packets):
    trace = read_bandwidth(file(packets))
    looped = trace.looped(1e9, trace.end_s / 3)
    assert (looped.times_s.tolist(), looped.end_s) == ([0], 1e9)
    times_ms = [int(line) for line in packets.split()]
    assert looped.mean_bps == pytest.approx(len(times_ms) * 12000 / (times_ms[-1] / 1000))


def test_scaling_is_in_proportion_and_to_the_mean_over_time():
    scaled = TRACE.scaled(10e6)
    assert scaled.mean_bps == pytest.approx(10e6, rel=1e-14)
    assert (scaled.bps / TRACE.bps).tolist() == pytest.approx([2.5] * 3, rel=1e-14)
    assert (scaled.times_s.tolist(), scaled.end_s) == (TRACE.times_s.tolist(), TRACE.end_s)


@pytest.mark.parametrize(
    "operation, message",
    [
        (lambda: TRACE.cut(3, 3), "cut from 3 to 3 s; allowed: 0 <= from < to <= 6.0"),
        (lambda: TRACE.cut(-1, 3), "cut from -1 to 3 s"),
        (lambda: TRACE.cut(0, 6.1), "cut from 0 to 6.1 s"),
        (lambda: TRACE.cut(float("nan"), 3), "cut from nan"),
        (lambda: TRACE.looped(0), "loop to 0 s; allowed: above 0"),
        (lambda: TRACE.looped(float("inf")), "loop to inf s"),
        (lambda: TRACE.looped(1e12), "more than 10000000 changes"),
        (lambda: TRACE.looped(5, 6), "offset of 6 s; allowed: 0 or more, below 6.0"),
        (lambda: TRACE.scaled(0), "mean of 0 bit/s; allowed: above 0"),
        (lambda: BandwidthTrace([0, 1], [0, 0], 2).scaled(1e6), "0 throughout"),
        (lambda: BandwidthTrace([1], [5], 2), "the first time is 1.0 s"),
        (lambda: BandwidthTrace([0, 2], [5, 5], 2), "ends at 2 s; allowed: after 2.0 s"),
        (lambda: give(NETWORK, []), "no bandwidth trace"),
        (lambda: give(NETWORK, {"d": TRACE}), "unknown link 'd'; known: a, b, c"),
    ],
)
def test_operations_refuse_what_they_cannot_do(operation, message):
    with pytest.raises(InputError) as caught:
        operation()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_traces_are_given_by_name_or_to_all_in_turn():
    other = BandwidthTrace([0], [3e6], 1)
    assert give(NETWORK, {"b": other})["b"].values.tolist() == [3e6]
    given = give(NETWORK, [TRACE, other])
    assert [given[name].values[0] for name in "abc"] == [8e6, 3e6, 8e6]
    Conditions(capacity_bps=given).check(NETWORK)


def test_traces_that_are_too_short_are_looped_where_an_end_is_given():
    assert give(NETWORK, [TRACE])["a"].times_s.tolist() == [0, 1, 4]
    assert give(NETWORK, [TRACE], until_s=8)["a"].times_s.tolist() == [0, 1, 4, 6, 7]


def test_links_begin_at_random_points_of_their_own():
    given = give(NETWORK, [TRACE], until_s=600, seed=3)
    assert len({steps.times_s[1] for steps in given.values()}) == 3
    for steps in given.values():
        assert steps.mean(0, 600) == pytest.approx(TRACE.mean_bps, rel=1e-12), "whole rounds of the same trace"
    alone = give(Network([1.0], [1e6], servers=["b"]), [TRACE], until_s=600, seed=3)
    assert alone["b"].times_s.tolist() == given["b"].times_s.tolist(), "others do not change it"
    again, seeded = give(NETWORK, [TRACE], until_s=600, seed=3), give(NETWORK, [TRACE], until_s=600, seed=4)
    assert again["a"].times_s.tolist() == given["a"].times_s.tolist() != seeded["a"].times_s.tolist()


def test_equal_neighbours_are_no_change():
    assert BandwidthTrace([0, 1, 2, 3], [5, 5, 6, 6], 4).steps().times_s.tolist() == [0, 2]
