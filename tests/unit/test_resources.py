"""The results alone say which servers and links a run had, where they are and how traffic is routed."""

import json

import networkx as nx
import numpy as np
import pytest
from runs_by_hand import run, written

from cutlayer.experiments.runs.resources import chart_of, network_of, resource_rows
from cutlayer.experiments.runs.runner import run as simulated
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import column_names
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.shapes import generate


def kept(tmp_path, network, topology=None):
    with written(tmp_path / "r.db", (run(), {"resources": resource_rows(network, topology)})):
        pass
    return Results(tmp_path / "r.db", must_exist=True)


def mappings(network, topology=None):
    return [dict(zip(column_names("resources"), row, strict=True)) for row in resource_rows(network, topology)]


def same(one, other):
    assert (one.servers, one.links, one.usable_share) == (other.servers, other.links, other.usable_share)
    assert one.capacity_flop_per_s.tolist() == other.capacity_flop_per_s.tolist()
    assert one.link_bps.tolist() == other.link_bps.tolist()
    assert one.is_star == other.is_star
    if not one.is_star:
        assert np.array_equal(one.routes.toarray(), other.routes.toarray())


def harbour():
    """Return a coast with a cable that no server uses, a node without a place and a server with a name of its own."""
    graph = nx.Graph()
    graph.add_node("kiosk", Latitude=-33.5, Longitude=151.25, server="booth")
    graph.add_node("pier", Latitude=-33.0, Longitude=151.0)
    graph.add_node("dock", server="dock", capacity_flop_per_s=7e9)
    graph.add_node("port", Latitude=-32.0, Longitude=150.0, cloud=True)
    graph.add_node("island", Latitude=-34.0, Longitude=152.0)
    graph.add_edge("kiosk", "pier", link_bps=3e6, propagation_s=0.001)
    graph.add_edge("dock", "pier", link_bps=5e6, propagation_s=0.002)
    graph.add_edge("pier", "port", link_bps=7e6, propagation_s=0.004, link="cable")
    graph.add_edge("island", "port", link_bps=11e6, propagation_s=0.008)
    return build_network(
        graph, servers="marked", cloud="marked", capacity_flop_per_s=2e9, usable_share=0.7, cloud_flop_per_s=1e15
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [1.0, 0.7, 1 / 3])
def test_a_star_is_read_back_to_the_last_bit(tmp_path, seed, share):
    rng = np.random.default_rng(seed)
    network = Network(rng.uniform(1, 1e12, 9), rng.uniform(1e3, 1e9, 9), usable_share=share)
    results = kept(tmp_path, network)
    same(network_of(results, run()), network)
    assert chart_of(results, run()) is None


def test_routes_without_a_graph_are_read_back(tmp_path):
    network = Network([1e9, 2e9], [1e6, 2e6, 3e6], links=["a", "b", "both"], routes=[[1, 0], [0, 1], [1, 1]])
    same(network_of(kept(tmp_path, network), run()), network)


@pytest.mark.parametrize("shape", ["tree", "ring", "barabasi-albert"])
def test_a_graph_is_read_back_with_its_order(tmp_path, shape):
    topology = build_network(generate(shape, nodes=12, seed=3, link_bps=2e6), capacity_flop_per_s=1e9)
    results = kept(tmp_path, topology.network, topology)
    same(network_of(results, run()), topology.network)
    chart = chart_of(results, run())
    assert (chart.cloud, chart.nodes) == (topology.cloud, topology.nodes)
    plain = [
        [(edge.link, edge.ends, edge.bps, edge.propagation_s, edge.servers) for edge in one.edges]
        for one in (chart, topology)
    ]
    assert plain[0] == plain[1]


def test_every_row_of_a_graph_by_hand():
    topology = harbour()
    by_name = {(row["resource"], row["resource_name"]): row for row in mappings(topology.network, topology)}
    assert set(by_name) == {
        ("server", "booth"), ("server", "dock"), ("link", "kiosk-pier"), ("link", "dock-pier"), ("link", "cable"),
        ("cloud", "port"), ("node", "pier"), ("node", "island"), ("edge", "island-port"),
    }  # fmt: skip
    booth = by_name["server", "booth"]
    assert json.loads(booth["route"]) == ["kiosk-pier", "cable"]
    assert (booth["node"], booth["latitude_deg"], booth["longitude_deg"]) == ("kiosk", -33.5, 151.25)
    assert (booth["capacity_flop_per_s"], booth["propagation_s"]) == (2e9, pytest.approx(0.005, rel=1e-15))
    assert by_name["server", "dock"]["latitude_deg"] is None
    cable = by_name["link", "cable"]
    assert (cable["capacity_bps"], cable["usable_share"], cable["propagation_s"]) == (7e6, 0.7, 0.004)
    assert {cable["node"], cable["to_node"]} == {"pier", "port"}
    assert by_name["cloud", "port"]["capacity_flop_per_s"] == 1e15
    idle = by_name["edge", "island-port"]
    assert (idle["capacity_bps"], idle["usable_share"], idle["route"]) == (11e6, None, None)


@pytest.mark.parametrize("keep, held", [((), False), (("series",), True), (("tasks", "decisions", "series"), True)])
def test_what_is_kept_of_a_run_brings_its_resources_along(keep, held):
    network = Network([1e9], [1e6])
    done = simulated(Inputs(network, [], until_s=1.0), SCHEDULERS["fifo"](), keep=keep)
    assert ("resources" in done.tables) is held
    if held:
        assert [row[0] for row in done.tables["resources"]] == ["server", "link", "cloud"]
        assert done.tables["layers"] == [], "no task came"


@pytest.mark.parametrize(
    "change",
    [
        {"route": '["nowhere"]'},
        {"capacity_flop_per_s": None},
        {"capacity_flop_per_s": 0.0},
    ],
)
def test_what_is_no_network_is_told_in_a_line(tmp_path, change):
    rows = mappings(Network([1e9, 1e9], [1e6, 1e6]))
    rows[0] |= change
    values = [[row[name] for name in column_names("resources")] for row in rows]
    with written(tmp_path / "r.db", (run(), {"resources": values})) as results:
        with pytest.raises(InputError) as caught:
            network_of(results, run())
        assert caught.value.file == results.path and "\n" not in str(caught.value)


def test_a_file_of_the_schema_before_is_read_and_made_new_by_a_write(tmp_path):
    """What it does not hold is empty; a run that is added brings the table along."""
    path = tmp_path / "old.db"
    with written(path, (run(), {})) as results:
        results._database.open().execute("DROP TABLE resources")
        results._database.open().execute("PRAGMA user_version = 3")
    with Results(path, must_exist=True) as results:
        assert network_of(results, run()) is None and chart_of(results, run()) is None
        assert results.keys() == {run()["key"]}
    network = Network([1e9], [1e6])
    with Results(path) as results:
        results.write(run("lbf"), {"resources": resource_rows(network)})
        same(network_of(results, run("lbf")), network)
        assert network_of(results, run()) is None and len(results.keys()) == 2
