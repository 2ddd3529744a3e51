"""Times of a device that is not at hand: by hand, fitted, and marked."""

import numpy as np
import pytest

from cutlayer.profiles import store
from cutlayer.profiles.roofline import Device, estimate, fit, load_device, save_device
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Layer, Profile

BOX = Device("box", 1e9, 1e8, 1e-3)


def made(name, rows, device=None, fast=1.0):
    """Return a profile of rows (FLOP, values out, bytes of weights), timed by the roofline of a device."""
    layers = tuple(Layer(f"l{k}", f, (n,), n, {}, w, 8 * n) for k, (f, n, w) in enumerate(rows))
    profile = Profile(name, (100,), 100, layers, {"kind": "measured"})
    times = device.times(profile) * fast if device else []
    timed = tuple(
        Layer(
            x.name,
            x.flop,
            x.output_shapes,
            x.output_bytes,
            {device.name: (float(t), 0.0)},
            x.weight_bytes,
            x.working_bytes,
        )
        for x, t in zip(layers, times, strict=device is not None)
    )
    return Profile(name, (100,), 100, timed if device else layers, {"kind": "measured"})


def test_a_row_takes_its_flop_or_its_bytes_and_a_fixed_cost():
    # row 1: 5 MFLOP at 1 GFLOP/s = 5 ms against (400 + 80 + 1,000) bytes at 100 MB/s: 5 + 1 ms
    # row 2: 1 kFLOP against 200,000 + 4 x (20 + 30) = 200,200 bytes: 2.002 + 1 ms
    profile = made("two", [(5e6, 20, 1_000), (1e3, 30, 200_000)])
    assert BOX.times(profile) == pytest.approx([6e-3, 3.002e-3], rel=1e-12)


def drawn(count, device, seed=0):
    rng = np.random.default_rng(seed)

    def row():
        return float(10 ** rng.uniform(5, 10)), int(10 ** rng.uniform(2, 5)), int(10 ** rng.uniform(2, 7))

    return [made(f"n{i}", [row() for _ in range(12)], device) for i in range(count)]


def estimated():
    return [estimate(profile, Device("two", 1e9, 1e9, 0), "box", []) for profile in drawn(2, BOX)]


def test_a_fit_finds_the_roofline_that_made_the_times():
    device, errors = fit("box", drawn(5, BOX))
    assert device.flop_per_s == pytest.approx(1e9, rel=1e-3)
    assert device.memory_bytes_per_s == pytest.approx(1e8, rel=1e-3)
    assert device.row_s == pytest.approx(1e-3, rel=1e-3)
    assert max(map(abs, errors.values())) < 1e-3
    assert list(errors) == ["n0", "n1", "n2", "n3", "n4"]


def test_an_estimate_is_the_other_roofline_and_marked():
    other = Device("other", 4e9, 5e8, 1e-4, 0.1)
    profiles = drawn(4, BOX)
    found = estimate(profiles[0], other, "box", profiles)
    assert [layer.time_s["other"][0] for layer in found.layers] == pytest.approx(
        other.times(profiles[0]).tolist(), rel=1e-2
    )
    assert found.devices == ("box", "other")
    assert found.is_estimated("other")
    assert not found.is_estimated("box")
    assert found.provenance["devices"]["other"]["roofline"]["error"] == 0.1


def test_what_a_roofline_does_not_know_of_a_row_is_carried_over():
    other = Device("other", 2e9, 2e8, 5e-4)  # twice as fast in all
    slow = made("slow", [(1e9, 100, 100), (2e9, 50, 100), (3e9, 10, 100)], BOX, fast=7.0)
    found = estimate(slow, other, "box", drawn(4, BOX))
    ratio = [new.time_s["other"][0] / old.time_s["box"][0] for new, old in zip(found.layers, slow.layers, strict=True)]
    assert ratio == pytest.approx([ratio[0]] * 3, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit("box", drawn(1, BOX)), "1 profile; allowed: two or more"),
        (lambda: fit("pi", drawn(2, BOX)), "profile 'n1' has no times on device 'pi'; it has box"),
        (lambda: estimate(drawn(1, BOX)[0], BOX, "box", []), "has measured times on 'box'; allowed: another name"),
        (lambda: Device("x", 0.0, 1.0, 0.0), "flop_per_s is 0.0; allowed: above 0"),
        (lambda: fit("two", estimated()), "are estimated; allowed: measured"),
    ],
)
def test_a_fault_is_one_line(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_device_file_is_read_as_it_is_written(tmp_path):
    device = Device("box", 1e9, 1e8, 1e-3, 0.25)
    save_device(device, tmp_path / "box.toml")
    assert load_device(tmp_path / "box.toml") == device


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\nflop_per_s = 1\nmemory_bytes_per_s = 1", "row_s is None; allowed: a number"),
        ("name = 'x'\nflop_per_s = true\nmemory_bytes_per_s = 1\nrow_s = 0", "flop_per_s is True; allowed: a number"),
        ("name = 3\nflop_per_s = 1\nmemory_bytes_per_s = 1\nrow_s = 0", "name is 3; allowed: text"),
        ("name = 'x'\nflops = 1", "unknown key of a device file 'flops'; known: error, flop_per_s"),
        ("name = 'x'\nflop_per_s = -1\nmemory_bytes_per_s = 1\nrow_s = 0", "flop_per_s is -1; allowed: above 0"),
        ("name =", "cannot be read as a device file"),
    ],
)
def test_a_fault_in_a_device_file_is_one_line_with_the_file(text, message, tmp_path):
    (tmp_path / "d.toml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_device(tmp_path / "d.toml")
    assert "d.toml" in str(caught.value)


def test_the_shipped_networks_fit_one_roofline_and_the_error_is_said():
    profiles = list(store.paper().values())
    device, errors = fit("epyc-1t", profiles)
    assert len(errors) == 10
    assert 0 < device.error < 1
    assert 1e9 < device.flop_per_s < 1e12
