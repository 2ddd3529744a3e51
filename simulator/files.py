"""Files that are written whole or not at all, and digests of what files hold."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from cutlayer.simulator.errors import InputError


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@contextlib.contextmanager
def whole(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a draft beside `path` that takes its place when the context ends without an error.

    Parameters
    ----------
    path : path
    mode : {"w", "wb"}
        Text is UTF-8 with ``\\n`` at the end of lines.

    Raises
    ------
    InputError
        If the file cannot be written; then nothing is, and what was there before stays.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(draft, mode, **text) as file:
            yield file
        draft.replace(path)
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be written ({getattr(fault, 'strerror', None) or fault})", path) from None
    finally:
        with contextlib.suppress(OSError):  # where nothing may be written, nothing is left either
            draft.unlink(missing_ok=True)
