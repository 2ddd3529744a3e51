"""SqueezeNet."""

import torch
from torch import Tensor, nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, conv, global_average, max_pool


class _Fire(nn.Module):
    """A fire module: a squeezing 1x1 convolution, then 1x1 and 3x3 side by side, `expand` filters each."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = conv(inputs, squeeze, 1)
        self.expand1 = conv(squeeze, expand, 1)
        self.expand3 = conv(squeeze, expand, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        squeezed = self.squeeze(maps)
        return torch.cat([self.expand1(squeezed), self.expand3(squeezed)], dim=1)


def _fire(inputs: int, squeeze: int, expand: int, *after: nn.Module) -> nn.Sequential:
    return nn.Sequential(_Fire(inputs, squeeze, expand), *after)


@NETWORKS.register("squeezenet-1-1")
def squeezenet_1_1() -> LayeredNetwork:
    """SqueezeNet 1.1 (Iandola et al. 2016, table 1, as revised by the authors in SqueezeNet_v1.1).

    One fire module is one layer.
    """
    return LayeredNetwork(
        [
            ("conv1", conv(3, 64, 3, max_pool(3, 2), stride=2), (64, 55, 55)),
            ("fire2", _fire(64, 16, 64), (128, 55, 55)),
            ("fire3", _fire(128, 16, 64, max_pool(3, 2)), (128, 27, 27)),
            ("fire4", _fire(128, 32, 128), (256, 27, 27)),
            ("fire5", _fire(256, 32, 128, max_pool(3, 2)), (256, 13, 13)),
            ("fire6", _fire(256, 48, 192), (384, 13, 13)),
            ("fire7", _fire(384, 48, 192), (384, 13, 13)),
            ("fire8", _fire(384, 64, 256), (512, 13, 13)),
            ("fire9", _fire(512, 64, 256), (512, 13, 13)),
            ("conv10", conv(512, 1000, 1, global_average(), nn.Softmax(dim=1)), (1000,)),
        ],
        input_shape=(3, 224, 224),
        n_parameters=1_235_496,
        source="Iandola et al., SqueezeNet, 2016, arXiv:1602.07360, table 1; version 1.1",
    )
