"""Maps: links go the short way around the world, and what is written above a map stays in the picture."""

import math

import networkx as nx
import pytest
from matplotlib.figure import Figure

from cutlayer.experiments.figures.map_labels import head_over
from cutlayer.experiments.figures.map_places import line_between, places_of
from cutlayer.workloads.topology.build import build_network


def chart(edges, **towns):
    graph = nx.Graph(pair.split("-") for pair in edges.split())
    nx.set_node_attributes(graph, {name: {"Latitude": lat, "Longitude": lon} for name, (lat, lon) in towns.items()})
    return build_network(graph, capacity_flop_per_s=1e9)


def degrees(places):
    """Longitudes as drawn, relative to the first, and latitudes."""
    shrink = places.around / 360
    first = next(iter(places.values()))[0]
    return {name: (round((x - first) / shrink, 6), y) for name, (x, y) in places.items()}


def test_a_map_that_no_link_leaves_is_drawn_as_it_is():
    topology = chart("a-b b-c", a=(60, -10), b=(60, 10), c=(60, 165))
    places = places_of(topology)
    assert places == {"a": (pytest.approx(-5), 60), "b": (pytest.approx(5), 60), "c": (pytest.approx(82.5), 60)}
    assert line_between(places, "a", "c") == [places["a"], places["c"]]


def test_links_across_the_date_line_go_the_short_way():
    topology = chart("a-b b-c c-d", a=(10, 140), b=(20, 175), c=(0, -170), d=(10, -120))
    places = places_of(topology)
    assert degrees(places) == {"a": (0, 10), "b": (35, 20), "c": (50, 0), "d": (100, 10)}
    for pair in ("ab", "bc", "cd"):
        assert len(line_between(places, *pair)) == 2


def test_a_ring_around_the_world_is_cut_where_it_is_loneliest_and_broken_there():
    towns = {"a": (0, -150), "b": (0, -60), "c": (0, 60), "d": (0, 170)}
    topology = chart("a-b b-c c-d d-a", **towns)
    places = places_of(topology)  # gaps of 90, 120, 110 and 40 degrees, each crossed by one link
    assert degrees(places) == {"a": (0, 0), "b": (90, 0), "c": (-150, 0), "d": (-40, 0)}
    assert places["b"][0] - places["c"][0] == pytest.approx(240)
    line = line_between(places, "b", "c")
    (x0, _), (x1, _), (gap, _), (x2, _), (x3, _) = line
    assert math.isnan(gap) and (x0, x3) == (places["c"][0], places["b"][0])
    assert x0 - x1 + x2 - x3 == pytest.approx(120) and x2 - x1 == pytest.approx(360)
    assert [len(line_between(places, *pair)) for pair in ("ab", "cd", "da")] == [2, 2, 2]


def test_the_parts_of_a_broken_link_meet_at_one_latitude():
    topology = chart("a-b b-c c-a", a=(0, -120), b=(40, 0), c=(20, 120))
    places = places_of(topology)
    broken = [line for pair in ("ab", "bc", "ca") if len(line := line_between(places, *pair)) == 5]
    assert len(broken) == 1
    (_, y0), (_, at), _, (_, same), (_, y3) = broken[0]
    assert at == same and min(y0, y3) <= at <= max(y0, y3) and at == pytest.approx((y0 + y3) / 2)


@pytest.mark.parametrize(
    "text", ["7 nodes have no place: " + "EXCHANGE POINT 12, " * 9, "W" * 30 + " " + "i" * 300, "short"]
)
def test_lines_above_a_map_are_wrapped_inside_the_picture(text):
    drawn = Figure(figsize=(14.2, 6.8), layout="constrained")
    _, right = drawn.subfigures(1, 2, width_ratios=(8.0, 6.2))
    right.subplots(2, 1)
    head_over(right, ["the network", text])
    drawn.draw_without_rendering()
    extent = right._suptitle.get_window_extent()
    assert extent.x1 <= drawn.bbox.x1 and extent.y1 <= drawn.bbox.y1
    assert "".join(right._suptitle.get_text().split()) == "".join(("the network" + text).split())
