"""OverFeat."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Softmax, conv, dense


@NETWORKS.register("overfeat-fast")
def overfeat_fast() -> LayeredNetwork:
    """OverFeat's fast model: Sermanet et al. 2013, table 1; its input is 3x231x231."""
    return LayeredNetwork(
        [
            ("conv1", conv(3, 96, 11, nn.MaxPool2d(2), stride=4), (96, 28, 28)),
            ("conv2", conv(96, 256, 5, nn.MaxPool2d(2)), (256, 12, 12)),
            ("conv3", conv(256, 512, 3, padding=1), (512, 12, 12)),
            ("conv4", conv(512, 1024, 3, padding=1), (1024, 12, 12)),
            ("conv5", conv(1024, 1024, 3, nn.MaxPool2d(2), padding=1), (1024, 6, 6)),
            ("full6", dense(1024 * 6 * 6, 3072), (3072,)),
            ("full7", dense(3072, 4096), (4096,)),
            ("full8", dense(4096, 1000, Softmax), (1000,)),
        ],
        input_shape=(3, 231, 231),
        n_parameters=145_920_872,
        source="Sermanet et al., OverFeat, 2013, arXiv:1312.6229, table 1",
    )
