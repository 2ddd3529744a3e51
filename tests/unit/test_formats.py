"""CSV files become networks and tasks; what is wrong in them is tested with the command line."""

import math
import random

import pytest

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Layer, Profile
from cutlayer.workloads.formats import read_network, read_tasks

PROFILES = {"p": Profile("p", (10,), 10, (Layer("fc1", 1.0, (5,), 5),))}
HEADER = "task,arrival_s,profile,frame_rate_hz,deadline_s"


@pytest.fixture
def csv(tmp_path):
    def write(name, *lines):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def network(csv):
    return read_network(csv("servers", "server,capacity_flop_per_s,uplink_bps", "x,1,2", "y,3,4", "z,5,6"))


def test_servers_become_a_star_in_the_order_of_the_file(csv):
    path = csv("servers", "uplink_bps,server,capacity_flop_per_s", "20e6,b,290e9", "1e7,a,145e9")
    network = read_network(path, usable_share=0.5, reservation="deadline", reservation_margin=0.25)
    assert network.servers == network.links == ("b", "a") and network.is_star
    assert network.capacity_flop_per_s.tolist() == [290e9, 145e9]
    assert network.usable_bps.tolist() == [10e6, 5e6]
    assert (network.reservation, network.reservation_margin) == ("deadline", 0.25)


def test_input_bytes_are_spread_equally_over_all_servers(csv, network):
    (task,) = read_tasks(csv("tasks", f"{HEADER},input_bytes", "t,0,p,5,0.2,900"), network, PROFILES)
    assert task.servers.tolist() == [0, 1, 2] and task.input_bytes.tolist() == [300, 300, 300]
    assert (task.name, task.arrival_s, task.frame_rate_hz, task.deadline_s) == ("t", 0, 5, 0.2)
    assert task.profile is PROFILES["p"] and task.lifetime_s == math.inf


def test_rows_of_inputs_go_to_their_servers_in_any_order_and_zero_is_none(csv, network):
    inputs = csv("inputs", "task,server,input_bytes", "t,z,7", "u,y,1", "t,y,0", "t,x,9")
    tasks = read_tasks(csv("tasks", HEADER, "t,0,p,5,0.2", "u,0,p,5,0.2"), network, PROFILES, inputs)
    assert [task.servers.tolist() for task in tasks] == [[0, 2], [1]]
    assert [task.input_bytes.tolist() for task in tasks] == [[9, 7], [1]]


def test_an_empty_lifetime_is_for_ever(csv, network):
    path = csv("tasks", f"{HEADER},input_bytes,lifetime_s", "t,0,p,5,0.2,3,", "u,0,p,5,0.2,3,1.5")
    assert [task.lifetime_s for task in read_tasks(path, network, PROFILES)] == [math.inf, 1.5]


def test_tasks_of_one_instant_keep_the_order_of_the_file(csv, network):
    path = csv("tasks", f"{HEADER},input_bytes", "b,1,p,5,0.2,3", "a,1,p,5,0.2,3", "c,1,p,5,0.2,3")
    assert [task.name for task in read_tasks(path, network, PROFILES)] == ["b", "a", "c"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_of_a_fault_is_right_whatever_ends_a_line(tmp_path, network, end):
    path = tmp_path / "tasks.csv"
    rows = [f"{HEADER},input_bytes", "t,0,p,5,0.2,3", "", '"u",1,p,5,0.2,3', "v,2,p,5,zero,3"]
    path.write_bytes(end.join(rows).encode())
    with pytest.raises(InputError) as caught:
        read_tasks(path, network, PROFILES)
    assert (caught.value.line, caught.value.message) == (5, "deadline_s is 'zero'; allowed: a number above 0")


def test_the_first_fault_is_the_one_that_is_told(csv, network):
    path = csv("tasks", f"{HEADER},input_bytes", "t,0,p,5,0.2,3", "u,-1,q,x,y,3", "t,0,p,5,0.2,3")
    with pytest.raises(InputError, match="arrival_s is '-1'") as caught:
        read_tasks(path, network, PROFILES)
    assert caught.value.line == 3


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-5, 123456789.123456789, 2.0**70, 5e-49])
def test_a_number_is_read_to_the_last_bit(csv, value):
    path = csv("servers", "server,capacity_flop_per_s,uplink_bps", f"x,{value!r},1")
    assert read_network(path).capacity_flop_per_s.tolist() == [value]


def test_what_is_written_at_random_is_read_back(csv):
    draw = random.Random(1)
    servers = {f"s {i}": (draw.uniform(1, 1e12), draw.uniform(1, 1e9)) for i in range(40)}
    network = read_network(
        csv("servers", "server,capacity_flop_per_s,uplink_bps", *(f"{s},{c!r},{u!r}" for s, (c, u) in servers.items()))
    )
    assert list(zip(network.capacity_flop_per_s, network.link_bps, strict=True)) == list(servers.values())
    fed = {f"t{j}": {i: draw.uniform(1, 1e6) for i in draw.sample(range(40), draw.randint(1, 40))} for j in range(50)}
    cells = [(name, i, value) for name, where in fed.items() for i, value in where.items()]
    draw.shuffle(cells)
    inputs = csv("inputs", "task,server,input_bytes", *(f"{name},s {i},{value!r}" for name, i, value in cells))
    path = csv("tasks", HEADER, *(f"{name},{j / 7!r},p,5,0.2" for j, name in enumerate(fed)))
    for j, task in enumerate(read_tasks(path, network, PROFILES, inputs)):
        assert task.arrival_s == j / 7
        assert dict(zip(task.servers.tolist(), task.input_bytes.tolist(), strict=True)) == fed[task.name]
