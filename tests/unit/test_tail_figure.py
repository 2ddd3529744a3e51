"""The tail of the latency: a band that holds the true share, and a line that meets it where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from runs_by_hand import rows, run, written

from cutlayer.experiments.figures.distributions import tail, tail_bounds
from cutlayer.experiments.figures.panels import step_values
from cutlayer.experiments.records.run_groups import chosen_rows, group_runs

NAMES = ("transfer_p50_s", "transfer_p95_s", "transfer_p99_s", "transfer_p99_9_s", "transfer_max_s")
QUANTILES = (0.5, 0.95, 0.99, 0.999)


def slice_of(delivered, late, deadline_s, *latencies_s):
    more = {"delivered": delivered, "violations": late, "deadline_s": deadline_s}
    return more | dict(zip(NAMES, latencies_s, strict=True))


def drawn(tmp_path, deadlines=(0.3, 0.3), violation="transfer"):
    """Return the figure of two slices: of 100 frames 30 are late, of 300 frames 6: 9 % of all."""
    parts = [
        slice_of(100, 30, None, 0.2, 0.5, 0.6, 0.7, 0.8) | {"task": "a", "server": "gateway"},
        slice_of(300, 6, None, 0.1, 0.2, 0.4, 0.5, 0.6) | {"task": "b", "server": "gateway"},
    ]
    of_both = {"arrival_s": 0.0, "outcome": "deployed"}
    tasks = [of_both | {"task": name, "deadline_s": value} for name, value in zip("ab", deadlines, strict=True)]
    tables = {"frames": rows("frames", *parts), "tasks": rows("tasks", *tasks)}
    row = run(scenario={"frames": {"violation": violation}}, delivered=400, violations=36)
    with written(tmp_path / "r.db", (row, tables)) as results:
        (panel,) = tail(results, group_runs(chosen_rows(results)))
    return panel


def test_the_line_meets_the_share_of_late_frames_at_the_deadline(tmp_path):
    panel = drawn(tmp_path)
    (curve,) = panel.curves
    at = np.array([300.0])
    assert [float(step_values(curve.x, one, at)[0]) for one in (curve.y, curve.low, curve.high)] == [9, 9, 9]
    assert panel.x_lines == (("deadline", 300.0),)


def test_between_what_is_known_the_line_joins_it_and_what_that_is_is_said(tmp_path):
    """At 500 ms: of the first slice 5 % are later by its quantile, of the second 1 in 1000, but then one is 1 in 300.

    Known of the second are 1 % at 400 ms and one frame in 300 at 500 ms: (5 + 1) / 400 frames.
    """
    panel = drawn(tmp_path)
    (curve,) = panel.curves
    low, line, high = (float(step_values(curve.x, y, np.array([500.0]))[0]) for y in (curve.low, curve.y, curve.high))
    assert line == pytest.approx(min(100 * 6 / 400, high), rel=1e-9)
    assert low < line <= high
    at = np.array([400.0])
    # of the first between 30 % at 300 ms and 5 % at 500 ms, half-way in logarithms; of the second 1 %
    expected = (100 * (0.3 * 0.05) ** 0.5 + 300 * 0.01) / 400
    assert float(step_values(curve.x, curve.y, at)[0]) == pytest.approx(100 * expected, rel=1e-9)
    assert (curve.low <= curve.y).all() and (curve.y <= curve.high).all()
    assert panel.y_label == "delivered frames later than this [%]"
    assert panel.note == (
        "the true share lies within the band; the line joins what is known of every task and server: "
        "quantiles, late frames"
    )


@pytest.mark.parametrize("case", [{"violation": "end-to-end"}, {"deadlines": (0.3, 0.4)}])
def test_where_late_frames_do_not_say_it_the_line_meets_nothing(tmp_path, case):
    (curve,) = drawn(tmp_path, **case).curves
    low, high = (float(step_values(curve.x, y, np.array([300.0]))[0]) for y in (curve.low, curve.high))
    assert low < high


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("same", [True, False])
def test_the_true_share_lies_within_the_band_whatever_the_deadlines(seed, same):
    generator = np.random.default_rng(seed)
    slices = [generator.gamma(shape, size=n) for shape, n in ((0.5, 4000), (2.0, 1000), (9.0, 2500), (3.0, 7))]
    deadlines = np.full(4, generator.gamma(3.0)) if same else generator.gamma(3.0, size=4)
    table = [
        slice_of(len(v), int((v > d).sum()), d, *np.quantile(v, QUANTILES, method="inverted_cdf"), v.max())
        for v, d in zip(slices, deadlines.tolist(), strict=True)
    ]
    x, high, low = tail_bounds(table)
    everything = np.concatenate(slices)
    least = 1 / len(everything)
    for at in np.concatenate([x, (x[1:] + x[:-1]) / 2]):  # at every step and between
        true = max((everything > at).mean(), least)
        place = np.searchsorted(x, at, side="right") - 1
        assert low[place] - 1e-12 <= true <= high[place] + 1e-12
    if same:
        place = x.tolist().index(deadlines[0])
        assert low[place] == high[place] == pytest.approx((everything > deadlines[0]).mean(), rel=1e-12)
    plain = tail_bounds([{**row, "deadline_s": None} for row in table])
    assert (high <= step_values(plain[0], plain[1] - 1, x) + 1 + 1e-12).all()  # what is known more makes it narrower
    assert (low >= step_values(plain[0], plain[2] - 1, x) + 1 - 1e-12)[x >= plain[0][0]].all()
