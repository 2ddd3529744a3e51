"""The medium and the slow network of Chatfield, Simonyan, Vedaldi and Zisserman."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Row, Softmax, conv, dense, max_pool

_SOURCE = "Chatfield et al., Return of the devil in the details, 2014, arXiv:1405.3531, table 1"


def _norm() -> nn.LocalResponseNorm:
    return nn.LocalResponseNorm(5, alpha=5e-4, k=2)


def _fully_connected() -> list[Row]:
    return [
        ("full6", dense(512 * 6 * 6, 4096), (4096,)),
        ("full7", dense(4096, 4096), (4096,)),
        ("full8", dense(4096, 1000, Softmax), (1000,)),
    ]


@NETWORKS.register("cnn-m")
def cnn_m() -> LayeredNetwork:
    """CNN-M: Chatfield et al. 2014, table 1; "x2 pool" is a window of 3, as in the released model."""
    return LayeredNetwork(
        [
            ("conv1", conv(3, 96, 7, _norm(), max_pool(3, 2), stride=2), (96, 54, 54)),
            ("conv2", conv(96, 256, 5, _norm(), max_pool(3, 2), stride=2, padding=1), (256, 13, 13)),
            ("conv3", conv(256, 512, 3, padding=1), (512, 13, 13)),
            ("conv4", conv(512, 512, 3, padding=1), (512, 13, 13)),
            ("conv5", conv(512, 512, 3, max_pool(3, 2), padding=1), (512, 6, 6)),
            *_fully_connected(),
        ],
        input_shape=(3, 224, 224),
        n_parameters=102_908_520,
        source=_SOURCE,
    )


@NETWORKS.register("cnn-s")
def cnn_s() -> LayeredNetwork:
    """CNN-S: Chatfield et al. 2014, table 1; the windows of pooling do not overlap."""
    return LayeredNetwork(
        [
            ("conv1", conv(3, 96, 7, _norm(), max_pool(3, 3), stride=2), (96, 37, 37)),
            ("conv2", conv(96, 256, 5, max_pool(2, 2), padding=1), (256, 18, 18)),
            ("conv3", conv(256, 512, 3, padding=1), (512, 18, 18)),
            ("conv4", conv(512, 512, 3, padding=1), (512, 18, 18)),
            ("conv5", conv(512, 512, 3, max_pool(3, 3), padding=1), (512, 6, 6)),
            *_fully_connected(),
        ],
        input_shape=(3, 224, 224),
        n_parameters=102_908_520,
        source=_SOURCE,
    )
