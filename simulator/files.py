"""Files written whole or not at all, and the digests of what files hold."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cutlayer.simulator.errors import InputError

LONGEST_NAME = 255
"""Bytes of a file's name on every common file system."""


def draft_of(target: Path) -> Path:
    """Return where this process writes a file before it is put in its place: beside it, hidden."""
    ending = f".{os.getpid()}.tmp"
    room = LONGEST_NAME - 1 - len(ending)
    return target.with_name(f".{os.fsencode(target.name)[:room].decode(errors='ignore')}{ending}")


@contextlib.contextmanager
def drafted(*targets: str | os.PathLike[str]) -> Iterator[list[Path]]:
    """Give a draft for each file; all are put in their places when the block ends well, none otherwise.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    paths = [Path(target) for target in targets]
    drafts: list[Path] = []
    at: Path = paths[0]
    try:
        for at in paths:
            if "\0" in os.fspath(at):
                raise InputError(f"{os.fspath(at)!r} cannot be written: no file has such a name")
            if at.is_dir() or (at.exists() and not at.is_file()):
                raise InputError("is a folder, a pipe or a device; allowed: a file", at)
            drafts.append(draft_of(at))
        at = paths[0]
        yield drafts
        for draft in drafts:
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
        for at, draft in zip(paths, drafts, strict=True):
            draft.replace(at)
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror or fault})", at) from None
    finally:
        for draft in drafts:
            with contextlib.suppress(OSError):
                draft.unlink()


@contextlib.contextmanager
def whole(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the draft of one file; see `drafted`."""
    with drafted(target) as (draft,):
        yield draft


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; see `drafted`."""
    with whole(target) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def digest_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of what a file holds; a pipe or a device, which may never end, is an InputError."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError("is a folder, a pipe or a device; allowed: a file", path)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
