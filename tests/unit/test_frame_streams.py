"""Streams of frames are the published generator, keyed, and have the distributions they claim."""

import numpy as np
import pytest
from scipy import stats

from cutlayer.simulator.frames.draw.streams import Streams, key_of
from cutlayer.simulator.frames.draw.words import philox
from cutlayer.simulator.frames.draw.ziggurat import EXPONENTIAL_EDGE, EXPONENTIAL_R, LAYERS, NORMAL_EDGE, NORMAL_R
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import slices_by_server
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("l", 1.0, (1,), 1.0),))


def frames(end_s=20_000.0, name="t", server="s0", start=0.0, **settings):
    settings = FrameSettings(**settings)
    span = Span(Task(name, 0.0, PROFILE, 4.0, 0.25, [0], [1.0]), 1, start)
    network = Network([1.0], [1e6], servers=[server])
    (slices,), _ = slices_by_server([span], network, settings, end_s)
    window = Streams(slices, [name], server, settings).before(np.inf)
    return window.arrival_s[: window.total].copy(), window.size[: window.total].copy()


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
    keys = {key_of(*words) for words in [(0, "a", "b"), (1, "a", "b"), (0, "b", "a"), (0, "ab", "")]}
    assert len(keys) == 4
    assert key_of(0, "a", "b") == key_of(0, "a", "b")
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


@pytest.mark.parametrize("sizes", ["exponential", "lognormal"])
def test_sizes_follow_their_distribution_in_every_part_of_it_and_in_the_tails(sizes):
    cv = 0.5 if sizes == "lognormal" else 0.0
    _, size = frames(500_000.0, sizes=sizes, size_cv=cv)
    sigma = np.sqrt(np.log1p(cv**2))
    numbers = size if sizes == "exponential" else np.log(size) / sigma + sigma / 2
    law = stats.expon if sizes == "exponential" else stats.norm
    shares = np.histogram(law.cdf(numbers), bins=2000, range=(0, 1))[0]
    assert stats.chisquare(shares).pvalue > 1e-3
    # what lies beyond the last layer, and beyond twice that, comes out of branches of their own
    for beyond in (2.0, 3.0, 3.7, 4.5, 7.0, 7.8, 9.0):
        for there, share in ((numbers > beyond, law.sf(beyond)), (numbers < -beyond, law.cdf(-beyond))):
            low, high = stats.binom.interval(1 - 1e-5, len(numbers), share)
            assert low <= there.sum() <= high, (beyond, there.sum(), low, high)


def test_gaps_of_poisson_frames_follow_their_distribution_in_the_tail():
    gaps = np.diff(frames(500_000.0, arrivals="poisson")[0]) * 4
    assert stats.chisquare(np.histogram(stats.expon.cdf(gaps), bins=2000, range=(0, 1))[0]).pvalue > 1e-3
    low, high = stats.binom.interval(1 - 1e-5, len(gaps), np.exp(-7.8))
    assert low <= (gaps > 7.8).sum() <= high


def test_the_layers_of_the_ziggurat_have_equal_areas_and_end_at_0():
    for edges, r, density, tail in (
        (EXPONENTIAL_EDGE, EXPONENTIAL_R, lambda x: np.exp(-x), stats.expon.sf(EXPONENTIAL_R)),
        (NORMAL_EDGE, NORMAL_R, lambda x: np.exp(-x * x / 2), stats.norm.sf(NORMAL_R) * np.sqrt(2 * np.pi)),
    ):
        assert len(edges) == LAYERS + 1 and edges[-1] == 0 and (np.diff(edges) < 0).all()
        areas = edges[1:-1] * (density(edges[2:]) - density(edges[1:-1]))
        assert areas == pytest.approx(r * density(r) + tail, rel=1e-12)
        assert edges[0] * density(r) == pytest.approx(areas[0], rel=1e-12)


@pytest.mark.parametrize("arrivals", ["periodic", "jittered", "poisson"])
@pytest.mark.parametrize("sizes", ["constant", "exponential", "lognormal"])
def test_frames_do_not_depend_on_when_they_are_asked_for(arrivals, sizes):
    settings = FrameSettings(
        arrivals=arrivals, sizes=sizes, jitter=0.9 * (arrivals == "jittered"), size_cv=0.5 * (sizes == "lognormal")
    )
    spans = [Span(Task(f"t{j}", 0.0, PROFILE, 4.0 + j, 0.25, [0], [1.0]), 1, 7.0 * j) for j in range(3)]
    (slices,), _ = slices_by_server(spans, Network([1.0], [1e6]), settings, 300.0)

    def drawn(steps):
        streams = Streams(slices, ["t0", "t1", "t2"], "s0", settings)
        parts = [[], [], []]
        for until in [*steps, np.inf]:
            window = streams.before(until)
            for slot, k in enumerate(window.ids):
                part = slice(window.first[slot], window.first[slot + 1])
                parts[k].append((window.arrival_s[part].copy(), window.size[part].copy()))
        return [np.concatenate(part, axis=1).tobytes() for part in parts]

    assert drawn([]) == drawn(np.arange(0.01, 320, 0.37)) == drawn([9.0, 9.0, 150.0])


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
