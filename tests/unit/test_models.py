"""Every network is its published table, and can be cut anywhere."""

import subprocess
import sys

import pytest

from cutlayer import models
from cutlayer.profiles.store import PAPER
from cutlayer.simulator.errors import UnknownNameError

torch = pytest.importorskip("torch")

NAMES = list(PAPER)
LATER = sorted(set(models.networks()) - set(PAPER))


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    return models.build(request.param)


def test_networks_are_named_as_in_the_literature():
    assert LATER == [
        "gpt-2-decode", "gpt-2-prefill", "mobilenet-v2", "resnet-18", "resnet-50", "u-net", "vit-tiny", "yolov8-n",
    ]  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_networks_that_are_graphs_have_the_published_parameters(name):
    with torch.device("meta"):
        network = models.build(name)
    assert sum(weights.numel() for weights in network.parameters()) == network.n_parameters
    assert network.source


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("lenet-5", 5), ("cifar10-quick", 5), ("alexnet", 8), ("zfnet", 8), ("cnn-m", 8), ("cnn-s", 8),
        ("overfeat-fast", 8), ("darknet-reference", 8), ("tiny-yolo-v2", 9), ("squeezenet-1-1", 10),
    ],
)  # fmt: skip
def test_layers_are_counted_as_the_literature_counts_them(name, layers):
    with torch.device("meta"):
        assert len(models.build(name).layers) == layers


def test_declared_parameters_are_those_it_has(network):
    assert sum(weights.numel() for weights in network.parameters()) == network.n_parameters


def test_declared_output_shapes_are_those_that_come_out(network):
    frame = torch.rand(1, *network.input_shape, generator=torch.Generator().manual_seed(1))
    shapes = []
    for layer in network.layers:
        frame = layer(frame)
        shapes.append(tuple(frame.shape[1:]))
    assert tuple(shapes) == network.output_shapes


def test_cut_anywhere_the_two_parts_give_exactly_the_whole(network):
    frame = torch.rand(1, *network.input_shape, generator=torch.Generator().manual_seed(2))
    whole = network(frame)
    assert torch.isfinite(whole).all()
    for cut in range(1, len(network.layers) + 1):
        assert torch.equal(network.layers[cut:](network.layers[:cut](frame)), whole), cut


def test_the_output_depends_on_the_input(network):
    generator = torch.Generator().manual_seed(3)
    one, other = (torch.rand(1, *network.input_shape, generator=generator) for _ in range(2))
    assert not torch.equal(network(one), network(other))


def test_networks_come_in_evaluation_mode_and_want_no_gradient(network):
    assert not any(module.training for module in network.modules())
    assert not any(weights.requires_grad for weights in network.parameters())


@pytest.mark.parametrize("name", ["lenet-5", "darknet-reference", "squeezenet-1-1"])
def test_weights_come_from_the_seed_and_leave_the_global_state_alone(name):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first = models.build(name, seed=5)
    torch.rand(3)
    second, third = models.build(name, seed=5), models.build(name, seed=6)
    torch.manual_seed(11)
    models.build(name, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), second.parameters(), third.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_a_misspelt_network_gets_the_near_name():
    with pytest.raises(UnknownNameError, match=r"unknown network 'alexnt'; did you mean 'alexnet'\?"):
        models.build("alexnt")


def test_a_network_is_added_by_one_new_file(tmp_path, monkeypatch):
    (tmp_path / "tiny_added.py").write_text(
        "from cutlayer.models import NETWORKS\n"
        "from cutlayer.models.layers import LayeredNetwork, dense\n"
        "@NETWORKS.register('tiny-added')\n"
        "def tiny_added():\n"
        "    rows = [('fc1', dense(2, 3), (3,))]\n"
        "    return LayeredNetwork(rows, input_shape=(2, 1, 1), n_parameters=9, source='here')\n"
    )
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    monkeypatch.setattr(models.NETWORKS, "_entries", dict(models.NETWORKS._entries))
    assert models.build("tiny-added").layers[0](torch.zeros(1, 2)).shape == (1, 3)
    sys.modules.pop("cutlayer.models.tiny_added", None)


def test_importing_models_and_the_store_does_not_import_torch():
    code = "import sys; from cutlayer import models; "
    code += "from cutlayer.profiles import store; store.shipped(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
