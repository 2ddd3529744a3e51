"""Runs are chosen by scheduler or key, and those alike but for the seed are one line of a figure."""

import hashlib
import json

import pytest
from runs_by_hand import run, series, written

from cutlayer.experiments.records.run_groups import Missing, chosen_rows, group_runs, read_table, with_table
from cutlayer.experiments.records.run_places import network_of, topology_of
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.errors import InputError

SERVERS = "server,capacity_flop_per_s,uplink_bps\na,1e9,2e6\nb,3e9,4e6\n"


def labels(*rows):
    return [(group.label, [row["seed"] for row in group.rows]) for group in group_runs(rows)]


def test_runs_that_differ_in_the_seed_alone_are_one_group():
    assert labels(run(seed=0), run("lbf", seed=0), run(seed=1)) == [("fifo", [0, 1]), ("lbf", [0])]


def test_a_seed_may_also_stand_in_the_scenario():
    seeds = [run(seed=None, scenario={"frames": {"seed": n, "jitter": 0.5}}) for n in (1, 2)]
    assert labels(*seeds) == [("fifo", [None, None])]


def test_what_sets_groups_apart_stands_in_their_names():
    rows = [run(scenario={"paper": {"servers": n, "tasks": 5}}) for n in (10, 20)] + [
        run("lbf", scenario={"paper": {"servers": 10, "tasks": 5}})
    ]
    assert [name for name, _ in labels(*rows)] == ["fifo, servers 10", "fifo, servers 20", "lbf"]


def test_files_are_told_apart_by_what_they_hold_and_called_by_their_names():
    rows = [
        run(
            scenario={"workload": {"trace": [{"file": {"sha256": digest * 32}}]}},
            paths=json.dumps({"workload.trace.file": f"x/{name}"}),
        )
        for digest, name in (("aa", "one.csv"), ("bb", "two.csv"))
    ]
    assert [name for name, _ in labels(*rows)] == ["fifo, file one.csv (aaaaaaaa)", "fifo, file two.csv (bbbbbbbb)"]


def test_where_a_file_lies_and_what_is_kept_sets_nothing_apart_and_the_fullest_is_taken():
    one = run(scenario={"keep": ["tasks", "series_by"]}, paths='{"workload.trace.file": "a.csv"}', end_s=1.0)
    two = run(scenario={"keep": ["tasks"]}, paths='{"workload.trace.file": "b.csv"}', end_s=2.0)
    for rows in ((one, two), (two, one)):
        (group,) = group_runs(rows)
        assert [row["end_s"] for row in group.rows] == [1.0]


def test_another_version_of_the_model_is_another_group():
    assert [name for name, _ in labels(run(), run(versions='{"cutlayer": "2"}'))] == [
        "fifo, cutlayer 1",
        "fifo, cutlayer 2",
    ]


def test_runs_are_chosen_by_scheduler_or_key(tmp_path):
    rows = [run(), run("lbf"), run("cloud", status="failed"), run(None)]
    with written(tmp_path / "r.db", *((row, {}) for row in rows)) as results:
        assert [row["scheduler"] for row in chosen_rows(results)] == ["fifo", "lbf"]
        assert [row["scheduler"] for row in chosen_rows(results, ["lbf"])] == ["lbf"]
        assert [row["scheduler"] for row in chosen_rows(results, [rows[0]["key"][:8]])] == ["fifo"]
        with pytest.raises(InputError, match="unknown run 'fif'; did you mean 'fifo'"):
            chosen_rows(results, ["lbf", "fif"])
        with pytest.raises(InputError, match="unknown run ''"):
            chosen_rows(results, [""])


def test_a_file_without_runs_is_refused(tmp_path):
    with written(tmp_path / "r.db", (run(None), {})) as results, pytest.raises(InputError, match="has no runs"):
        chosen_rows(results)


def test_groups_without_the_table_are_left_out_and_none_at_all_is_missing(tmp_path):
    with written(tmp_path / "r.db", (run(), {"series": series((0, 1))}), (run("lbf"), {})) as results:
        groups = group_runs(chosen_rows(results))
        assert [group.label for group in with_table(results, groups, "series", "no")] == ["fifo"]
        with pytest.raises(Missing, match="frames need an option"):
            with_table(results, groups, "frames", "frames need an option")


def test_a_table_of_a_later_version_is_one_without_rows(tmp_path):
    with written(tmp_path / "r.db", (run(), {})) as results:
        assert read_table(results, "not_yet_there", run()["key"]) == []


def test_the_network_is_drawn_anew_or_read_while_its_file_is_unchanged(tmp_path):
    drawn = load("paper", ["network.servers=3", "network.uplink=['1 Mbit/s', '2 Mbit/s']"])
    network = network_of(run(scenario=drawn.description, seed=7))
    assert network is not None
    assert network.link_bps.tolist() == drawn.inputs(7).network.link_bps.tolist()
    path = tmp_path / "servers.csv"
    path.write_text(SERVERS)
    digest = hashlib.sha256(SERVERS.encode()).hexdigest()
    scenario = {"network": {"file": {"sha256": digest}, "usable_share": 0.5}}
    paths = json.dumps({"network": str(path)})
    read = network_of(run(scenario=scenario, paths=paths))
    assert read is not None and read.usable_bps.tolist() == [1e6, 2e6]
    path.write_text(SERVERS + "c,1,1\n")
    assert network_of(run(scenario=scenario, paths=paths)) is None
    path.unlink()
    assert network_of(run(scenario=scenario, paths=paths)) is None
    assert network_of(run()) is None


def test_a_drawn_network_is_drawn_anew_with_its_seed():
    said = {"servers": 3, "capacity": [1e9, 2e9], "uplink": [1e6, 2e6], "usable_share": 0.8}
    one, same, other = (network_of(run(scenario={"network": said}, seed=seed)) for seed in (1, 1, 2))
    assert one is not None and same is not None and other is not None
    assert one.link_bps.tolist() == same.link_bps.tolist() != other.link_bps.tolist()
    assert len(one.servers) == 3 and one.usable_share == 0.8


def test_servers_on_a_graph_have_their_graph_again():
    said = {"capacity": [1e9, 1e9], "topology": {"shape": {"name": "tree", "nodes": 7}, "cloud": "highest-degree"}}
    row = run(scenario={"network": said})
    topology, network = topology_of(row), network_of(row)
    assert topology is not None and network is not None
    assert len(topology.nodes) == 7 and len(network.servers) == 6
    assert topology_of(run(scenario={"paper": {"servers": 2}})) is None
    assert network_of(run(scenario={"network": {"servers": "many"}})) is None
