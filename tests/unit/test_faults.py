"""Random outages: every resource has its own, and conditions come together."""

import math

import pytest

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.steps import Steps, merged
from cutlayer.simulator.types import Network
from cutlayer.workloads.conditions import merge
from cutlayer.workloads.outages import Duration, Faults, random_faults

NETWORK = Network([1.0] * 3, [8.0] * 3, servers=["a", "b", "c"])
OFTEN = Faults(Duration(100.0), Duration(10.0, shape=2.0))


def test_outages_are_in_order_and_begin_within_the_time_asked_for():
    found = random_faults(NETWORK, 1, 5000.0, servers=OFTEN, links=OFTEN)
    found.check(NETWORK)
    for outages in (found.server_outages, found.link_outages):
        assert set(outages) == {"a", "b", "c"}
        for intervals in outages.values():
            assert len(intervals) > 20 and merged(intervals) == intervals
            assert all(0 < down < 5000 for down, _ in intervals)


def test_servers_and_links_of_one_name_fail_apart():
    found = random_faults(NETWORK, 1, 5000.0, servers=OFTEN, links=OFTEN)
    assert found.server_outages["a"] != found.link_outages["a"] != found.link_outages["b"]


def test_faults_do_not_change_when_others_are_added_or_more_are_to_come():
    one = Network([1.0], [8.0], servers=["b"])
    alone = random_faults(one, 1, 1000.0, servers=OFTEN).server_outages["b"]
    longer = random_faults(NETWORK, 1, 9000.0, servers=OFTEN, links=OFTEN).server_outages["b"]
    assert alone == [outage for outage in longer if outage[0] < 1000] != longer
    named = random_faults(NETWORK, 1, 1000.0, servers={"b": OFTEN})
    assert named.server_outages == {"b": alone} and not named.link_outages


def test_another_seed_has_other_faults_and_the_same_seed_the_same():
    first, again, other = (random_faults(NETWORK, seed, 1000.0, links=OFTEN).link_outages for seed in (1, 1, 2))
    assert first == again != other


def test_a_weibull_time_is_given_by_its_mean_or_its_scale():
    # gamma(1 + 1/2) = sqrt(pi) / 2; a shape of 1 is the exponential, whose scale is its mean
    assert Duration.of_scale(100.0, 2.0).mean_s == pytest.approx(50 * math.sqrt(math.pi), rel=1e-15)
    assert Duration(50 * math.sqrt(math.pi), 2.0).scale_s == pytest.approx(100.0, rel=1e-15)
    assert Duration(7.0).scale_s == 7.0
    assert Faults(Duration(90.0), Duration(10.0, 3.0)).availability == 0.9


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Duration(0.0), "mean_s is 0.0; allowed: above 0"),
        (lambda: Duration(math.inf), "mean_s is inf"),
        (lambda: Duration(math.nan), "mean_s is nan"),
        (lambda: Duration(1.0, 0.01), "shape is 0.01; allowed: 0.1 to 100"),
        (lambda: Duration.of_scale(-1.0, 2.0), "scale_s is -1.0"),
        (lambda: Duration.of_scale(1.0, 0.0), "shape is 0.0"),
        (lambda: random_faults(NETWORK, 1, math.inf, servers=OFTEN), "until inf s"),
        (lambda: random_faults(NETWORK, 1, -1.0, servers=OFTEN), "until -1.0 s"),
        (lambda: Faults(Duration(1e-50), Duration(1e-50)).outages(random(), 1.0), "more than 100000 outages"),
        (lambda: random_faults(NETWORK, 1, 1.0, servers={"d": OFTEN}), "unknown server 'd'; known: a, b, c"),
        (lambda: random_faults(NETWORK, 1, 1.0, links={"bb": OFTEN}), "unknown link 'bb'; did you mean"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def random():
    from cutlayer.simulator.rng import stream

    return stream(0, "test")


def test_conditions_come_together():
    faults = Conditions(link_outages={"a": [(1.0, 3.0)]}, server_outages={"c": [(0.0, 1.0)]})
    planned = Conditions(link_outages={"a": [(2.0, 4.0), (9.0, 10.0)]}, load_bps={"a": Steps([0], [1.0])})
    trace = Conditions(capacity_bps={"a": Steps([0, 5], [8.0, 6.0])}, load_bps={"a": Steps([0, 2], [0.0, 3.0])})
    whole = merge(faults, planned, trace)
    assert whole.link_outages == {"a": [(1.0, 4.0), (9.0, 10.0)]}
    assert whole.server_outages == {"c": [(0.0, 1.0)]}
    assert (whole.load_bps["a"].times_s.tolist(), whole.load_bps["a"].values.tolist()) == ([0, 2], [1, 4])
    left = whole.link_capacity(NETWORK, 0)
    assert left.at([0, 1, 4, 5, 9, 10]).tolist() == [7, 0, 4, 2, 0, 2]
    assert merge() == merge(Conditions()) or not merge().capacity_bps
    with pytest.raises(InputError, match="two capacities of link 'a'; allowed: one"):
        merge(trace, trace)
    with pytest.raises(UnknownNameError):
        merge(Conditions(load_bps={"d": Steps([0], [1.0])})).check(NETWORK)
