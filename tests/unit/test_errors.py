"""One tree of errors; a user's fault is one line that says where, what, and the near name."""

import pickle

import pytest

from cutlayer.simulator import errors
from cutlayer.simulator.errors import (
    CapacityError,
    ContractError,
    CutlayerError,
    DecisionError,
    InputError,
    UnknownNameError,
    near_name,
)


def test_the_tree_is_the_one_drawn_in_the_docstring():
    for kind in (InputError, UnknownNameError, DecisionError, CapacityError, ContractError):
        assert issubclass(kind, CutlayerError)
        assert kind.__name__ in errors.__doc__
    assert issubclass(UnknownNameError, InputError)
    assert issubclass(InputError, ValueError)
    assert issubclass(ContractError, AssertionError)


@pytest.mark.parametrize(
    "where, line",
    [
        ((), "bad value"),
        (("tasks.csv",), "tasks.csv: bad value"),
        (("tasks.csv", 7), "tasks.csv:7: bad value"),
    ],
)
def test_an_input_error_says_where(where, line):
    assert str(InputError("bad value", *where)) == line


def test_located_is_the_same_fault_elsewhere():
    fault = InputError("bad value").located("a.csv", 3)
    assert (str(fault), fault.message, fault.file, fault.line) == ("a.csv:3: bad value", "bad value", "a.csv", 3)


@pytest.mark.parametrize(
    "fault",
    [
        InputError("bad value", "a.csv", 3),
        UnknownNameError("scheduler", "fifi", ["fifo", "lbf"]),
        DecisionError("no room"),
    ],
)
def test_errors_survive_pickle_and_being_made_anew(fault):
    """Worker processes send them; SimPy makes a failed event's exception again from its args."""
    for twin in (pickle.loads(pickle.dumps(fault)), type(fault)(*fault.args)):
        assert type(twin) is type(fault)
        assert str(twin) == str(fault)
        assert vars(twin) == vars(fault)


def test_an_unknown_name_offers_the_near_one_or_lists_what_there_is():
    assert str(UnknownNameError("cut", "balancd", ["balanced", "fixed"])) == (
        "unknown cut 'balancd'; did you mean 'balanced'?"
    )
    assert str(UnknownNameError("cut", "zzz", iter(["b", "a"]))) == "unknown cut 'zzz'; known: a, b"


def test_a_long_list_of_names_is_cut_and_an_empty_one_said_so():
    assert near_name("zzz", [f"name{i:02}" for i in range(30)]).endswith("name19, ...")
    assert near_name("zzz", []) == "there are none"


@pytest.mark.parametrize(
    "name, known, near",
    [
        ("resnet-18", "lenet-5", False),
        ("--scheduler", "--cluster", False),
        ("gate", "date line", False),
        ("fiof", "fifo", True),
        ("resnet18", "resnet-18", True),
        ("neurosergeon", "neurosurgeon", True),
        ("fixed", "fixed(1)", True),
        ("ldf", "lbf", True),
    ],
)
def test_a_name_is_offered_only_where_it_is_near(name, known, near):
    assert near_name(name, [known]) == (f"did you mean {known!r}?" if near else f"known: {known}")
