"""Exponential and normal numbers out of random words: the ziggurat method, exact in distribution.

The area under a density f falling from 0 is cut into `LAYERS` horizontal layers of equal area; layer i reaches
from 0 to ``EDGE[i]`` and lies above f(EDGE[i]). A point drawn in a layer is under the curve for sure where its
x is below the edge of the layer above; else its height decides. The lowest layer has the tail beyond R
(Marsaglia and Tsang, "The ziggurat method for generating random variables", Journal of Statistical Software
5(8), 2000; with the layer and the place in it out of different bits, as Doornik, "An improved ziggurat method
to generate normal random samples", 2005).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.types import FloatArray

LAYERS = 256
_TO_UNIT = 2.0**-53
_ELEVEN, _EIGHT, _LAYER, _BIT = np.uint64(11), np.uint64(8), np.uint64(LAYERS - 1), np.uint64(1)

EXPONENTIAL_R = 7.697117470131050
NORMAL_R = 3.654152885361009
"""Where the tails begin so that `LAYERS` layers of equal area end at 0 (the constants of both papers)."""


def layer_edges(
    r: float, tail_area: float, density: Callable[[float], float], inverse: Callable[[float], float]
) -> FloatArray:
    """Return how far each layer reaches, from the lowest up, and 0 for the one above the last.

    The lowest holds the tail too: it reaches as far as a rectangle of its area would.
    """
    area = r * density(r) + tail_area
    edges = [area / density(r), r]
    while len(edges) < LAYERS:
        edges.append(inverse(area / edges[-1] + density(edges[-1])))
    return np.array([*edges, 0.0])


EXPONENTIAL_EDGE = layer_edges(EXPONENTIAL_R, math.exp(-EXPONENTIAL_R), lambda x: math.exp(-x), lambda y: -math.log(y))
NORMAL_EDGE = layer_edges(
    NORMAL_R,
    math.sqrt(math.pi / 2) * math.erfc(NORMAL_R / math.sqrt(2.0)),
    lambda x: math.exp(-0.5 * x * x),
    lambda y: math.sqrt(-2.0 * math.log(y)),
)


@compiled
def unit(word: Any) -> float:
    """Return a number uniform in [0, 1) out of the upper 53 bits of a word of 64 (the others choose the layer)."""
    return float((word >> _ELEVEN) * _TO_UNIT)


@compiled
def exponential_inside(word: Any) -> float:
    """Return an exponential number of mean 1, or a negative one where the word alone does not decide."""
    layer = word & _LAYER
    x = unit(word) * EXPONENTIAL_EDGE[layer]
    return x if x < EXPONENTIAL_EDGE[layer + _BIT] else -1.0


@compiled
def exponential_at_edge(word: Any, other: Any) -> float:
    """Return the number of a word that did not decide, with another word; negative: begin anew with a new word."""
    layer = word & _LAYER
    if layer == 0:  # the tail is the same curve again
        return EXPONENTIAL_R - math.log(1.0 - unit(other))
    x = unit(word) * EXPONENTIAL_EDGE[layer]
    low, high = math.exp(-EXPONENTIAL_EDGE[layer]), math.exp(-EXPONENTIAL_EDGE[layer + _BIT])
    return x if low + unit(other) * (high - low) < math.exp(-x) else -1.0


@compiled
def normal_inside(word: Any) -> float:
    """Return a standard normal number, or NaN where the word alone does not decide."""
    layer = word & _LAYER
    x = unit(word) * NORMAL_EDGE[layer]
    sign = 1.0 - 2.0 * ((word >> _EIGHT) & _BIT)
    return float(sign * x) if x < NORMAL_EDGE[layer + _BIT] else math.nan


@compiled
def normal_at_edge(word: Any, other: Any) -> float:
    """Return the number of a word that did not decide, with another word; NaN: begin anew with a new word.

    Not for words of the tail (`in_tail`).
    """
    layer = word & _LAYER
    x = unit(word) * NORMAL_EDGE[layer]
    low = math.exp(-0.5 * NORMAL_EDGE[layer] ** 2)
    high = math.exp(-0.5 * NORMAL_EDGE[layer + _BIT] ** 2)
    if low + unit(other) * (high - low) >= math.exp(-0.5 * x * x):
        return math.nan
    return float(x * (1.0 - 2.0 * ((word >> _EIGHT) & _BIT)))


@compiled
def in_tail(word: Any) -> bool:
    """Return whether a word that did not decide means the tail."""
    return bool((word & _LAYER) == 0)


@compiled
def normal_tail(word: Any, other: Any, another: Any) -> float:
    """Return the number of a word of the tail, with two other words; NaN: try again with two new ones.

    Marsaglia's way: exponential numbers, thinned.
    """
    x, y = -math.log(1.0 - unit(other)) / NORMAL_R, -math.log(1.0 - unit(another))
    if 2.0 * y <= x * x:
        return math.nan
    return float((NORMAL_R + x) * (1.0 - 2.0 * ((word >> _EIGHT) & _BIT)))
