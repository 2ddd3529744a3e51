"""From a name, or a file of one's own, to a scheduler with its parameters."""

import copy
import pickle
import sys

import pytest

from cutlayer.experiments.scenarios.plugin import build_scheduler, label, scheduler_class
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.schedulers import SCHEDULERS

OWN = """\
from dataclasses import dataclass, field
from cutlayer.simulator.policy import OnlineScheduler, Reject

@dataclass
class Own(OnlineScheduler):
    share: float = 0.5
    seen: list = field(default_factory=list)

    def decide(self, task, view):
        return Reject("no")

class Needs(OnlineScheduler):
    def __init__(self, *, level, **others):
        self.level, self.others = level, others
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_registered_name_is_its_class(name):
    assert scheduler_class(name) is SCHEDULERS[name]
    for parameters in SCHEDULERS[name].examples:
        assert isinstance(build_scheduler(name, parameters), SCHEDULERS[name])


def test_a_file_gives_its_class_which_copies_and_pickles(own):
    scheduler = build_scheduler(f"{own}:Own", {"share": 1})
    assert scheduler.share == 1
    for twin in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        assert type(twin) is type(scheduler) and twin.share == 1


def test_a_file_with_a_colon_or_a_dot_in_its_path(tmp_path):
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "v1.2 final.py").write_text(OWN)
    assert scheduler_class(f"{folder}/v1.2 final.py:Own").__name__ == "Own"


def test_nothing_of_ones_own_is_registered(own):
    before = set(SCHEDULERS)
    scheduler_class(f"{own}:Own")
    assert set(SCHEDULERS) == before


def test_a_file_of_a_standard_modules_name_hides_nothing(tmp_path):
    (tmp_path / "json.py").write_text(OWN)
    before = sys.modules["json"]
    scheduler_class(f"{tmp_path}/json.py:Own")
    assert sys.modules["json"] is before


@pytest.mark.parametrize(
    "spec, options, says",
    [
        ("Own", {"shar": 1}, "no parameter 'shar'; did you mean 'share'?"),
        ("Own", {"share": "much"}, "share is 'much'; allowed: a number"),
        ("Own", {"share": True}, "share is True; allowed: a number"),
        ("Needs", {}, "needs the parameter 'level' (--option level=VALUE, or"),
        ("Ow", {}, "unknown class 'Ow'; did you mean 'Own'?"),
        ("OnlineScheduler", {}, "not a subclass"),
        ("dataclass", {}, "not a subclass"),
    ],
)
def test_what_does_not_fit_is_said(own, spec, options, says):
    with pytest.raises(InputError) as caught:
        build_scheduler(f"{own}:{spec}", options)
    assert says in str(caught.value)


def test_a_scheduler_that_takes_anything_is_given_anything(own):
    assert build_scheduler(f"{own}:Needs", {"level": [1], "x": None}).others == {"x": None}


def test_an_unknown_name_offers_the_near_one():
    with pytest.raises(UnknownNameError, match="did you mean 'threshold'"):
        scheduler_class("treshold")


def test_a_label_tells_parameters_apart():
    specs = [("fixed", {"cut": 1}), ("fixed", {"cut": 11}), ("fifo", {}), ("fifo", {"cut_rule": "fixed(1)"})]
    assert [label(*spec) for spec in specs] == ["fixed(cut=1)", "fixed(cut=11)", "fifo", "fifo(cut_rule=fixed(1))"]
