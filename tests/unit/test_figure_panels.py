"""The curves of figures, against numbers worked out by hand from rows written by hand."""

import math

import networkx as nx
import numpy as np
import pytest
from runs_by_hand import rows, run, series, star, written

from cutlayer.experiments.figures import distributions, map_places, over_time, resource_panels, sweep_panels
from cutlayer.experiments.records.run_groups import MOST_LINES, Missing, chosen_rows, group_runs
from cutlayer.experiments.runs.resources import resource_rows
from cutlayer.experiments.stats import mean_interval
from cutlayer.workloads.topology.build import build_network
from cutlayer.workloads.topology.shapes import generate

FRAMES = ("time_s", "frames", "delivered", "lost", "violations", "transfer_mean_s", "transfer_max_s")


def built(builder, path, *runs):
    with written(path, *runs) as results:
        return builder(results, group_runs(chosen_rows(results)))


def windows(*values):
    return {"frame_series": rows("frame_series", *(dict(zip(FRAMES, row, strict=True)) for row in values))}


def test_a_single_run_is_drawn_step_by_step_to_its_end(tmp_path):
    (panel,) = built(over_time.deployed, tmp_path / "r.db", (run(), {"series": series((1, 1), (2, 3))}))
    (curve,) = panel.curves
    assert (curve.x.tolist(), curve.y.tolist(), curve.steps) == ([0, 1, 2, 10], [0, 1, 3, 3], True)
    assert (panel.x_label, panel.y_label, panel.note) == ("time [s]", "deployed tasks", "")


def test_several_seeds_are_averaged_moment_by_moment_with_their_interval(tmp_path):
    runs = [(run(seed=k, arrived_tasks=20), {"series": series((0, 1), (5, n))}) for k, n in enumerate((2, 4, 9))]
    (panel,) = built(over_time.deployed, tmp_path / "r.db", *runs)
    (curve,) = panel.curves
    expected = mean_interval([2, 4, 9])
    assert (curve.x[0], curve.x[-1], curve.y[0]) == (0, 10, 1)
    assert expected.low < 0  # of Student's; but no number of tasks is
    assert (curve.y[-1], curve.low[-1], curve.high[-1]) == (expected.mean, 0, expected.high)
    assert "3 seeds" in panel.note and "95 %" in panel.note


def test_no_band_of_deployed_tasks_reaches_above_all_that_exist(tmp_path):
    runs = [(run(seed=k, arrived_tasks=12), {"series": series((0, n))}) for k, n in enumerate((2, 4, 9))]
    (panel,) = built(over_time.deployed, tmp_path / "r.db", *runs)
    assert mean_interval([2, 4, 9]).high > 12 == panel.curves[0].high.max()


def test_the_last_value_is_what_is_deployed_at_the_end_also_of_the_task_that_arrives_then(tmp_path):
    """Of two seeds one ends at 6 s and one at 10 s, each with an arrival at its last moment: 4 and 7 tasks."""
    ends = ((6.0, 4), (10.0, 7))
    runs = [
        (run(seed=k, end_s=end_s, arrived_tasks=20, deployed_tasks=n), {"series": series((0, 1), (end_s, n))})
        for k, (end_s, n) in enumerate(ends)
    ]
    for number, own in enumerate([runs, *([one] for one in runs)]):
        (panel,) = built(over_time.deployed, tmp_path / f"{number}.db", *own)
        (curve,) = panel.curves
        deployed = [row["deployed_tasks"] for row, _ in own]
        assert curve.y[-1] == sum(deployed) / len(deployed)
        assert curve.x[-1] == max(row["end_s"] for row, _ in own)


def test_where_more_are_deployed_on_the_way_the_bound_stands_at_the_end_alone(tmp_path):
    """Nothing departs, but what fails at the end takes tasks with it."""
    tables = {"series": series((0, 7), (5, 2))}
    (panel,) = built(over_time.deployed, tmp_path / "r.db", (run(bound_tasks=3.0, evicted_tasks=5), tables))
    assert (panel.lines, panel.ends) == ((), (("bound at the end", 3.0),))


def test_reserved_capacity_is_a_share_where_the_network_is_known(tmp_path):
    """Two servers of 290 GFLOP/s: 58 GFLOP/s are 10 % of all."""
    one = rows("series", {"time_s": 0.0, "deployed_tasks": 1, "reserved_flop_per_s": 58e9, "reserved_bps": 5e5})
    compute, uplink = built(over_time.reserved, tmp_path / "r.db", (run(), star(2) | {"series": one}))
    assert compute.curves[0].y[-1] == pytest.approx(10, rel=1e-12)
    assert uplink.curves[0].y[-1] == pytest.approx(25, rel=1e-12)
    assert uplink.lines == () and compute.y_label == "reserved compute [% of all]"


def test_reserved_capacity_is_in_its_unit_where_it_is_not(tmp_path):
    one = rows("series", {"time_s": 0.0, "deployed_tasks": 1, "reserved_flop_per_s": 58e9, "reserved_bps": 5e5})
    compute, uplink = built(over_time.reserved, tmp_path / "r.db", (run(), {"series": one}))
    assert (compute.curves[0].y[-1], compute.y_label) == (58, "reserved compute [GFLOP/s]")
    assert (uplink.curves[0].y[-1], uplink.y_label) == (0.5, "reserved uplink [Mbit/s]")


def test_used_capacity_sums_the_resources_of_every_window(tmp_path, monkeypatch):
    """Two servers of 290 GFLOP/s do 58 and 29 GFLOP/s in the first window: 15 % of all."""
    table = [
        {"time_s": time_s, "resource": kind, "resource_name": name, "done_flop_per_s": flop, "done_bps": bps}
        for time_s, kind, name, flop, bps in (
            (0.0, "server", "s0", 58e9, None), (0.0, "server", "s1", 29e9, None), (0.0, "link", "s0", None, 1e6),
            (5.0, "server", "s0", 0.0, None), (5.0, "link", "s0", None, 0.0),
        )
    ]  # fmt: skip
    monkeypatch.setattr(over_time, "with_table", lambda results, groups, table, missing: groups)
    monkeypatch.setattr(over_time, "read_table", lambda results, name, key: table)
    compute, uplink = built(over_time.used, tmp_path / "r.db", (run(), star(2)))
    assert compute.curves[0].x.tolist() == [0, 5, 10]
    assert compute.curves[0].y.tolist() == pytest.approx([15, 0, 0], rel=1e-12)
    assert uplink.curves[0].y.tolist() == pytest.approx([50, 0, 0], rel=1e-12)


def test_what_is_used_in_a_window_that_the_end_cuts_is_what_it_would_be_in_a_whole_one(tmp_path, monkeypatch):
    """58 GFLOP/s in 4 s are 232 GFLOP; in the 4 s that there are of the last window as many, kept as 46.4 GFLOP/s."""
    table = [
        {"time_s": time_s, "resource": "server", "resource_name": "s0", "done_flop_per_s": flop, "done_bps": None}
        for time_s, flop in ((0.0, 58e9), (5.0, 46.4e9))
    ]
    monkeypatch.setattr(over_time, "with_table", lambda results, groups, table, missing: groups)
    monkeypatch.setattr(over_time, "read_table", lambda results, name, key: table)
    compute, _ = built(over_time.used, tmp_path / "r.db", (run(end_s=9.0), star(2)))
    assert compute.curves[0].x.tolist() == [0, 5, 9]
    assert compute.curves[0].y.tolist() == pytest.approx([10, 10, 10], rel=1e-12)


def test_late_frames_are_a_share_of_the_delivered_and_nothing_where_none_was(tmp_path):
    tables = windows((0, 5, 4, 1, 1, 0.1, 0.2), (5, 2, 0, 2, 0, None, None))
    (panel,) = built(over_time.late, tmp_path / "r.db", (run(), tables))
    (curve,) = panel.curves
    assert curve.x.tolist() == [0, 5, 10] and curve.y[0] == 25
    assert np.isnan(curve.y[1:]).all()


@pytest.mark.parametrize("end_s, begins", [(12.6, [0, 5, 10]), (12.4, [0, 5])])
def test_a_last_window_that_is_cut_to_less_than_half_is_not_drawn(tmp_path, end_s, begins):
    tables = windows((0, 4, 4, 0, 1, 0.1, 0.2), (5, 4, 4, 0, 2, 0.1, 0.2), (10, 1, 1, 0, 1, 0.1, 0.2))
    (panel,) = built(over_time.late, tmp_path / "r.db", (run(end_s=end_s), tables))
    assert panel.curves[0].x[:-1].tolist() == begins


def test_latency_is_the_mean_and_the_largest_of_every_window_in_ms(tmp_path):
    tables = windows((0, 5, 4, 1, 1, 0.1, 0.2), (5, 2, 2, 0, 0, 0.12, 0.4))
    tables["tasks"] = rows("tasks", {"task": "a", "arrival_s": 0.0, "deadline_s": 0.25, "outcome": "deployed"})
    (panel,) = built(over_time.latency, tmp_path / "r.db", (run(), tables))
    (curve,) = panel.curves
    assert curve.y.tolist() == [100, 120, 120] and curve.high.tolist() == [200, 400, 400]
    assert (panel.lines, panel.upper_line, panel.y_log) == ((("deadline", 250),), True, False)


@pytest.mark.parametrize(
    "builder, says",
    [
        (over_time.deployed, "series"), (over_time.reserved, "series"), (over_time.used, "--by-resource"),
        (over_time.late, "--window"), (over_time.latency, "--window"), (distributions.tail, "--frames"),
        (resource_panels.heatmap, "--by-resource"), (resource_panels.load_map, "--by-resource"),
        (sweep_panels.sweep, "no number varies"),
    ],
)  # fmt: skip
def test_what_is_not_there_says_what_would_have_kept_it(tmp_path, builder, says):
    with pytest.raises(Missing, match=says):
        built(builder, tmp_path / "r.db", (run(), {}))


def test_more_lines_than_can_be_told_apart_are_left_out_with_a_note(tmp_path):
    runs = [(run(f"s{k}"), {"series": series((0, k))}) for k in range(11)]
    (panel,) = built(over_time.deployed, tmp_path / "r.db", *runs)
    assert len(panel.curves) == MOST_LINES and "first 8 of 11" in panel.note


def test_the_exact_tail_by_hand():
    values, share = distributions.ranked(np.array([0.3, 0.1, 0.1, 0.2]))
    assert values.tolist() == [0.1, 0.2, 0.3]
    assert share.tolist() == [0.5, 0.25, 0.25]  # above the largest is none: drawn at one frame in all


def test_a_long_tail_is_exact_where_it_counts():
    values = np.random.default_rng(1).exponential(size=100_000)
    x, share = distributions.ranked(values)
    ordered = np.sort(values)
    assert len(x) <= 2 * distributions.EXACT_TAIL
    assert x[-1000:].tolist() == ordered[-1000:].tolist()
    assert share[:-1] == pytest.approx([(values > at).mean() for at in x[:-1]], abs=1e-12)


def frame_row(delivered, p50, p95, p99, p99_9, largest):
    names = ("transfer_p50_s", "transfer_p95_s", "transfer_p99_s", "transfer_p99_9_s", "transfer_max_s")
    return {"delivered": delivered} | dict(zip(names, (p50, p95, p99, p99_9, largest), strict=True))


def test_the_quantiles_of_one_slice_bound_its_tail():
    """From the median up to the 95th percentile between 5 % and 50 % of the frames are above."""
    x, high, low = distributions.tail_bounds([frame_row(1000, 1.0, 2.0, 3.0, 4.0, 5.0)])
    assert x.tolist() == [1, 2, 3, 4, 5]
    assert high == pytest.approx([0.5, 0.05, 0.01, 0.001, 0.001], abs=1e-12)
    assert low == pytest.approx([0.05, 0.01, 0.001, 0.001, 0.001], abs=1e-12)


def test_slices_count_by_their_frames():
    """A quarter of the frames at 1 s, the others at 2 s: three quarters are above 1 s, for certain."""
    one, two = frame_row(100, *[1.0] * 5), frame_row(300, *[2.0] * 5)
    x, high, low = distributions.tail_bounds([one, two, frame_row(0, *[None] * 5)])
    assert x.tolist() == [1, 2]
    assert high == pytest.approx([0.75, 1 / 400], abs=1e-12)
    assert low[0] <= 0.75


@pytest.mark.parametrize("seed", range(5))
def test_the_true_tail_lies_within_the_bounds(seed):
    generator = np.random.default_rng(seed)
    slices = [generator.gamma(shape, size=n) for shape, n in ((0.5, 4000), (2.0, 1000), (9.0, 2500))]
    quantiles = (0.5, 0.95, 0.99, 0.999)
    table = [frame_row(len(v), *np.quantile(v, quantiles, method="inverted_cdf"), v.max()) for v in slices]
    x, high, low = distributions.tail_bounds(table)
    everything = np.concatenate(slices)
    true = np.array([(everything > at).mean() for at in x])
    least = 1 / len(everything)
    assert (true <= high + 1e-12).all() and (np.maximum(true, least) >= low - 1e-12).all()


def swept_run(servers, scheduler, seed, deployed, bound):
    counts = {"arrived_tasks": 30, "deployed_tasks": deployed, "bound_tasks": bound}
    return run(scheduler, seed, {"paper": {"servers": servers}}, **counts), {}


def test_a_sweep_is_means_over_seeds_over_what_was_varied_beside_the_bound(tmp_path):
    runs = [
        swept_run(n, s, seed, n + seed + extra, 2.0 * n + seed)
        for n in (20, 10)
        for s, extra in (("fifo", 0), ("lbf", 5))
        for seed in (0, 2)
    ]
    (panel,) = built(sweep_panels.sweep, tmp_path / "r.db", *runs)
    by_label = {curve.label: curve for curve in panel.curves}
    assert panel.x_label == "servers" and set(by_label) == {"fifo", "lbf", sweep_panels.BOUND}
    assert by_label["fifo"].x.tolist() == [10, 20] and by_label["fifo"].y.tolist() == [11, 21]
    expected = mean_interval([25, 27])
    assert expected.high > 30  # more than have arrived
    assert (by_label["lbf"].low[1], by_label["lbf"].high[1]) == (expected.low, 30)
    assert panel.x_whole
    bound = by_label[sweep_panels.BOUND]
    assert (bound.y.tolist(), bound.plain) == ([21, 41], True)


def test_a_band_of_late_frames_ends_at_none_and_at_all(tmp_path):
    runs = []
    for servers, late in ((10, (0, 4)), (20, (6, 10))):
        for seed, violations in enumerate(late):
            row, tables = swept_run(servers, "fifo", seed, 5, 9.0)
            runs.append((row | {"delivered": 10, "violations": violations}, tables))
    _, panel = built(sweep_panels.sweep, tmp_path / "r.db", *runs)
    (curve,) = panel.curves
    assert (curve.y.tolist(), curve.low.tolist(), curve.high.tolist()) == ([20, 80], [0, 0], [100, 100])


def test_measures_over_a_number_are_drawn_with_their_intervals(tmp_path):
    measures = rows(
        "measures",
        *(
            {"quantity": "deployed tasks", "what": what, "x_name": "arrived tasks", "x": x, "value": x * 2.0,
             "low": x * 1.0, "high": x * 3.0, "replications": 5}
            for what in ("fifo", "bound") for x in (2.0, 1.0)
        ),
        {"quantity": "size", "what": "one", "x_name": "layer", "x": 1.0, "value": 1.0},
    )  # fmt: skip
    with written(tmp_path / "r.db", (run(), {}), (run(None), {"measures": measures})) as results:
        (panel,) = sweep_panels.sweep(results, group_runs(chosen_rows(results)))
    fifo, bound = panel.curves
    assert (panel.x_label, panel.y_label, "5 seeds" in panel.note) == ("arrived tasks", "deployed tasks", True)
    assert (fifo.x.tolist(), fifo.y.tolist(), fifo.high.tolist()) == ([1, 2], [2, 4], [3, 6])
    assert bound.plain and not fifo.plain


def by_resource(*points):
    return rows(
        "series_by",
        *(
            {"time_s": t, "resource": "server", "resource_name": name, "reserved_flop_per_s": value}
            for t, name, value in points
        ),
        *(
            {"time_s": t, "resource": "link", "resource_name": name, "reserved_bps": value / 1e5}
            for t, name, value in points
        ),
    )


def test_a_heat_map_has_the_mean_of_every_interval_of_every_server(tmp_path):
    """One of two servers of 290 GFLOP/s is half reserved from half time on."""
    tables = star(2) | {"series_by": by_resource((5.0, "s1", 145e9))}
    compute, uplink = built(resource_panels.heatmap, tmp_path / "r.db", (run(), tables))
    assert compute.names == ("s0", "s1") and (compute.largest, uplink.largest) == (50, 100)
    half = resource_panels.INTERVALS // 2
    assert not compute.values[0].any() and not compute.values[1, :half].any()
    assert compute.values[1, half:] == pytest.approx(50, rel=1e-12)
    assert uplink.values[1, half:] == pytest.approx(145, rel=1e-12)


def test_a_heat_map_without_the_network_is_in_units(tmp_path):
    compute, _ = built(resource_panels.heatmap, tmp_path / "r.db", (run(), {"series_by": by_resource((0.0, "x", 3e9))}))
    assert (compute.names, compute.largest, compute.value_label) == (("x",), None, "reserved compute [GFLOP/s]")
    assert compute.values == pytest.approx(3, rel=1e-12)


def test_a_star_is_drawn_around_the_cloud_with_its_mean_loads(tmp_path):
    tables = star(4) | {"series_by": by_resource((5.0, "s1", 145e9))}
    (one,) = built(resource_panels.load_map, tmp_path / "r.db", (run(), tables))
    assert one.values["s1"] == pytest.approx(25, rel=1e-12) and one.values["s0"] == 0
    assert one.edges == [(f"s{i}", "cloud") for i in range(4)]
    assert one.values["s1", "cloud"] == pytest.approx(72.5, rel=1e-12)
    distances = [math.dist(one.positions["cloud"], one.positions[f"s{i}"]) for i in range(4)]
    assert distances == pytest.approx([1] * 4)


def test_a_map_needs_the_network(tmp_path):
    with pytest.raises(Missing, match="network"):
        built(resource_panels.load_map, tmp_path / "r.db", (run(), {"series_by": by_resource((0.0, "x", 3e9))}))


def test_a_map_of_a_graph_has_its_nodes_and_every_edge_with_the_load_of_its_link(tmp_path):
    graph = generate("tree", nodes=4, seed=0, link_bps=1e6)
    topology = build_network(graph, cloud="highest-degree", capacity_flop_per_s=1e9)
    used = next(edge for edge in topology.edges if edge.servers)
    server = topology.network.servers[0]
    reserved = rows(
        "series_by",
        {"time_s": 5.0, "resource": "server", "resource_name": server, "reserved_flop_per_s": 5e8},
        {"time_s": 5.0, "resource": "link", "resource_name": used.link, "reserved_bps": 8e5},
    )
    tables = {"series_by": reserved, "resources": resource_rows(topology.network, topology)}
    (one,) = built(resource_panels.load_map, tmp_path / "r.db", (run(), tables))
    assert set(one.positions) == {node.name for node in topology.nodes}
    assert one.edges == [edge.ends for edge in topology.edges]
    assert one.values[server] == pytest.approx(25, rel=1e-12)
    assert one.values[used.ends] == pytest.approx(40, rel=1e-12)
    assert topology.cloud not in one.values


def test_a_node_without_a_place_is_left_out_with_its_edges_and_said(tmp_path):
    nodes = [("a", (50.0, 0.0)), ("b", (51.0, 2.0)), ("c", (52.0, 4.0)), ("lost", None)]
    graph = nx.Graph([("a", "b"), ("b", "c"), ("c", "lost")])
    for name, place in nodes:
        graph.nodes[name].update({} if place is None else dict(zip(("Latitude", "Longitude"), place, strict=True)))
    topology = build_network(graph, servers="all", cloud="a", capacity_flop_per_s=1e9)
    assert map_places.left_out(topology, map_places.places_of(topology)) == "1 node has no place and is left out: lost"
    narrow = math.cos(math.radians(51))
    assert map_places.places_of(topology) == {
        "a": (0.0, 50.0), "b": (pytest.approx(2 * narrow), 51.0), "c": (pytest.approx(4 * narrow), 52.0),
    }  # fmt: skip
    tables = {"series_by": by_resource((0.0, "b", 1e8)), "resources": resource_rows(topology.network, topology)}
    (one,) = built(resource_panels.load_map, tmp_path / "r.db", (run(), tables))
    assert set(one.positions) == {"a", "b", "c"} and sorted(map(sorted, one.edges)) == [["a", "b"], ["b", "c"]]
    assert one.note == "1 node has no place and is left out: lost"


def test_where_most_nodes_have_no_place_there_are_none_to_draw():
    graph = nx.Graph([("a", "b"), ("b", "c"), ("c", "d")])
    for name in ("a", "b"):
        graph.nodes[name].update(Latitude=1.0, Longitude=2.0)
    topology = build_network(graph, servers="all", cloud="a", capacity_flop_per_s=1e9)
    assert map_places.places_of(topology) == {}


def test_a_limit_is_drawn_where_it_is_come_near(tmp_path):
    """Of 2 Mbit/s 80 % are usable: 0.7 Mbit/s are 35 %, above 35 % of 80 %."""
    one = rows("series", {"time_s": 0.0, "deployed_tasks": 1, "reserved_flop_per_s": 0.0, "reserved_bps": 7e5})
    tables = star(2, usable_share=0.8) | {"series": one}
    _, uplink = built(over_time.reserved, tmp_path / "r.db", (run(), tables))
    assert uplink.lines == (("usable", 80),)


def test_where_no_frame_is_late_that_is_said(tmp_path):
    late, none = windows((0, 5, 4, 1, 1, 0.1, 0.2)), windows((0, 5, 4, 1, 0, 0.1, 0.2))
    (panel,) = built(over_time.late, tmp_path / "a.db", (run(delivered=4), none))
    assert panel.nothing == "none of 4 delivered frames is late"
    (panel,) = built(over_time.late, tmp_path / "b.db", (run(delivered=4), late))
    assert panel.nothing == ""
