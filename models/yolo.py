"""YOLOv8: a detector without anchors, with a pyramid of three scales."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import Published, norm_conv

_conv = partial(norm_conv, activation=nn.SiLU, eps=1e-3)
_BINS = 16  # a side of a box is a distribution over so many distances


class C2f(nn.Module):
    """Split in two, pass one part through `depth` bottlenecks, join the results of all."""

    def __init__(self, inputs: int, outputs: int, depth: int, *, skip: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.skip = skip
        self.split = _conv(inputs, outputs, 1)
        self.blocks = nn.ModuleList(nn.Sequential(_conv(half, half), _conv(half, half)) for _ in range(depth))
        self.join = _conv((2 + depth) * half, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the joined maps."""
        parts = list(self.split(maps).chunk(2, 1))
        for block in self.blocks:
            parts.append(parts[-1] + block(parts[-1]) if self.skip else block(parts[-1]))
        return self.join(torch.cat(parts, 1))  # type: ignore[no-any-return]


class Pyramid(nn.Module):
    """SPPF: three poolings one after the other, joined."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.narrow = _conv(width, width // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.join = _conv(2 * width, width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the joined maps."""
        parts = [self.narrow(maps)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.join(torch.cat(parts, 1))  # type: ignore[no-any-return]


class Detect(nn.Module):
    """Boxes and classes at every cell of three scales."""

    def __init__(self, widths: tuple[int, ...], classes: int) -> None:
        super().__init__()

        def head(inputs: int, width: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(_conv(inputs, width), _conv(width, width), nn.Conv2d(width, outputs, 1))

        side = max(16, widths[0] // 4, 4 * _BINS)
        self.classes = classes
        self.boxes = nn.ModuleList(head(width, side, 4 * _BINS) for width in widths)
        self.scores = nn.ModuleList(head(width, max(widths[0], min(classes, 100)), classes) for width in widths)
        self.expected = nn.Conv2d(_BINS, 1, 1, bias=False)
        self.expected.weight.data[:] = torch.arange(_BINS, dtype=torch.float32).view(1, _BINS, 1, 1)

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Return centre, size [pixels] and class scores of every cell: (batch, 4 + classes, cells)."""
        boxes, scores, corners, strides = [], [], [], []
        for maps, box, score, stride in zip(scales, self.boxes, self.scores, (8, 16, 32), strict=True):
            height, width = maps.shape[2:]
            boxes.append(box(maps).flatten(2))
            scores.append(score(maps).flatten(2))
            y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            corners.append(torch.stack([x, y]).flatten(1))
            strides.append(torch.full((1, height * width), float(stride)))
        sides = torch.cat(boxes, 2)
        distribution = sides.view(sides.shape[0], 4, _BINS, -1).transpose(1, 2).softmax(1)
        left_top, right_bottom = self.expected(distribution).squeeze(1).chunk(2, 1)
        centre = torch.cat(corners, 1) + (right_bottom - left_top) / 2
        found = torch.cat([centre, left_top + right_bottom], 1) * torch.cat(strides, 1)
        return torch.cat([found, torch.cat(scores, 2).sigmoid()], 1)


class YoloV8(Published):
    """The rows of yolov8.yaml at depth 1/3 and width 1/4 (n)."""

    inputs = "3x640x640"
    source = "Jocher, Chaurasia, Qiu, Ultralytics YOLOv8, 2023, cfg/models/v8/yolov8.yaml, scale n"
    n_parameters = 3_157_200

    def __init__(self, classes: int = 80) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 16, 3, 2), _conv(16, 32, 3, 2), C2f(32, 32, 1, skip=True))
        self.stage3 = nn.Sequential(_conv(32, 64, 3, 2), C2f(64, 64, 2, skip=True))
        self.stage4 = nn.Sequential(_conv(64, 128, 3, 2), C2f(128, 128, 2, skip=True))
        self.stage5 = nn.Sequential(_conv(128, 256, 3, 2), C2f(256, 256, 1, skip=True), Pyramid(256))
        self.up = nn.Upsample(scale_factor=2)
        self.top4 = C2f(256 + 128, 128, 1, skip=False)
        self.top3 = C2f(128 + 64, 64, 1, skip=False)
        self.down3 = _conv(64, 64, 3, 2)
        self.bottom4 = C2f(64 + 128, 128, 1, skip=False)
        self.down4 = _conv(128, 128, 3, 2)
        self.bottom5 = C2f(128 + 256, 256, 1, skip=False)
        self.detect = Detect((64, 128, 256), classes)

    def forward(self, frames: Tensor) -> Tensor:
        """Return boxes and scores of every cell, as `Detect` gives them."""
        stage3 = self.stage3(self.stem(frames))
        stage4 = self.stage4(stage3)
        stage5 = self.stage5(stage4)
        top4 = self.top4(torch.cat([self.up(stage5), stage4], 1))
        top3 = self.top3(torch.cat([self.up(top4), stage3], 1))
        bottom4 = self.bottom4(torch.cat([self.down3(top3), top4], 1))
        bottom5 = self.bottom5(torch.cat([self.down4(bottom4), stage5], 1))
        return self.detect([top3, bottom4, bottom5])  # type: ignore[no-any-return]


@NETWORKS.register("yolov8-n")
def yolov8_n() -> YoloV8:
    """YOLOv8-n with 80 classes at 640 x 640: 8.7 GFLOP."""
    return YoloV8()
