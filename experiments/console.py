"""What reaches a terminal: text without control characters, notices, and colour where it can be shown."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

log = logging.getLogger("cutlayer")
"""Notices, at level INFO; they go to standard error and not at all with ``--quiet``."""

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}
_painted: set[str] = set()
"""What `coloured` has made: the only control sequences that may reach a terminal."""
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, marks that reverse the order of letters, and halves of characters."""


def printable(text: str, keep: str = "") -> str:
    r"""Return `text` with every control character but those in `keep` as an escape, as Python writes it.

    Names come from files of strangers: one could clear the terminal, set its title or reverse a line.

    Examples
    --------
    >>> printable("a\x1b[2Jb"), printable("two\nlines", keep="\n")
    ('a\\x1b[2Jb', 'two\nlines')
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


class _Printable:
    """A text stream on which control characters are written as escapes; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        painted = [span for span in _painted if span in text]
        parts = re.split("(" + "|".join(map(re.escape, painted)) + ")", text) if painted else [text]
        self._stream.write("".join(part if part in _painted else printable(part, keep="\n\t") for part in parts))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def console(*, quiet: bool = False, json: bool = False) -> Iterator[None]:
    """Show notices on standard error meanwhile; with `quiet` print errors only, and JSON if it was asked for.

    Control characters in what is printed or logged meanwhile appear as escapes.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    handler.addFilter(_for_those_who_wait)
    handlers, level = log.handlers[:], log.level
    log.handlers[:] = [handler]
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        if quiet and not json:
            with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
                yield
        elif sys.stdout is None:
            yield
        else:
            out: Any = _Printable(sys.stdout)
            with contextlib.redirect_stdout(out):
                yield
    finally:
        log.handlers[:] = handlers
        log.setLevel(level)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n\t")


def _for_those_who_wait(record: logging.LogRecord) -> bool:
    """Return whether to show a notice: that compiling takes a while is news at a terminal only."""
    return record.name != "cutlayer.compiled" or sys.stderr.isatty()


def bars_hidden() -> bool | None:
    """Return what tqdm's ``disable`` should be: bars show on a terminal only, and never with ``--quiet``."""
    return None if log.isEnabledFor(logging.INFO) else True


EVERY_S = 60.0
"""Off a terminal a long job tells how far it is so often [s]."""


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """Show a bar with rate and time left on a terminal; elsewhere lines at the begin, every minute and at the end.

    Yields what to call with the number of steps done. `total` is None where nobody knows it beforehand.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, file=sys.stderr, disable=bars_hidden(), dynamic_ncols=True) as bar:
            yield bar.update
        return
    done = 0

    def count(steps: int) -> None:
        nonlocal done
        done += steps

    def far() -> str:
        of = "" if total is None else f" of {total:,}"
        return f"{done:,}{of} steps done"

    log.info("%s: %s", what, "begins" if total is None else f"{total} steps")
    start = time.monotonic()
    with alive(what, far):
        yield count
    log.info("%s: done in %.1f s", what, time.monotonic() - start)


@contextlib.contextmanager
def alive(what: str, far: Callable[[], str] = lambda: "at work", every_s: float | None = None) -> Iterator[None]:
    """Log every so often how far a job is while it lasts, whatever it is in the middle of."""
    over, start = threading.Event(), time.monotonic()

    def tell() -> None:
        while not over.wait(EVERY_S if every_s is None else every_s):
            log.info("%s: %s after %.0f s", what, far(), time.monotonic() - start)

    thread = threading.Thread(target=tell, name="cutlayer-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def coloured(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return `text` in a colour where `stream` is a terminal that shows it (https://no-color.org); else as it is."""
    stream = sys.stdout if stream is None else stream
    if stream is None or not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    painted = f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
    _painted.add(painted)
    return painted
