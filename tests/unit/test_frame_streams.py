"""Streams of frames are the published generator, keyed, and have the distributions they claim."""

import numpy as np
import pytest
from scipy import stats

from simulator.frame_model import FrameSettings, slices_by_server
from simulator.frame_streams import Streams, key_of, philox
from simulator.spans import Span
from simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("l", 1.0, (1,), 1.0),))


def frames(end_s=20_000.0, name="t", server="s0", start=0.0, **settings):
    settings = FrameSettings(**settings)
    span = Span(Task(name, 0.0, PROFILE, 4.0, 0.25, [0], [1.0]), 1, start)
    network = Network([1.0], [1e6], servers=[server])
    (slices,), _ = slices_by_server([span], network, settings, end_s)
    window = Streams(slices, [name], server, settings).before(np.inf)
    return window.arrival_s[: len(window)].copy(), window.size[: len(window)].copy()


@pytest.mark.parametrize(
    "counter, key, words",
    [  # the vectors published with the generator (Random123, kat_vectors, philox 4x32 of 10 rounds)
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_generator_gives_its_published_vectors(counter, key, words):
    assert [int(word) for word in philox(*(np.uint64(n) for n in counter + key))] == words


def test_keys_tell_seeds_tasks_and_servers_apart():
    keys = {key_of(*words).tobytes() for words in [(0, "a", "b"), (1, "a", "b"), (0, "b", "a"), (0, "ab", "")]}
    assert len(keys) == 4
    assert key_of(0, "a", "b").tolist() == key_of(0, "a", "b").tolist()
    assert frames(100.0)[0].tolist() != frames(100.0, seed=1)[0].tolist()
    assert frames(100.0)[0].tolist() != frames(100.0, server="s1")[0].tolist()


def test_periodic_frames_come_every_period_from_a_random_phase():
    arrival, size = frames(1000.0)
    assert len(arrival) == 4000 and (size == 1).all() and 0 <= arrival[0] < 0.25
    assert np.diff(arrival) == pytest.approx(0.25, abs=1e-12)
    phases = [frames(0.25, name=f"t{n}")[0][0] * 4 for n in range(300)]
    assert stats.kstest(phases, "uniform").pvalue > 1e-3


def test_jittered_frames_are_late_by_up_to_so_many_periods():
    arrival, _ = frames(arrivals="jittered", jitter=0.5)
    plain, _ = frames()
    late = (arrival[: len(plain) - 1] - plain[: len(arrival)][: len(plain) - 1]) * 4
    assert stats.kstest(late / 0.5, "uniform").pvalue > 1e-3
    assert (np.diff(frames(arrivals="jittered", jitter=1.0)[0]) >= 0).all()


def test_poisson_frames_have_exponential_gaps_without_memory():
    arrival, _ = frames(arrivals="poisson")
    gaps = np.diff(arrival) * 4
    assert stats.kstest(gaps, "expon").pvalue > 1e-3
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 4 / np.sqrt(len(gaps))


@pytest.mark.parametrize("arrivals", ["periodic", "poisson"])
def test_sizes_have_mean_one_and_the_distribution_asked_for(arrivals):
    arrival, size = frames(arrivals=arrivals, sizes="exponential")
    assert stats.kstest(size, "expon").pvalue > 1e-3
    _, size = frames(arrivals=arrivals, sizes="lognormal", size_cv=0.5)
    sigma = np.sqrt(np.log(1.25))
    assert stats.kstest(size, stats.lognorm(sigma, scale=np.exp(-(sigma**2) / 2)).cdf).pvalue > 1e-3
    assert size.mean() == pytest.approx(1.0, abs=0.01) and size.std() == pytest.approx(0.5, abs=0.02)
    gaps = np.diff(arrival)
    assert arrivals == "periodic" or abs(np.corrcoef(gaps, size[1:])[0, 1]) < 4 / np.sqrt(len(gaps))


def test_streams_do_not_go_along_with_each_other():
    gaps = np.array([np.diff(frames(2000.0, name=f"t{n}", arrivals="poisson")[0][:7000]) for n in range(6)])
    correlations = np.corrcoef(gaps)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(gaps.shape[1])


def test_the_bits_of_the_generator_are_balanced_over_counters_and_keys():
    words = [philox(*(np.uint64(v) for v in (n, 0, 0, 0, key, 0))) for n in range(500) for key in range(4)]
    bits = np.unpackbits(np.array(words, dtype="<u4").view(np.uint8)).reshape(len(words), 128)
    share = bits.mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(len(words))
    # one bit of the counter changes half of the output
    flips = (bits[:-4] ^ bits[4:]).mean()
    assert flips == pytest.approx(0.5, abs=0.005)
