"""What can go wrong, as one tree.

::

    CutlayerError
    ├── InputError            what a user handed in: one line, exit status 2
    │   └── UnknownNameError  a name that is not registered; carries the near name
    ├── DecisionError         a scheduler answered with something that is not allowed or does not fit
    ├── CapacityError         a reservation that does not fit, or a release of something not held
    └── ContractError         a scheduler broke a named check of `cutlayer.simulator.checks.contract`

Anything else that escapes is a bug in cutlayer: a traceback and exit status 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike


class CutlayerError(Exception):
    """Base of every error that cutlayer raises on purpose."""


def in_words(fault: BaseException) -> str:
    """Return kind and text of an error, also of one whose text cannot be made.

    Examples
    --------
    >>> in_words(KeyError("name"))
    "KeyError: 'name'"
    """
    kind = type(fault).__name__
    try:
        return f"{kind}: {fault}"
    except BaseException as another:  # of a user's own __str__, which may do anything
        return f"{kind} (which has no text: {type(another).__name__})"


class InputError(CutlayerError, ValueError):
    """Something a user handed in is wrong.

    Parameters
    ----------
    message : str
        What is wrong, with the value, and what is allowed. One line.
    file : path, optional
        The file the fault is in.
    line : int, optional
        Its line, counted from 1.
    """

    def __init__(self, message: str, file: str | PathLike[str] | None = None, line: int | None = None):
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        super().__init__(message, self.file, line)  # as __init__ takes them: pickle and SimPy make it anew

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        return f"{self.file}: {self.message}" if self.line is None else f"{self.file}:{self.line}: {self.message}"

    def located(self, file: str | PathLike[str], line: int | None = None) -> InputError:
        """Return the same fault, located in `file` at `line`."""
        return InputError(self.message, file, line)


class UnknownNameError(InputError):
    """A name that is not known; the message offers the near name or lists what there is.

    Parameters
    ----------
    what : str
        The kind of thing, e.g. ``"scheduler"``.
    name : str
        The name that was asked for.
    known : iterable of str
        The names there are.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]):
        names = tuple(known)
        super().__init__(f"unknown {what} {name!r}; {near_name(name, names)}")
        self.args = (what, name, names)


class DecisionError(CutlayerError):
    """A scheduler answered with something that is not allowed or does not fit: a bug in the scheduler."""


class CapacityError(CutlayerError):
    """A reservation that does not fit, or a release of something not held."""


class ContractError(CutlayerError, AssertionError):
    """A scheduler broke one of the checks every scheduler must pass."""


def _is_near(one: str, other: str) -> bool:
    """Return whether one name is the beginning of the other, or a slip of the keyboard in five letters away."""
    return other.startswith(one) or one.startswith(other) or _slips(one, other) <= 1 + min(len(one), len(other)) // 5


def _slips(one: str, other: str) -> int:
    """Return by how many slips of the keyboard two names differ: a letter more, less, another, or two swapped.

    Examples
    --------
    >>> _slips("fiof", "fifo"), _slips("resnet-18", "lenet-5")
    (1, 4)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, start=1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]


LONGEST = 40
"""Letters of a known name that are shown where it is one of several."""


def near_name(name: str, known: Iterable[str]) -> str:
    """Say what was probably meant by `name`, or list the few names there are."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    near = [one for one in near if _is_near(str(name), one)]
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(one if len(one) <= LONGEST else f"{one[:LONGEST]}..." for one in names[:20])
    shown += ", ..." if len(names) > 20 else ""
    return f"known: {shown}" if names else "there are none"
