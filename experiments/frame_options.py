"""Frames on the command line: what they are like, what befalls links and servers, and the file that keeps them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.inputs import Frames
from simulator.errors import InputError
from simulator.frame_model import FrameSettings
from simulator.types import Network
from simulator.uplink import Conditions
from workloads.conditions import read_conditions

if TYPE_CHECKING:
    from simulator.frames import KeptFrames
    from simulator.spans import Span

CONDITION_FILES = ("capacity", "load", "outages")
SETTINGS = ("jitter", "sizes", "size_cv", "sharing", "on_end", "on_outage", "propagation_s", "violation", "series_s")


def conditions_of(arguments: argparse.Namespace, network: Network) -> Conditions | None:
    """Return what befalls links and servers, where files say so."""
    files = {name: getattr(arguments, name) for name in CONDITION_FILES if getattr(arguments, name) is not None}
    return read_conditions(network, **files) if files else None


def frames_of(arguments: argparse.Namespace) -> Frames | None:
    """Return the frames the options ask for, or None.

    Raises
    ------
    InputError
        If an option about frames is given without ``--frames``, or a value is not allowed.
    """
    given = {name: getattr(arguments, name) for name in SETTINGS if getattr(arguments, name) is not None}
    if arguments.frames is None:
        if given or arguments.keep_frames or arguments.seed is not None:
            raise InputError("options about frames need --frames (periodic, jittered or poisson)")
        return None
    settings = FrameSettings(arrivals=arguments.frames, seed=arguments.seed or 0, **given)
    return Frames(settings, arguments.keep_frames)


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
