"""Names for things that one file adds: no duplicates, near names for typos."""

import pytest

from cutlayer.simulator.errors import UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.schedulers import SCHEDULERS


@pytest.fixture
def shapes():
    registry = Registry("shape")
    registry.register("square")(4)
    registry.register("circle")(0)
    return registry


def test_it_maps_names_in_the_order_they_came(shapes):
    assert list(shapes) == ["square", "circle"]
    assert (len(shapes), shapes["circle"], "square" in shapes, "cube" in shapes) == (2, 0, True, False)


def test_a_duplicate_is_refused_and_changes_nothing(shapes):
    with pytest.raises(ValueError, match="duplicate shape 'square'"):
        shapes.register("square")(5)
    assert shapes["square"] == 4


def test_a_typo_gets_the_near_name(shapes):
    with pytest.raises(UnknownNameError, match="unknown shape 'sqare'; did you mean 'square'"):
        shapes["sqare"]


def test_register_returns_what_it_decorates(shapes):
    @shapes.register("triangle")
    def triangle(): ...

    assert shapes["triangle"] is triangle


def test_the_schedulers_of_the_paper_are_registered():
    assert {"offline", "cloud", "fixed", "fifo", "lbf", "threshold"} <= set(SCHEDULERS)
