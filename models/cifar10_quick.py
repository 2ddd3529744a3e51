"""The quick CIFAR-10 network that comes with Caffe."""

from torch import nn

from cutlayer.models import NETWORKS
from cutlayer.models.layers import LayeredNetwork, Softmax, conv, dense, max_pool


def _average_pool() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, 2, ceil_mode=True)


@NETWORKS.register("cifar10-quick")
def cifar10_quick() -> LayeredNetwork:
    """Caffe's cifar10_quick (Jia et al. 2014, examples/cifar10), after Krizhevsky's cuda-convnet."""
    return LayeredNetwork(
        [
            ("conv1", conv(3, 32, 5, max_pool(3, 2), padding=2), (32, 16, 16)),
            ("conv2", conv(32, 32, 5, _average_pool(), padding=2), (32, 8, 8)),
            ("conv3", conv(32, 64, 5, _average_pool(), padding=2), (64, 4, 4)),
            ("fc4", dense(64 * 4 * 4, 64, nn.Identity), (64,)),
            ("fc5", dense(64, 10, Softmax), (10,)),
        ],
        input_shape=(3, 32, 32),
        n_parameters=145_578,
        source="Jia et al., Caffe, 2014, examples/cifar10/cifar10_quick",
    )
