"""The compiled walk and the SimPy reference agree on every frame of every random run."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from frame_cases import cases, in_other_units
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutlayer.simulator.conditions import links_of
from cutlayer.simulator.frames.count.sums import is_late
from cutlayer.simulator.frames.reference.simulation import FrameSimulation
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT, LOST

QUICK = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
THOROUGH = settings(QUICK, max_examples=6000)
SEEN: Counter[str] = Counter()


def walked(case, **options):
    return run_frames(
        case.network, case.spans, case.settings, end_s=case.end_s, conditions=case.conditions, keep_frames=True,
        given=case.frames if case.given else None, **options,
    )  # fmt: skip


def reference(case):
    simulation = FrameSimulation(
        case.network, case.spans, case.settings, case.frames, end_s=case.end_s, conditions=case.conditions
    )
    return simulation.run(), simulation.done


def tolerance(latency, departure):
    """1e-9 of the latency plus 16 ulp of the departure time."""
    return 1e-9 * np.abs(latency) + 16 * np.spacing(np.abs(departure))


def assert_close(mine, theirs, tolerance, what):
    worst = np.argmax(np.abs(mine - theirs) - tolerance) if len(mine) else 0
    assert (np.abs(mine - theirs) <= tolerance).all(), (what, mine[worst], theirs[worst], tolerance[worst])


def check_throughput(case, series_by, done):
    """What every link and server got done in every window is what the reference did there."""
    width = case.settings.series_s
    windows = math.ceil(case.end_s / width)
    columns = [np.asarray(values).tolist() for values in series_by.values()]
    found = {}
    for time_s, resource, name, flop_per_s, bps in zip(*columns, strict=True):
        assert (flop_per_s is None) == (resource == "link") and (bps is None) == (resource == "server")
        found[resource, name, round(time_s / width)] = width * (bps if resource == "link" else flop_per_s)
    links = {case.network.links[m] for i in range(len(case.network.servers)) for m in links_of(case.network, i)}
    everything = [("link", name) for name in links] + [("server", name) for name in case.network.servers]
    assert found.keys() == {(*which, n) for which in everything for n in range(windows)}
    assert done.keys() <= found.keys()
    for where, amount in found.items():
        expected = done.get(where, 0.0)
        # rounding may put the end of a service into the next window: some ulp of time at no more than 2000 a second
        assert abs(amount - expected) <= 1e-9 * abs(expected) + 1e-10, (where, amount, expected)


def check_equal(case):
    case = replace(case, settings=replace(case.settings, series_s=0.75))
    results = walked(case)
    kept = results.kept
    frames, done = reference(case)
    check_throughput(case, results.series_by, done)
    streams = 0
    for (name, server), theirs in frames.items():
        span = next(n for n, span in enumerate(case.spans) if span.task.name == name)
        task = case.spans[span].task
        mine = (kept.task == span) & (kept.server == case.network.servers.index(server))
        assert mine.sum() == len(theirs)
        streams += len(theirs)
        fate = kept.fate[mine]
        assert (kept.arrival_s[mine] == [f.arrival_s for f in theirs]).all()
        assert fate.tolist() == [f.fate for f in theirs], (name, server)
        for f, other in zip(fate.tolist(), theirs, strict=True):
            SEEN[("delivered", "lost", "in flight")[f] + (" on uplink" if other.uplink_service_s else "")] += 1
        known = fate != IN_FLIGHT
        arrival = kept.arrival_s[mine][known]
        total = sum(
            getattr(kept, part)[mine][known]
            for part in ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s")
        )
        left = np.array([f.left_s for f, k in zip(theirs, known, strict=True) if k])
        allowed = tolerance(total, left)
        assert_close(arrival + total, left, allowed, "departure")
        for part in ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s"):
            other = np.array([getattr(f, part) for f, k in zip(theirs, known, strict=True) if k])
            assert_close(getattr(kept, part)[mine][known], other, allowed, part)
        row = next(row for row in results.rows() if (row["task"], row["server"]) == (name, server))
        counts = Counter(f.fate for f in theirs)
        assert (row["frames"], row["delivered"], row["lost"], row["in_flight"]) == (
            len(theirs), counts[DELIVERED], counts[LOST], counts[IN_FLIGHT],
        )  # fmt: skip
        done = [f for f in theirs if f.fate == DELIVERED]
        transfer = np.array([f.uplink_wait_s + f.uplink_service_s for f in done])
        if case.settings.violation == "transfer":
            # what is that close to the deadline may fall on either side
            sure, maybe = (
                sum(is_late(each * factor, task.deadline_s, f.left_s) for each, f in zip(transfer, done, strict=True))
                for factor in (1 - 1e-12, 1 + 1e-12)
            )
            assert sure <= row["violations"] <= maybe
        if done:
            assert np.isclose(row["transfer_mean_s"], transfer.mean(), rtol=1e-9, atol=1e-13)
            assert np.isclose(row["transfer_max_s"], transfer.max(), rtol=1e-9, atol=1e-13)
    assert streams == len(kept.fate)


@QUICK
@given(case=cases())
def test_every_frame_is_that_of_the_reference(case):
    check_equal(case)


@settings(QUICK, max_examples=150)
@given(case=cases(on_grid=True), second=st.sampled_from([0.1, 0.3, 0.4, 0.7]))
def test_what_happens_at_one_instant_does_not_turn_on_the_unit_of_time(case, second):
    """In tenths of a second floats tell times apart that are equal on the grid: every frame ends as it did there."""
    other = in_other_units(case, second)
    assert walked(other).kept.fate.tolist() == walked(case).kept.fate.tolist()
    check_equal(other)


def test_the_laws_are_held_against_every_random_run(frame_laws):
    @settings(QUICK, max_examples=5)
    @given(case=cases())
    def some(case):
        walked(case)

    some()
    assert len(frame_laws) >= 5


def test_the_random_runs_have_frames_of_every_fate():
    assert min(SEEN[what] for what in ("delivered on uplink", "lost", "lost on uplink", "in flight")) > 50, SEEN


@pytest.mark.slow
@THOROUGH
@given(case=cases())
def test_every_frame_is_that_of_the_reference_on_thousands_of_runs(case):
    check_equal(case)


@settings(QUICK, max_examples=100)
@given(case=cases())
def test_the_window_changes_nothing(case):
    whole = walked(case.with_window(10**6)).kept
    for window in (1, 13):
        parts = walked(case.with_window(window)).kept
        assert (parts.fate == whole.fate).all()
        assert (parts.arrival_s == whole.arrival_s).all() and (parts.size == whole.size).all()
        known = whole.fate != IN_FLIGHT
        latency = (whole.compute_wait_s + whole.compute_service_s + whole.transfer_s)[known]
        allowed = tolerance(latency, whole.arrival_s[known] + latency)
        for part in ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s"):
            assert_close(getattr(parts, part)[known], getattr(whole, part)[known], allowed, part)


@settings(QUICK, max_examples=60)
@given(case=cases())
def test_threads_change_nothing_bit_for_bit(case):
    case = replace(case, settings=replace(case.settings, series_s=1.0))
    alone, together = walked(case), walked(case, workers=3)
    for mine, other in zip(alone.kept, together.kept, strict=True):
        assert mine.tobytes() == other.tobytes()
    for name in alone.series:
        assert np.asarray(alone.series[name]).tobytes() == np.asarray(together.series[name]).tobytes()
    for name in alone.series_by:
        assert alone.series_by[name].tolist() == together.series_by[name].tolist()
    for name in alone.table:
        assert repr(alone.table[name].tolist()) == repr(together.table[name].tolist())
