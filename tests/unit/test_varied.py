"""What sets scenarios apart is found and worded in one place."""

import pytest

from cutlayer.experiments.records.varied import in_words, title_of, unit_of, varied

LIFETIME = {"workload.lifetime.distribution": "exponential", "workload.lifetime.mean": 90.0}


def test_what_varies_is_what_has_two_values_or_is_missing_somewhere():
    scenarios = [{"a": 1, "b": [1, 2], "c": None}, {"a": 1, "b": [1, 3], "d": None}, {"a": 1, "b": [1, 2], "c": 0}]
    assert varied(scenarios) == ["b", "c"]
    assert varied(scenarios[:1]) == []
    assert varied([{"a": 1}, {"a": 1.0}, {"a": True}]) == ["a"]


@pytest.mark.parametrize(
    "scenario, said",
    [
        ({"network.uplink": [10e6, 1e9]}, "uplink 10 Mbit/s to 1 Gbit/s"),
        ({"network.capacity": 290e9}, "capacity 290 GFLOP/s"),
        ({"network.usable_share": 0.5}, "usable share 0.5"),
        ({"network.usable_share": 1.0}, "usable share 1"),
        ({"paper.frame_rate_hz": 5.0}, "frame rate 5 Hz"),
        ({"run.bound": None}, "bound none"),
        ({"frames.on_end": "drain"}, "on end drain"),
        ({"workload.tasks": 12000}, "tasks 12000"),
        ({"keep": True}, "keep true"),
    ],
)
def test_a_value_is_worded_with_its_unit(scenario, said):
    assert in_words(scenario, list(scenario)) == [said]


@pytest.mark.parametrize(
    "table, said",
    [
        ({"distribution": "uniform", "low": 2e5, "high": 1e6}, "frame bytes 200 kB to 1 MB"),
        ({"distribution": "constant", "value": 150528}, "frame bytes 150.5 kB"),
        (
            {"distribution": "lognormal", "median": 5e5, "sigma": 0.5},
            "frame bytes lognormal (median 500 kB, sigma 0.5)",
        ),
    ],
)
def test_a_distribution_is_one_item_whatever_of_it_varies(table, said):
    scenario = {f"workload.frame_bytes.{name}": value for name, value in table.items()}
    assert in_words(scenario, list(scenario)) == in_words(scenario, list(scenario)[1:]) == [said]
    other = in_words(scenario | LIFETIME, [*scenario, *LIFETIME])
    assert other == [said, "lifetime exponential (mean 90 s)"]


def test_titles_lose_the_unit_that_units_keep():
    assert (title_of("frames.propagation_s"), unit_of("frames.propagation_s")) == ("propagation", "s")
    assert (title_of("workload.frame_bytes"), unit_of("workload.frame_bytes")) == ("frame bytes", "B")
