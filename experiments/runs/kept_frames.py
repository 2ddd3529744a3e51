"""Single frames beside the results, where ``--keep-frames`` asks for them: one compressed array file a run."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from cutlayer.experiments.records.run_groups import Row
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import whole
from cutlayer.simulator.frames.slices import DELIVERED
from cutlayer.simulator.results.file import Results
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
    if source.is_file():
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


_COLUMNS = (
    "task", "server", "number", "arrival_s", "compute_wait_s", "compute_service_s", "uplink_wait_s",
    "uplink_service_s", "transfer_s", "end_to_end_s",
)  # fmt: skip


BROKEN = (OSError, EOFError, ValueError, TypeError, LookupError, BadZipFile, zlib.error)
"""What reading arrays raises of a file that is cut off, or something else."""


def read_kept(results: Results, row: Row) -> Kept | None:
    """Return the delivered frames of a run, or None where they were not kept.

    Raises
    ------
    InputError
        If the file beside the results is there but cannot be read.
    """
    path = frames_path(results.path, row["key"])
    if not path.is_file():
        return None
    try:
        with np.load(path) as arrays:
            delivered = arrays["fate"] == DELIVERED
            return Kept(arrays["tasks"], arrays["servers"], *(arrays[name][delivered] for name in _COLUMNS))
    except BROKEN as fault:
        raise InputError(f"cannot be read ({str(fault) or type(fault).__name__})", path) from None
