"""Networks in torch, one file a family; importing this package does not import torch."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from cutlayer.simulator.registry import Registry

if TYPE_CHECKING:
    from cutlayer.models.layers import LayeredNetwork, Published

NETWORKS: Registry[Callable[[], LayeredNetwork | Published]] = Registry("network")


def networks() -> Registry[Callable[[], LayeredNetwork | Published]]:
    """Return every network there is, by name, after importing every family; this needs torch."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return NETWORKS


def build(name: str, *, seed: int = 0) -> LayeredNetwork | Published:
    """Build a network with random weights, in evaluation mode.

    Parameters
    ----------
    name : str
        A registered network, e.g. ``"alexnet"``.
    seed : int
        Seed of the weights. The global random state of torch stays as it was.

    Returns
    -------
    LayeredNetwork or Published
        One layer a row, as its table was published; or a graph.

    Raises
    ------
    UnknownNameError
        If there is no such network.
    """
    builder = networks()[name]
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return builder().eval().requires_grad_(False)
