"""What a trace does not say is drawn, each quantity from its own stream, the same in pieces or at once."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from papers import paper
from scipy import stats

from cutlayer.profiles.store import shipped
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Layer, Network, Profile
from cutlayer.workloads import tasks as tasks_module
from cutlayer.workloads.arrivals.generated import Periodic, Poisson, generated
from cutlayer.workloads.distributions import (
    DISTRIBUTIONS,
    Choice,
    Constant,
    Exponential,
    LogNormal,
    Pareto,
    Uniform,
    described,
    distribution_of,
)
from cutlayer.workloads.spreads import Everywhere, Nearest, One
from cutlayer.workloads.tasks import iter_tasks, tasks_of
from cutlayer.workloads.traces import trace as trace_module
from cutlayer.workloads.traces.trace import from_columns

PROFILES = {name: Profile(name, (10,), 10, (Layer("fc1", 5.0, (5,), 5),)) for name in ("p", "q", "r")}
NETWORK = Network([1.0] * 5, [1.0] * 5)
DRAWS = {
    "profile": Choice(),
    "frame_rate_hz": Constant(5.0),
    "deadline_s": Uniform(0.1, 0.3),
    "lifetime_s": Exponential(60.0),
    "input_bytes": LogNormal(1000.0, 0.5),
}
NUMBERS = [Constant(3.0), Uniform(1.0, 4.0), Exponential(2.0), LogNormal(2.0, 1.5), Pareto(2.0, 2.5)]


def plain(tasks):
    return [
        (
            t.name,
            t.arrival_s,
            t.profile.name,
            t.frame_rate_hz,
            t.deadline_s,
            t.lifetime_s,
            t.servers.tolist(),
            t.input_bytes.tolist(),
        )
        for t in tasks
    ]


@pytest.mark.parametrize(
    "distribution, mean, deviation",
    [
        (Constant(3.0), 3.0, 0.0),
        (Uniform(1.0, 4.0), 2.5, 3 / math.sqrt(12)),
        (Exponential(2.0), 2.0, 2.0),
        (LogNormal(2.0, 1.5), 2.0, 3.0),
        # minimum * shape / (shape - 1), and variance minimum^2 shape / ((shape - 1)^2 (shape - 2))
        (Pareto(2.0, 5.0), 2.5, math.sqrt(4 * 5 / (16 * 3))),
    ],
    ids=repr,
)
def test_distributions_have_their_mean(distribution, mean, deviation):
    values = distribution.draw(stream(1, "x"), 400_000)
    assert abs(values.mean() - mean) <= 3.29 * deviation / math.sqrt(400_000) + 1e-12
    assert values.min() > 0


def test_a_lognormal_has_its_coefficient_of_variation_and_a_pareto_its_tail():
    logs = np.log(LogNormal(2.0, 1.5).draw(stream(2, "x"), 100_000))
    assert stats.kstest(logs, "norm", args=(math.log(2) - math.log(3.25) / 2, math.sqrt(math.log(3.25)))).pvalue > 0.001
    values = Pareto(2.0, 0.8).draw(stream(3, "x"), 100_000)
    for x in (3.0, 20.0, 500.0):
        expected = (2 / x) ** 0.8
        assert abs((values > x).mean() - expected) < 4 * math.sqrt(expected / 100_000)


@settings(max_examples=50)
@given(pieces=st.lists(st.integers(0, 40), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_what_is_drawn_does_not_depend_on_how_many_at_a_time(pieces, seed):
    for distribution in NUMBERS:
        rng = stream(seed, "x")
        apart = np.concatenate([distribution.draw(rng, n) for n in pieces])
        assert apart.tolist() == distribution.draw(stream(seed, "x"), sum(pieces)).tolist()
    choice, rng = Choice(("a", "b", "c"), (1.0, 0.0, 3.0)), stream(seed, "x")
    apart = [name for n in pieces for name in choice.draw_from(choice.names, rng, n)]
    assert apart == choice.draw_from(choice.names, stream(seed, "x"), sum(pieces))
    assert "b" not in apart
    evenly, rng = Choice(), stream(seed, "x")
    apart = [name for n in pieces for name in evenly.draw_from(("a", "b", "c"), rng, n)]
    assert apart == evenly.draw_from(("a", "b", "c"), stream(seed, "x"), sum(pieces))


def test_names_are_chosen_by_weight():
    names = Choice(("a", "b"), (1.0, 3.0)).draw_from(("a", "b"), stream(1, "x"), 40_000)
    assert abs(names.count("b") - 30_000) < 4 * math.sqrt(40_000 * 3 / 16)


def test_one_more_draw_leaves_the_others_as_they_were():
    trace = generated(Poisson(1.0), 1, tasks=50)
    without = {name: how for name, how in DRAWS.items() if name != "lifetime_s"}
    few, more = (plain(tasks_of(trace, NETWORK, PROFILES, draws=draws, seed=4)) for draws in (without, DRAWS))
    assert [row[:5] + row[6:] for row in few] == [row[:5] + row[6:] for row in more]
    assert {row[5] for row in few} == {math.inf}
    other = tasks_of(trace, NETWORK, PROFILES, draws=DRAWS | {"deadline_s": Constant(1.0)}, seed=4)
    assert [row[:4] + row[5:] for row in more] == [row[:4] + row[5:] for row in plain(other)]


@pytest.mark.parametrize("spread", [Everywhere(), Everywhere(Uniform(0.5, 1.5)), One(), Nearest(3)], ids=repr)
def test_tasks_are_the_same_whatever_the_pieces(monkeypatch, spread):
    def drawn():
        trace = generated(Poisson(1.0), 1, tasks=300)
        return plain(iter_tasks(trace, NETWORK, PROFILES, draws=DRAWS, spread=spread, seed=4))

    whole = drawn()
    monkeypatch.setattr(trace_module, "ROWS", 16)
    monkeypatch.setattr(tasks_module, "PIECE", 7)
    assert drawn() == whole and len(whole) == 300


def test_a_shorter_workload_is_the_beginning_of_a_longer():
    short, long = (
        plain(tasks_of(generated(Poisson(1.0), 1, tasks=n), NETWORK, PROFILES, draws=DRAWS, spread=One(), seed=4))
        for n in (20, 200)
    )
    assert short == long[:20] and short[0][0] == "t0"


def test_weights_share_a_frame_as_the_paper_has_it():
    trace = from_columns({"arrival_s": np.arange(200.0), "input_bytes": np.full(200, 900.0)}, {})
    draws = {name: DRAWS[name] for name in ("profile", "frame_rate_hz", "deadline_s")}
    tasks = tasks_of(trace, NETWORK, PROFILES, draws=draws, spread=Everywhere(Uniform(0.5, 1.5)), seed=1)
    shares = np.array([task.input_bytes for task in tasks])
    assert np.allclose(shares.sum(axis=1), 900, rtol=1e-12)
    assert 2 < (shares.max(axis=1) / shares.min(axis=1)).max() <= 3
    weights = np.stack([stream(1, "weight", i).uniform(0.5, 1.5, 200) for i in range(5)], axis=1)
    assert shares.tolist() == (900.0 * weights / weights.sum(axis=1, keepdims=True)).tolist()


@pytest.mark.parametrize("servers, tasks", [(50, 200), (3, 1500), (200, 20)])
def test_the_papers_scenario_is_one_of_many_bit_for_bit(servers, tasks):
    scenario = paper(servers=servers, tasks=tasks)
    draws = {
        "profile": Choice(),
        "frame_rate_hz": Constant(5.0),
        "deadline_s": Constant(0.2),
        "input_bytes": Uniform(100e3, 1e6),
    }
    trace = generated(Periodic(1.0), 4, tasks=tasks)
    spread = Everywhere(Uniform(0.5, 1.5))
    found = tasks_of(trace, scenario.inputs(4).network, shipped(), draws=draws, spread=spread, seed=4)
    assert plain(found) == plain(list(scenario.inputs(4).tasks))


def test_a_larger_network_leaves_the_shares_among_the_old_servers():
    trace = from_columns({"arrival_s": np.arange(20.0), "input_bytes": np.full(20, 900.0)}, {})
    draws = {name: DRAWS[name] for name in ("profile", "frame_rate_hz", "deadline_s")}
    few, many = (
        tasks_of(trace, Network([1.0] * n, [1.0] * n), PROFILES, draws=draws, spread=Everywhere(Uniform(1, 2)), seed=1)
        for n in (3, 6)
    )
    for a, b in zip(few, many, strict=True):
        assert np.allclose(a.input_bytes / a.input_bytes[0], b.input_bytes[:3] / b.input_bytes[0], rtol=1e-12)


def test_the_nearest_servers_by_distance_share_equally():
    # on a line at 0, 1, 3, 7, 15: the two others nearest to each, ties to the smaller index
    where = np.array([0.0, 1.0, 3.0, 7.0, 15.0])
    distance = np.abs(where[:, None] - where)
    near = {0: [0, 1, 2], 1: [0, 1, 2], 2: [0, 1, 2], 3: [1, 2, 3], 4: [2, 3, 4]}
    trace = from_columns({"arrival_s": np.arange(300.0), "input_bytes": np.full(300, 6.0)}, {})
    draws = {name: DRAWS[name] for name in ("profile", "frame_rate_hz", "deadline_s")}
    tasks = tasks_of(trace, NETWORK, PROFILES, draws=draws, spread=Nearest(3, distance), seed=2)
    homes = (stream(2, "trace", "home").random(300) * 5).astype(int)
    assert [task.servers.tolist() for task in tasks] == [near[home] for home in homes]
    assert {tuple(task.input_bytes) for task in tasks} == {(2.0, 2.0, 2.0)}


def test_on_a_star_neighbours_follow_one_another_on_a_circle():
    trace = from_columns({"arrival_s": np.arange(300.0), "input_bytes": np.full(300, 6.0)}, {})
    draws = {name: DRAWS[name] for name in ("profile", "frame_rate_hz", "deadline_s")}
    tasks = tasks_of(trace, NETWORK, PROFILES, draws=draws, spread=Nearest(2), seed=2)
    assert {tuple(task.servers.tolist()) for task in tasks} == {(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)}


def test_servers_in_the_trace_are_kept_and_the_others_spread():
    trace = from_columns(
        {"arrival_s": [0.0, 1.0], "inputs": [(("s3", 4.0), ("s1", 2.0)), None], "input_bytes": [math.nan, 10.0]}, {}
    )
    draws = {name: DRAWS[name] for name in ("profile", "frame_rate_hz", "deadline_s")}
    first, second = tasks_of(trace, NETWORK, PROFILES, draws=draws)
    assert (first.servers.tolist(), first.input_bytes.tolist()) == ([1, 3], [2.0, 4.0])
    assert second.input_bytes.tolist() == [2.0] * 5


def test_values_of_scenarios_become_distributions_and_back():
    assert distribution_of(5, "Hz") == Constant(5.0)
    assert distribution_of("200 ms", "s") == Constant(0.2)
    table = {"distribution": "pareto", "minimum": "100 kB", "shape": 1.5}
    assert distribution_of(table, "B") == Pareto(100_000.0, 1.5)
    for distribution in NUMBERS:
        assert distribution_of(described(distribution, DISTRIBUTIONS), "s") == distribution


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Constant(0), "value is 0"),
        (lambda: Uniform(2, 1), "low is 2, above high, 1"),
        (lambda: Exponential(math.inf), "mean is inf"),
        (lambda: LogNormal(1, math.nan), "cv is nan"),
        (lambda: Pareto(1, -1), "shape is -1"),
        (lambda: Pareto("1", 1), "minimum is '1'"),
        (lambda: Choice(("p", "p")), "each once"),
        (lambda: Choice(("p",), (0.0,)), "not all 0"),
        (lambda: Choice(("p",), (1.0, 2.0)), "2 weights for 1 names"),
        (lambda: distribution_of(True, "s"), "True"),
        (lambda: distribution_of([1], "s"), "[1]"),
        (lambda: distribution_of("5", "s"), "'5' is not a quantity in s"),
        (lambda: distribution_of({"distribution": "parteo"}, "s"), "did you mean 'pareto'?"),
        (lambda: distribution_of({"distribution": "pareto", "minimum": 1}, "s"), "needs the parameter 'shape'"),
        (lambda: distribution_of({"distribution": "constant", "valu": 1}, "s"), "did you mean 'value'?"),
        (lambda: distribution_of({"distribution": "choice"}, "s"), "chooses names"),
        (lambda: Nearest(0), "servers is 0"),
        (lambda: Nearest(6).check(NETWORK), "allowed: 1 to 5"),
        (lambda: Nearest(2, [[0.0]]).check(NETWORK), "distance has shape (1, 1)"),
        (lambda: Nearest(2, np.full((5, 5), math.nan)).check(NETWORK), "no NaN"),
    ],
)
def test_what_is_out_of_range_is_refused(make, says):
    with pytest.raises(InputError) as caught:
        make()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "change, says",
    [
        ({"profile": None}, "does not say profile; needed"),
        ({"input_bytes": None, "deadline_s": None}, "does not say deadline_s, input_bytes"),
        ({"arrival_s": Constant(1.0)}, "unknown quantity to draw 'arrival_s'"),
        ({"lifetim_s": Constant(1.0)}, "did you mean 'lifetime_s'?"),
        ({"profile": Constant(1.0)}, "profile is drawn from Constant(value=1.0); allowed: names"),
        ({"deadline_s": Choice()}, "allowed: numbers"),
        ({"profile": Choice(("pp",))}, "unknown profile 'pp'"),
    ],
)
def test_draws_that_do_not_fit_are_refused_before_the_first_task(change, says):
    draws = {name: how for name, how in (DRAWS | change).items() if how is not None}
    with pytest.raises(InputError) as caught:
        iter_tasks(generated(Poisson(1.0), 1, tasks=3), NETWORK, PROFILES, draws=draws)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "columns, says",
    [
        ({"deadline_s": [1.0, 2.0]}, "deadline_s is in the trace and drawn"),
        ({"inputs": [(("s0", 1.0),)] * 2}, "input_bytes is in the trace and drawn"),
        ({"profile": ["p", "x"]}, "profile is in the trace and drawn"),
    ],
)
def test_what_a_trace_says_is_not_drawn(columns, says):
    trace = from_columns({"arrival_s": [0.0, 1.0], **columns}, {})
    with pytest.raises(InputError, match=says):
        tasks_of(trace, NETWORK, PROFILES, draws=DRAWS)


def test_names_the_trace_has_and_the_network_has_not_are_refused_with_their_row():
    trace = from_columns({"arrival_s": [0.0, 1.0], "profile": ["p", "pp"]}, {})
    draws = {name: how for name, how in DRAWS.items() if name != "profile"}
    with pytest.raises(InputError, match="row 2 of the trace: unknown profile 'pp'"):
        iter_tasks(trace, NETWORK, PROFILES, draws=draws)
    trace = from_columns({"arrival_s": [0.0, 1.0], "inputs": [(("s0", 1.0),), (("s9", 1.0),)]}, {})
    draws = {name: how for name, how in DRAWS.items() if name != "input_bytes"}
    with pytest.raises(InputError, match="row 2 of the trace: unknown server 's9'"):
        iter_tasks(trace, NETWORK, PROFILES, draws=draws)
