"""Compiling loops: once after installation, then read from a cache beside the code or in the user's home.

Where neither can be written to, or what is kept there cannot be read or added to (a full disk, a quota), the loops
are compiled anew by every process; nothing else changes.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache, NullCache

Loop = TypeVar("Loop", bound=Callable[..., Any])
log = logging.getLogger("cutlayer.compiled")
"""Says at level INFO, once a process, that something is compiled now; a library prints nothing itself."""
_said: set[str] = set()


def _say(text: str) -> None:
    if not _said:
        _said.add(text)
        log.info(text)


class _Cache(FunctionCache):
    """A cache that does without what it cannot read or write."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled loop, None where it is not there."""
        found = None
        with contextlib.suppress(OSError):
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None:
            _say("compiling: some seconds, up to half a minute; kept for later runs")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled loop for the next process."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


class _NoCache(NullCache):
    """Where no directory for a cache can be written to."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Say that every process compiles."""
        _say("compiling: some seconds, in every run, for there is no folder to keep it in (NUMBA_CACHE_DIR names one)")


def compiled(function: Loop) -> Loop:
    """Compile a function when it is first called."""
    return _compiled(function)


def inlined(function: Loop) -> Loop:
    """Compile a function into its callers, so that their loops can run on several numbers at a time."""
    return _compiled(function, inline="always")


def _compiled(function: Loop, **options: Any) -> Loop:
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        cache: Any = _Cache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:  # "no locator available": no directory for the cache can be written to
        cache = _NoCache()
    loop: Any = njit(**options)(function)
    loop._cache = cache  # as njit(cache=True) does with numba's own
    return loop  # type: ignore[no-any-return]
