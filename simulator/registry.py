"""Names for things that can be added from one file: schedulers, networks, trace formats, experiments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from cutlayer.simulator.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping from names to things that refuses duplicates and suggests near names.

    Parameters
    ----------
    what : str
        What is registered, in the singular, for messages: ``"scheduler"``.

    Examples
    --------
    >>> shapes = Registry("shape")
    >>> @shapes.register("square")
    ... class Square: ...
    >>> shapes["square"] is Square
    True
    >>> shapes["sqare"]
    Traceback (most recent call last):
    cutlayer.simulator.errors.UnknownNameError: unknown shape 'sqare'; did you mean 'square'?
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates as `name`.

        Raises
        ------
        ValueError
            If `name` is taken by something else.
        """

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"duplicate {self.what} {name!r}")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        """Return what is registered as `name`; raise `UnknownNameError` with the near name."""
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.what, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
