"""Capacity over time is what was said, clocks are its exact integral, and bad traces name their entry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutlayer.simulator.conditions import Conditions, markov_load, on_off_load, slice_speed
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.steps import Clock, Steps, available, combine, constant, first_fault, held, merged
from cutlayer.simulator.types import Network


@pytest.mark.parametrize(
    "times, values, at, words",
    [
        ([], [], 0, "no entry"),
        ([0.0, 2.0, 1.0], [1, 1, 1], 2, "goes back from 2.0 to 1.0 s; allowed: times that rise$"),
        ([0.0, 2.0, 2.0], [1, 1, 1], 2, "duplicate time 2.0 s; allowed: times that rise$"),
        ([1.0], [1], 0, "the first time is 1.0 s, a gap before it; allowed: a first time of 0 s$"),
        ([0.0, 1.0], [1, -3.0], 1, "value -3.0 at 1.0 s"),
        ([0.0, 1.0], [1, math.nan], 1, "value nan at 1.0 s"),
        ([0.0, math.nan], [1, 1], 1, "time is nan"),
        ([0.0, 1.0], [math.inf, -1], 0, "value inf"),
    ],
)
def test_a_bad_trace_is_refused_at_its_first_bad_entry(times, values, at, words):
    assert first_fault(times, values)[0] == at
    with pytest.raises(InputError, match=f"capacity of 'north': entry {at}: .*{words}"):
        Steps(times, values, "capacity of 'north'")


def test_a_good_trace_has_no_fault():
    assert first_fault([-1.0, 0.5], [0.0, 1.0]) is None


speeds = st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])), min_size=1, max_size=8)


@given(speeds, st.lists(st.integers(0, 400), min_size=1, max_size=20))
def test_a_clock_is_the_integral_and_when_is_the_first_time_it_gets_there(pieces, eighths):
    times = np.concatenate([[0], np.cumsum([length for length, _ in pieces])[:-1]]).astype(float)
    clock = Clock(Steps(times, [speed for _, speed in pieces]))
    at = np.sort(np.array(eighths) / 8)
    values = clock.at(at)
    # by sums over eighths of a second, exact in binary
    grid = np.arange(0, 400) / 8
    assert values.tolist() == [float(clock.speed.at(grid[grid < t]).sum() / 8) for t in at]
    first = clock.when(values)
    assert (first <= at).all() and (clock.at(first) == values).all()
    earlier = first - 1 / 64
    assert all(clock.at(e) < v for e, v, f in zip(earlier, values, first, strict=True) if f > 0)


def test_a_clock_that_stops_never_gets_further():
    clock = Clock(Steps([0.0, 3.0], [1.0, 0.0]))
    assert clock.when([3.0, 3.5]).tolist() == [3.0, math.inf]


def test_what_is_held_is_nothing_when_nobody_holds_it():
    total = held([0.0, 1.0], [3.0, 2.0], [0.1, 0.2])
    assert total.times_s.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert total.values.tolist() == [0.1, 0.1 + 0.2, pytest.approx(0.1), 0.0]
    assert held([], [], []).values.tolist() == [0.0]
    # one leaves as another comes: no moment in between
    assert held([0.0, 1.0], [1.0, math.inf], [1.0, 2.0]).at([0.5, 1.0, 9.0]).tolist() == [1.0, 2.0, 2.0]


def test_slices_run_at_capacity_over_reserved_and_at_most_at_their_rate():
    speed = slice_speed(Steps([0, 1, 2, 3], [10.0, 4.0, 0.0, 20.0]), constant(10.0))
    assert speed.at([0, 1, 2, 3]).tolist() == [1.0, 0.4, 0.0, 1.0]
    # within the slack of a reservation it is full speed
    assert slice_speed(constant(1.0), constant(1.0 + 5e-10)).values.tolist() == [1.0]
    assert slice_speed(Steps([0, 1], [5.0, 0.0]), constant(0.0)).values.tolist() == [1.0, 0.0]


def test_outages_that_touch_are_one():
    assert merged([(5, 6), (1, 3), (2, 4), (4, 5)]) == [(1, 6)]
    assert available([(0, 1), (2, math.inf)]).values.tolist() == [0.0, 1.0, 0.0]
    for bad in ((3, 3), (4, 2), (-1, 2)):
        with pytest.raises(InputError, match="outage of link 'x'"):
            merged([bad], "outage of link 'x'")


def test_combining_leaves_out_what_changes_nothing():
    both = combine(np.minimum, Steps([0, 1, 2], [1.0, 5.0, 6.0]), constant(3.0))
    assert both.times_s.tolist() == [0.0, 1.0] and both.values.tolist() == [1.0, 3.0]


def test_conditions_name_links_and_servers_that_are_there():
    network = Network([1.0], [8.0], servers=["north"])
    with pytest.raises(UnknownNameError, match="'nort'"):
        Conditions(link_outages={"nort": [(0, 1)]}).check(network)
    capacity = Conditions(
        capacity_bps={"north": constant(6.0)}, load_bps={"north": Steps([0, 1], [2.0, 9.0])},
        link_outages={"north": [(3, 4)]},
    ).link_capacity(network, 0)  # fmt: skip
    assert capacity.at([0, 1, 3, 4]).tolist() == [4.0, 0.0, 0.0, 0.0]


def test_a_load_jumps_between_three_levels_as_choice_would_draw_it():
    rates = np.array([[0.0, 0.3, 0.9], [1.0, 0.0, 0.1], [0.7, 0.2, 0.0]])
    drawn, by_choice = stream(4, "load"), stream(4, "load")
    load = markov_load(drawn, [0.0, 1e6, 3e6], rates, 500.0)
    leaving = rates.sum(axis=1)
    balance = np.vstack([(rates - np.diag(leaving)).T, np.ones(3)])
    share = np.linalg.lstsq(balance, np.append(np.zeros(3), 1.0), rcond=None)[0]
    state, now, values = by_choice.choice(3, p=share / share.sum()), 0.0, []
    while now < 500.0:
        values.append([0.0, 1e6, 3e6][state])
        now += by_choice.exponential(1 / leaving[state])
        if now < 500.0:
            state = by_choice.choice(3, p=rates[state] / leaving[state])
    assert len(values) > 100 and load.values.tolist() == values


def test_a_load_that_changes_too_often_is_refused_with_the_most_there_may_be():
    with pytest.raises(InputError, match=r"more than 100000 changes .* in 3600 s at 0\.01 s and 0\.02 s"):
        on_off_load(stream(1, "x"), 5e6, 0.02, 0.01, 3600.0)


def test_an_on_off_load_is_on_for_its_share_of_the_time():
    load = on_off_load(stream(1, "interaction", "north"), 5e6, 2.0, 6.0, 200_000.0)
    assert set(load.values.tolist()) == {0.0, 5e6}
    # 50,000 of mean 8 s: half-width of 99.9 % about 3 sqrt(2 / 25,000) of 0.25 * 0.75
    assert float(load.mean(0.0, 200_000.0)) / 5e6 == pytest.approx(0.25, abs=0.006)
    again = on_off_load(stream(1, "interaction", "north"), 5e6, 2.0, 6.0, 200_000.0)
    assert again.times_s.tobytes() == load.times_s.tobytes()
