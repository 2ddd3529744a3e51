"""U-Net: what is halved four times is doubled four times, with a long skip at every size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import Published


def _twice(inputs: int, filters: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, filters, 3), nn.ReLU(), nn.Conv2d(filters, filters, 3), nn.ReLU())


class UNet(Published):
    """The network of figure 1: unpadded convolutions, one channel of 572 x 572 in, two classes of 388 x 388 out."""

    inputs = "1x572x572"
    source = "Ronneberger, Fischer, Brox, U-Net, 2015, arXiv:1505.04597, figure 1"
    n_parameters = 31_030_658

    def __init__(self) -> None:
        super().__init__()
        widths = (64, 128, 256, 512, 1024)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(_twice(a, b) for a, b in zip((1, *widths), widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in widths[-2::-1])
        self.join = nn.ModuleList(_twice(2 * w, w) for w in widths[-2::-1])
        self.last = nn.Conv2d(64, 2, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the scores of both classes at every pixel of the middle."""
        skips = [self.down[0](frames)]
        for down in list(self.down)[1:]:
            skips.append(down(self.pool(skips[-1])))
        maps = skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            maps, skip = up(maps), skips.pop()
            size = maps.shape[-1]
            border = (skip.shape[-1] - size) // 2
            middle = skip[:, :, border : border + size, border : border + size]
            maps = join(torch.cat([middle, maps], 1))
        return self.last(maps)  # type: ignore[no-any-return]


@NETWORKS.register("u-net")
def u_net() -> UNet:
    """U-Net as published: 334 GFLOP."""
    return UNet()
