"""Compiling loops: once after installation, then read from a cache beside the code or in the user's home.

Where neither can be written to, the loops are compiled anew by every process; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(function: Loop) -> Loop:
    """Compile a function when it is first called."""
    return _compiled(function)


def inlined(function: Loop) -> Loop:
    """Compile a function into its callers, so that their loops can run on several numbers at a time."""
    return _compiled(function, inline="always")


def _compiled(function: Loop, **options: Any) -> Loop:
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        loop: Loop = njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": no directory for the cache can be written to
        loop = njit(**options)(function)
    return loop
