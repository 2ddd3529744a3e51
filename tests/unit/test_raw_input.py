"""Cut 0, the raw input, is a candidate like any other in a network that allows it, for every scheduler."""

import pytest

from cutlayer.simulator.bounds.packing import Packing
from cutlayer.simulator.checks.histories import profile
from cutlayer.simulator.engine import simulate
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Network, Task

PARAMETERS = {"price-online": {"expected_tasks": 2}}
CUTTING = sorted(set(SCHEDULERS) - {"fixed", "cloud"})


def tasks():
    """Raw input takes 800 bit/s of 1,600; cut 1 takes 400 and 100 FLOP/s, of which there is 1."""
    return [Task(name, float(t), profile("p", [1.0], [0.5]), 1.0, 1.0, [0], [100.0]) for t, name in enumerate("ab")]


@pytest.mark.parametrize("name", CUTTING)
def test_where_no_layer_fits_raw_input_does_if_it_is_allowed(name):
    scheduler = SCHEDULERS[name](**PARAMETERS.get(name, {}))
    assert simulate(Network([1.0], [1600.0]), tasks(), scheduler).counts["rejected"] == 2
    allowed = simulate(Network([1.0], [1600.0], allow_raw=True), tasks(), scheduler)
    cuts = [deployment.cut for deployment in allowed.deployed.values()]
    assert cuts == [0, 0]


def test_the_bound_is_over_the_cuts_that_are_allowed():
    of = [Packing.of(tasks(), Network([1.0], [1600.0], allow_raw=allowed)) for allowed in (False, True)]
    assert [packing.cuts.min() for packing in of] == [1, 0]
