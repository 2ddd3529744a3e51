"""The network of Zeiler and Fergus."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Softmax, conv, dense, max_pool


@NETWORKS.register("zfnet")
def zfnet() -> LayeredNetwork:
    """ZFNet: Zeiler and Fergus 2013, figure 3; padding 1 at the first layer gives its 110x110 map."""
    norm = nn.LocalResponseNorm(5)
    return LayeredNetwork(
        [
            ("conv1", conv(3, 96, 7, max_pool(3, 2), norm, stride=2, padding=1), (96, 55, 55)),
            ("conv2", conv(96, 256, 5, max_pool(3, 2), norm, stride=2), (256, 13, 13)),
            ("conv3", conv(256, 384, 3, padding=1), (384, 13, 13)),
            ("conv4", conv(384, 384, 3, padding=1), (384, 13, 13)),
            ("conv5", conv(384, 256, 3, max_pool(3, 2), padding=1), (256, 6, 6)),
            ("fc6", dense(256 * 6 * 6, 4096), (4096,)),
            ("fc7", dense(4096, 4096), (4096,)),
            ("fc8", dense(4096, 1000, Softmax), (1000,)),
        ],
        input_shape=(3, 224, 224),
        n_parameters=62_357_608,
        source="Zeiler and Fergus, Visualizing and understanding convolutional networks, 2013, "
        "arXiv:1311.2901, figure 3",
    )
