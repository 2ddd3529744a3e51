"""What figures are made of: step functions, thinning, names of axes."""

import numpy as np
import pytest

from cutlayer.experiments.figures.drawings import draw_panels
from cutlayer.experiments.figures.panels import (
    Curve,
    Panel,
    axis_label,
    latency_unit,
    step_means,
    step_values,
    thinned,
    time_unit,
)


def array(*values):
    return np.array(values, dtype=float)


def test_a_step_holds_from_its_time_to_the_next_and_is_0_before_the_first():
    at = array(0, 1, 1.5, 2, 5)
    assert step_values(array(1, 2), array(3, 7), at).tolist() == [0, 3, 3, 7, 7]


def test_of_steps_at_one_time_the_last_holds():
    assert step_values(array(1, 1, 1), array(3, 9, 4), array(0.9, 1, 2)).tolist() == [0, 4, 4]


def test_means_of_steps_by_hand():
    """0 up to 1, 4 up to 3, then 8: over [0, 2] (0 + 4) / 2, over [2, 4] (4 + 8) / 2, over [4, 8] 8."""
    assert step_means(array(1, 3), array(4, 8), array(0, 2, 4, 8)).tolist() == [2, 6, 8]


def test_nothing_reserved_is_0_on_average():
    assert step_means(array(), array(), array(0, 1, 2)).tolist() == [0, 0]


def test_thinning_keeps_the_ends_the_lowest_and_the_highest():
    y = np.sin(np.arange(100_000) / 500.0)
    y[31_234], y[77_777] = 9.0, -9.0
    thin = thinned(Curve("a", np.arange(100_000.0), y, steps=True), 1000)
    assert len(thin.x) <= 1000 + 4 and (thin.label, thin.steps) == ("a", True)
    assert (thin.x[0], thin.x[-1]) == (0, 99_999)
    assert thin.x[thin.y.argmax()] == 31_234 and thin.x[thin.y.argmin()] == 77_777
    assert (np.diff(thin.x) > 0).all()


def test_thinning_keeps_the_peaks_of_the_band():
    high = np.ones(50_000)
    high[4_321] = 5.0
    thin = thinned(Curve("a", np.arange(50_000.0), np.zeros(50_000), np.zeros(50_000), high), 400)
    assert thin.high is not None and thin.high.max() == 5.0 and len(thin.high) == len(thin.low) == len(thin.x)


def test_a_curve_with_gaps_is_thinned_without_a_word():
    y = np.full(10_000, np.nan)
    y[5_000:5_010] = 1.0
    thin = thinned(Curve("a", np.arange(10_000.0), y), 100)
    assert np.nanmax(thin.y) == 1.0


def test_a_short_curve_stays_as_it_is():
    curve = Curve("a", array(1, 2), array(3, 4))
    assert thinned(curve, 2) is curve


@pytest.mark.parametrize(
    "name, label",
    [
        ("network.capacity_flop_per_s", "capacity [FLOP/s]"),
        ("frames.propagation_s", "propagation [s]"),
        ("paper.servers", "servers"),
        ("usable_share", "usable share"),
        ("frame_rate_hz", "frame rate [Hz]"),
        ("input_bytes", "input [byte]"),
    ],
)
def test_an_axis_says_its_unit(name, label):
    assert axis_label(name) == label


def test_times_and_latencies_have_the_unit_that_reads_best():
    assert [time_unit(end_s) for end_s in (7200, 7201, 500_000)] == [
        (1, "time [s]"), (3600, "time [h]"), (86400, "time [d]"),
    ]  # fmt: skip
    assert latency_unit([array(0.2, 9.9)]) == (1e-3, "ms")
    assert latency_unit([array(0.2), array(np.nan, 10)]) == (1, "s")
    assert latency_unit([array(np.nan), array()]) == (1e-3, "ms")


@pytest.mark.parametrize("upper_line", [True, False])
def test_no_line_and_no_band_is_cut_off_at_the_top(upper_line):
    curve = Curve("a", array(0, 5, 10), array(160, 170, 170), array(160, 170, 170), array(200, 749, 749), steps=True)
    panel = Panel("latency", "Latency", "time [s]", "latency [ms]", (curve,), upper_line=upper_line)
    figure = draw_panels([panel], False)
    bottom, top = figure.axes[0].get_ylim()
    assert bottom == 0 and 749 < top < 900


def axes_of(*panels):
    figure = draw_panels(list(panels), False)
    figure.canvas.draw()
    return figure, figure.axes[0]


def test_along_whole_numbers_no_tick_is_between_them():
    curve = Curve("a", array(10, 12), array(1, 2))
    ticks = {}
    for whole in (False, True):
        _, axes = axes_of(Panel("sweep", "Sweep", "servers", "tasks", (curve,), x_whole=whole))
        ticks[whole] = [float(x) for x in axes.get_xticks() if 10 <= x <= 12]
    assert any(x % 1 for x in ticks[False])  # half servers
    assert len(ticks[True]) >= 3 and not any(x % 1 for x in ticks[True])


def test_a_limit_at_the_end_is_a_mark_there_and_no_line_above_the_curve():
    curve = Curve("a", array(0, 5, 10), array(1, 9, 2), steps=True)
    _, axes = axes_of(Panel("deployed", "Deployed", "time [s]", "tasks", (curve,), ends=(("bound at the end", 3.0),)))
    _, mark = axes.lines
    assert (list(mark.get_xdata()), list(mark.get_ydata()), mark.get_linestyle()) == ([1.0], [3.0], "None")
    assert mark.get_transform() == axes.get_yaxis_transform() and not mark.get_clip_on()


@pytest.mark.parametrize("curves", [1, 2])
def test_what_a_reader_must_know_stands_in_the_picture(curves):
    lines = tuple(Curve(f"c{k}", array(0, 1), array(1, 2)) for k in range(curves))
    figure, _ = axes_of(Panel("cdf", "Tail", "latency [ms]", "later [%]", lines, note="the line is the middle of it"))
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "The line is the middle of it"
    assert [text.get_text() for text in legend.get_texts()] == ([] if curves == 1 else ["c0", "c1"])


def test_dashes_are_seen_in_the_legend_beside_the_marker():
    """Of every line the legend shows, on each side of its marker, more than one whole dash and gap."""
    figure, _ = axes_of(Panel("p", "P", "x", "y", tuple(Curve(f"c{k}", array(0, 1), array(k, 2)) for k in range(8))))
    for line in figure.legends[0].get_lines()[1:]:
        _, pattern = line._unscaled_dash_pattern
        x = line.get_xdata()
        beside = ((x[-1] - x[0]) - line.get_markersize()) / 2
        assert beside > sum(pattern) * line.get_linewidth() or len(pattern) > 4, line.get_label()
