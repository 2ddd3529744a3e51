"""Networks of the Darknet family: 3x3 convolutions with batch normalisation, halved by pooling."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Row, Softmax, conv, global_average, max_pool


def _conv(inputs: int, filters: int, *after: nn.Module) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, filters, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.LeakyReLU(0.1), *after)


def _trunk(size: int) -> list[Row]:
    """Return the five layers both networks begin with: 16 to 256 filters on a size x size frame."""
    filters = [3, 16, 32, 64, 128, 256]
    return [
        (f"conv{k}", _conv(filters[k - 1], filters[k], max_pool(2, 2)), (filters[k], size >> k, size >> k))
        for k in range(1, 6)
    ]


@NETWORKS.register("darknet-reference")
def darknet_reference() -> LayeredNetwork:
    """The Darknet reference model: Redmon, Darknet, cfg/darknet.cfg; 0.81 GFLOP."""
    return LayeredNetwork(
        [
            *_trunk(224),
            ("conv6", _conv(256, 512, max_pool(2, 2)), (512, 4, 4)),
            ("conv7", _conv(512, 1024), (1024, 4, 4)),
            ("conv8", conv(1024, 1000, 1, global_average(), Softmax(), activation=nn.Identity), (1000,)),
        ],
        input_shape=(3, 224, 224),
        n_parameters=7_319_416,
        source="Redmon, Darknet: open source neural networks in C, 2013-2016, cfg/darknet.cfg",
    )


@NETWORKS.register("tiny-yolo-v2")
def tiny_yolo_v2() -> LayeredNetwork:
    """Tiny YOLO of version 2: Redmon and Farhadi 2016, cfg/tiny-yolo-voc.cfg; 6.97 GFLOP.

    Twenty classes and five anchors make 125 values a cell. The last pooling keeps 13x13: it looks one
    cell to the right and down, and the border is repeated.
    """
    pool_in_place = nn.Sequential(nn.ReplicationPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1))
    return LayeredNetwork(
        [
            *_trunk(416),
            ("conv6", _conv(256, 512, pool_in_place), (512, 13, 13)),
            ("conv7", _conv(512, 1024), (1024, 13, 13)),
            ("conv8", _conv(1024, 1024), (1024, 13, 13)),
            ("conv9", conv(1024, 125, 1, activation=nn.Identity), (125, 13, 13)),
        ],
        input_shape=(3, 416, 416),
        n_parameters=15_861_773,
        source="Redmon and Farhadi, YOLO9000, 2016, arXiv:1612.08242, cfg/tiny-yolo-voc.cfg",
    )
