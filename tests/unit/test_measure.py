"""What is measured is what the published tables say, and what is shipped."""

import math
import sys
from dataclasses import replace

import pytest

from cutlayer import models
from cutlayer.profiles import measure as module
from cutlayer.profiles import source as source_module
from cutlayer.profiles import store
from cutlayer.profiles.measure import measure, measure_all, network_names
from cutlayer.profiles.source import parse_inputs
from cutlayer.simulator.errors import InputError

SHIPPED = store.shipped()
LATER = sorted(set(SHIPPED) - set(store.PAPER))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def untimed(torch, monkeypatch):
    """Count without running: for what does not depend on time."""

    def no_time(source, device, threads, repeats, warmup):
        return [(0.0, 0.0)] * len(source.chain), 1.0

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


@pytest.mark.parametrize("name", [*store.PAPER, *(pytest.param(n, marks=pytest.mark.slow) for n in LATER)])
def test_measuring_again_gives_the_shipped_flop_bytes_and_memory(name, untimed):
    def counted(profile):
        rows = [replace(row, time_s={}) for row in profile.layers]
        return profile.name, profile.input_shape, profile.input_bytes, profile.raw_bytes, rows

    assert counted(measure(name)) == counted(SHIPPED[name])


def test_every_network_is_shipped_measured_and_timed(torch):
    assert sorted(SHIPPED) == network_names() == sorted(models.networks())
    for profile in SHIPPED.values():
        assert profile.provenance["kind"] == "measured"
        assert profile.devices
        assert all(profile.seconds_per_byte(device)[0] > 0 for device in profile.devices)
        assert profile.working_bytes[0] > 0


def test_memory_of_alexnet_is_its_weights_by_hand():
    assert SHIPPED["alexnet"].weight_bytes[-1] == 61_100_840 * 4
    assert SHIPPED["alexnet"].weight_bytes[4] == 2_469_696 * 4 == 9_878_784


@pytest.mark.parametrize(("wire", "factor"), [("uint8", 1), ("float16", 2), ("float32", 4)])
def test_the_wire_scales_all_bytes_and_no_ratio(wire, factor, untimed):
    profile = measure("lenet-5", wire=wire)
    assert profile.input_bytes == 1024 * factor
    assert [layer.output_bytes for layer in profile.layers] == [n * factor for n in (1176, 400, 120, 84, 10)]
    assert profile.ratio.tolist() == SHIPPED["lenet-5"].ratio.tolist()


def test_an_input_of_another_size_is_counted_where_no_layer_forbids_it(untimed):
    profile = measure("darknet-reference", input_text="3x448x448")
    assert profile.layers[0].output_shapes == ((16, 224, 224),)
    assert profile.layers[0].flop == 4 * 43_352_064
    assert profile.layers[-1].output_shapes == ((1000,),)


def test_measuring_takes_times_on_its_threads_and_restores_torch(torch, monkeypatch):
    threads, seen = torch.get_num_threads(), []
    run = source_module._step
    monkeypatch.setattr(source_module, "_step", lambda *args: seen.append(torch.get_num_threads()) or run(*args))
    before = torch.get_rng_state()
    profile = measure("lenet-5", repeats=4, warmup=2, name="mine", threads=2)
    assert seen[: 6 * 6] == [2] * 6 * 6  # five rows and the whole, six times
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)
    assert profile.devices == ("mine",)
    assert all(0 < layer.time_s["mine"][0] < 1 and 0 <= layer.time_s["mine"][1] < 1 for layer in profile.layers)
    assert profile.provenance["devices"]["mine"]["repeats"] == 4


def test_time_is_the_median_and_its_spread_the_interquartile_range(torch, monkeypatch):
    frames = [[value] * 5 + [5 * value] for value in (1.0, 5.0, 2.0, 4.0, 3.0)]
    monkeypatch.setattr(source_module.Source, "times", lambda *args: iter(frames))
    profile = measure("lenet-5", name="mine")
    assert {layer.time_s["mine"] for layer in profile.layers} == {(3.0, 2.0)}
    assert profile.provenance["devices"]["mine"]["rows_over_whole"] == 1.0


def test_rows_that_do_not_add_up_to_the_whole_are_measured_again_and_then_refused(torch, monkeypatch):
    tries = []
    monkeypatch.setattr(source_module.Source, "times", lambda *args: tries.append(1) or iter([[1.0] * 5 + [2.0]]))
    with pytest.raises(
        InputError, match=r"'lenet-5': its rows take 5 s together and the whole 2 s, three times; allowed"
    ):
        measure("lenet-5")
    assert len(tries) == 3


def test_threads_are_restored_when_a_row_fails(torch, monkeypatch):
    def fail(*args):
        raise RuntimeError("out of memory\nand a page more")

    threads = torch.get_num_threads()
    monkeypatch.setattr(source_module, "_step", fail)
    with pytest.raises(InputError, match=r"lenet-5.*1x32x32 does not run on cpu \(out of memory\)$"):
        measure("lenet-5", threads=2)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "alexnt"}, r"unknown network 'alexnt'; did you mean 'alexnet'\?"),
        ({"wire": "uint16"}, r"unknown wire 'uint16'; did you mean"),
        ({"device": "gpu"}, r"unknown device 'gpu'; "),
        ({"repeats": 0}, r"repeats is 0; allowed: whole numbers from 1"),
        ({"repeats": True}, r"repeats is True; allowed"),
        ({"warmup": -1}, r"warmup is -1; allowed: whole numbers from 0"),
        ({"threads": 0}, r"threads is 0; allowed: whole numbers from 1"),
        ({"codec": "zlib"}, r"codec 'zlib' is measured on frames; give a folder"),
        ({"frames": "."}, r"frames are for a codec; give one"),
        ({"input_text": "1x224x224"}, r"'alexnet' with input 1x224x224 cannot be exported: .*3 channels"),
        ({"input_text": "3x20x20"}, r"'alexnet' with input 3x20x20 cannot be exported: "),
    ],
)
def test_what_cannot_be_measured_is_one_line_that_says_why(torch, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        measure(**{"model": "alexnet", **arguments})
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
    ["", "3,,4", "0x2x2", "3x-1x2", "ax2x2", "3x2x1e3", "3x1000000x1", "3x2x2\n3", "٣x2x2", "a=", "a=3,4", "a=3,a=4",
     "3:", "3:int65", "a b=3"],
)  # fmt: skip
def test_bad_inputs_are_refused(text):
    with pytest.raises(InputError, match=r"allowed: |did you mean"):
        parse_inputs(text)


@pytest.mark.parametrize("text", ["3x224x224", "77:int64", "image=3x8x8,tokens=77:int64", "3,4:bool"])
def test_inputs_are_read_as_they_are_written(text):
    assert ",".join(map(str, parse_inputs(text))) == text


def test_measure_all_writes_one_file_a_network_and_tells_of_each(untimed, tmp_path):
    told = []
    paths = measure_all(["lenet-5", "alexnet", "lenet-5"], tmp_path / "a" / "b", progress=told.append)
    assert told == ["lenet-5", "alexnet"]
    assert [path.name for path in paths] == ["lenet-5.json", "alexnet.json"]
    assert sorted(store.load_dir(tmp_path / "a" / "b")) == ["alexnet", "lenet-5"]
    assert math.fsum(x.flop for x in store.load(paths[1]).layers) == 1_428_376_960


def test_measure_all_measures_all(untimed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "network_names", lambda: ["alexnet", "lenet-5"])
    assert [path.stem for path in measure_all("all", tmp_path)] == ["alexnet", "lenet-5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["lenet-5", "alexnt"]}, "unknown network 'alexnt'"),
        ({"names": ["darknet-reference", "alexnet"], "input_text": "3x448x448"}, "'alexnet' with input 3x448x448"),
        ({"names": "lenet-5", "input_text": "1xx32"}, "input '1xx32'"),
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


def test_times_of_another_device_are_added_and_the_others_are_kept(untimed, tmp_path):
    measure_all("lenet-5", tmp_path, name="one")
    (path,) = measure_all("lenet-5", tmp_path, name="two")
    both = store.load(path)
    assert both.devices == ("epyc-1t", "xeon-1t", "one", "two")  # the shipped ones are kept, too
    assert both.layers[0].time_s["epyc-1t"] == SHIPPED["lenet-5"].layers[0].time_s["epyc-1t"]
    assert sorted(both.provenance["devices"]) == ["epyc-1t", "one", "two", "xeon-1t"]


def test_a_named_device_is_not_added_to_other_rows(untimed, tmp_path):
    measure_all("lenet-5", tmp_path, wire="float32")
    before = (tmp_path / "lenet-5.json").read_bytes()
    with pytest.raises(InputError, match="has other rows than this model; allowed: "):
        measure_all("lenet-5", tmp_path, name="mine")
    assert (tmp_path / "lenet-5.json").read_bytes() == before
