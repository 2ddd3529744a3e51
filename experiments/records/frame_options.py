"""The file that keeps every frame of a run."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.errors import InputError
from simulator.types import Network

if TYPE_CHECKING:
    from simulator.frame_results import KeptFrames
    from simulator.spans import Span


def save_frames(path: Path, kept: KeptFrames, network: Network, spans: Sequence[Span]) -> None:
    """Write every frame as one compressed array file, whole or not at all.

    The arrays are those of `simulator.frames.KeptFrames`; ``tasks`` and ``servers`` hold the names its
    indices stand for.
    """
    columns: dict[str, Any] = dict(kept._asdict())
    columns |= {"tasks": np.array([span.task.name for span in spans]), "servers": np.array(network.servers)}
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            np.savez_compressed(file, **columns)
        draft.replace(path)
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror})", path) from None
    finally:
        draft.unlink(missing_ok=True)


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
