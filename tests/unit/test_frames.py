"""What is kept of frames: quantiles within their stated error, sums that add up, faults in one line."""

import numpy as np
import pytest

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.count.histogram import LOWEST_EXPONENT, OCTAVES, QUANTILE_ERROR, SMALLEST_S
from cutlayer.simulator.frames.draw.streams import Streams
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings, check
from cutlayer.simulator.frames.slices import DELIVERED
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.results.tables import QUANTILES, TABLES
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("edge", 0.01, (1,), 0.5), Layer("last", 0.02, (1,), 0.25)))
NETWORK = Network([1.0, 1.0], [200.0, 200.0], cloud_flop_per_s=1.0)


def spans(**changes):
    tasks = [Task(f"t{j}", 0.0, PROFILE, 8.0, 0.25, [0, 1], [1.0, 2.0]) for j in range(3)]
    return [Span(task, 1, 0.0, **changes) for task in tasks]


NOISY = {"arrivals": "poisson", "sizes": "lognormal", "size_cv": 0.5, "propagation_s": 0.003}


def test_columns_are_as_documented_and_counts_and_parts_add_up():
    results = run_frames(NETWORK, spans(), FrameSettings(series_s=10.0, **NOISY), end_s=300.0)
    assert list(results.table) == [column.name for column in TABLES["frames"]]
    assert list(results.series) == [column.name for column in TABLES["frame_series"]]
    t = results.table
    assert (t["frames"] == t["delivered"] + t["lost"] + t["in_flight"]).all()
    assert t["transfer_mean_s"] == pytest.approx(t["uplink_wait_s"] + t["uplink_service_s"])
    parts = ("compute_wait_s", "compute_service_s", "transfer_mean_s", "propagation_s", "cloud_s")
    assert t["end_to_end_mean_s"] == pytest.approx(sum(t[name] for name in parts))
    assert t["propagation_s"].tolist() == [0.003] * 6
    summary = results.summary()
    for name in ("frames", "delivered", "lost", "violations"):
        assert results.series[name].sum() == t[name].sum() == summary[name]
    assert len(results.series["time_s"]) == 30
    assert len(list(results.rows())) == 6 and next(results.rows())["task"] == "t0"


@pytest.mark.parametrize("sharing", ["reserved", "fair"])
def test_windows_of_throughput_add_up_to_the_work_of_all_frames(sharing):
    # all are done long before the end: 0.01 FLOP and 8 x 0.5 bit a byte, of frames of every size
    ends = {"end_s": 90.0, "ending": "departed"}
    settings = FrameSettings(series_s=7.0, sharing=sharing, **NOISY)
    results = run_frames(NETWORK, spans(**ends), settings, end_s=100.0, keep_frames=True)
    kept, by = results.kept, results.series_by
    assert (kept.fate == DELIVERED).all()
    assert list(by) == [column.name for column in TABLES["frame_series_by"]]
    assert by["time_s"].tolist() == [7.0 * n for n in range(15) for _ in range(4)]
    for i, input_bytes in enumerate([1.0, 2.0]):
        size = kept.size[kept.server == i].sum() * input_bytes
        mine = by["resource_name"] == f"s{i}"
        flop = by["done_flop_per_s"][mine & (by["resource"] == "server")].sum() * 7.0
        sent = by["done_bps"][mine & (by["resource"] == "link")].sum() * 7.0
        assert flop == pytest.approx(0.01 * size, rel=1e-12) and sent == pytest.approx(4.0 * size, rel=1e-12)
    assert by["done_bps"][by["resource"] == "link"][-1] == 0  # a window without frames is there too


def test_quantiles_are_exact_when_frames_are_kept_and_within_the_stated_error_otherwise():
    settings = FrameSettings(**NOISY)
    rough = run_frames(NETWORK, spans(), settings, end_s=2000.0)
    exact = run_frames(NETWORK, spans(), settings, end_s=2000.0, keep_frames=True)
    for name, latency in (("transfer", exact.kept.transfer_s), ("end_to_end", exact.kept.end_to_end_s)):
        for q in QUANTILES:
            column = f"{name}_p{100 * q:g}_s".replace(".", "_")
            mine = [
                np.quantile(
                    latency[(exact.kept.task == j) & (exact.kept.server == i) & (exact.kept.fate == DELIVERED)],
                    q, method="inverted_cdf",
                )
                for i in range(2) for j in range(3)
            ]  # fmt: skip
            assert exact.table[column].tolist() == mine
            assert rough.table[column] == pytest.approx(mine, rel=QUANTILE_ERROR)
        assert rough.table[f"{name}_max_s"].tolist() == exact.table[f"{name}_max_s"].tolist()


def test_quantiles_keep_their_error_over_every_order_of_magnitude():
    # Work whose mean is 0.1 us to 100,000 s, alone in its slice: the latency is the size itself.
    rng = np.random.default_rng(3)
    for mean in 10.0 ** np.arange(-7, 6):
        profile = Profile("p", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
        span = Span(Task("t", 0.0, profile, 1e-9, mean, [0], [1.0]), 1, 0.0)
        size = np.exp(rng.normal(0, 1.0, 2000))
        given = {("t", "s0"): (np.cumsum(np.full(2000, 100 * mean)), size)}
        network = Network([1.0], [8 / mean])
        (row,) = run_frames(network, [span], FrameSettings(), end_s=1e9 * mean, given=given).rows()
        for q in QUANTILES:
            exact = np.quantile(size * mean, q, method="inverted_cdf")
            assert row[f"transfer_p{100 * q:g}_s".replace(".", "_")] == pytest.approx(exact, rel=QUANTILE_ERROR)


def test_latencies_beyond_the_histogram_count_as_its_limits():
    # alone in its slice every frame takes its size in seconds: one of 1 s, then one of four in ten beyond a limit
    assert 2.0**24 == 16_777_216
    profile = Profile("p", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
    span = Span(Task("t", 0.0, profile, 1e-9, 1.0, [0], [1.0]), 1, 0.0)
    for beyond, limit in ((1e8, 2.0**24), (1e-9, 2.0**-24)):
        sizes = np.array([1.0] + [beyond] * 8 + [4.0])
        given = {("t", "s0"): (1e9 * np.arange(10.0), sizes)}
        rough, exact = (
            run_frames(Network([1.0], [8.0]), [span], FrameSettings(), end_s=1e11, given=given, keep_frames=keep).table
            for keep in (False, True)
        )
        assert rough["transfer_p50_s"][0] == pytest.approx(limit, rel=1 / 128)
        assert exact["transfer_p50_s"][0] == pytest.approx(beyond, rel=1e-3)
        for table in (rough, exact):
            assert table["transfer_mean_s"][0] == pytest.approx(sizes.mean(), rel=1e-12)
            assert table["transfer_sd_s"][0] == pytest.approx(sizes.std(), rel=1e-12)
            assert table["transfer_max_s"][0] == pytest.approx(sizes.max(), rel=1e-12)
    meanings = [column.meaning for column in TABLES["frames"] if "_p" in column.name and column.name[-3].isdigit()]
    assert len(meanings) == 8 and 2.0**LOWEST_EXPONENT == SMALLEST_S and LOWEST_EXPONENT + OCTAVES == 24
    assert all(f"within 1/{1 / QUANTILE_ERROR:g} from 2^{LOWEST_EXPONENT} to 2^24 s" in each for each in meanings)


def test_the_same_frames_come_whatever_the_cut_and_whoever_else_is_there():
    settings = FrameSettings(**NOISY)
    some = run_frames(NETWORK, spans(), settings, end_s=50.0, keep_frames=True).kept
    (first, *_) = spans()
    alone = run_frames(NETWORK, [Span(first.task, 2, 0.0)], settings, end_s=50.0, keep_frames=True).kept
    assert alone.arrival_s.tobytes() == some.arrival_s[some.task == 0].tobytes()
    assert alone.size.tobytes() == some.size[some.task == 0].tobytes()


def test_an_overloaded_server_and_an_overloaded_link_are_reported_unstable():
    slow = Network([0.2, 1.0], [200.0, 200.0])
    table = run_frames(slow, spans(), FrameSettings(), end_s=50.0).table
    # 3 tasks x 8 Hz x 0.01 FLOP on 0.2 FLOP/s: 1.2; at the other server 2 bytes each on 1: 0.48
    assert table["compute_load"].tolist() == pytest.approx([1.2] * 3 + [0.48] * 3)
    assert table["unstable"].tolist() == [1, 1, 1, 0, 0, 0]
    # reserved: 3 x 8 bit/byte x 0.5 x 8 Hz = 96 bit/s on link 0; at 48 bit/s slices run at half speed
    half = Conditions(capacity_bps={"s0": Steps([0.0], [48.0])})
    for sharing in ("reserved", "fair"):
        table = run_frames(NETWORK, spans(), FrameSettings(sharing=sharing), end_s=50.0, conditions=half).table
        assert table["unstable"].tolist() == [1, 1, 1, 0, 0, 0]
        assert table["uplink_load"][:3] == pytest.approx(2.0)


def test_a_load_is_told_however_small_it_is_against_others_that_are_gone():
    # 1e13 FLOP and 8e13 bit/s for 5 s; then 1 FLOP a second on 1e15 FLOP/s, and 8 bit/s on a link that gives 4
    profile = Profile("p", (1,), 1.0, (Layer("l", 1.0, (1,), 1.0),))
    large, small, idle = (
        Span(Task(name, start, profile, 1.0, 1.0, [0], [input_bytes]), cut, start, end, "departed")
        for name, start, end, input_bytes, cut in (
            ("large", 0.0, 5.0, 1e13, 1), ("small", 5.0, 15.0, 1.0, 1), ("idle", 15.0, 25.0, 1.0, 0)
        )
    )  # fmt: skip
    narrow = Conditions(capacity_bps={"s0": Steps([0.0, 5.0], [8e13, 4.0])})
    for sharing in ("reserved", "fair"):
        table = run_frames(
            Network([1e15], [8e13]), [large, small, idle], FrameSettings(sharing=sharing), end_s=30.0, conditions=narrow
        ).table
        assert table["compute_load"].tolist() == [0.01, 1e-15, 0.0]
        assert table["uplink_load"].tolist() == [1.0, 2.0, 2.0]
        assert table["unstable"].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"arrivals": "poison"}, "did you mean 'poisson'"),
        ({"jitter": 0.5}, "jitter is 0.5 with periodic arrivals"),
        ({"arrivals": "jittered", "jitter": 1.5}, "0 to 1"),
        ({"sizes": "lognormal"}, "size_cv is 0.0"),
        ({"sizes": "lognormal", "size_cv": 1e200}, r"size_cv is 1e\+200; .* at most 1,000,000"),
        ({"sizes": "exponential", "size_cv": 2.0}, "size_cv is 2.0"),
        ({"propagation_s": -1.0}, "propagation_s"),
        ({"propagation_s": float("nan")}, "propagation_s"),
        ({"window_frames": 0}, "window_frames"),
        ({"series_s": 0.0}, "series_s"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(bad, words):
    with pytest.raises(InputError, match=words):
        FrameSettings(**bad)


def test_runs_that_cannot_be_walked_are_refused():
    twice = [spans()[0], spans()[0]]
    with pytest.raises(InputError, match="'t0' is deployed twice"):
        run_frames(NETWORK, twice, FrameSettings(), end_s=1.0)
    with pytest.raises(InputError, match="end_s"):
        run_frames(NETWORK, spans(), FrameSettings(), end_s=float("inf"))
    shared = Network([1.0, 1.0], [200.0], routes=[[1, 1]])
    with pytest.raises(InputError, match="'l0' carries several servers"):
        run_frames(shared, spans(), FrameSettings(sharing="fair"), end_s=1.0)
    with pytest.raises(InputError, match="3 values of propagation_s for 2 servers"):
        run_frames(NETWORK, spans(), FrameSettings(propagation_s=[0, 1, 2]), end_s=1.0)
    with pytest.raises(InputError, match="no frames given for task 't0'"):
        run_frames(NETWORK, spans(), FrameSettings(), end_s=1.0, given={})
    back = {(f"t{j}", f"s{i}"): (np.array([1.0, 0.5]), np.ones(2)) for j in range(3) for i in range(2)}
    with pytest.raises(InputError, match="never go back"):
        run_frames(NETWORK, spans(), FrameSettings(), end_s=1.0, given=back)


def test_windows_that_memory_could_not_hold_are_refused_and_the_least_width_allowed_is_walked():
    # two servers and two links: five rows a window, so 2 million windows; 40 s / 2e6 = 20 us
    for width in (1e-50, 1e-9, 1.9e-5):
        with pytest.raises(InputError, match=r"series_s is .* windows up to 40 s .* allowed: 2.01e-05 or more"):
            run_frames(NETWORK, spans(), FrameSettings(series_s=width), end_s=40.0)
    check(spans(), NETWORK, FrameSettings(series_s=2.01e-5), 40.0)
    with pytest.raises(InputError, match=r"series_s is 1, 1.7e\+09 windows up to 1.7e\+09 s"):
        run_frames(NETWORK, spans(), FrameSettings(series_s=1.0), end_s=1.7e9)


@pytest.mark.parametrize("arrivals", ["periodic", "poisson"])
def test_frames_that_never_end_are_refused(arrivals):
    settings = FrameSettings(arrivals=arrivals)

    def walk(rate_hz, start_s, lasts_s):
        task = Task("t", start_s, PROFILE, rate_hz, 0.5, [0], [1e-9])
        return run_frames(NETWORK, [Span(task, 1, start_s, start_s + lasts_s, "departed")], settings, end_s=2e12)

    with pytest.raises(InputError, match=r"1e\+31 frames expected, most of task 't' .* allowed: 1e\+12 in a run"):
        walk(1e30, 0.0, 10.0)
    # a float near 1e12 has its last place at 2^-13 s: 16 of them are 2^-9 s, 512 Hz
    with pytest.raises(InputError, match=r"task 't': frame_rate_hz is 1e\+06, but at 1e\+12 s .* 509 or less there"):
        walk(1e6, 1e12, 0.001)
    assert walk(509.0, 1e12, 10.0).table["frames"].sum() > 4000


def test_a_run_without_tasks_has_no_frames():
    results = run_frames(NETWORK, [], FrameSettings(series_s=1.0), end_s=2.0, keep_frames=True)
    assert results.summary()["frames"] == 0 and results.summary()["transfer_mean_s"] is None
    assert len(results.kept.fate) == 0 and results.series["frames"].tolist() == [0, 0]


@pytest.mark.parametrize("end_s", [1e4, 1e8])
def test_windows_hold_as_many_frames_whether_streams_are_busy_or_quiet(monkeypatch, end_s):
    # 100,000 frames in the first second, then none, then one every hundredth of what is left: 50 of them
    profile = Profile("camera", (8,), 8.0, (Layer("conv", 0.0, (4,), 4.0),))
    fast, slow = (Task(name, 0.0, profile, hz, 1.0, [0], [8.0]) for name, hz in (("fast", 1e5), ("slow", 100 / end_s)))
    spans = [Span(fast, 1, 0.0, 1.0, "departed"), Span(slow, 1, end_s / 2)]
    windows, draw = [], Streams.before

    def counted(streams, until_s):
        frames = draw(streams, until_s)
        windows.append(frames.total)
        return frames

    monkeypatch.setattr(Streams, "before", counted)
    table = run_frames(Network([1.0], [1e12]), spans, FrameSettings(window_frames=1000), end_s=end_s).table
    assert table["frames"].tolist() == [100_000, 50] and sum(windows) == 100_050
    assert len(windows) == 100 and max(windows) <= 1100
