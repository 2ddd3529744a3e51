"""Times of a device that is not at hand, estimated by a roofline fitted to measured ones. No torch."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from scipy.optimize import least_squares

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.files import write_text
from cutlayer.simulator.frozen import FloatArray, check, positive
from cutlayer.simulator.types import Profile

_VALUE_BYTES = 4  # of a value in memory while it is computed


@dataclass(frozen=True)
class Device:
    """The roofline of a device: a row takes max(FLOP / peak, bytes moved / memory bandwidth) + a fixed cost.

    Attributes
    ----------
    name : str
    flop_per_s, memory_bytes_per_s, row_s : float
        Peak, memory bandwidth, and what every row costs besides [FLOP/s, byte/s, s].
    error : float or None
        Error of the fit where it was fitted: mean relative error of the time of a network that was left out.
    """

    name: str
    flop_per_s: float
    memory_bytes_per_s: float
    row_s: float
    error: float | None = None

    def __post_init__(self) -> None:
        check(bool(self.name) and self.name.isprintable(), f"name is {self.name!r}; allowed: text in one line")
        positive(self.flop_per_s, "flop_per_s")
        positive(self.memory_bytes_per_s, "memory_bytes_per_s")
        check(0 <= self.row_s < math.inf, f"row_s is {self.row_s!r}; allowed: 0 or more, finite")

    def times(self, profile: Profile) -> FloatArray:
        """Return the time of every row of a profile [s]."""
        flop, moved = _work(profile)
        return np.maximum(flop / self.flop_per_s, moved / self.memory_bytes_per_s) + self.row_s


def _work(profile: Profile) -> tuple[FloatArray, FloatArray]:
    """Return FLOP and bytes moved of every row: its weights, what it reads and what it leaves."""
    shapes = [((profile.input_shape),), *(layer.output_shapes for layer in profile.layers)]
    values = np.array([sum(math.prod(shape) for shape in one) for one in shapes], dtype=float)
    weights = np.diff(profile.weight_bytes, prepend=0.0)
    return np.array([float(layer.flop) for layer in profile.layers]), weights + _VALUE_BYTES * (
        values[1:] + values[:-1]
    )


def _measured(profile: Profile, name: str) -> FloatArray:
    profile.seconds_per_byte(name)  # refuses a device it was not measured on
    check(
        not profile.is_estimated(name),
        f"times of profile {profile.name!r} on {name!r} are estimated; allowed: measured ones",
    )
    return np.array([layer.time_s[name][0] for layer in profile.layers])


def fit(name: str, profiles: Sequence[Profile]) -> tuple[Device, dict[str, float]]:
    """Fit the roofline of a device to the rows measured there.

    Parameters
    ----------
    name : str
        The device, as the profiles call it.
    profiles : sequence of Profile
        Two or more.

    Returns
    -------
    device : Device
        Least squares in the logarithm of the times.
    errors : dict
        By network, the relative error of the time of the whole, fitted without it.

    Raises
    ------
    InputError
        If there are fewer than two networks, or one was not measured on that device.
    """
    check(len(profiles) > 1, f"{len(profiles)} profile; allowed: two or more, since the error is that of one left out")
    errors = {}
    for out in profiles:
        guess = _fitted(name, [profile for profile in profiles if profile is not out])
        errors[out.name] = float(guess.times(out).sum() / _measured(out, name).sum() - 1)
    mean = float(np.mean(np.abs(list(errors.values()))))
    return replace(_fitted(name, profiles), error=round(mean, 4)), errors


def _fitted(name: str, profiles: Sequence[Profile]) -> Device:
    works = [_work(profile) for profile in profiles]
    flop, moved = (np.concatenate(part) for part in zip(*works, strict=True))
    taken = np.concatenate([_measured(profile, name) for profile in profiles])
    known = taken > 0
    flop, moved, taken = flop[known], moved[known], taken[known]
    check(taken.size > 2, f"{taken.size} rows with a time on {name!r}; allowed: three or more")
    begin = np.log([np.max(flop / taken) or 1.0, np.max(moved / taken), np.min(taken)])

    def apart(logs: FloatArray) -> Any:
        peak, memory, fixed = np.exp(logs)
        return np.log(np.maximum(flop / peak, moved / memory) + fixed) - np.log(taken)

    starts = [begin, begin - [1.0, 0.0, 0.0], begin - [0.0, 1.5, 0.0], begin - [1.0, 1.5, -1.0]]
    best = min((least_squares(apart, start, loss="soft_l1") for start in starts), key=lambda found: float(found.cost))
    peak, memory, fixed = (float(f"{value:.6g}") for value in np.exp(best.x))
    return Device(name, peak, memory, fixed)


def estimate(profile: Profile, device: Device, source: str, others: Sequence[Profile]) -> Profile:
    """Return a profile with times estimated for a device, marked as estimated.

    A row takes what it took on `source` times the ratio of both rooflines, so that what a roofline does not know of a
    row (a depthwise convolution) is carried over.

    Parameters
    ----------
    profile : Profile
    device : Device
    source : str
        The device whose measured times are carried over.
    others : sequence of Profile
        Profiles that the roofline of `source` is fitted to, beside this one, where they were measured there.

    Raises
    ------
    InputError
        If the profile was not measured on `source`, or was measured on `device`.
    """
    taken = _measured(profile, source)
    if device.name in profile.devices and not profile.is_estimated(device.name):
        raise InputError(f"profile {profile.name!r} has measured times on {device.name!r}; allowed: another name")
    known = [
        one for one in others if source in one.devices and one.name != profile.name and not one.is_estimated(source)
    ]
    ratio = device.times(profile) / _fitted(source, [profile, *known]).times(profile)
    rows = zip(profile.layers, (taken * ratio).tolist(), strict=True)
    layers = tuple(replace(row, time_s={**row.time_s, device.name: (round(time, 9), 0.0)}) for row, time in rows)
    note = {"kind": "estimated", "from": source, "roofline": {k: v for k, v in asdict(device).items() if v is not None}}
    devices = {**profile.provenance.get("devices", {}), device.name: note}
    return replace(profile, layers=layers, provenance={**profile.provenance, "devices": devices})


def save_device(device: Device, path: str | os.PathLike[str]) -> None:
    """Write a device file.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_text(path, tomli_w.dumps({key: value for key, value in asdict(device).items() if value is not None}))


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device file.

    Raises
    ------
    InputError
        If it cannot be read, or a key is missing, unknown or out of range.
    """
    try:
        found: Mapping[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as a device file: {error}", path) from None
    keys = ("name", "flop_per_s", "memory_bytes_per_s", "row_s")
    for key in found:
        if key not in (*keys, "error"):
            raise InputError(UnknownNameError("key of a device file", key, (*keys, "error")).message, path)
    for key in keys:
        if key not in found or isinstance(found[key], bool) or isinstance(found[key], str) != (key == "name"):
            allowed = "text" if key == "name" else "a number"
            raise InputError(f"{key} is {found.get(key)!r}; allowed: {allowed}", path)
    try:
        return Device(**found)
    except InputError as error:
        raise InputError(error.message, path) from None
