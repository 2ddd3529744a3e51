"""Waits and latencies of frames against queueing theory. Services have mean one second throughout."""

from unittest import mock

import numpy as np
import pytest
from frame_laws import busy_time, laws_asserted, time_integral
from queues import assert_mean, batches, flow, network

from cutlayer.simulator.frames.count.sums import add
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings

LOADS = [0.5, 0.8, 0.95]
FRAMES = {0.5: 2e6, 0.8: 1e7, 0.95: 1.2e8}
SECOND_MOMENT = {"constant": 1.0, "exponential": 2.0, "lognormal": 1 + 0.7**2}


def settings(sizes="constant", **changes):
    return FrameSettings(arrivals="poisson", sizes=sizes, size_cv=0.7 if sizes == "lognormal" else 0.0, **changes)


def slow_if_loaded(loads):
    return [pytest.param(load, marks=[pytest.mark.slow] if load > 0.6 else []) for load in loads]


def wait(load, sizes):
    """Pollaczek and Khinchine: the mean wait of M/G/1 with services of mean 1."""
    return load * SECOND_MOMENT[sizes] / (2 * (1 - load))


@pytest.mark.parametrize("load", slow_if_loaded(LOADS))
@pytest.mark.parametrize("sizes", ["constant", "exponential", "lognormal"])
def test_the_compute_of_a_server_is_an_m_g_1_queue(sizes, load):
    flows = 4
    end_s = FRAMES[load] / load
    spans = [flow(f"t{j}", load / flows, compute_s=1.0) for j in range(flows)]
    results = run_frames(network(), spans, settings(sizes, series_s=end_s / 200, seed=1), end_s=end_s)
    latency, count = batches(results, "end_to_end_mean_s")
    expected = wait(load, sizes)
    half = assert_mean(latency - 1.0, expected, count)
    rows = list(results.rows())
    mean_wait = np.average([r["compute_wait_s"] for r in rows], weights=[r["delivered"] for r in rows])
    assert abs(mean_wait - expected) <= 2 * half


@pytest.mark.parametrize("load", slow_if_loaded(LOADS))
@pytest.mark.parametrize("sizes", ["constant", "exponential", "lognormal"])
def test_a_slice_is_an_m_g_1_queue(sizes, load):
    end_s = FRAMES[load] / load
    spans = [flow("t", load, send_s=1.0)]
    results = run_frames(network(), spans, settings(sizes, series_s=end_s / 200, seed=2), end_s=end_s)
    latency, count = batches(results, "transfer_mean_s")
    assert_mean(latency - 1.0, wait(load, sizes), count)
    (row,) = results.rows()
    assert row["uplink_load"] == pytest.approx(load) and row["unstable"] == 0


@pytest.mark.parametrize("load", slow_if_loaded(LOADS))
def test_a_fair_link_is_an_m_m_1_queue_whatever_the_number_of_slices(load):
    """With exponential sizes the whole link is M/M/1 however it is shared: mean latency 1 / (1 - load)."""
    slices = 5
    end_s = FRAMES[load] / load
    # at the whole link a frame takes 1 s; a slice is a fifth of it
    spans = [flow(f"t{j}", load / slices, send_s=5.0) for j in range(slices)]
    reserved = 8.0 / 5.0
    shared = run_frames(
        network(bps=slices * reserved),
        spans,
        settings("exponential", sharing="fair", series_s=end_s / 200),
        end_s=end_s,
    )
    latency, count = batches(shared, "transfer_mean_s")
    assert_mean(latency, 1 / (1 - load), count)


@pytest.mark.parametrize("load", slow_if_loaded([0.5, 0.8]))
@pytest.mark.parametrize("sizes", ["constant", "lognormal"])
def test_a_fair_link_of_many_slices_is_processor_sharing(sizes, load):
    """M/G/1 processor sharing: mean latency 1 / (1 - load), whatever the sizes (first come first served is not)."""
    slices = 2000
    end_s = 3e6 / load
    spans = [flow(f"t{j}", load / slices, send_s=float(slices)) for j in range(slices)]
    link = network(bps=8.0)
    shared = run_frames(link, spans, settings(sizes, sharing="fair", series_s=end_s / 200), end_s=end_s)
    latency, count = batches(shared, "transfer_mean_s")
    assert_mean(latency, 1 / (1 - load), count)


@pytest.mark.parametrize(
    "compute_s, send_s",
    [pytest.param(0.5, 1.0, marks=pytest.mark.slow), pytest.param(1.0, 0.5, marks=pytest.mark.slow), (1.0, 1.0)],
)
def test_two_stages_in_tandem_wait_as_the_slower_one_alone(compute_s, send_s):
    """Constant services in tandem: the waits add up to that of M/D/1 at the slower stage (Friedman, 1965)."""
    load = 0.8
    end_s = 6e6 / load
    spans = [flow("t", load, compute_s=compute_s, send_s=send_s)]
    results = run_frames(network(), spans, settings(series_s=end_s / 200, seed=3), end_s=end_s)
    latency, count = batches(results, "end_to_end_mean_s")
    assert_mean(latency - compute_s - send_s, wait(load, "constant"), count)
    (row,) = results.rows()
    if compute_s >= send_s:  # what leaves the slower one is spread out enough for the faster
        assert row["uplink_wait_s"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("sharing", ["reserved", "fair"])
@pytest.mark.parametrize("sizes", ["constant", "exponential", "lognormal"])
def test_both_stages_are_busy_for_rate_times_service(sizes, sharing, frame_laws):
    """The laws that are asserted on every run here, on one that has both stages and several tasks."""
    flows, load, end_s = 5, 0.7, 20_000.0
    spans = [flow(f"t{j}", load / flows, compute_s=1.0, send_s=5.0) for j in range(flows)]
    results = run_frames(network(bps=8.0), spans, settings(sizes, sharing=sharing), end_s=end_s)
    rows = list(results.rows())
    busy = sum(row["delivered"] * row["compute_service_s"] for row in rows) / end_s
    assert 0.67 < busy < 0.73  # load x mean service of 1 s
    assert frame_laws == [flows], "the laws were not held against this run"


def test_the_laws_would_notice_a_frame_counted_twice_and_two_frames_served_at_once():
    """The helper that asserts them is no rubber stamp."""
    begin, end = np.array([0.0, 1.0]), np.array([1.5, 2.0])
    assert time_integral(begin, end) == 2.5  # one from 0, two from 1, one from 1.5, none from 2
    with pytest.raises(AssertionError, match="at one time"):
        busy_time(np.zeros(2, dtype=np.intp), begin, end, 1e-9, np.zeros(1))
    assert busy_time(np.arange(2), begin, end, 1e-9, np.zeros(2)) == 2.5  # two owners may overlap
    spans = [flow("t", 0.5, compute_s=1.0)]
    with laws_asserted(), mock.patch("cutlayer.simulator.frames.run.add", twice), pytest.raises(AssertionError):
        run_frames(network(), spans, settings(), end_s=100.0)


def twice(total, count, *words):
    return add(add(total, count, *words), min(count, 1), *words)
