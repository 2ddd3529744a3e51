"""Ctrl-C ends a command at once: whatever it is in the middle of, and however long Python takes to clear up."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""The exit status after Ctrl-C."""
AGAIN_S = 0.01
"""An interrupt that was swallowed comes again after this time [s]."""


def until_interrupted(call: Callable[[], int], say: Callable[[], object]) -> int:
    """Return the exit status of `call`; after Ctrl-C `INTERRUPTED`, and the process ends as soon as it is returned.

    For the process's own command alone: what it sets up stays. `say` tells the user where `call` has not.
    """
    return _Interrupts().status_of(call, say)


class _Interrupts:
    """What was heard of Ctrl-C."""

    def __init__(self) -> None:
        self._heard = False
        self._status = 0

    def status_of(self, call: Callable[[], int], say: Callable[[], object]) -> int:
        atexit.register(self._leave)  # before anything else is, so it comes last
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has it ignored
            signal.signal(signal.SIGINT, self._hear)
            sys.unraisablehook = self._swallowed
        try:
            self._status = call()
        except BaseException:  # some libraries make other errors of an interrupt while they are imported
            if not self._heard:
                raise
            say()
            self._status = INTERRUPTED
        return self._status

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._heard = True
        raise KeyboardInterrupt

    def _swallowed(self, fault: Any) -> None:
        """Interrupt once more where Python has nobody to tell: in a destructor, or while a module is looked up."""
        if not issubclass(fault.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(fault)
        elif hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._hear)
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)

    def _leave(self) -> None:
        """End at once: to take all modules apart can take a second, and leaves nothing that is of use."""
        if self._status == INTERRUPTED:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(INTERRUPTED)
