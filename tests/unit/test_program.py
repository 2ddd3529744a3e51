"""Models as users write them: read, cut everywhere, and put together again bit for bit."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from cutlayer import models
from cutlayer.profiles.chain import chain
from cutlayer.profiles.cut import cut
from cutlayer.profiles.measure import measure_all, open_source
from cutlayer.simulator.errors import InputError

torch = pytest.importorskip("torch")
nx = pytest.importorskip("networkx")

from cutlayer.profiles.halves import halves  # noqa: E402
from cutlayer.profiles.source import quiet  # noqa: E402

MODELS = Path(__file__).with_name("user_models.py")
INPUTS = {
    "Plain": "3x16x16",
    "Residual": "3x16x16",
    "Inception": "3x12x12",
    "TwoInputs": "image=3x8x8,tokens=7:int64",
    "TwoOutputs": "3x8x8",
    "SharedWeights": "tokens=5:int64",
    "Reused": "3x8x8",
    "InPlace": "3x8x8",
    "Counts": "3x8x8",
    "Cache": "4x16",
    "Turned": "6x8",
    "recurrent": "7x16",
}


def opened(name):
    return open_source(f"{MODELS}:{name}", INPUTS[name], "uint8", "cpu")


def over_the_wire(tensor):
    """Return what arrives of a tensor: its values, contiguous."""
    return tensor.clone(memory_format=torch.contiguous_format)


def leaves(value):
    return [x for x in torch.utils._pytree.tree_leaves(value) if isinstance(x, torch.Tensor)]


def assert_equal(found, expected):
    assert len(leaves(found)) == len(leaves(expected))
    assert all(torch.equal(a, b) for a, b in zip(leaves(found), leaves(expected), strict=True))


def assert_halves_give_the_whole(source, cuts=None):
    args, kwargs = source.args, source.kwargs
    state = {name: tensor.clone() for name, tensor in source.program.exported.state_dict.items()}

    def reset():
        for name, tensor in source.program.exported.state_dict.items():
            tensor.copy_(state[name])

    with torch.no_grad(), quiet():
        expected = source.program.exported.module()(*args, **kwargs)
        for k in range(len(source.chain) + 1) if cuts is None else cuts:
            reset()
            edge, cloud = halves(source.program, source.chain, k)
            crossing = edge.module()(*args, **kwargs)
            values = [source.chain.graph.values[index] for index in source.chain.crossing(k)]
            assert [tuple(tensor.shape) for tensor in crossing] == [value.shape for value in values]
            assert_equal(cloud.module()(*map(over_the_wire, crossing)), expected)


@pytest.mark.parametrize("name", INPUTS)
def test_edge_then_cloud_is_the_whole_bit_for_bit_at_every_cut(name):
    source = opened(name)
    assert_halves_give_the_whole(source)
    if name not in ("TwoOutputs", "InPlace", "Turned"):
        return
    places = tuple(range(1, len(source.chain.order) + 1))  # at every operator, not only where rows end
    assert_halves_give_the_whole(
        type(source)(**{**vars(source), "chain": type(source.chain)(source.chain.graph, source.chain.order, places)})
    )


@pytest.mark.parametrize("name", ["Plain", "Residual", "InPlace", "Reused", "TwoInputs"])
def test_the_whole_is_what_the_module_gives(name):
    namespace = {}
    exec(MODELS.read_text(), namespace)
    source = opened(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = namespace[name]().eval()
    with torch.no_grad(), quiet():
        assert_equal(
            source.program.exported.module()(*source.args, **source.kwargs), module(*source.args, **source.kwargs)
        )


def test_resnet_18_has_69_operators_24_cuts_with_one_tensor_and_its_published_flop():
    source = open_source("resnet-18", None, "uint8", "cpu")
    graph, order = source.chain.graph, source.chain.order
    assert len(graph.operators) == 69
    assert sum(len(graph.crossing(frozenset(order[:k]))) == 1 for k in range(70)) == 24
    assert sum(operator.work for operator in graph.operators) == 3_628_146_688
    assert source.chain.names[:3] == ["conv1", "layer1.0.conv1", "layer1.0.conv2"]
    assert graph.operators[source.chain.row(1)[-1]].name == "maxpool"
    assert_halves_give_the_whole(source, [2])


def test_attention_is_counted():
    from cutlayer.models.transformers import VisionTransformer

    with torch.device("meta"):
        parameters = sum(w.numel() for w in VisionTransformer(6).parameters())
    assert parameters == 3 * 256 * 192 + 192 + 192 + 197 * 192 + 6 * (12 * 192 * 192 + 13 * 192) + 2 * 192 + 193 * 1000
    from cutlayer.profiles.program import read

    with quiet(), torch.no_grad():
        exported = torch.export.export(VisionTransformer(6).eval(), (torch.zeros(1, 3, 224, 224),))
        graph = read(exported.run_decompositions({}), "uint8").graph
    # by hand: patches, then per block qkv and proj (4 d^2), attention (2 n d), mlp (8 d^2), then the head
    n, d = 197, 192
    layers = 2 * 196 * 768 * d + 6 * 2 * n * 12 * d * d + 2 * d * 1000
    attention = 6 * 2 * (2 * n * n * d)
    assert sum(operator.work for operator in graph.operators) == layers + attention
    assert (round(layers / 1e6), round((layers + attention) / 1e6)) == (1104, 1283)
    assert sum(o.work for o in graph.operators if "attention" in o.name) == attention


def test_what_crosses_is_counted_once_and_whole_numbers_at_their_width():
    source = opened("TwoInputs")
    values = source.chain.graph.values
    assert [(v.name, v.wire_bytes) for v in values if v.maker == -1] == [("image", 192), ("tokens", 7 * 8)]
    assert [v.dtype for v in (values[i] for i in source.chain.crossing(len(source.chain)))] == ["int64", "float32"]


def test_shared_weights_are_held_once_and_written_buffers_are_working_memory():
    source = opened("SharedWeights")
    weights, _ = source.memory()
    assert sum(weights) == 100 * 8 * 4  # the embedding, and the head that is the same
    source = opened("Cache")
    weights, working = source.memory()
    assert sum(weights) == 16 * 16 * 4 + 16 * 4
    assert working[-1] >= 4 * 16 * 4


def test_the_working_set_is_near_what_torch_allocates():
    from torch.profiler import ProfilerActivity, profile

    source = open_source("squeezenet-1-1", None, "uint8", "cpu")
    _, working = source.memory()
    whole = source._runner(None)
    with torch.no_grad():
        whole.call(*whole.weights, *source.args)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
            whole.call(*whole.weights, *source.args)
    live = most = 0
    for event in sorted(
        (e for e in run.profiler.kineto_results.events() if e.name() == "[memory]"), key=lambda e: e.start_ns()
    ):
        live += event.nbytes()
        most = max(most, live)
    # the input is ours; kernels take room of their own while they run (weights laid out anew, for one)
    assert most <= 1.6 * max(working)
    assert max(working) - source.args[0].nbytes <= 1.05 * most


def test_the_best_row_is_as_good_as_a_minimum_cut_by_another_way():
    source = open_source("resnet-18", None, "uint8", "cpu")
    assert_as_good_as_minimum_cuts(source, [10**e for e in range(0, 12)])


def assert_as_good_as_minimum_cuts(source, ratios):
    """`ratios`: FLOP that are worth a byte."""
    graph = source.chain.graph
    rows = [graph.cost(source.chain.edge(k)) for k in range(len(source.chain) + 1)]
    for ratio in ratios:
        flow = nx.DiGraph()
        for index, operator in enumerate(graph.operators):
            flow.add_edge(("o", index), "t", capacity=operator.work)
            for value in operator.reads:
                maker = graph.values[value].maker
                flow.add_edge(("o", index), "s" if maker == -1 else ("o", maker))
                flow.add_edge(("v", value), ("o", index))
        for index, value in enumerate(graph.values):
            maker = "s" if value.maker == -1 else ("o", value.maker)
            flow.add_edge(maker, ("v", index), capacity=ratio * value.wire_bytes)
            if index in graph.outputs:
                flow.add_edge(("v", index), "t")
        least = nx.maximum_flow_value(flow, "s", "t", flow_func=nx.algorithms.flow.preflow_push)
        assert min(ratio * size + work for size, work in rows) == least, ratio


LATER = ["resnet-18", "mobilenet-v2", "vit-tiny", "yolov8-n", "gpt-2-decode", "gpt-2-prefill", "resnet-50", "u-net"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LATER)
def test_every_network_is_cut_everywhere_and_every_row_is_best_at_its_ratio(name):
    source = open_source(name, None, "uint8", "cpu")
    top = math.log10(max(1, sum(operator.work for operator in source.chain.graph.operators)))
    assert_as_good_as_minimum_cuts(source, sorted({int(10 ** (top * i / 199)) for i in range(200)}))
    assert_halves_give_the_whole(source)


def test_long_skips_cross_at_most_cuts_of_u_net():
    source = open_source("u-net", "1x188x188", "uint8", "cpu")
    several = [len(source.chain.crossing(k)) for k in range(1, len(source.chain))]
    assert sum(count > 1 for count in several) > len(several) // 2
    assert max(several) == 5  # four skips beside the branch


@pytest.mark.parametrize(
    ("name", "input_text", "message"),
    [
        (
            "Branches",
            "3",
            r"user_models.py:\d+: '.*:Branches' with input 3 cannot be exported: a branch .* \(at `if x.sum",
        ),
        ("Random", "3", r"user_models.py:\d+: operator 'rand' is random; allowed: models that are deterministic"),
        ("Drops", "3", r"user_models.py:\d+: operator 'native_dropout' is random"),
        ("Plain", "4x16x16", r"user_models.py:\d+: '.*:Plain' with input 4x16x16 cannot be exported: .*channels"),
        ("Plain", "3x16x16:int64", r"cannot be exported: Input type"),
        ("Plain", None, r"does not say what it takes; give --input"),
        ("raises", "3", r"user_models.py:\d+: raises\(\) failed: ValueError: no way$"),
        ("number", "3", r"number\(\) gives int; allowed: a torch.nn.Module"),
        ("thing", "3", r"thing is int; allowed: a module or what gives one"),
        ("Plane", "3", r"unknown model 'Plane'; did you mean 'Plain'\?"),
    ],
)
def test_a_model_that_cannot_be_read_is_one_line(name, input_text, message, tmp_path):
    for call in (
        lambda: measure_all(f"{MODELS}:{name}", tmp_path / "out", input_text=input_text),
        lambda: cut(f"{MODELS}:{name}", 1, tmp_path / "out", input_text=input_text),
    ):
        with pytest.raises(InputError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Trap:
    def __reduce__(self):
        return (open, (str(Path(__file__).with_name("trapped")), "w"))


@pytest.mark.parametrize(
    ("name", "message"), [("model.pth", "holds weights without a model"), ("model.pt2", "is not an exported program")]
)
def test_nothing_is_unpickled(name, message, tmp_path):
    torch.save(Trap(), tmp_path / name)
    with pytest.raises(InputError, match=message):
        open_source(str(tmp_path / name), "3", "uint8", "cpu")
    assert not Path(__file__).with_name("trapped").exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("none.py:Net", "is not a file"),
        ("none.pt2", "is not a file"),
        ("mine.py", "is not a model"),
        ("a/b", "is not a model"),
    ],
)
def test_a_file_that_is_no_model_is_said(model, message):
    with pytest.raises(InputError, match=message):
        open_source(model, "3", "uint8", "cpu")


def test_a_file_that_cannot_be_imported_is_said_with_its_line(tmp_path):
    (tmp_path / "bad.py").write_text("x = 1\ny = = 2\n")
    with pytest.raises(InputError, match=r"bad.py:2: cannot be imported: SyntaxError"):
        open_source(f"{tmp_path / 'bad.py'}:Net", "3", "uint8", "cpu")


def test_halves_run_in_a_fresh_process_without_cutlayer(tmp_path):
    edge, cloud, described = cut(f"{MODELS}:Residual", "block.conv1", tmp_path, input_text=INPUTS["Residual"])
    said = json.loads(described.read_text())
    assert said["row"] == "block.conv1"
    assert [one["shape"] for one in said["crosses"]] == [[1, 8, 16, 16], [1, 8, 16, 16]]
    source = opened("Residual")
    torch.save({"frame": source.args[0], "whole": source.program.exported.module()(*source.args)}, tmp_path / "case.pt")
    code = (
        "import sys, torch\n"
        "edge, cloud = (torch.export.load(name).module() for name in sys.argv[1:3])\n"
        "case = torch.load(sys.argv[3], weights_only=True)\n"
        "print(torch.equal(cloud(*edge(case['frame'])), case['whole']), 'cutlayer' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, edge, cloud, tmp_path / "case.pt"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"], done.stderr
    again = open_source(str(cloud), None, "uint8", "cpu")  # a half is a model like any other
    assert [str(one) for one in again.inputs] == ["8x16x16", "8x16x16"]


@pytest.mark.parametrize(
    ("after", "message"),
    [(0, "row 0; allowed: 1 to 2"), (3, "row 3; allowed"), ("cnv1", "unknown row 'cnv1'; known: conv, fc")],
)
def test_a_row_that_does_not_exist_is_said_and_nothing_is_written(after, message, tmp_path):
    with pytest.raises(InputError, match=message):
        cut(f"{MODELS}:Plain", after, tmp_path / "out", input_text=INPUTS["Plain"])
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_table_are_as_published():
    source = models.build("squeezenet-1-1")
    found = open_source("squeezenet-1-1", None, "uint8", "cpu")
    assert found.chain.names == [name for name, _ in source.layers.named_children()]
    assert len(chain(found.chain.graph)) > 20  # as a graph it has cuts inside its fire modules
