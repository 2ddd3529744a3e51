"""Bandwidth and graphs on the command line: what was read is told by trace info, scenario check and run."""

import gzip
import json

import pytest
from user_files import assert_one_line, rows

SCENARIO = """\
scheduler = "fifo"
[network]
servers = 2
uplink = "10 Mbit/s"
[workload]
tasks = 3
frame_bytes = "300 kB"
[run]
bound = "none"
[bandwidth]
"""
LTE = "when,cell,kbps\n2026-03-01 10:00:00,a,4000\n2026-03-01 10:00:02,b,-\n2026-03-01 10:00:06,a,8000\n"
MAPPED = ["--map", "time=when", "--map", "rate=kbps", "--unit", "rate=kbit/s", "--time-format", "iso"]
KEYS = """\
columns = { time = "when", rate = "kbps" }
units = { rate = "kbit/s" }
time_format = "iso"
"""


@pytest.fixture
def here(files, monkeypatch):
    monkeypatch.chdir(files.folder)
    files.write("lte.csv", LTE)
    files.write("b.txt", "0 1500\n1000 2500\n2000 1200\n")
    return files


def test_info_tells_mean_length_gaps_and_unit_of_any_bandwidth_file(here, cutlayer):
    done = cutlayer(["trace", "info", "b.txt"])
    assert done.status == 0 and "pensieve (seconds and Mbit/s" in done.out and "mean 1.85 Gbit/s" in done.out
    here.write("m.trace", "1\n2\n3\n")
    assert "mean 12 Mbit/s" in cutlayer(["trace", "info", "m.trace"]).out
    done = cutlayer(["trace", "info", "lte.csv", *MAPPED, "--json"])
    found = json.loads(done.out)
    assert (found["length_s"], found["mean_bps"], found["interval_s"]["longest"]) == (12, 6e6, 6)
    assert found["notes"] == ["column kbps in kbit/s", "1 rows without a rate or a time left out (blank)"]
    text = cutlayer(["trace", "info", "lte.csv", *MAPPED, "--blank", "rate=0", "--set", "holds=until"]).out
    assert "mean 5.333 Mbit/s (0 bit/s to 8 Mbit/s), 0 bit/s for 2 s of it" in text


def test_info_draws_the_capacity(here, cutlayer):
    done = cutlayer(["trace", "info", "b.txt", "--plot", "capacity.png"])
    assert done.out.splitlines()[1:] == ["capacity.png", "capacity.svg"] and here.path("capacity.png").is_file()
    here.write("long.txt", "".join(f"{n} {n % 7}\n" for n in range(5000)))
    assert cutlayer(["trace", "info", "long.txt", "--plot", "long.png"]).status == 0
    here.write("flat.txt", "0 0\n1 0\n")
    assert cutlayer(["trace", "info", "flat.txt", "--plot", "flat.png"]).status == 0
    here.write("a.csv", "arrival_s\n0\n1\n")
    assert_one_line(cutlayer(["trace", "info", "a.csv", "--plot", "a.png"]), "--plot and --set are for bandwidth")
    assert_one_line(
        cutlayer(["trace", "info", "lte.csv", *MAPPED, "--set", "gap=cut"]), "needed: the length from which"
    )


def test_check_and_run_say_what_was_read_and_wonder_at_a_mean_far_from_the_link(here, cutlayer):
    here.write("s.toml", SCENARIO + 'trace = "b.txt"\n')
    done = cutlayer(["scenario", "check", "s.toml"])
    read, far = done.err.splitlines()
    assert read.startswith("s.toml: bandwidth: b.txt: pensieve (seconds and Mbit/s up to then") and "1000 s" in read
    assert "b.txt: its mean is 185 times the 10 Mbit/s of 2 links (s0, s1); is the unit right?" in far
    done = cutlayer(["run", "s.toml", "--out", "r.db"])
    assert read.removeprefix("s.toml: ") in done.err and far.removeprefix("s.toml: ") in done.err
    assert [read.removeprefix("s.toml: "), far.removeprefix("s.toml: ")] == json.loads(
        rows(here.path("r.db"), "runs")[0]["notes"]
    )
    done = cutlayer(["scenario", "check", "s.toml", "--set", "bandwidth.mean=8 Mbit/s"])
    assert "scaled by" in done.err and "is the unit right" not in done.err
    assert cutlayer(["scenario", "check", "s.toml", "--quiet"]).err == ""


def test_a_scenario_names_columns_units_and_time(here, cutlayer):
    here.write("s.toml", SCENARIO + 'trace = "lte.csv"\n')
    assert_one_line(cutlayer(["scenario", "check", "s.toml"]), "name the columns of time and rate (bandwidth.columns")
    here.write("s.toml", SCENARIO + 'trace = "lte.csv"\n' + KEYS)
    done = cutlayer(["scenario", "check", "s.toml"])
    assert done.status == 0 and "mapped (column kbps in kbit/s; 1 rows without" in done.err
    assert cutlayer(["run", "s.toml", "--out", "r.db"]).status == 0
    here.write("again.toml", cutlayer(["scenario", "show", "s.toml"]).out)
    assert (
        cutlayer(["scenario", "check", "again.toml"])
        .err.splitlines()[0]
        .endswith(done.err.splitlines()[0].split(": ", 2)[2])
    )


@pytest.mark.parametrize(
    "keys, message",
    [
        (
            'trace = "b.txt"\nunits = { rate = "kbit/s" }\n',
            "units is of a table with columns of its own; needed: columns",
        ),
        ('trace = "lte.csv"\ncolumns = { rate = "kbps" }\n', "times come from a column"),
        ('trace = "lte.csv"\ncolumns = { time = "when", rate = "kbps", x = "cell" }\n', "unknown column 'x'"),
        ('trace = "lte.csv"\nformat = "csv"\n' + KEYS, "columns belong to a trace of no known format"),
        ('trace = "lte.csv"\ngap = "close"\n' + KEYS, "unknown gap 'close'"),
    ],
)
def test_keys_that_do_not_fit_are_one_line(here, cutlayer, keys, message):
    here.write("s.toml", SCENARIO + keys)
    assert_one_line(cutlayer(["scenario", "check", "s.toml"]), message)


GRAPH = '{"nodes": [{"id": "x", "lat": 52, "lng": 13}, {"id": "a", "lat": 52, "lng": 14}], "links": [%s]}'
TOPOLOGY = """\
scheduler = "fifo"
[network.topology]
file = "net.json.gz"
cloud = "x"
[workload]
tasks = 3
frame_bytes = "300 kB"
"""


def test_a_graph_with_attributes_of_its_own_names_tells_what_nobody_used(here, cutlayer):
    edge = '{"source": "x", "target": "a", "BW": 75, "PR": 5}'
    here.path("net.json.gz").write_bytes(gzip.compress((GRAPH % edge).encode()))
    here.write("s.toml", TOPOLOGY)
    done = cutlayer(["scenario", "check", "s.toml"])
    assert "numbers that nothing reads: BW, PR of edges and lat, lng of nodes (speed_attribute" in done.err
    given = {"speed": "BW", "delay": "PR", "latitude": "lat", "longitude": "lng"}
    settings = [f"network.topology.{name}_attribute={attribute}" for name, attribute in given.items()]
    settings += ["network.topology.speed_unit=Mbit/s", "network.topology.delay_unit=ms"]
    done = cutlayer(["scenario", "check", "s.toml", *(part for text in settings for part in ("--set", text))])
    assert done.status == 0 and done.err == "" and "75 Mbit/s" in done.out
    done = cutlayer(["scenario", "check", "s.toml", "--set", "network.topology.speed_attribute=BV"])
    assert_one_line(done, "net.json.gz: unknown attribute of edges 'BV'; known: BW, PR")
    done = cutlayer(["scenario", "check", "s.toml", "--set", "network.topology.speed_unit=MB"])
    assert_one_line(done, "unit of rates is 'MB'")
