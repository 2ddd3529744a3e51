"""Distributions of what a trace does not say, and of lifetimes: small, named, drawn the same in pieces or at once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import parse
from cutlayer.workloads.traces.rows import LEAST, MOST

_FAR = 400.0
"""Of an exponent: e to this is beyond all that is kept, and still a float times any mean."""


class Distribution:
    """Positive numbers, in the SI unit of what they are drawn for; one value a task, whatever the piece."""

    shapes: ClassVar[tuple[str, ...]] = ()
    """Parameters without a unit."""

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return the next `count` values, shape (count,).

        Drawing 2 and then 3 gives what drawing 5 gives. Values are kept within 1e-50 and 1e50, what a file may hold.
        """
        return np.clip(self._draw(rng, count), LEAST, MOST)

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        raise NotImplementedError

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
                raise InputError(f"{field.name} is {value!r}; allowed: a number above 0, {LEAST:g} to {MOST:g}")


DISTRIBUTIONS: Registry[type[Distribution] | type[Choice]] = Registry("distribution")


@DISTRIBUTIONS.register("constant")
@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always `value`."""

    value: float

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        return np.full(count, float(self.value))


@DISTRIBUTIONS.register("uniform")
@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Evenly from `low` to `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        Distribution.__post_init__(self)
        if self.low > self.high:
            raise InputError(f"low is {self.low!r}, above high, {self.high!r}; allowed: low <= high")

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        return rng.uniform(self.low, self.high, count)


@DISTRIBUTIONS.register("exponential")
@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """Exponential with that mean: no memory."""

    mean: float

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        return self.mean * rng.standard_exponential(count)


@DISTRIBUTIONS.register("lognormal")
@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """Log-normal with that mean and coefficient of variation `cv` (standard deviation / mean)."""

    shapes: ClassVar[tuple[str, ...]] = ("cv",)
    mean: float
    cv: float

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        variance = math.log1p(self.cv**2)
        exponents = math.sqrt(variance) * rng.standard_normal(count) - variance / 2
        drawn: FloatArray = self.mean * np.exp(np.clip(exponents, -_FAR, _FAR))
        return drawn


@DISTRIBUTIONS.register("pareto")
@dataclass(frozen=True, slots=True)
class Pareto(Distribution):
    """P(X > x) = (minimum / x) ** shape from `minimum` on; its mean is infinite at a shape of 1 and below."""

    shapes: ClassVar[tuple[str, ...]] = ("shape",)
    minimum: float
    shape: float

    def _draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        exponents = np.minimum(rng.standard_exponential(count) / self.shape, _FAR)
        drawn: FloatArray = self.minimum * np.exp(exponents)
        return drawn


@dataclass(frozen=True, slots=True)
class OwnInput(Distribution):
    """Not drawn: the input that the task's profile was measured with."""


@DISTRIBUTIONS.register("choice")
@dataclass(frozen=True, slots=True)
class Choice:
    """One of some names (profiles), evenly or by weight.

    Attributes
    ----------
    names : tuple of str
        Empty: all there are, in their order.
    weights : tuple of float
        One a name, 0 or more; empty: evenly.
    """

    names: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("names", "weights"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not all(isinstance(name, str) for name in self.names) or len(set(self.names)) < len(self.names):
            raise InputError(f"names are {list(self.names)!r}; allowed: text, each once")
        if self.weights:
            if len(self.weights) != len(self.names):
                raise InputError(f"{len(self.weights)} weights for {len(self.names)} names")
            sound = all(isinstance(w, int | float) and 0 <= w < math.inf for w in self.weights)
            if not sound or not 0 < sum(self.weights) < math.inf:
                raise InputError(f"weights are {list(self.weights)!r}; allowed: 0 or more, finite, not all 0")

    def among(self, known: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names to choose from, all of which are in `known`."""
        for name in self.names:
            if name not in known:
                raise UnknownNameError("profile", name, known)
        return self.names or tuple(known)

    def draw_from(self, names: tuple[str, ...], rng: np.random.Generator, count: int) -> list[str]:
        """Return the next `count` names, chosen from `names` (see `among`)."""
        if not self.weights:
            return [names[place] for place in rng.integers(len(names), size=count).tolist()]
        shares = np.cumsum(self.weights)
        places = np.searchsorted(shares, rng.random(count) * shares[-1], side="right")
        return [names[place] for place in np.minimum(places, len(names) - 1).tolist()]


def distribution_of(value: Any, unit: str) -> Distribution:
    """Return the distribution that a scenario or a caller means.

    Parameters
    ----------
    value : number, str, mapping or Distribution
        A number is a constant in SI units, text a constant with its unit (``"60 s"``); a mapping names the
        distribution: ``{"distribution": "lognormal", "mean": "60 s", "cv": 2}``.
    unit : str
        What it is drawn for: ``"s"``, ``"B"`` or ``"Hz"``.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> distribution_of({"distribution": "exponential", "mean": "2 min"}, "s")
    Exponential(mean=120.0)
    """
    if isinstance(value, Distribution):
        return value
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return Constant(parse(value, unit) if isinstance(value, str) else float(value))
    if not isinstance(value, Mapping) or "distribution" not in value:
        raise InputError(f"{value!r}; allowed: a number, text with a unit, or a table with the key 'distribution'")
    kind = DISTRIBUTIONS[str(value["distribution"])]
    given = {name: what for name, what in value.items() if name != "distribution"}
    if not issubclass(kind, Distribution):
        raise InputError(f"{value['distribution']!r} chooses names; allowed here: one of numbers")
    check_parameters(kind, str(value["distribution"]), given)
    shapes = kind.shapes
    return kind(
        **{
            name: parse(what, unit) if isinstance(what, str) and name not in shapes else what
            for name, what in given.items()
        }
    )


def check_parameters(kind: type, name: str, given: Mapping[str, Any]) -> None:
    """Check that `given` names the parameters of a dataclass, and all of those it needs."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for parameter in given:
        if parameter not in fields:
            raise UnknownNameError(f"parameter of {name!r}:", str(parameter), fields)
    for parameter, field in fields.items():
        if field.default is dataclasses.MISSING and parameter not in given:
            raise InputError(f"{name!r} needs the parameter {parameter!r}")


def described(thing: Any, registry: Registry[Any]) -> dict[str, Any]:
    """Return a dataclass as plain values, by the name it is registered with."""
    name = next(name for name in registry if registry[name] is type(thing))
    values = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(thing).items()}
    return {registry.what: name, **values}
