"""What frozen dataclasses share: checked values and read-only arrays."""

from __future__ import annotations

import html
import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutlayer.simulator.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


def check(holds: bool, message: str) -> None:
    """Raise `InputError` with the message unless the condition holds."""
    if not holds:
        raise InputError(message)


def positive(value: float, what: str) -> None:
    """Refuse a value that is not above 0 and finite."""
    check(isinstance(value, Real) and 0 < value < math.inf, f"{what} is {value!r}; allowed: above 0, finite")


def frozen(values: ArrayLike, dtype: type = np.float64) -> NDArray[Any]:
    """Return a read-only copy as an array."""
    array: NDArray[Any] = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


class ReadOnly:
    """Keeps its arrays read-only in copies and after pickling, which NumPy does not; shows itself in a line."""

    def _shown(self) -> dict[str, str]:
        """Return what to show of the object, by name."""
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'{name} {text}' for name, text in self._shown().items())}>"

    def _repr_html_(self) -> str:
        lines = (f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in self._shown().items())
        return f"<table>{''.join(lines)}</table>"

    def __setstate__(self, state: dict[str, Any]) -> None:
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)
