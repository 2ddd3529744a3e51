"""MobileNetV2: inverted residuals."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import Published, norm_conv

_conv = partial(norm_conv, activation=nn.ReLU6)


class InvertedResidual(nn.Module):
    """Widen by `factor`, filter every channel by itself, narrow again; add the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, factor: int) -> None:
        super().__init__()
        width = inputs * factor
        self.skip = stride == 1 and inputs == outputs
        self.expand = _conv(inputs, width, 1) if factor != 1 else nn.Identity()
        self.depthwise = _conv(width, width, 3, stride, groups=width)
        self.project = norm_conv(width, outputs, 1, activation=nn.Identity)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the narrow maps."""
        out: Tensor = self.project(self.depthwise(self.expand(maps)))
        return maps + out if self.skip else out


class MobileNetV2(Published):
    """The rows of table 2: factor, channels, repeats, stride."""

    source = "Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, 2018, arXiv:1801.04381, table 2"
    n_parameters = 3_504_872

    def __init__(self) -> None:
        super().__init__()
        table = [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ]
        blocks: list[nn.Module] = [_conv(3, 32, 3, 2)]
        inputs = 32
        for factor, outputs, repeats, stride in table:
            for repeat in range(repeats):
                blocks.append(InvertedResidual(inputs, outputs, stride if repeat == 0 else 1, factor))
                inputs = outputs
        self.features = nn.Sequential(*blocks, _conv(320, 1280, 1))
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the 1,000 scores of every frame."""
        return self.classifier(self.features(frames).mean((2, 3)))  # type: ignore[no-any-return]


@NETWORKS.register("mobilenet-v2")
def mobilenet_v2() -> MobileNetV2:
    """MobileNetV2 of width 1.0: 0.30 G multiply-accumulates."""
    return MobileNetV2()
