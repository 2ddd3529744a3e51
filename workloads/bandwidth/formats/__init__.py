"""Formats of bandwidth measurements, one file a format. Importing this package registers every one of them.

A format is a reader and a test of the first line, by which a file is recognised. A new one is one new file here.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.registry import Registry
from cutlayer.workloads.bandwidth.trace import BandwidthTrace
from cutlayer.workloads.traces.rows import Path, content

Lines = list[tuple[int, str]]
"""The lines of a file that are not blank, with their numbers, counted from 1."""


class BandwidthFormat(NamedTuple):
    """A format of bandwidth measurements.

    Attributes
    ----------
    meaning : str
        What a file of it holds, in a line.
    recognises : callable
        Whether the first line of a file that is not blank is one of this format.
    read : callable
        ``read(path, lines, bin_s)`` returns the `BandwidthTrace`; `bin_s` is how long the rate of packets is
        counted over [s], for formats that hold packets.
    """

    meaning: str
    recognises: Callable[[str], bool]
    read: Callable[[Path, Lines, float], BandwidthTrace]


FORMATS: Registry[BandwidthFormat] = Registry("bandwidth format")


def lines_of(path: Path) -> Lines:
    """Return the lines of a text file that are not blank; refuse a file that has none.

    Raises
    ------
    InputError
        If it cannot be read, is not text, or is empty.
    """
    lines = list(_filled(content(path)))
    if not lines:
        raise InputError("is empty; allowed: a bandwidth measurement", path)
    return lines


def _filled(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["FORMATS", "BandwidthFormat", "Lines", "lines_of"]
