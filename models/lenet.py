"""LeNet."""

from functools import partial

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, conv, dense

_conv = partial(conv, activation=nn.Tanh)


@NETWORKS.register("lenet-5")
def lenet_5() -> LayeredNetwork:
    """LeNet-5: LeCun, Bottou, Bengio, Haffner 1998, figure 2, with its published input of 1x32x32.

    As in later implementations, C3 sees all maps of S2 instead of the ten-column selection of table I,
    subsampling is a plain average, and the output layer is fully connected.
    """
    return LayeredNetwork(
        [
            ("conv1", _conv(1, 6, 5, nn.AvgPool2d(2)), (6, 14, 14)),
            ("conv3", _conv(6, 16, 5, nn.AvgPool2d(2)), (16, 5, 5)),
            ("conv5", _conv(16, 120, 5), (120, 1, 1)),
            ("fc6", dense(120, 84, nn.Tanh), (84,)),
            ("output", dense(84, 10, nn.Identity), (10,)),
        ],
        input_shape=(1, 32, 32),
        n_parameters=61_706,
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, figure 2",
    )
