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


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: a convolution or fully connected layer with its activation, normalisation and pooling.

    Attributes
    ----------
    name : str
    flop : int
        FLOP of this layer for one frame; a multiply-accumulate is two.
    output_shape : tuple of int
        Shape of its output, without the batch.
    output_bytes : int
        Bytes of its output on the wire.
    time_s : float or None
        Measured time of this layer, where the profile carries one [s].
    time_spread_s : float or None
        Interquartile range of that time over the repeats [s].
    """

    name: str
    flop: float
    output_shape: tuple[int, ...]
    output_bytes: float
    time_s: float | None = None
    time_spread_s: float | None = None

    def __post_init__(self) -> None:
        check(bool(self.name), "layer without a name")
        what = f"layer {self.name!r}:"
        check(0 <= self.flop < math.inf, f"{what} flop is {self.flop!r}; allowed: 0 or more, finite")
        positive(self.output_bytes, f"{what} output_bytes")
        check(
            all(isinstance(n, int) and n > 0 for n in self.output_shape),
            f"{what} output_shape is {list(self.output_shape)!r}; allowed: whole numbers above 0",
        )


@dataclass(frozen=True, repr=False)
class Profile(ReadOnly):
    """What every layer of a network computes and puts out.

    Attributes
    ----------
    name : str
    input_shape : tuple of int
    input_bytes : float
        Bytes of one input frame.
    layers : tuple of Layer
    provenance : mapping
        Where the numbers come from; ``kind`` is ``"measured"`` or ``"assumed"``.
    """

    name: str
    input_shape: tuple[int, ...]
    input_bytes: float
    layers: tuple[Layer, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check(bool(self.name), "profile without a name")
        check(len(self.layers) > 0, f"profile {self.name!r} has no layers; allowed: 1 or more")
        positive(self.input_bytes, f"profile {self.name!r}: input bytes")

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
