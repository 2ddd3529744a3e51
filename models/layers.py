"""What the networks are written in: one row of a published table is one layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

Row = tuple[str, nn.Module, tuple[int, ...]]
"""Name of a layer, the layer, and the published shape of its output without the batch."""

Softmax = partial(nn.Softmax, dim=1)


class LayeredNetwork(nn.Module):
    """A network as an ordered list of layers, any of which can be the cut layer.

    Parameters
    ----------
    rows : sequence of Row
        The table: name, module and output shape of every layer.
    input_shape : tuple of int
        Published input, without the batch: channels, height, width.
    n_parameters : int
        Published count of parameters.
    source : str
        Where the table was published.

    Attributes
    ----------
    layers : nn.Sequential
        The layers, by name. ``layers[:k]`` is what runs on the edge at cut k and ``layers[k:]`` what runs
        in the cloud; one after the other they give exactly the whole network's output.
    output_shapes : tuple of tuple of int
        Shape after every layer, for `input_shape`.
    """

    def __init__(self, rows: Sequence[Row], *, input_shape: tuple[int, ...], n_parameters: int, source: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(OrderedDict((name, layer) for name, layer, _ in rows))
        self.output_shapes = tuple(shape for _, _, shape in rows)
        self.input_shape = input_shape
        self.n_parameters = n_parameters
        self.source = source
        self.eval().requires_grad_(False)

    def forward(self, frames: Tensor) -> Tensor:
        """Run all layers on `frames`, shape (batch, *input_shape)."""
        output: Tensor = self.layers(frames)
        return output


def conv(
    inputs: int,
    filters: int,
    kernel: int,
    *after: nn.Module,
    stride: int = 1,
    padding: int = 0,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Return a convolution, its activation, and what comes `after`: normalisation, pooling."""
    return nn.Sequential(nn.Conv2d(inputs, filters, kernel, stride, padding), activation(), *after)


def dense(inputs: int, outputs: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a fully connected layer and its activation; it flattens whatever it is given."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), activation())


def max_pool(kernel: int, stride: int) -> nn.MaxPool2d:
    """Return max-pooling that covers the border with a smaller window, as Caffe and Darknet do."""
    return nn.MaxPool2d(kernel, stride, ceil_mode=True)


def global_average() -> nn.Sequential:
    """Return the average over height and width: (channels, height, width) becomes (channels,)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Published(nn.Module):
    """A network that is a graph: residuals, branches, attention; its rows are found when it is measured.

    Attributes
    ----------
    inputs : str
        What one frame is, as ``cutlayer profile --input`` takes it: ``"3x224x224"``, ``"tokens=128:int64"``.
    n_parameters : int
        Published count of parameters.
    source : str
        Where its table was published.
    """

    inputs = "3x224x224"
    n_parameters: int
    source: str


def norm_conv(
    inputs: int,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    activation: Callable[[], nn.Module] = nn.ReLU,
    eps: float = 1e-5,
) -> nn.Sequential:
    """Return a convolution that keeps height and width at stride 1, its batch normalisation and activation."""
    convolution = nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv=convolution, norm=nn.BatchNorm2d(filters, eps=eps), activation=activation()))
