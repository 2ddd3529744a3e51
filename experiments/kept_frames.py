"""Single frames, where ``--keep-frames`` has written them beside the results."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np

from experiments.run_files import frames_path
from experiments.run_groups import Row
from simulator.errors import InputError
from simulator.frame_model import DELIVERED
from simulator.results import Results


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
