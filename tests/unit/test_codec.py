"""What a codec makes of tensors: by hand, and of a model's on frames."""

import zlib

import numpy as np
import pytest

from cutlayer.profiles.codec import CODECS, as_sent
from cutlayer.simulator.errors import InputError


def unfiltered(data, shape):
    """Undo the png-like filters, byte by byte, as the PNG specification says it."""
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape[0], shape[1] + 1)
    found = np.zeros(shape, np.int64)
    for y, (kind, *line) in enumerate(rows.tolist()):
        for x, byte in enumerate(line):
            left = found[y, x - 1] if x else 0
            above = found[y - 1, x] if y else 0
            found[y, x] = (byte + (0, left, above, (left + above) // 2)[kind]) % 256
    return found


@pytest.mark.parametrize("seed", range(5))
def test_both_codecs_lose_nothing(seed):
    rng = np.random.default_rng(seed)
    rows = (
        rng.integers(0, 256, (9, 7), dtype=np.uint8)
        if seed
        else np.add.outer(np.arange(9), np.arange(7)).astype(np.uint8)
    )
    assert zlib.decompress(CODECS["zlib"](rows)) == rows.tobytes()
    assert unfiltered(CODECS["png-like"](rows), rows.shape).tolist() == rows.tolist()


def test_a_slope_is_smaller_when_predicted():
    slope = (np.add.outer(np.arange(64) * 3, np.arange(64) * 5) % 256).astype(np.uint8)
    assert len(CODECS["png-like"](slope)) < len(CODECS["zlib"](slope)) / 2


def test_values_are_sent_as_the_wire_says():
    values = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)
    assert as_sent(values, "uint8").tolist() == [[0, 128, 255]]
    assert as_sent(values, "float16").tobytes() == values.astype(np.float16).tobytes()
    assert as_sent(np.zeros((2, 3), np.float32), "uint8").tolist() == [[0, 0, 0], [0, 0, 0]]
    assert as_sent(np.array([[1, 258]], np.int64), "uint8").shape == (1, 16)


def test_bytes_by_cut_are_those_of_real_tensors(tmp_path):
    pytest.importorskip("torch")
    from cutlayer.profiles.measure import measure

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", rng.random((1, 32, 32), dtype=np.float32))
    plain = measure("lenet-5", repeats=5, warmup=1, name="here")
    found = measure("lenet-5", repeats=5, warmup=1, name="here", codec="zlib", frames=tmp_path)
    assert [x.flop for x in found.layers] == [x.flop for x in plain.layers]
    assert 900 < found.raw_bytes < 1100  # noise does not compress
    assert 0 < found.layers[0].output_bytes < plain.layers[0].output_bytes * 1.1
    assert len(found.provenance["codec"]["time_s"]["here"]) == len(found) + 1
    assert found.provenance["codec"]["frames"] == 2
    for fault, message in [((3, 3), "holds 3x3 of float64; allowed: 1x32x32"), (None, "cannot be read as a frame")]:
        (tmp_path / "c.npy").write_bytes(b"no")
        if fault:
            np.save(tmp_path / "c.npy", np.zeros(fault))
        with pytest.raises(InputError, match=message):
            measure("lenet-5", repeats=5, warmup=1, codec="zlib", frames=tmp_path)
    with pytest.raises(InputError, match="unknown codec 'zlibb'; did you mean 'zlib'"):
        measure("lenet-5", repeats=5, warmup=1, codec="zlibb", frames=tmp_path)
