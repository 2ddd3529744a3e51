"""What a person at a terminal sees beside the results: notices, and colour where it can be shown."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TextIO

log = logging.getLogger("cutlayer")
"""Notices, at level INFO; they go to standard error and not at all with ``--quiet``."""

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


@contextlib.contextmanager
def console(*, quiet: bool = False, json: bool = False) -> Iterator[None]:
    """Show notices on standard error meanwhile; with `quiet` print nothing but errors, and JSON that was asked for."""
    handler = logging.StreamHandler(sys.stderr)
    handlers, level = log.handlers[:], log.level
    log.handlers[:] = [handler]
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        if quiet and not json:
            with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
                yield
        else:
            yield
    finally:
        log.handlers[:] = handlers
        log.setLevel(level)


def bars_hidden() -> bool | None:
    """Return what tqdm's ``disable`` should be: bars show on a terminal only, and never with ``--quiet``."""
    return None if log.isEnabledFor(logging.INFO) else True


def coloured(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return `text` in a colour where `stream` is a terminal that shows it (https://no-color.org); else as it is."""
    stream = sys.stdout if stream is None else stream
    if stream is None or not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
