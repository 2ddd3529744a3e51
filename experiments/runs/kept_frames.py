"""Single frames beside the results, where ``--keep-frames`` asks for them: one compressed array file a run."""

from __future__ import annotations

import contextlib
import glob
import math
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import whole
from cutlayer.simulator.frames.slices import DELIVERED
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.reading import LARGEST
from cutlayer.simulator.types import Network

if TYPE_CHECKING:
    from cutlayer.simulator.frames.results import KeptFrames
    from cutlayer.simulator.frames.spans import Span


def frames_path(out: str, key: str) -> Path:
    """Return where the frames of a run are kept: beside the results file, by the run's key."""
    return Path(out).with_suffix(f".{key[:12]}.frames.npz")


def save_frames(path: Path, kept: KeptFrames, network: Network, spans: Sequence[Span]) -> None:
    """Write every frame as one compressed array file, whole or not at all.

    The arrays are those of `cutlayer.simulator.frames.run.KeptFrames`; ``tasks`` and ``servers`` hold the names its
    indices stand for.
    """
    columns: dict[str, Any] = dict(kept._asdict())
    columns |= {"tasks": np.array([span.task.name for span in spans]), "servers": np.array(network.servers)}
    with whole(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **columns)


def copy_frames(part: str, out: str, key: str) -> None:
    """Copy the frames of a run, where they were kept, from beside one results file to beside another."""
    source = frames_path(part, key)
    if os.path.isfile(source):
        with whole(frames_path(out, key)) as draft:
            shutil.copyfile(source, draft)


def remove_left_drafts(out: str) -> None:
    """Remove drafts of files of frames beside the results file `out` whose processes were killed."""
    folder, stem = Path(out).parent, glob.escape(Path(out).stem)
    for draft in folder.glob(f".{stem}.{'?' * 12}.frames.npz.*.tmp"):
        process = draft.name.split(".")[-2]
        if process.isdecimal() and not _is_there(int(process)):
            with contextlib.suppress(OSError):
                draft.unlink()


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@dataclass(frozen=True, eq=False)
class Kept:
    """The frames of a run that were delivered; arrays of shape (frames,), indices into `tasks` and `servers`."""

    tasks: Any
    servers: Any
    task: Any
    server: Any
    number: Any
    arrival_s: Any
    compute_wait_s: Any
    compute_service_s: Any
    uplink_wait_s: Any
    uplink_service_s: Any
    transfer_s: Any
    end_to_end_s: Any


_COLUMNS = {
    "task": "iu", "server": "iu", "number": "iu", "arrival_s": "f", "compute_wait_s": "f", "compute_service_s": "f",
    "uplink_wait_s": "f", "uplink_service_s": "f", "transfer_s": "f", "end_to_end_s": "f",
}  # fmt: skip
"""What is read of every frame, and the kinds of its numbers."""
MOST_NAMES_BYTES = 256_000_000
BROKEN = (
    OSError, EOFError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, SyntaxError, TokenError,
    BadZipFile, zlib.error,
)  # fmt: skip
"""What reading raises of a file that is cut off, damaged or something else."""


def read_kept(results: Results, row: Mapping[str, Any]) -> Kept | None:
    """Return the delivered frames of a run, or None where they were not kept.

    Raises
    ------
    InputError
        If the file beside the results exists but is not one of the frames of this run: nothing in it is believed.
    """
    path = frames_path(results.path, row["key"])
    if not os.path.exists(path):  # also where the name would be too long
        return None
    if not path.is_file():
        raise InputError("is a folder, a pipe or a device; allowed: frames that were kept", path)
    try:
        with ZipFile(path) as archive:
            most = _size(archive, "arrival_s")  # the times of frames take a byte each at least, also compressed
            fate = _array(archive, "fate", "iu", most)
            if row.get("frames") not in (None, len(fate)):
                raise ValueError(f"{len(fate)} frames, where the run has {row['frames']}")
            delivered = fate == DELIVERED
            columns = {name: _array(archive, name, kind, len(fate)) for name, kind in _COLUMNS.items()}
            if any(len(column) != len(fate) for column in columns.values()):
                raise ValueError("columns of different lengths")
            kept = Kept(
                _array(archive, "tasks", "U", most),
                _array(archive, "servers", "U", MOST_NAMES_BYTES),
                *(column[delivered] for column in columns.values()),
            )
        _check(kept)
    except BROKEN as fault:
        raise InputError(f"cannot be read ({str(fault) or type(fault).__name__})".replace("\n", " "), path) from None
    return kept


def _size(archive: ZipFile, name: str) -> int:
    """Return how many bytes of the file hold an array, and no more than there are."""
    return min(archive.getinfo(f"{name}.npy").compress_size, os.path.getsize(str(archive.filename)))


def _array(archive: ZipFile, name: str, kinds: str, most: int) -> Any:
    """Return an array of one axis; its header is checked before memory is taken for what it says."""
    with archive.open(f"{name}.npy") as file:
        read_header = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}[read_magic(file)]
        shape, _, kind = read_header(file)
        n_bytes = math.prod(shape) * kind.itemsize
        if len(shape) != 1 or kind.kind not in kinds or not kind.isnative:
            raise ValueError(f"{name} is {kind} of shape {shape}")
        if shape[0] > most or n_bytes > max(MOST_NAMES_BYTES, 8 * most) or (kinds != "U" and kind.itemsize > 8):
            raise ValueError(f"{name} has {shape[0]} entries in {_size(archive, name)} bytes")
        content = file.read(n_bytes)
        if len(content) != n_bytes or file.read(1):
            raise ValueError(f"{name} has not the {shape[0]} entries it says")
    return np.frombuffer(content, kind) if n_bytes else np.empty(shape, kind)


def _check(kept: Kept) -> None:
    for index, names in ((kept.task, kept.tasks), (kept.server, kept.servers)):
        names.tolist()  # letters that are none are found here
        if len(index) and not (int(index.min()) >= 0 and int(index.max()) < len(names)):
            raise ValueError(f"a frame is of number {int(index.max())} among {len(names)} names")
    if len(kept.number) and int(kept.number.min()) < 0:
        raise ValueError("a frame has a number below 0")
    for name in (name for name, kinds in _COLUMNS.items() if kinds == "f"):
        values = getattr(kept, name)
        if len(values) and not (values.min() >= 0 and values.max() <= LARGEST):  # also NaN
            raise ValueError(f"{name} of a delivered frame is no number from 0 to {LARGEST:g}")
