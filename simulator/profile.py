"""Profiles: what every layer of a network computes and puts out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cutlayer.simulator.frozen import FloatArray, ReadOnly, check, frozen, positive
from cutlayer.simulator.units import render

Times = Mapping[str, tuple[float, float]]
"""By device: the median time of a layer and its spread (interquartile range) [s]."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of a profile: a convolution or fully connected layer with its activation, normalisation and pooling.

    Attributes
    ----------
    name : str
    flop : int
        FLOP of this layer for one frame; a multiply-accumulate is two.
    output_shapes : tuple of tuple of int
        Shapes, without the batch, of the tensors that cross if the network is cut here. A single shape may be given
        as it is.
    output_bytes : int
        Bytes of these tensors on the wire.
    time_s : mapping of str to (float, float)
        Time of this layer by the device it was measured on: median and spread [s].
    weight_bytes : int or None
        Bytes of the weights that this layer needs and no earlier one has; None if not known.
    working_bytes : int or None
        The largest sum of tensors that live while this layer runs, for one frame; None if not known.
    """

    name: str
    flop: float
    output_shapes: tuple[Any, ...]
    output_bytes: float
    time_s: Times = field(default_factory=dict, hash=False)
    weight_bytes: float | None = None
    working_bytes: float | None = None

    def __post_init__(self) -> None:
        check(bool(self.name), "layer without a name")
        what = f"layer {self.name!r}:"
        check(0 <= self.flop < math.inf, f"{what} flop is {self.flop!r}; allowed: 0 or more, finite")
        positive(self.output_bytes, f"{what} output_bytes")
        if not any(isinstance(shape, tuple) for shape in self.output_shapes):
            object.__setattr__(self, "output_shapes", (self.output_shapes,))
        for shape in self.output_shapes:
            check(
                isinstance(shape, tuple) and all(isinstance(n, int) and n > 0 for n in shape),
                f"{what} output_shape is {_listed(shape)}; allowed: whole numbers above 0",
            )
        for device, time in self.time_s.items():
            check(
                len(time) == 2 and all(0 <= value < math.inf for value in time),
                f"{what} time_s on {device!r} is {list(time)!r}; allowed: median and spread, 0 or more",
            )
        for key in ("weight_bytes", "working_bytes"):
            value = getattr(self, key)
            check(value is None or 0 <= value < math.inf, f"{what} {key} is {value!r}; allowed: 0 or more, finite")


def _listed(shape: Any) -> str:
    return repr(list(shape) if isinstance(shape, tuple) else shape)


@dataclass(frozen=True, repr=False)
class Profile(ReadOnly):
    """What every layer of a network computes, holds and puts out.

    Attributes
    ----------
    name : str
    input_shape : tuple of int
        Shape of its (first) input, without the batch.
    input_bytes : float
        Bytes of one input frame.
    layers : tuple of Layer
    provenance : mapping
        Where the numbers come from; ``kind`` is ``"measured"``, ``"estimated"`` or ``"assumed"``.
    raw_bytes : float or None
        Bytes of a frame on the wire if nothing is computed; None: `input_bytes`.
    """

    name: str
    input_shape: tuple[int, ...]
    input_bytes: float
    layers: tuple[Layer, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)
    raw_bytes: float | None = None

    def __post_init__(self) -> None:
        check(bool(self.name), "profile without a name")
        check(len(self.layers) > 0, f"profile {self.name!r} has no layers; allowed: 1 or more")
        positive(self.input_bytes, f"profile {self.name!r}: input bytes")
        if self.raw_bytes is not None:
            positive(self.raw_bytes, f"profile {self.name!r}: raw bytes")

    def __len__(self) -> int:
        return len(self.layers)

    def _shown(self) -> dict[str, str]:
        return {
            "name": self.name,
            "input": f"{'x'.join(map(str, self.input_shape))}, {render(self.input_bytes, 'B')}",
            "layers": f"{len(self)} ({', '.join(layer.name for layer in self.layers)})",
            "work": render(sum(layer.flop for layer in self.layers), "FLOP"),
        }

    @cached_property
    def ratio_by_cut(self) -> FloatArray:
        """Bytes that cross the uplink per input byte, by cut: shape (N + 1,), entry 0 (no layer) is 1."""
        return frozen([1.0] + [layer.output_bytes / self.input_bytes for layer in self.layers])

    @cached_property
    def flop_per_byte_by_cut(self) -> FloatArray:
        """FLOP of layers 1..k per input byte, by cut k: shape (N + 1,), entry 0 is 0."""
        return frozen(np.cumsum([0.0] + [float(layer.flop) for layer in self.layers]) / self.input_bytes)

    @property
    def ratio(self) -> FloatArray:
        """The paper's r_k at index k - 1: bytes after layer k per input byte, shape (N,)."""
        return self.ratio_by_cut[1:]

    @property
    def flop_per_byte(self) -> FloatArray:
        """The paper's l_k at index k - 1: FLOP of layers 1..k per input byte, shape (N,)."""
        return self.flop_per_byte_by_cut[1:]

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that every layer has a time on."""
        return tuple(name for name in self.layers[0].time_s if all(name in layer.time_s for layer in self.layers))

    def is_estimated(self, device: str) -> bool:
        """Whether the times on a device are not measured but estimated from those of another."""
        devices = self.provenance.get("devices", {})
        note = devices.get(device, {}) if isinstance(devices, Mapping) else {}
        return isinstance(note, Mapping) and note.get("kind") == "estimated"

    def seconds_per_byte(self, device: str) -> FloatArray:
        """Return the time of layers 1..k on a device per input byte, at index k - 1: shape (N,) [s/byte].

        Raises
        ------
        InputError
            If the profile was not measured there.
        """
        check(
            device in self.devices,
            f"profile {self.name!r} has no times on device {device!r}; it has {', '.join(self.devices) or 'none'}; "
            f"`cutlayer profile {self.name} --as {device}`, run on that device, adds them",
        )
        return frozen(np.cumsum([layer.time_s[device][0] for layer in self.layers]) / self.input_bytes)

    @property
    def weight_bytes(self) -> FloatArray:
        """Bytes of the weights of layers 1..k, at index k - 1: shape (N,).

        Raises
        ------
        InputError
            If the profile does not say.
        """
        return frozen(np.cumsum(self._known("weight_bytes")))

    @property
    def working_bytes(self) -> FloatArray:
        """The largest working set of one frame in layers 1..k, at index k - 1: shape (N,) [byte].

        Raises
        ------
        InputError
            If the profile does not say.
        """
        return frozen(np.maximum.accumulate(self._known("working_bytes")))

    def _known(self, key: str) -> list[float]:
        values = [getattr(layer, key) for layer in self.layers]
        check(None not in values, f"profile {self.name!r} has no {key}; `cutlayer profile {self.name}` measures them")
        return values
