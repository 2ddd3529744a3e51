"""How far a long job is: one bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from cutlayer.experiments.console import bars_hidden, log

EVERY_S = 60.0
"""Off a terminal so much time passes between two lines."""


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """Show a bar with rate and time left on a terminal; elsewhere a line at the start, every minute and at the end.

    Yields what to call with the number of steps done. `total` is None if it is not known beforehand.
    """
    from tqdm import tqdm

    start = time.monotonic()
    with tqdm(total=total, desc=what, file=sys.stderr, disable=bars_hidden(), dynamic_ncols=True) as bar:
        if sys.stderr.isatty():
            yield bar.update
            return
        done = 0
        over = threading.Event()

        def update(steps: int = 1) -> None:
            nonlocal done
            done += steps

        def tell() -> None:
            while not over.wait(EVERY_S):
                of = "" if total is None else f" of {total:,}"
                log.info("%s: %s%s steps done after %.0f s", what, f"{done:,}", of, time.monotonic() - start)

        log.info("%s: %s", what, "begins" if total is None else f"{total} steps")
        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        try:
            yield update
        finally:
            over.set()
            telling.join()
        log.info("%s: done in %.1f s", what, time.monotonic() - start)
