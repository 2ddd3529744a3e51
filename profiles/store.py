"""Profiles as JSON files: read, written, found in a folder; no torch. `cutlayer.profiles.schema` has the format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cutlayer.profiles.schema import dumps, parse
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import write_text
from cutlayer.simulator.types import Profile

MOST_BYTES = 50_000_000
"""Of a file; the largest shipped profile has some ten thousand."""


def load(path: str | os.PathLike[str]) -> Profile:
    """Read one profile.

    Parameters
    ----------
    path : path
        A JSON file.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        If the file cannot be read or is not a profile.
    """
    return _load(Path(path))


def load_dir(path: str | os.PathLike[str]) -> dict[str, Profile]:
    """Read every ``*.json`` of a folder.

    Returns
    -------
    dict
        Profiles by their name, in the order of the file names.

    Raises
    ------
    InputError
        If the folder cannot be read or holds no profile, if a file is not a profile, or if two carry one
        name.
    """
    folder = Path(path)
    try:
        profiles = _load_all(folder.iterdir())
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read: {_reason(error)}; allowed: a folder of profiles", folder) from None
    if not profiles:
        raise InputError("holds no profile; allowed: one *.json or more", folder)
    return profiles


def shipped() -> dict[str, Profile]:
    """Return the measured profiles that come with cutlayer, by name."""
    return _load_all((Path(__file__).parent / "data").iterdir())


def save(profile: Profile, path: str | os.PathLike[str]) -> None:
    """Write one profile, a layer a line; the file is there whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written, or `profile` is one that `load` would refuse.
    """
    write_text(path, dumps(profile))


def _load_all(entries: Iterable[Path]) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    files: dict[str, str] = {}
    for entry in sorted((e for e in entries if e.name.endswith(".json")), key=lambda e: e.name):
        profile = _load(entry)
        if profile.name in profiles:
            raise InputError(f"profile {profile.name!r} stands in {files[profile.name]} too", str(entry))
        profiles[profile.name], files[profile.name] = profile, entry.name
    return profiles


def _load(file: Path) -> Profile:
    return parse(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():  # a pipe never ends, nor does a device
            raise InputError("is a folder, a pipe or a device; allowed: a profile in JSON", str(file))
        if file.is_file() and file.stat().st_size > MOST_BYTES:
            raise InputError(f"has more than {MOST_BYTES:,} bytes; allowed: a profile in JSON", str(file))
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read: {_reason(error)}; allowed: a profile in JSON", str(file)) from None
    if data.startswith(b"\xef\xbb\xbf"):
        raise InputError("begins with a byte order mark; allowed: UTF-8 without one", str(file), 1)
    if not data.strip():
        raise InputError("is empty; allowed: a profile in JSON", str(file), 1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("is not text in UTF-8; allowed: a profile in JSON", str(file), line) from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
