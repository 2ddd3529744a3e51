"""What a codec makes of the tensors that cross, measured on frames."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Profile

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_LEVEL = 6
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def encoded(profile: Profile, source: Any, codec: str, folder: Path, wire: str, device: str) -> Profile:
    """Return a profile whose bytes are what a codec makes of the tensors that cross, on average over frames.

    Its provenance has the time of the codec by cut, from cut 0.

    Parameters
    ----------
    profile : Profile
    source : Source
        The model it was measured from.
    codec : {"zlib", "png-like"}
    folder : path
        Images (scaled to the input, values in [0, 1]) or ``.npy`` arrays of the input's shape.
    wire : str
        Type of a floating-point value before it is compressed; uint8: linear from the least to the largest value.
    device : str
        What this device is called.

    Raises
    ------
    InputError
        If there is no such codec, or a frame cannot be read or does not fit.
    """
    if codec not in CODECS:
        raise UnknownNameError("codec", codec, CODECS)
    frames = _frames(folder, source)
    sizes, times = np.zeros((len(frames), len(profile) + 1)), np.zeros((len(frames), len(profile) + 1))
    for row, frame in enumerate(frames):
        for k, tensors in enumerate(source.activations([frame])):
            start = time.perf_counter()
            sizes[row, k] = sum(len(CODECS[codec](as_sent(tensor, wire))) for tensor in tensors)
            times[row, k] = time.perf_counter() - start
    mean = [math.ceil(size) for size in sizes.mean(axis=0)]
    layers = tuple(replace(layer, output_bytes=size) for layer, size in zip(profile.layers, mean[1:], strict=True))
    taken = {"name": codec, "frames": len(frames), "time_s": {device: np.median(times, axis=0).round(9).tolist()}}
    return replace(profile, layers=layers, raw_bytes=mean[0], provenance={**profile.provenance, "codec": taken})


def as_sent(tensor: Any, wire: str) -> Bytes:
    """Return a tensor's bytes on the wire, its last axis a row."""
    values = tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
    if values.dtype.kind == "f":
        if wire == "uint8":
            low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
            values = np.rint((values - low) * (255 / (high - low) if high > low else 0.0)).astype(np.uint8)
        else:
            values = values.astype(wire)
    values = np.ascontiguousarray(values)
    width = values.shape[-1] * values.itemsize if values.ndim else values.itemsize
    return values.reshape(-1).view(np.uint8).reshape(-1, max(1, width))


def _zlib(rows: Bytes) -> bytes:
    return zlib.compress(rows.tobytes(), _LEVEL)


def _png_like(rows: Bytes) -> bytes:
    """Predict every byte from the one before, above, or both, whichever leaves the smaller numbers, row by row."""
    left, above = np.zeros_like(rows), np.zeros_like(rows)
    left[:, 1:], above[1:] = rows[:, :-1], rows[:-1]
    mean = ((left.astype(np.uint16) + above) // 2).astype(np.uint8)
    filtered = np.stack([rows, rows - left, rows - above, rows - mean])
    size = np.minimum(filtered, -filtered).astype(np.int64).sum(axis=2)
    best = size.argmin(axis=0)
    chosen = filtered[best, np.arange(len(rows))]
    return zlib.compress(np.concatenate([best.astype(np.uint8)[:, None], chosen], axis=1).tobytes(), _LEVEL)


CODECS: dict[str, Callable[[Bytes], bytes]] = {"zlib": _zlib, "png-like": _png_like}


def _frames(folder: Path, source: Any) -> list[Any]:
    """Return the frames of a folder as the model takes them."""
    if len(source.inputs) != 1 or source.inputs[0].dtype != "float32":
        raise InputError(f"model {source.name!r} does not take frames; allowed with a codec: one input of float32")
    shape = source.inputs[0].shape
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (*_IMAGES, ".npy"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}; allowed: a folder of frames", folder) from None
    if not files:
        raise InputError(f"holds no frame; allowed: *.npy, *{', *'.join(_IMAGES)}", folder)
    return [source.as_input(_frame(file, shape)) for file in files]


def _frame(file: Path, shape: tuple[int, ...]) -> Any:
    try:
        if file.suffix == ".npy":
            values = np.load(file, allow_pickle=False)
        else:
            from PIL import Image

            channels, height, width = shape
            with Image.open(file) as image:
                scaled = image.convert("L" if channels == 1 else "RGB").resize((width, height))
            values = np.asarray(scaled, dtype=np.float32) / 255
            values = values[None] if channels == 1 else values.transpose(2, 0, 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as a frame of {'x'.join(map(str, shape))}: {error}", file) from None
    if values.shape != shape or values.dtype.kind not in "fiu":
        found = "x".join(map(str, values.shape))
        raise InputError(f"holds {found} of {values.dtype}; allowed: {'x'.join(map(str, shape))} numbers", file)
    return values.astype(np.float32)[None]
