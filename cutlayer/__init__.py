"""Simulate where to cut deep networks between edge servers and the cloud.

What is listed in ``__all__`` is public and stays; everything else may change. Names are imported when first used, so
``import cutlayer`` is quick.

Examples
--------
>>> import cutlayer as cl
>>> result = cl.run("paper", scheduler="fifo", seed=0, network__servers=5, workload__tasks=200)
>>> result.deployed_tasks, result.arrived_tasks
(122, 200)
"""

import os.path
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if not os.path.isdir(os.path.join(__path__[0], "simulator")):  # a checkout: its other folders lie beside this one
    __path__.append(os.path.dirname(__path__[0]))

__all__ = [
    "CutlayerError",
    "Deploy",
    "Fixed",
    "InputError",
    "Layer",
    "Network",
    "OfflineScheduler",
    "OnlineScheduler",
    "Profile",
    "Reject",
    "Run",
    "Runs",
    "Scenario",
    "Task",
    "View",
    "balanced",
    "check_scheduler",
    "largest_product",
    "load_profile",
    "lp_bound",
    "open",
    "run",
    "sweep",
]

if TYPE_CHECKING:
    from cutlayer.experiments.api import load_profile, run, sweep
    from cutlayer.experiments.result import Run, Runs
    from cutlayer.experiments.result import open_results as open
    from cutlayer.experiments.scenarios.scenario import Scenario
    from cutlayer.simulator.bounds.bounds import lp_bound
    from cutlayer.simulator.checks.contract import check_scheduler
    from cutlayer.simulator.demand import Fixed, balanced, largest_product
    from cutlayer.simulator.errors import CutlayerError, InputError
    from cutlayer.simulator.policy import Deploy, OfflineScheduler, OnlineScheduler, Reject, View
    from cutlayer.simulator.profile import Layer, Profile
    from cutlayer.simulator.types import Network, Task

_PLACES = {
    "experiments.api": ("load_profile", "run", "sweep"),
    "experiments.result": ("Run", "Runs", "open_results"),
    "experiments.scenarios.scenario": ("Scenario",),
    "simulator.bounds.bounds": ("lp_bound",),
    "simulator.checks.contract": ("check_scheduler",),
    "simulator.demand": ("Fixed", "balanced", "largest_product"),
    "simulator.errors": ("CutlayerError", "InputError"),
    "simulator.policy": ("Deploy", "OfflineScheduler", "OnlineScheduler", "Reject", "View"),
    "simulator.profile": ("Layer", "Profile"),
    "simulator.types": ("Network", "Task"),
}


def __getattr__(name: str) -> object:
    wanted = "open_results" if name == "open" else name
    for module, names in _PLACES.items():
        if name in __all__ and wanted in names:
            found: object = getattr(import_module(f"cutlayer.{module}"), wanted)
            globals()[name] = found
            return found
    raise AttributeError(f"module 'cutlayer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
