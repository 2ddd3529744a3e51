"""What the process that workers are forked from imports: all that they need, once.

That takes a second or more. A coordinator that is interrupted meanwhile does not leave it behind so long: it looks for
its coordinator as it goes on. Elsewhere this module does nothing.
"""

import importlib
import os
import signal
from types import FrameType

COORDINATOR = "CUTLAYER_COORDINATOR"
"""The variable of its environment that has the process id of its coordinator."""
LOOK_S = 0.05
NEEDED = ("cutlayer.experiments.sweeps.worker", "cutlayer.experiments.scenarios.build")
"""Forked with the server's memory, so no worker has to import them."""


def _import_while(coordinator: int) -> None:
    """Import what workers need; end at once if the coordinator does."""

    def look(number: int = 0, frame: FrameType | None = None) -> None:
        if os.getppid() != coordinator:
            os._exit(1)

    look()
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)
    for name in NEEDED:
        importlib.import_module(name)
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


if COORDINATOR in os.environ:
    _import_while(int(os.environ.pop(COORDINATOR)))
