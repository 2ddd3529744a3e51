"""Files that are there whole or not at all: written beside their place, put there when all is well."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cutlayer.simulator.errors import InputError


class Draft:
    """A file on its way to its place."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        self._files: list[IO[str]] = []

    def text(self) -> IO[str]:
        """Return the draft, open for text."""
        self._files.append(self.path.open("w", encoding="utf-8", newline=""))
        return self._files[-1]

    def close(self) -> None:
        """Close what is open."""
        for file in self._files:
            file.close()


@contextlib.contextmanager
def drafted(*paths: str) -> Iterator[list[Draft]]:
    """Give a draft for each path; put all of them in place when the block ends well, none otherwise.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    drafts: list[Draft] = []
    at = paths[0]
    try:
        for at in paths:
            if os.path.isdir(at) or (os.path.exists(at) and not os.path.isfile(at)):
                raise InputError("is a folder, a pipe or a device; allowed: a file", at)
            drafts.append(Draft(Path(at)))
        at = paths[0]
        yield drafts
        for draft in drafts:
            at = str(draft.target)
            draft.close()
            with draft.path.open("rb+") as file:
                os.fsync(file.fileno())
        for draft in drafts:
            at = str(draft.target)
            draft.path.replace(draft.target)
    except (OSError, ValueError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"cannot be written ({getattr(fault, 'strerror', None) or fault})", at) from None
    finally:
        for draft in drafts:
            with contextlib.suppress(OSError, ValueError):
                draft.close()
            with contextlib.suppress(OSError, ValueError):
                draft.path.unlink()
