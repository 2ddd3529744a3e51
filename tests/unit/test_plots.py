"""Figures are written as PNG and SVG, whole or not at all, and the same numbers give the same bytes."""

import math
import re
from itertools import combinations

import pytest

from cutlayer.experiments.figures.style import COLOURS, DASHES, MARKERS, band, draw, look, subplots
from cutlayer.experiments.stats import Interval
from cutlayer.simulator.errors import InputError


def line(low=1.0):
    drawn, axes = subplots(figsize=(4, 3))
    band(axes, [1, 2, 3], [Interval(2.0, low, 3.0, 5)] * 3, 0, "deployed")
    return drawn


def test_a_figure_is_written_twice_and_no_window_is_opened(tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    paths = draw(tmp_path / "a.figure", line)
    assert [path.suffix for path in paths] == [".png", ".svg"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert all(path.stat().st_size > 1000 for path in paths)
    assert plt.get_fignums() == before


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        draw(tmp_path / name, line)
    for ending in ("png", "svg"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_a_figure_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    draw(tmp_path / "a", line)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(self, path, **options):
        path.write_text("half")
        raise OSError("no space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full_disk)
    with pytest.raises(InputError, match="no space"):
        draw(tmp_path / "a", line)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_single_run_has_a_line_and_no_band():
    with_band, without = line(), line(low=math.nan)
    assert [len(figure.axes[0].collections) for figure in (with_band, without)] == [1, 0]
    assert [len(figure.axes[0].lines) for figure in (with_band, without)] == [1, 1]


def test_eight_lines_differ_without_colour():
    looks = [look(index) for index in range(8)]
    assert len({one["color"] for one in looks}) == len(COLOURS) == 8
    assert len({str(one["linestyle"]) for one in looks}) == len(DASHES) == 8
    assert len({one["marker"] for one in looks}) == len(MARKERS) == 8
    assert "marker" not in look(0, every=0) and look(0, every=100)["markevery"] == 100


def lab(colour):
    """Return a colour in CIE 1976 L*a*b* under D65, in which distance is how different two look."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def hue(colour):
    _, a, b = lab(colour)
    return math.degrees(math.atan2(b, a)) % 360


def names_of_the_page(scheme):
    from pathlib import Path

    import cutlayer.experiments.report

    style = (Path(cutlayer.experiments.report.__file__).parent / "assets" / "report.css").read_text()
    found = re.findall(r"--c(\d): (#[0-9a-f]{6})", style)
    return [colour for _, colour in (found[:8] if scheme == "light" else found[8:])]


@pytest.mark.parametrize("palette", ["paper", "light", "dark"])
def test_no_two_colours_of_a_figure_have_one_name(palette):
    """Two blues, or an orange and an orange-brown, are taken for one: hues lie apart, or one of two is grey."""
    colours = COLOURS if palette == "paper" else names_of_the_page(palette)
    assert len(colours) == 8
    for one, other in combinations(colours, 2):
        assert math.dist(lab(one), lab(other)) > 25, (one, other)
        grey = any(math.hypot(*lab(own)[1:]) < 10 for own in (one, other))
        apart = abs((hue(one) - hue(other) + 180) % 360 - 180)
        assert grey or apart > 25, (one, other, apart)
