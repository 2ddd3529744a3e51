"""Named streams: the same on every machine, apart from each other, and nothing else is touched."""

import random
import subprocess
import sys

import numpy as np
import pytest

from cutlayer.simulator.rng import stream


def test_streams_give_the_numbers_they_always_gave():
    """Literal values: a change of these changes every published result."""
    assert stream(0).random() == 0.991106766197309
    assert stream(1, "uplink").random() == 0.8187717004298661
    assert stream(1, "uplink").integers(2**63) == 7551836006312863461
    assert stream(7, "weight", 3).random() == 0.4410395458816949


def test_seed_and_every_name_count():
    streams = [(0,), (1,), (1, "a"), (1, "b"), (1, "a", "b"), (1, "b", "a"), (1, "ab"), (1, "a", 1), (1, "a", "1")]
    assert len({stream(*names).random() for names in streams}) == len(streams)


def test_streams_are_independent():
    """Correlations of 10,000 draws of 20 streams, of which the largest of 190 is about 0.03 by chance."""
    draws = np.array([stream(1, "weight", j).standard_normal(10_000) for j in range(20)])
    assert np.abs(np.corrcoef(draws) - np.eye(20)).max() < 0.05


def test_drawing_more_of_one_leaves_the_others_as_they_are():
    expected = stream(1, "deadline").random(3).tolist()
    stream(1, "uplink").random(1000)
    assert stream(1, "deadline").random(3).tolist() == expected


def test_integers_of_numpy_name_the_same_stream():
    assert stream(7, "weight", np.int64(3)).random() == stream(7, "weight", 3).random()
    assert stream(np.int64(7), "weight").random() == stream(7, "weight").random()


def test_the_global_state_is_untouched():
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    stream(1, "uplink").random(100)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError):
        stream(-1, "uplink")


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_hash_seed_does_not_matter(hash_seed):
    code = "from cutlayer.simulator.rng import stream; print(stream(1, 'uplink').random())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0.8187717004298661"
