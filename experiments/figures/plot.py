"""``cutlayer plot``: the figures of a results file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutlayer.experiments.figures.distributions import cdf
from cutlayer.experiments.figures.over_time import deployed, latency, reserved, used, violations
from cutlayer.experiments.figures.panels import HeatMap
from cutlayer.experiments.figures.resource_panels import heatmap, load_map
from cutlayer.experiments.figures.seeds import failures
from cutlayer.experiments.figures.sweep_panels import sweep
from cutlayer.experiments.records.run_groups import Group, Missing, chosen_rows, group_runs
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.results.file import Results

Builder = Callable[[Results, Sequence[Group]], Sequence[Any]]


@dataclass(frozen=True)
class Kind:
    """A kind of figure: what builds its panels, how many of them stand in one file, what draws them."""

    build: Builder
    draws: str = "draw_panels"
    together: int | None = None

    def files(self, panels: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yield the name of each file and the panels in it."""
        step = self.together or len(panels)
        for start in range(0, len(panels), step):
            own = panels[start : start + step]
            several = len(panels) > step
            after = own[0].title.partition(":")[0] if isinstance(own[0], HeatMap) or self.draws == "draw_maps" else ""
            yield (slug(after or own[0].name) if several else ""), own


KINDS: Registry[Kind] = Registry("figure")
for _name, _kind in (
    ("deployed", Kind(deployed)),
    ("reserved", Kind(reserved)),
    ("used", Kind(used)),
    ("violations", Kind(violations)),
    ("latency", Kind(latency)),
    ("cdf", Kind(cdf)),
    ("heatmap", Kind(heatmap, "draw_heat_maps", 2)),
    ("sweep", Kind(sweep, together=1)),
    ("map", Kind(load_map, "draw_maps", 1)),
):
    KINDS.register(_name)(_kind)


def slug(text: str) -> str:
    """Return text that can stand in a file name.

    Examples
    --------
    >>> slug("fixed(cut=1), servers 20")
    'fixed-cut-1-servers-20'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()[:80] or "figure"


def plot(
    path: str | Path,
    runs: Sequence[str] = (),
    what: Sequence[str] = (),
    out: str | Path | None = None,
    formats: Sequence[str] = ("png",),
    paper: bool = False,
    say: Callable[[str], object] = lambda text: None,
) -> list[Path]:
    """Draw figures of a results file and return the files written.

    Parameters
    ----------
    path : path
        A results file.
    runs : sequence of str
        Schedulers or beginnings of keys; all runs by default.
    what : sequence of str
        Names in `KINDS`; by default all that can be drawn.
    out : path, optional
        The folder; by default beside the results, named after them.
    formats : sequence of str
        Keys of `cutlayer.experiments.figures.style.FORMATS`.
    paper : bool
        For a page of two columns.
    say : callable
        Told what could not be drawn, and what to know of what was.

    Raises
    ------
    InputError
        If a name is not known, what was asked for is not in the results, or a file cannot be written.
    """
    from cutlayer.experiments.figures import drawings
    from cutlayer.experiments.figures.style import FORMATS, draw

    for ending in formats:
        if ending not in FORMATS:
            raise UnknownNameError("format", ending, FORMATS)
    for name in what:
        KINDS[name]
    folder = Path(out) if out is not None else Path(path).with_name(f"{Path(path).stem}-figures")
    with Results(path, must_exist=True) as results:
        groups = group_runs(chosen_rows(results, runs))
        for failed in failures(results, runs):
            say(f"not in the figures: {failed}")
        ready = []
        absent: dict[str, list[str]] = {}
        for name in what or KINDS:
            try:
                ready.append((name, KINDS[name].build(results, groups)))
            except Missing as missing:
                if what:
                    raise InputError(f"{name}: {missing}", path) from None
                absent.setdefault(str(missing).partition(":")[0].removesuffix(" in the results"), []).append(name)
        if absent:
            said = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in absent.items())
            say(f"not drawn: {said}; --what NAME says what would keep it")
    if not ready:
        raise InputError("nothing in it can be drawn", path)
    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, panels in ready:
            for after, own in KINDS[name].files(panels):
                stem = folder / "-".join(filter(None, (name, after.removeprefix(f"{name}-"))))
                paths += draw(stem, getattr(drawings, KINDS[name].draws), own, paper, formats=formats, paper=paper)
            for note in dict.fromkeys(panel.note for panel in panels if getattr(panel, "note", "")):
                say(f"{name}: {note}")
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror})", folder) from None
    return paths
