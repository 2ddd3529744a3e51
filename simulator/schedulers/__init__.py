"""The schedulers, one file an idea. Importing this package registers every one of them."""

import importlib
import pkgutil

from cutlayer.simulator.policy import SCHEDULERS

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["SCHEDULERS"]
