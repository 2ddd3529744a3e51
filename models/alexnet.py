"""AlexNet, in one tower."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Softmax, conv, dense


@NETWORKS.register("alexnet")
def alexnet() -> LayeredNetwork:
    """AlexNet (Krizhevsky, Sutskever, Hinton 2012), as the single tower of Krizhevsky 2014.

    The variant with 64/192/384/256/256 filters, padding 2 at the first layer and no response
    normalisation: 714,188,480 multiply-accumulates.
    """
    return LayeredNetwork(
        [
            ("conv1", conv(3, 64, 11, nn.MaxPool2d(3, 2), stride=4, padding=2), (64, 27, 27)),
            ("conv2", conv(64, 192, 5, nn.MaxPool2d(3, 2), padding=2), (192, 13, 13)),
            ("conv3", conv(192, 384, 3, padding=1), (384, 13, 13)),
            ("conv4", conv(384, 256, 3, padding=1), (256, 13, 13)),
            ("conv5", conv(256, 256, 3, nn.MaxPool2d(3, 2), padding=1), (256, 6, 6)),
            ("fc6", dense(256 * 6 * 6, 4096), (4096,)),
            ("fc7", dense(4096, 4096), (4096,)),
            ("fc8", dense(4096, 1000, Softmax), (1000,)),
        ],
        input_shape=(3, 224, 224),
        n_parameters=61_100_840,
        source="Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014, "
        "arXiv:1404.5997; 64/192/384/256/256 filters",
    )
