"""A grid: a scenario with some of its keys varied, times schedulers, times seeds."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, overload

from cutlayer.experiments.console import log
from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.runs.runner import TABLES_TO_KEEP
from cutlayer.experiments.scenarios.plugin import Spec, build_scheduler, code_digest, label, scheduler_of, split
from cutlayer.experiments.scenarios.scenario import Scenario, load
from cutlayer.simulator.errors import InputError

MOST_VALUES = 10_000
"""A range of more values is a slip of the keyboard."""
MANY = 5_000
"""So many scenarios take long enough to check to say so."""
_NO_RANGE = re.compile(r"\s*[\d.]+\s*(\.\.+|\.\.=|-|–|to|…)\s*[\d.]+(\s*[A-Za-z/]+)?\s*")
"""How ranges are written elsewhere."""
_RANGE = re.compile(r"([-+\d.eE]+):([-+\d.eE]+)(?::([-+\d.eE]+))?\s*([A-Za-z].*)?")


@dataclass(frozen=True)
class Point:
    """A scenario of the grid, and the settings that made it of the first."""

    settings: tuple[str, ...]
    scenario: Scenario

    def __str__(self) -> str:
        return ", ".join(self.settings)


class Points(Sequence[Point]):
    """The scenarios of a grid: every combination of values, made when it is asked for, since there can be very many.

    Whatever their number, all are checked beforehand, and the files they name are of the content they had then.

    Parameters
    ----------
    base : Scenario
    varied : mapping of str to sequence of str
        Values by key; the last key changes fastest.
    option : str
        The option of the command line they come from, for messages.

    Raises
    ------
    InputError
        If a scenario is wrong, or two are the same.
    """

    def __init__(self, base: Scenario, varied: Mapping[str, Sequence[str]], option: str) -> None:
        self._base, self._varied, self._option = base, {key: list(values) for key, values in varied.items()}, option
        self._files: dict[str, Any] = {}
        self._check()

    def __len__(self) -> int:
        return math.prod(len(values) for values in self._varied.values())

    @overload
    def __getitem__(self, at: int) -> Point: ...

    @overload
    def __getitem__(self, at: slice) -> list[Point]: ...

    def __getitem__(self, at: int | slice) -> Point | list[Point]:
        if isinstance(at, slice):
            return [self[number] for number in range(len(self))[at]]
        rest, settings = range(len(self))[at], []
        for key, values in reversed(self._varied.items()):
            rest, place = divmod(rest, len(values))
            settings.append(f"{key}={values[place]}")
        scenario = self._base.with_settings(tuple(reversed(settings)), self._option)
        return Point(tuple(reversed(settings)), scenario.settled(self._files))

    def _check(self) -> None:
        if len(self) > MANY:
            log.info("%s scenarios are checked first: about a minute for every 60,000", f"{len(self):,}")
        seen: dict[bytes, int] = {}
        for number, point in enumerate(self):
            text = json.dumps(point.scenario.description, sort_keys=True)
            first = seen.setdefault(hashlib.sha256(text.encode()).digest(), number)
            if first != number:
                raise InputError(f"{self[first]} and {point} are the same scenario; allowed: values that differ")


@dataclass(frozen=True)
class Grid:
    """Runs to do: every scheduler at every point, for as many seeds as are asked for.

    Attributes
    ----------
    points : sequence of Point
    schedulers : list of (str, dict)
        Name and parameters.
    keep : tuple of str
        The tables to keep beside ``runs``.
    bound : str or None
        Which bound to find; as in `Cell`.
    random : bool
        Whether the seed decides anything.
    seeds : int
        How many the scenario asks for.
    codes : mapping of str to str
        By name of scheduler, the digest of its code when the grid was made: it is that of every run.
    """

    points: Sequence[Point]
    schedulers: list[Spec]
    keep: tuple[str, ...] = ()
    bound: str | None = None
    random: bool = True
    seeds: int = 1
    codes: Mapping[str, str] = field(default_factory=dict)

    def cell(self, point: Point, scheduler: Spec, seed: int) -> Cell:
        """Return one run."""
        name, options = scheduler
        return Cell(point.scenario, name, seed, options, self.keep, self.bound, self.codes.get(name))

    def cells(self, seeds: Sequence[int]) -> Iterator[Cell]:
        """Yield every run, those of one workload next to each other."""
        for point in self.points:
            for seed in seeds:
                for scheduler in self.schedulers:
                    yield self.cell(point, scheduler, seed)

    def size(self, seeds: int) -> str:
        """Return how large the grid is, in words."""
        runs = len(self.points) * len(self.schedulers) * seeds
        parts = [(len(self.points), "scenario"), (len(self.schedulers), "scheduler"), (seeds, "seed")]
        return " x ".join(f"{n:,} {what}{'s' * (n != 1)}" for n, what in parts) + f" = {runs:,} runs"


def grid_of(path: str, settings: Sequence[str] = (), vary: Sequence[str] = (), keep: Sequence[str] = ()) -> Grid:
    """Return the grid that a command line asks for, all of it checked.

    Parameters
    ----------
    path : path
        A scenario file, or the name of one of ours.
    settings : sequence of str
        ``KEY=VALUE`` to set over it.
    vary : sequence of str
        ``KEY=VALUES``; values are ``a:b`` or ``a:b:step`` (inclusive, with a unit where they need one), or a list with
        commas. The key ``scheduler`` takes names, with parameters as in ``fixed(cut=3)``.
    keep : sequence of str
        Tables to keep, beside ``runs``.

    Raises
    ------
    InputError
        If anything is wrong, or two points of the grid are the same.
    """
    for table in keep:
        if table not in TABLES_TO_KEEP:
            raise InputError(f"--keep {table!r}; allowed: {', '.join(TABLES_TO_KEEP)}")
    varied = dict(_keys(vary, settings))
    base = load(path, settings)
    schedulers: list[Spec] = [(name, dict(options)) for name, options in base.schedulers]
    if "scheduler" in varied:
        schedulers = [scheduler_of(text) for text in varied.pop("scheduler")]
    if not schedulers:
        raise InputError("there is no scheduler; say one in the scenario, or --vary scheduler=offline,price")
    labels = [label(*scheduler) for scheduler in schedulers]
    _refuse_twice("scheduler", labels)
    for scheduler in schedulers:
        build_scheduler(*scheduler)
    points = Points(base, varied, "--vary")
    codes = {name: code_digest(name) for name, _ in schedulers}
    return Grid(points, schedulers, tuple(dict.fromkeys(keep)), base.run.bound, base.is_random, base.run.seeds, codes)


def _keys(vary: Sequence[str], settings: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    given = [text.partition("=")[0].strip() for text in settings]
    for text in vary:
        key, equals, values = text.partition("=")
        key = key.strip()
        if not (key and equals and values.strip()):
            raise InputError(f"--vary {text!r}; allowed: KEY=VALUES, such as network.servers=20:90:10")
        if key in given:
            raise InputError(f"{key} is there twice; allowed: one --set or --vary for each key")
        given.append(key)
        if _NO_RANGE.fullmatch(values):
            raise InputError(f"--vary {text!r}; a range is FIRST:LAST or FIRST:LAST:STEP, such as {key}=20:90:10")
        try:
            found = values_of(values)
        except InputError as fault:
            raise InputError(f"--vary {key}: {fault.message}") from None
        _refuse_twice(key, found)
        yield key, found


def _refuse_twice(key: str, values: Sequence[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise InputError(f"{key} has {value} twice; allowed: every value once")


def values_of(text: str) -> list[str]:
    """Return the values that a text lists or ranges over.

    Raises
    ------
    InputError
        If the range is empty, endless or too long.

    Examples
    --------
    >>> values_of("20:50:10"), values_of("0.1:0.3:0.1"), values_of("10:20:5 Mbit/s")
    (['20', '30', '40', '50'], ['0.1', '0.2', '0.3'], ['10 Mbit/s', '15 Mbit/s', '20 Mbit/s'])
    >>> values_of("offline, fixed(cut=3)"), values_of("[1, 2], [3, 4]")
    (['offline', 'fixed(cut=3)'], ['[1, 2]', '[3, 4]'])
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return split(text)
    try:
        low, high, step = (Decimal(part) for part in (match[1], match[2], match[3] or "1"))
        count = int((high - low) / step) + 1
    except ArithmeticError:
        count = 0
    if count < 1 or high < low or step <= 0 or count > MOST_VALUES:
        raise InputError(
            f"{text!r} is no range; allowed: FIRST:LAST:STEP, rising, STEP above 0, at most {MOST_VALUES:,} values, "
            "such as 20:90:10"
        )
    unit = f" {match[4]}" if match[4] else ""
    return [f"{format((low + n * step).normalize(), 'f')}{unit}" for n in range(count)]
