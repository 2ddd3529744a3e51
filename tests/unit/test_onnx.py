"""ONNX files: read, cut with onnx's own extractor, and refused in one line."""

import json

import numpy as np
import pytest

from cutlayer.profiles.cut import cut
from cutlayer.profiles.measure import measure, measure_all
from cutlayer.simulator.errors import InputError

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT


def weight(name, *shape):
    values = np.random.default_rng(len(name)).standard_normal(shape).astype(np.float32)
    return onnx.numpy_helper.from_array(values, name)


def residual(batch=1, extra=()):
    """Return conv -> relu -> (conv -> add) -> pool -> gemm, named as torch's exporter names nodes."""
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "/layer1/layer1.0/conv1/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], "/layer1/layer1.0/relu/Relu"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "/layer1/layer1.0/conv2/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "b"], ["d"], "/layer1/layer1.0/Add"),
        helper.make_node("GlobalAveragePool", ["d"], ["e"], "/pool/GlobalAveragePool"),
        helper.make_node("Flatten", ["e"], ["f"], "/Flatten"),
        helper.make_node("Gemm", ["f", "w3"], ["y"], "/fc/Gemm", transB=1),
        *extra,
    ]
    x = helper.make_tensor_value_info("x", FLOAT, [batch, 3, 8, 8])
    y = helper.make_tensor_value_info("y", FLOAT, [batch, 5])
    weights = [weight("w1", 4, 3, 3, 3), weight("w2", 4, 4, 3, 3), weight("w3", 5, 4)]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def model(tmp_path):
    onnx.save(residual("batch"), tmp_path / "net.onnx")
    return str(tmp_path / "net.onnx")


def test_an_onnx_file_is_measured_row_by_row(model):
    profile = measure(model, repeats=3, warmup=1, name="here")
    rows = [(row.name, row.flop, row.output_bytes, row.output_shapes) for row in profile.layers]
    assert rows == [
        ("layer1.0.conv1", 2 * 4 * 64 * 27, 256, ((4, 8, 8),)),
        ("layer1.0.conv2", 2 * 4 * 64 * 36, 4, ((4,),)),
        ("fc", 2 * 5 * 4, 5, ((5,),)),
    ]
    assert [row.weight_bytes for row in profile.layers] == [4 * 108, 4 * 144, 4 * 20]
    assert profile.working_bytes[0] == 4 * (256 + 256)  # what a relu reads and makes
    assert profile.devices == ("here",)
    assert profile.name == "net"


def run(path, feeds):
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True))


@pytest.mark.parametrize("after", [1, "layer1.0.conv2", 3])
def test_edge_then_cloud_is_the_whole(model, tmp_path, after):
    if after == 3:
        with pytest.raises(InputError, match="passes"):
            cut(model, after, tmp_path / "out")
        return
    edge, cloud, described = cut(model, after, tmp_path / "out")
    frame = np.random.default_rng(1).random((1, 3, 8, 8), dtype=np.float32)
    crossing = run(edge, {"x": frame})
    assert list(crossing) == [one["name"] for one in json.loads(described.read_text())["crosses"]]
    assert run(cloud, crossing)["y"].tobytes() == run(model, {"x": frame})["y"].tobytes()


def saved(tmp_path, model, **options):
    onnx.save(model, tmp_path / "bad.onnx", **options)
    return str(tmp_path / "bad.onnx")


def test_a_file_that_cannot_be_used_is_one_line_and_nothing_is_written(tmp_path):
    def external():
        path = saved(tmp_path, residual(), save_as_external_data=True, location="w.bin", size_threshold=0)
        (tmp_path / "w.bin").unlink()
        return path

    def garbage():
        (tmp_path / "bad.onnx").write_bytes(b"no model")
        return str(tmp_path / "bad.onnx")

    noise = helper.make_node("RandomNormalLike", ["y"], ["z"])
    faults = [
        (external, None, "bad.onnx: cannot be read as ONNX: .*w.bin"),
        (garbage, None, "bad.onnx: is not ONNX"),
        (lambda: saved(tmp_path, residual(extra=[noise])), None, "is random"),
        (lambda: saved(tmp_path, residual()), "4x8x8", "input 4x8x8 does not fit; x has 3 at axis 1"),
        (lambda: saved(tmp_path, residual()), "3x8x8,3x8x8", "2 inputs given; the model takes 1"),
        (lambda: str(tmp_path / "none.onnx"), None, "cannot be read as ONNX"),
    ]
    for make, text, message in faults:
        with pytest.raises(InputError, match=message) as caught:
            measure_all(make(), tmp_path / "out", input_text=text)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()


def test_without_onnx_the_extra_to_install_is_named(monkeypatch, model):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install cutlayer\[onnx\]$"):
        measure(model)
