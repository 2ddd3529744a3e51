"""What happened over time, as curves: deployed tasks, reserved and used capacity, violations, latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cutlayer.experiments.figures.panels import Curve, Panel, latency_unit, step_values, time_unit
from cutlayer.experiments.figures.seeds import mean_bound, seeds_note
from cutlayer.experiments.lateness import NONE_DELIVERED, late_shares, none_late
from cutlayer.experiments.records.run_groups import (
    MOST_LINES,
    Group,
    Row,
    deadline_line,
    label_of,
    read_table,
    varied_in,
    with_table,
)
from cutlayer.experiments.runs.kept_frames import read_kept
from cutlayer.experiments.runs.resources import network_of
from cutlayer.experiments.stats import mean_interval
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.types import FloatArray, Network

GRID_POINTS = 600
"""Runs whose events come at different times are averaged at so many moments."""
MOST_BOUNDS = 3
NEAR = 0.35
"""A limit of which less than this share is ever reached is not drawn: the curves would lie flat below it."""

NEEDS_WINDOW = (
    "no latency over time in the results: `--window SECONDS` keeps it (with --frames), of a sweep `--keep frame_series`"
)
NEEDS_SERIES = "no changes of totals in the results: only single runs and sweeps that keep the table `series` have them"
NEEDS_USED = (
    "no throughput in the results: `--frames` with `--window SECONDS` and `--by-resource` keeps it, of a sweep "
    "`--keep frame_series_by`"
)


def column(rows: Sequence[Row], name: str) -> FloatArray:
    """Return a column of a table; NaN where it is empty."""
    return np.array([math.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)


def deployed(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the deployed tasks over time."""
    note, groups = _which(results, groups, "series", NEEDS_SERIES)

    def there(group: Group) -> float:
        return float(max(row["arrived_tasks"] for row in group.rows))

    curves, _, x_label = _step_curves(results, groups, lambda group, rows: column(rows, "deployed_tasks"), there)
    bounds = _bounds(groups)
    title, y_label = "Deployed tasks", "deployed tasks"
    least = min(bounds.values(), default=math.inf)
    if any(curve.high is not None and curve.high[-1] > least for curve in curves):
        note += "; a band above the bound is over seeds, each of which has its own"
    departed = any(row["departed_tasks"] for group in groups for row in group.rows)
    if departed or any(curve.y.max() > least for curve in curves):  # what was there could not all be at the end
        ends = tuple((f"bound at the end{case}", value) for case, value in bounds.items())
        return [Panel("deployed", title, x_label, y_label, curves, note=note, ends=ends)]
    lines = tuple((f"bound{case}", value) for case, value in bounds.items())
    return [Panel("deployed", title, x_label, y_label, curves, lines, note=note)]


def _bounds(groups: Sequence[Group]) -> dict[str, float]:
    """Return the bound on the tasks deployed at the end by scenario; none where there are too many to tell apart.

    Where no task departs it holds at every moment: what is deployed then could all be there at the end.
    """
    names = varied_in(groups)
    cases: dict[str, list[Group]] = {}
    for group in groups:
        cases.setdefault(label_of(group, names).removeprefix(group.scheduler), []).append(group)
    found = {case: mean_bound(own) for case, own in cases.items()}
    known = {case: bound for case, bound in found.items() if bound is not None}
    return known if len(known) <= MOST_BOUNDS else {}


def reserved(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the reserved compute and uplink over time, as shares of what there is where that is known."""
    note, groups = _which(results, groups, "series", NEEDS_SERIES)
    panels = []
    networks = {group.label: network_of(results, group.rows[0]) for group in groups}
    known = None not in networks.values()
    most = 100.0 if known else math.inf
    for name, title, col, unit in (
        ("compute", "Reserved compute", "reserved_flop_per_s", "GFLOP/s"),
        ("uplink", "Reserved uplink", "reserved_bps", "Mbit/s"),
    ):

        def share(group: Group, rows: Sequence[Row], name: str = name, col: str = col) -> FloatArray:
            return column(rows, col) / (_capacity(networks[group.label], name) / 100 if known else _PREFIX[name])

        curves, _, x_label = _step_curves(results, groups, share, lambda group: most)
        y_label = f"reserved {name} [{'% of all' if known else unit}]"
        limits = {network.usable_share for network in networks.values() if network is not None}
        lines: tuple[tuple[str, float], ...] = ()
        top = max((float(np.nanmax(curve.y, initial=0.0)) for curve in curves), default=0.0)
        if name == "uplink" and known and len(limits) == 1 and limits != {1.0}:
            usable = 100 * limits.pop()
            lines = (("usable", usable),) if top > NEAR * usable else ()
        panels.append(Panel(f"reserved-{name}", title, x_label, y_label, curves, lines, note=note))
    return panels


_PREFIX = {"compute": 1e9, "uplink": 1e6}


def _capacity(network: Network | None, name: str) -> float:
    assert network is not None
    return float((network.capacity_flop_per_s if name == "compute" else network.link_bps).sum())


def used(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return what frames used of compute and uplink in every window of time."""
    note, groups = _which(results, groups, "frame_series_by", NEEDS_USED)
    networks = {group.label: network_of(results, group.rows[0]) for group in groups}
    known = None not in networks.values()
    most = 100.0 if known else math.inf
    panels = []
    for name, title, col, unit in (
        ("compute", "Used compute", "done_flop_per_s", "GFLOP/s"),
        ("uplink", "Used uplink", "done_bps", "Mbit/s"),
    ):

        def total(group: Group, rows: Sequence[Row], name: str = name, col: str = col) -> tuple[FloatArray, FloatArray]:
            times, index = np.unique(column(rows, "time_s"), return_inverse=True)
            sums = np.bincount(index, weights=np.nan_to_num(column(rows, col)), minlength=len(times))
            return times, sums / (_capacity(networks[group.label], name) / 100 if known else _PREFIX[name])

        curves, x_label = _window_curves(results, groups, "frame_series_by", total, most, rate=True)
        y_label = f"used {name} [{'% of all' if known else unit}]"
        panels.append(Panel(f"used-{name}", title, x_label, y_label, curves, note=note))
    return panels


def late(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return the share of frames delivered too late in every window of time."""
    note, groups = _which(results, groups, "frame_series", NEEDS_WINDOW)

    def share(group: Group, rows: Sequence[Row]) -> tuple[FloatArray, FloatArray]:
        return column(rows, "time_s"), 100 * late_shares(column(rows, "violations"), column(rows, "delivered"))

    curves, x_label = _window_curves(results, groups, "frame_series", share, 100.0)
    none = all(not np.nan_to_num(curve.y).any() for curve in curves)
    nothing = none_late(sum(row["delivered"] or 0 for group in groups for row in group.rows)) if none else ""
    return [Panel("late", "Late frames", x_label, "late frames [% of delivered]", curves, note=note, nothing=nothing)]


def latency(results: Results, groups: Sequence[Group]) -> list[Panel]:
    """Return transfer latency over time: median and 99th percentile where frames were kept, else mean and largest."""
    note, groups = _which(results, groups, "frame_series", NEEDS_WINDOW)
    kept = [[read_kept(results, row) for row in group.rows] for group in groups]
    exact = all(frames is not None for runs in kept for frames in runs)
    raw = []
    for group, runs in zip(groups, kept, strict=True):
        for row, frames in zip(group.rows, runs, strict=True):
            rows = read_table(results, "frame_series", row["key"])
            times = column(rows, "time_s")
            if exact and frames is not None:
                raw.append((group, times, *_quantiles(times, frames.arrival_s, frames.transfer_s)))
            else:
                raw.append((group, times, column(rows, "transfer_mean_s"), column(rows, "transfer_max_s")))
    factor, unit = latency_unit([high for *_, high in raw])
    end_s = max(float(row["end_s"]) for group in groups for row in group.rows)
    scale, x_label = time_unit(end_s)
    curves = []
    for group in groups:
        times = next(times for own, times, _, _ in raw if own is group)
        lows = _stacked([(t, y) for own, t, y, _ in raw if own is group], times)
        highs = _stacked([(t, y) for own, t, _, y in raw if own is group], times)
        y, high = np.nanmean(lows, axis=0) if len(lows) > 1 else lows[0], np.fmax.reduce(highs, axis=0)
        curves.append(_window_curve(group, times, y / factor, end_s, scale, (y / factor, high / factor)))
    lines = deadline_line(results, groups, factor)
    what = "median (thin: 99th percentile)" if exact else "mean (thin: largest)"
    values = np.concatenate([c.high for c in curves if c.high is not None] + [c.y for c in curves])
    values = values[np.isfinite(values) & (values > 0)]
    log = len(values) > 0 and values.max() > 30 * values.min()
    title, label = f"Transfer latency, {what}", f"transfer latency [{unit}]"
    none = "" if any(np.isfinite(high).any() for *_, high in raw) else NONE_DELIVERED
    return [
        Panel(
            "latency", title, x_label, label, tuple(curves), () if none else lines, y_log=bool(log), note=note,
            upper_line=True, nothing=none,
        )
    ]  # fmt: skip


def _quantiles(times: FloatArray, arrival_s: Any, transfer_s: Any) -> tuple[FloatArray, FloatArray]:
    window = np.clip(np.searchsorted(times, arrival_s, side="right") - 1, 0, len(times) - 1)
    order = np.argsort(window, kind="stable")
    ends = np.searchsorted(window[order], np.arange(len(times) + 1))
    values = transfer_s[order]
    both = np.full((2, len(times)), math.nan)
    for k, (start, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        if end > start:
            both[:, k] = np.quantile(values[start:end], [0.5, 0.99], method="inverted_cdf")
    return both[0], both[1]


def _step_curves(
    results: Results,
    groups: Sequence[Group],
    value: Callable[[Group, Sequence[Row]], FloatArray],
    most: Callable[[Group], float],
) -> tuple[tuple[Curve, ...], float, str]:
    """Return what changes in steps: exact for a single run, else means over runs with their intervals.

    Runs may end at different times; what is there at the end of one stays, so that the last mean is that of the ends.
    """
    end_s = max(float(row["end_s"]) for group in groups for row in group.rows)
    scale, x_label = time_unit(end_s)
    curves = []
    for group in groups:
        found = []
        for row in group.rows:
            rows = read_table(results, "series", row["key"])
            found.append((column(rows, "time_s"), value(group, rows)))
        own_end_s = max(float(row["end_s"]) for row in group.rows)
        if len(found) == 1:
            x, y = found[0]
            begin = ([0.0], [0.0]) if x[0] > 0 else ([], [])
            x, y = np.concatenate([begin[0], x, [own_end_s]]), np.concatenate([begin[1], y, y[-1:]])
            curves.append(Curve(group.label, x / scale, y, steps=True))
        else:
            grid = np.linspace(0.0, own_end_s, GRID_POINTS)
            values = np.array([step_values(*xy, grid) for xy in found])
            curves.append(_averaged(group.label, grid / scale, values, most(group)))
    return tuple(curves), end_s, x_label


def _averaged(label: str, x: FloatArray, values: FloatArray, most: float) -> Curve:
    """Return means over runs with their 95 % intervals; a moment that no run says anything of has none.

    Nothing is below 0, or above `most`.
    """
    known = [moment[~np.isnan(moment)] for moment in values.T]
    intervals = [mean_interval(there).clipped(0.0, most) if len(there) else None for there in known]
    parts = np.array([[math.nan] * 3 if i is None else [i.mean, i.low, i.high] for i in intervals])
    return Curve(label, x, parts[:, 0], parts[:, 1], parts[:, 2])


def _window_curves(
    results: Results,
    groups: Sequence[Group],
    table: str,
    value: Callable[[Group, Sequence[Row]], tuple[FloatArray, FloatArray]],
    most: float = math.inf,
    *,
    rate: bool = False,
) -> tuple[tuple[Curve, ...], str]:
    """Return what is known window by window: exact for a single run, else means over runs with their intervals."""
    end_s = max(float(row["end_s"]) for group in groups for row in group.rows)
    scale, x_label = time_unit(end_s)
    curves = []
    for group in groups:
        found = []
        for row in group.rows:
            rows = read_table(results, table, row["key"])
            found.append(_whole_windows(*value(group, rows), float(row["end_s"]), rate))
        times = found[0][0]
        if len(found) == 1:
            curves.append(_window_curve(group, times, found[0][1], end_s, scale, None))
        else:
            curve = _averaged(group.label, times, _stacked(found, times), most)
            band = None if curve.low is None or curve.high is None else (curve.low, curve.high)
            curves.append(_window_curve(group, times, curve.y, end_s, scale, band))
    return tuple(curves), x_label


def _whole_windows(times: FloatArray, values: FloatArray, end_s: float, rate: bool) -> tuple[FloatArray, FloatArray]:
    """Leave out a last window cut by the end of the run to less than half: nothing can be read off it.

    One cut to more is shown; what is kept as a `rate` over its whole width is one over what there was of it.
    """
    if len(times) > 1:
        width, last = times[1] - times[0], end_s - times[-1]
        if last < width / 2:
            return times[:-1], values[:-1]
        if rate and last < width:
            return times, np.append(values[:-1], values[-1] * width / last)
    return times, values


def _stacked(found: Sequence[tuple[FloatArray, FloatArray]], times: FloatArray) -> FloatArray:
    """Return values at `times`, one row a run; NaN where a run has no such window."""
    values = np.full((len(found), len(times)), math.nan)
    for own, (x, y) in zip(values, found, strict=True):
        index = np.searchsorted(times, x)
        there = index < len(times)
        there[there] = times[index[there]] == x[there]
        own[index[there]] = y[there]
    return values


def _window_curve(
    group: Group,
    times: FloatArray,
    y: FloatArray,
    end_s: float,
    scale: float,
    band: tuple[FloatArray, FloatArray] | None,
) -> Curve:
    """Return a curve of steps, one a window, the last one closed."""
    width = float(times[1] - times[0]) if len(times) > 1 else end_s
    x = np.concatenate([times, [min(times[-1] + width, max(end_s, times[-1]))]]) / scale
    low, high = (None, None) if band is None else (np.concatenate([edge, edge[-1:]]) for edge in band)
    return Curve(group.label, x, np.concatenate([y, y[-1:]]), low, high, steps=True)


def _which(results: Results, groups: Sequence[Group], table: str, missing: str) -> tuple[str, list[Group]]:
    """Return the groups that can be drawn and what to say of them."""
    there = with_table(results, groups, table, missing)
    notes = [seeds_note(there)]
    if len(groups) > MOST_LINES == len(there):
        notes.append(f"the first {MOST_LINES} of {len(groups)} kinds of runs; --runs chooses others")
    return "; ".join(filter(None, notes)), there
