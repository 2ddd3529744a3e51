"""Whatever bytes a CSV file holds, reading it ends in tasks to simulate or in one line."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_files import INPUTS, SERVERS, SMALL, TASKS, WIDE

from cutlayer.profiles.schema import parse
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.workloads.formats import read_network, read_tasks

PROFILES = {profile.name: profile for profile in (parse(SMALL, "small"), parse(WIDE, "wide"))}
FILES = {"servers.csv": SERVERS.encode(), "tasks.csv": TASKS.encode(), "inputs.csv": INPUTS.encode()}
WORDS = [b",", b"\n", b"\r", b'"', b"\0", b"\xff", b"\xef\xbb\xbf", b"-", b"1e999", b"1e-400", b"nan", b"0", b"9" * 400]
WORDS += [b"a", b"b", b"t1", b"t3", b"small", b"input_bytes", b"lifetime_s", b" ", b"\t", b";", b"'", "é".encode()]


@st.composite
def mutated(draw, whole: bytes) -> bytes:
    """Draw a file that differs from a sound one by a few small edits."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 12)))
        middle = draw(st.sampled_from(WORDS) | st.binary(max_size=4) | st.just(whole[start:end] * 2))
        whole = whole[:start] + middle + whole[end:]
    if draw(st.booleans()):
        lines = whole.splitlines(keepends=True)
        whole = b"".join(draw(st.permutations(lines)) if draw(st.integers(0, 3)) == 0 else lines)
    return whole


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def outcome(folder, contents):
    """Return the tasks the files give, or the one line that refuses them."""
    for name, whole in contents.items():
        (folder / name).write_bytes(whole)
    try:
        network = read_network(folder / "servers.csv", usable_share=0.8)
        return network, read_tasks(folder / "tasks.csv", network, PROFILES, folder / "inputs.csv")
    except InputError as fault:
        return str(fault)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents=st.fixed_dictionaries({name: mutated(whole) for name, whole in FILES.items()}))
def test_a_mutated_file_is_read_or_refused_in_one_line(folder, contents):
    found = outcome(folder, contents)
    if isinstance(found, str):
        assert len(found.splitlines()) == 1 and len(found) < 1000
        assert found.startswith(str(folder))
        return
    network, tasks = found
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(network, tasks, SCHEDULERS["fifo"](), listeners=[recorder])
    summary = recorder.summary()
    assert summary["arrived_tasks"] == len(tasks)
    assert 0 <= summary["reserved_bps"] <= 1.000001 * network.usable_bps.sum()
    assert 0 <= summary["reserved_flop_per_s"] <= 1.000001 * network.capacity_flop_per_s.sum()


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(list(FILES)), whole=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_refused_in_one_line(folder, name, whole):
    found = outcome(folder, FILES | {name: whole})
    assert isinstance(found, str)
    assert len(found.splitlines()) == 1 and len(found) < 1000 and name in found


@settings(max_examples=200, deadline=None)
@given(
    exponents=st.lists(st.integers(-50, 49), min_size=7, max_size=7),
    scheduler=st.sampled_from(list(SCHEDULERS)),
)
def test_no_number_that_is_accepted_overflows(folder, exponents, scheduler):
    capacity, uplink, rate, deadline, lifetime, bytes_1, bytes_2 = (f"3e{exponent}" for exponent in exponents)
    contents = {
        "servers.csv": f"server,capacity_flop_per_s,uplink_bps\na,{capacity},1e6\nb,1e6,{uplink}\n".encode(),
        "tasks.csv": "task,arrival_s,profile,frame_rate_hz,deadline_s,lifetime_s,input_bytes\n"
        f"t1,0,small,{rate},{deadline},,{bytes_1}\nt2,1,wide,5,0.2,{lifetime},{bytes_2}\n"
        f"t3,2,small,5,0.2,,\nt4,3,wide,{rate},{deadline},,2000\n".encode(),
        "inputs.csv": f"task,server,input_bytes\nt3,a,{bytes_2}\nt3,b,{bytes_1}\n".encode(),
    }
    found = outcome(folder, contents)
    if isinstance(found, str):  # below what a clock can tell at its arrival
        assert "lifetime" in found and exponents[4] < -10
        return
    network, tasks = found
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = SCHEDULERS[scheduler](**SCHEDULERS[scheduler].examples[0])
        simulate(network, tasks, made, until_s=1e50, listeners=[recorder])
    summary = recorder.summary()
    assert 0 <= summary["reserved_bps"] < float("inf") and 0 <= summary["reserved_flop_per_s"] < float("inf")
