"""How far a long job is: one bar on a terminal, two lines in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from cutlayer.experiments.console import bars_hidden, log


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """Show a bar with rate and time left on a terminal; elsewhere one line at the begin and one at the end.

    Yields what to call with the number of steps done. `total` is None where nobody knows it beforehand.
    """
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()
    if not on_terminal:
        log.info("%s: %s", what, "begins" if total is None else f"{total} steps")
    start = time.monotonic()
    with tqdm(total=total, desc=what, file=sys.stderr, disable=bars_hidden(), dynamic_ncols=True) as bar:
        yield bar.update
    if not on_terminal:
        log.info("%s: done in %.1f s", what, time.monotonic() - start)
