"""Residual networks."""

from __future__ import annotations

from torch import Tensor, nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import Published

_SOURCE = "He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2015, arXiv:1512.03385, table 1"


class Block(nn.Module):
    """A residual block of convolutions (kernels and widths as given), halving height and width at `stride` 2.

    The stride is that of the first 3x3 convolution (in the paper, of the first convolution; all later
    implementations moved it, for accuracy).
    """

    def __init__(self, inputs: int, kernels: tuple[int, ...], widths: tuple[int, ...], stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.depth = len(kernels)
        width = inputs
        for k, (kernel, filters) in enumerate(zip(kernels, widths, strict=True), start=1):
            step = stride if k == kernels.index(3) + 1 else 1
            self.add_module(f"conv{k}", nn.Conv2d(width, filters, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{k}", nn.BatchNorm2d(filters))
            width = filters
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, maps: Tensor) -> Tensor:
        """Return the activation of branch and skip together."""
        branch = maps
        for k in range(1, self.depth + 1):
            branch = getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(branch))
            if k < self.depth:
                branch = self.relu(branch)
        branch += maps if self.downsample is None else self.downsample(maps)
        return self.relu(branch)  # type: ignore[no-any-return]


class ResNet(Published):
    """Four stages of `depths` blocks each behind a 7x7 convolution."""

    source = _SOURCE

    def __init__(self, depths: tuple[int, ...], *, bottleneck: bool, n_parameters: int) -> None:
        super().__init__()
        self.n_parameters = n_parameters
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for stage, depth in enumerate(depths):
            width = 64 << stage
            kernels, widths = ((1, 3, 1), (width, width, 4 * width)) if bottleneck else ((3, 3), (width, width))
            blocks = []
            for block in range(depth):
                blocks.append(Block(inputs, kernels, widths, 2 if stage and not block else 1))
                inputs = widths[-1]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, 1000)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the 1,000 scores of every frame."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(frames))))
        for stage in range(1, 5):
            maps = getattr(self, f"layer{stage}")(maps)
        return self.fc(self.avgpool(maps).flatten(1))  # type: ignore[no-any-return]


@NETWORKS.register("resnet-18")
def resnet_18() -> ResNet:
    """ResNet-18: 1.81 G multiply-accumulates."""
    return ResNet((2, 2, 2, 2), bottleneck=False, n_parameters=11_689_512)


@NETWORKS.register("resnet-50")
def resnet_50() -> ResNet:
    """ResNet-50: 4.09 G multiply-accumulates."""
    return ResNet((3, 4, 6, 3), bottleneck=True, n_parameters=25_557_032)
