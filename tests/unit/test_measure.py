"""What is measured is what the published tables say, and what is shipped."""

import math
import sys

import pytest

from cutlayer import models
from cutlayer.profiles import measure as module
from cutlayer.profiles import store
from cutlayer.profiles.measure import measure, measure_all, network_names, parse_shape
from cutlayer.simulator.errors import InputError

SHIPPED = store.shipped()


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def untimed(torch, monkeypatch):
    """Count without running: for what does not depend on time."""

    def no_time(name, input_shape, device, repeats, warmup):
        zeros = [0.0] * len(SHIPPED[name].layers)
        return zeros, zeros

    monkeypatch.setattr(module, "_time", no_time)


# Worked by hand from the published tables: FLOP = 2 x height x width x filters x (inputs x kernel^2).
BY_HAND = [
    ("alexnet", "conv1", 2 * 55 * 55 * 64 * 363, 140_553_600, 46_656),
    ("alexnet", "conv2", 2 * 27 * 27 * 192 * 1600, 447_897_600, 32_448),
    ("alexnet", "fc6", 2 * 9216 * 4096, 75_497_472, 4_096),
    ("lenet-5", "conv1", 2 * 28 * 28 * 6 * 25, 235_200, 1_176),
    ("lenet-5", "conv3", 2 * 10 * 10 * 16 * 150, 480_000, 400),
    ("lenet-5", "fc6", 2 * 120 * 84, 20_160, 84),
    ("cifar10-quick", "conv1", 2 * 32 * 32 * 32 * 75, 4_915_200, 8_192),
    ("cifar10-quick", "conv3", 2 * 8 * 8 * 64 * 800, 6_553_600, 1_024),
    ("zfnet", "conv1", 2 * 110 * 110 * 96 * 147, 341_510_400, 290_400),
    ("zfnet", "conv2", 2 * 26 * 26 * 256 * 2400, 830_668_800, 43_264),
    ("cnn-m", "conv1", 2 * 109 * 109 * 96 * 147, 335_329_344, 279_936),
    ("cnn-m", "full6", 2 * 18432 * 4096, 150_994_944, 4_096),
    ("cnn-s", "conv2", 2 * 35 * 35 * 256 * 2400, 1_505_280_000, 82_944),
    ("overfeat-fast", "conv1", 2 * 56 * 56 * 96 * 363, 218_566_656, 75_264),
    ("overfeat-fast", "conv2", 2 * 24 * 24 * 256 * 2400, 707_788_800, 36_864),
    ("darknet-reference", "conv1", 2 * 224 * 224 * 16 * 27, 43_352_064, 200_704),
    ("darknet-reference", "conv7", 2 * 4 * 4 * 1024 * 4608, 150_994_944, 16_384),
    ("darknet-reference", "conv8", 2 * 4 * 4 * 1000 * 1024, 32_768_000, 1_000),
    ("tiny-yolo-v2", "conv1", 2 * 416 * 416 * 16 * 27, 149_520_384, 692_224),
    ("tiny-yolo-v2", "conv6", 2 * 13 * 13 * 512 * 2304, 398_721_024, 86_528),
    ("tiny-yolo-v2", "conv9", 2 * 13 * 13 * 125 * 1024, 43_264_000, 21_125),
    ("squeezenet-1-1", "conv1", 2 * 111 * 111 * 64 * 27, 42_581_376, 193_600),
    ("squeezenet-1-1", "fire2", 2 * 55 * 55 * (64 * 16 + 16 * 64 + 16 * 64 * 9), 68_147_200, 387_200),
    ("squeezenet-1-1", "conv10", 2 * 13 * 13 * 1000 * 512, 173_056_000, 1_000),
]


@pytest.mark.parametrize(("name", "layer", "product", "flop", "size"), BY_HAND)
def test_shipped_layers_are_as_worked_by_hand(name, layer, product, flop, size):
    (found,) = [row for row in SHIPPED[name].layers if row.name == layer]
    assert product == flop
    assert (found.flop, found.output_bytes) == (flop, size)


@pytest.mark.parametrize(
    ("name", "flop"),
    [
        ("alexnet", 1_428_376_960),
        ("lenet-5", 235_200 + 480_000 + 96_000 + 20_160 + 1_680),
        ("cifar10-quick", 4_915_200 + 13_107_200 + 6_553_600 + 131_072 + 1_280),
    ],
)
def test_the_whole_network_takes_the_published_flop(name, flop):
    assert sum(layer.flop for layer in SHIPPED[name].layers) == flop


@pytest.mark.parametrize(("name", "gflop"), [("darknet-reference", 0.807), ("tiny-yolo-v2", 6.97)])
def test_darknets_own_totals_are_met(name, gflop):
    assert sum(layer.flop for layer in SHIPPED[name].layers) / 1e9 == pytest.approx(gflop, abs=0.005)


def test_alexnets_ratios_are_bytes_over_the_bytes_of_the_input():
    assert SHIPPED["alexnet"].input_bytes == 3 * 224 * 224 == 150_528
    assert SHIPPED["alexnet"].ratio[0] == 46_656 / 150_528
    assert SHIPPED["alexnet"].flop_per_byte[-1] == pytest.approx(1_428_376_960 / 150_528, rel=1e-12)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_measuring_again_gives_the_shipped_flop_and_bytes(name, untimed):
    def counted(profile):
        rows = [(x.name, x.flop, x.output_shape, x.output_bytes) for x in profile.layers]
        return profile.name, profile.input_shape, profile.input_bytes, rows

    assert counted(measure(name)) == counted(SHIPPED[name])


def test_every_network_is_shipped_measured_and_timed(torch):
    assert sorted(SHIPPED) == network_names() == sorted(models.networks())
    for profile in SHIPPED.values():
        assert profile.provenance["kind"] == "measured"
        assert all(layer.time_s > 0 and layer.time_spread_s >= 0 for layer in profile.layers)


@pytest.mark.parametrize(("wire", "factor"), [("uint8", 1), ("float16", 2), ("float32", 4)])
def test_the_wire_scales_all_bytes_and_no_ratio(wire, factor, untimed):
    profile = measure("lenet-5", wire=wire)
    assert profile.input_bytes == 1024 * factor
    assert [layer.output_bytes for layer in profile.layers] == [n * factor for n in (1176, 400, 120, 84, 10)]
    assert profile.ratio.tolist() == SHIPPED["lenet-5"].ratio.tolist()


def test_an_input_of_another_size_is_counted_where_no_layer_forbids_it(untimed):
    profile = measure("darknet-reference", input_shape=(3, 448, 448))
    assert profile.layers[0].output_shape == (16, 224, 224)
    assert profile.layers[0].flop == 4 * 43_352_064
    assert profile.layers[-1].output_shape == (1000,)


def test_measuring_takes_times_on_one_thread_and_restores_torch(torch, monkeypatch):
    threads, seen = torch.get_num_threads(), []
    run = module._frame_times
    monkeypatch.setattr(module, "_frame_times", lambda *args: seen.append(torch.get_num_threads()) or run(*args))
    before = torch.get_rng_state()
    profile = measure("lenet-5", repeats=4, warmup=2)
    assert seen == [1] * 6
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)
    assert all(0 < layer.time_s < 1 and 0 <= layer.time_spread_s < 1 for layer in profile.layers)
    assert profile.provenance["repeats"] == 4


def test_time_is_the_median_and_its_spread_the_interquartile_range(torch, monkeypatch):
    frames = iter([[9.0] * 5, [1.0] * 5, [5.0] * 5, [2.0] * 5, [4.0] * 5, [3.0] * 5])  # the first warms up
    monkeypatch.setattr(module, "_frame_times", lambda *args: next(frames))
    profile = measure("lenet-5", repeats=5, warmup=1)
    assert {(layer.time_s, layer.time_spread_s) for layer in profile.layers} == {(3.0, 2.0)}


def test_threads_are_restored_when_a_layer_fails(torch, monkeypatch):
    def fail(*args):
        raise RuntimeError("out of memory\nand a page more")

    threads = torch.get_num_threads()
    monkeypatch.setattr(module, "_frame_times", fail)
    with pytest.raises(InputError, match=r"lenet-5.*1x32x32 does not run on cpu \(out of memory\)$"):
        measure("lenet-5")
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "alexnt"}, r"unknown network 'alexnt'; did you mean 'alexnet'\?"),
        ({"wire": "uint16"}, r"unknown wire 'uint16'; did you mean"),
        ({"device": "gpu"}, r"unknown device 'gpu'; "),
        ({"repeats": 0}, r"repeats is 0; allowed: whole numbers from 1"),
        ({"repeats": True}, r"repeats is True; allowed"),
        ({"warmup": -1}, r"warmup is -1; allowed: whole numbers from 0"),
        ({"input_shape": (3, 224)}, r"input '3x224'; allowed: CxHxW"),
        ({"input_shape": (3, 0, 224)}, r"input '3x0x224'; allowed: CxHxW"),
        ({"input_shape": (1, 224, 224)}, r"'alexnet', layer 'conv1': an input of 1x224x224 does not fit \("),
        ({"input_shape": (3, 20, 20)}, r"'alexnet', layer 'conv2': an input of 3x20x20 does not fit \("),
        ({"input_shape": (3, 256, 256)}, r"'alexnet', layer 'fc6': .*; the published input is 3x224x224$"),
    ],
)
def test_what_cannot_be_measured_is_one_line_that_says_why(torch, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        measure(**{"name": "alexnet", **arguments})
    assert "\n" not in str(caught.value)


def test_a_missing_gpu_is_said(torch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device 'cuda' is not available here; allowed: cpu"):
        measure("lenet-5", device="cuda")


@pytest.mark.parametrize("call", [lambda: measure("lenet-5"), lambda: measure_all("all", "."), network_names])
def test_without_torch_the_extra_to_install_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"^profiling needs torch: pip install cutlayer\[profile\]$"):
        call()


@pytest.mark.parametrize(
    "text",
    ["3x224", "3x224x224x1", "3,224,224", "0x2x2", "3x-1x2", "ax2x2", "", "3x2x1e3", "3x100000x1", " 3x2x2",
     "3x2x2\n", "٣x2x2"],
)  # fmt: skip
def test_bad_input_shapes_are_refused(text):
    with pytest.raises(InputError, match="allowed: CxHxW, each from 1 to 99999"):
        parse_shape(text)


def test_measure_all_writes_one_file_a_network_and_tells_of_each(untimed, tmp_path):
    told = []
    paths = measure_all(["lenet-5", "alexnet", "lenet-5"], tmp_path / "a" / "b", progress=told.append)
    assert told == ["lenet-5", "alexnet"]
    assert [path.name for path in paths] == ["lenet-5.json", "alexnet.json"]
    assert sorted(store.load_dir(tmp_path / "a" / "b")) == ["alexnet", "lenet-5"]
    assert math.fsum(x.flop for x in store.load(paths[1]).layers) == 1_428_376_960


def test_measure_all_measures_all(untimed, tmp_path):
    assert [path.stem for path in measure_all("all", tmp_path)] == sorted(SHIPPED)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["lenet-5", "alexnt"]}, "unknown network 'alexnt'"),
        ({"names": ["darknet-reference", "alexnet"], "input_text": "3x448x448"}, "'alexnet', layer 'fc6'"),
        ({"names": "lenet-5", "input_text": "1x32"}, "input '1x32'"),
        ({"names": "lenet-5", "wire": "int8"}, "unknown wire"),
    ],
)
def test_measure_all_writes_nothing_when_one_fails(untimed, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        measure_all(out_dir=tmp_path / "out", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_said_before_anything_is_measured(torch, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="out: is not a folder"):
        measure_all("lenet-5", tmp_path / "out", progress=pytest.fail)
    assert (tmp_path / "out").read_text() == "mine"
