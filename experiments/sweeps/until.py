"""Seeds until the answer is as narrow as asked for, for every scheduler at every point of a grid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cutlayer.experiments.runs.cell import Cell
from cutlayer.experiments.runs.runner import OF_THE_MACHINE
from cutlayer.experiments.scenarios.plugin import label
from cutlayer.experiments.stats import FIRST, Interval, Precision, mean_interval, more_replications
from cutlayer.experiments.sweeps.grid import Grid
from cutlayer.experiments.sweeps.sweep import Engine, Tally, sweep
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.results.tables import TABLES

_WISH = re.compile(r"\s*(\w+)\s*(?:\+-|\+/-|±)\s*([\d.eE+-]+)\s*(%?)\s*")
NUMBERS = tuple(column.name for column in TABLES["runs"] if column.type in ("REAL", "INTEGER"))
MEASURES = tuple(name for name in NUMBERS if name not in ("seed", *OF_THE_MACHINE))


def wish_of(text: str) -> tuple[str, Precision]:
    """Return the measure and how narrow its interval is to be.

    Examples
    --------
    >>> wish_of("deployed_tasks +-1%")
    ('deployed_tasks', Precision(width=0.01, relative=True))
    >>> wish_of("gap ± 0.005")
    ('gap', Precision(width=0.005, relative=False))
    """
    match = _WISH.fullmatch(text)
    try:
        width = float(match[2]) if match else 0.0
    except ValueError:
        width = 0.0
    if match is None or not 0 < width < float("inf"):
        raise InputError(f"--until {text!r}; allowed: MEASURE +-WIDTH, such as 'deployed_tasks +-1%'")
    if match[1] in NUMBERS and match[1] not in MEASURES:
        why = "a number of the machine" if match[1] in OF_THE_MACHINE else "no measure"
        raise InputError(f"--until {text!r}: {match[1]} is {why}; allowed: what a run measures, as deployed_tasks")
    if match[1] not in MEASURES:
        raise UnknownNameError("measure", match[1], MEASURES)
    return match[1], Precision(width / 100 if match[3] else width, bool(match[3]))


def sweep_until(
    results: Results,
    grid: Grid,
    wish: tuple[str, Precision],
    most_seeds: int,
    engine: Engine,
    done: Callable[[int], object] = lambda n: None,
    *,
    retry_failed: bool = False,
) -> tuple[Tally, dict[str, Interval | None]]:
    """Add seeds to every scheduler at every point until its interval is narrow enough, or there are `most_seeds`.

    How many seeds that takes does not depend on how many processes there are, nor on what was there before.

    Returns
    -------
    tally : Tally
    intervals : dict
        Those that are not narrow enough at the end, by what they are of; None where no run was done.
    """
    measure, precision = wish
    tally = Tally()
    groups = [(number, spec) for number in range(len(grid.points)) for spec in range(len(grid.schedulers))]
    wide: dict[tuple[int, int], Interval | None] = dict.fromkeys(groups)
    before, seeds = 0, min(FIRST, most_seeds)
    while wide and seeds > before:
        cells = _cells(grid, wide, range(before, seeds))
        tally += sweep(results, cells, done, engine=engine, retry_failed=retry_failed)
        for at in list(wide):
            point, spec = grid.points[at[0]], grid.schedulers[at[1]]
            keys = (grid.cell(point, spec, seed).key for seed in range(seeds))
            found = [value for key in keys if (value := results.value(key, measure)) is not None]
            wide[at] = mean_interval(found) if found else None
            if found and precision.met(mean_interval(found)):
                del wide[at]
        before, seeds = seeds, min(more_replications(seeds), most_seeds)
    return tally, {_named(grid, at): interval for at, interval in wide.items()}


def _named(grid: Grid, at: tuple[int, int]) -> str:
    point, spec = grid.points[at[0]], grid.schedulers[at[1]]
    return label(*spec) + (f" at {point}" if point.settings else "")


def _cells(grid: Grid, wide: dict[tuple[int, int], Any], seeds: range) -> Iterator[Cell]:
    for number in range(len(grid.points)):
        own = [scheduler for at, scheduler in enumerate(grid.schedulers) if (number, at) in wide]
        if not own:
            continue
        point = grid.points[number]
        for seed in seeds:
            for scheduler in own:
                yield grid.cell(point, scheduler, seed)
