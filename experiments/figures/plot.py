"""``cutlayer plot``: the figures of a results file, as files or as matplotlib axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutlayer.experiments.figures.distributions import tail
from cutlayer.experiments.figures.names import slug, unlike
from cutlayer.experiments.figures.over_time import deployed, late, latency, reserved, used
from cutlayer.experiments.figures.panels import Panel
from cutlayer.experiments.figures.resource_panels import heatmap, load_map
from cutlayer.experiments.figures.seeds import failures
from cutlayer.experiments.figures.sweep_panels import sweep
from cutlayer.experiments.records.run_groups import Group, Missing, chosen_rows, group_runs
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.registry import Registry
from cutlayer.simulator.results.file import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Builder = Callable[[Results, Sequence[Group]], Sequence[Any]]


@dataclass(frozen=True)
class Kind:
    """A kind of figure: what builds its panels, how many of them share a file, what draws all of them, and one."""

    build: Builder
    draws: str = "draw_panels"
    draws_one: str = "draw_panel"
    together: int | None = None

    def files(self, name: str, panels: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yield the name of each file and the panels in it."""
        step = self.together or len(panels)
        parts = [panels[start : start + step] for start in range(0, len(panels), step)]
        afters = [slug(_own_name(name, own[0])) if len(parts) > 1 else "" for own in parts]
        yield from zip(unlike("-".join(filter(None, (name, after))) for after in afters), parts, strict=True)


def _own_name(figure: str, panel: Any) -> str:
    """Return what tells a panel from others of its figure."""
    return panel.name.removeprefix(f"{figure}-") if isinstance(panel, Panel) else str(panel.label)


KINDS: Registry[Kind] = Registry("figure")
for _name, _kind in (
    ("deployed", Kind(deployed)),
    ("reserved", Kind(reserved)),
    ("used", Kind(used)),
    ("late", Kind(late)),
    ("latency", Kind(latency)),
    ("tail", Kind(tail)),
    ("heatmap", Kind(heatmap, "draw_heat_maps", "draw_heat_map", 2)),
    ("sweep", Kind(sweep, together=1)),
    ("map", Kind(load_map, "draw_maps", "draw_one_map", 1)),
):
    KINDS.register(_name)(_kind)


@dataclass(frozen=True)
class Wording:
    """How a user wants figures to read.

    Attributes
    ----------
    labels : mapping of str to str
        What to call a line, by its label or its scheduler.
    order : sequence of str
        Labels or schedulers in the order of the legend; others follow in the order of the file.
    title : str, optional
        In place of the titles; empty: none.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = ()
    title: str | None = None

    def ordered(self, groups: Sequence[Group]) -> list[Group]:
        """Return the groups in that order.

        Raises
        ------
        UnknownNameError
            If there is no line of such a label, and no such scheduler.
        """
        known = {name: None for group in groups for name in (group.label, group.scheduler)}
        places = {name: place for place, name in enumerate(self.order)}
        for name in (*places, *self.labels):
            if name not in known:
                raise UnknownNameError("line", name, known)
        last = len(places)
        return sorted(groups, key=lambda group: places.get(group.label, places.get(group.scheduler, last)))

    def worded(self, panels: Sequence[Any]) -> list[Any]:
        """Return the panels with these labels and that title."""
        found = []
        for panel in panels:
            named: dict[str, Any]
            if isinstance(panel, Panel):
                named = {"curves": tuple(replace(curve, label=self.label(curve.label)) for curve in panel.curves)}
            else:
                named = {"label": self.label(panel.label)}
            found.append(replace(panel, **named, **({} if self.title is None else {"title": self.title})))
        return found

    def label(self, of: str) -> str:
        """Return what to call a line: by its label, else with its scheduler renamed.

        Examples
        --------
        >>> Wording({"fifo": "FIFO"}).label("fifo, servers 20")
        'FIFO, servers 20'
        """
        scheduler = next((name for name in self.labels if of.startswith(f"{name}, ")), of)
        return self.labels.get(of, self.labels.get(scheduler, scheduler) + of[len(scheduler) :])


def plot(
    path: str | Path,
    runs: Sequence[str] = (),
    what: Sequence[str] = (),
    out: str | Path | None = None,
    formats: Sequence[str] = ("png",),
    paper: bool = False,
    size: tuple[float, float] | None = None,
    wording: Wording | None = None,
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
    size : (float, float), optional
        Width and height of every figure [in].
    wording : Wording, optional
        Labels, their order and the title.
    say : callable
        Told what could not be drawn, and what to know of what was.

    Raises
    ------
    InputError
        If a name is not known, what was asked for is not in the results, or a file cannot be written.
    """
    from cutlayer.experiments.figures import drawings
    from cutlayer.experiments.figures.style import FORMATS, draw

    wording = Wording() if wording is None else wording
    for ending in formats:
        if ending not in FORMATS:
            raise UnknownNameError("format", ending, FORMATS)
    for name in what:
        KINDS[name]
    folder = Path(out) if out is not None else Path(path).with_name(f"{Path(path).stem}-figures")
    with Results(path, must_exist=True) as results:
        groups = wording.ordered(group_runs(chosen_rows(results, runs)))
        for failed in failures(results, runs):
            say(f"not in the figures: {failed}")
        ready = []
        absent: dict[str, list[str]] = {}
        for name in what or KINDS:
            try:
                ready.append((name, wording.worded(KINDS[name].build(results, groups))))
            except Missing as missing:
                if what:
                    raise InputError(f"{name}: {missing}", path) from None
                absent.setdefault(str(missing).partition(":")[0].removesuffix(" in the results"), []).append(name)
        if absent:
            reasons = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in absent.items())
            say(f"not drawn: {reasons}; --what NAME tells what would keep it")
    if not ready:
        raise InputError("nothing in it can be drawn", path)
    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, panels in ready:
            kind = KINDS[name]
            for stem, own in kind.files(name, panels):
                draws = getattr(drawings, kind.draws)
                paths += draw(folder / stem, draws, own, paper, size, formats=formats, paper=paper)
            for note in dict.fromkeys(panel.note for panel in panels if getattr(panel, "note", "")):
                say(f"{name}: {note}")
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror})", folder) from None
    return paths


def axes(
    results: Results | str | Path,
    what: str,
    ax: Axes | None = None,
    *,
    runs: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw one figure of a results file on matplotlib axes, and return these to go on with.

    `cl.open("x.db").plot("deployed")` calls this function.

    Parameters
    ----------
    results : Results or path
    what : str
        A figure, such as "deployed", "late", "latency", "tail" or "sweep"; of a figure of several panels one of them,
        such as "reserved-uplink" or "heatmap-compute".
    ax : Axes, optional
        By default those of a new pyplot figure.
    runs : sequence of str
        Schedulers or beginnings of keys; all runs by default.
    labels, order, title
        As of `Wording`.
    legend : bool
        Whether to add a legend where there are several curves.

    Raises
    ------
    InputError
        If there is no such figure or run, the figure has several panels, or what it needs is not in the results.

    Examples
    --------
    >>> ax = axes("runs.db", "deployed", labels={"fifo": "First in, first out"})  # doctest: +SKIP
    >>> ax.figure.savefig("deployed.pdf")  # doctest: +SKIP
    """
    if not isinstance(results, Results):
        with Results(results, must_exist=True) as opened:
            return axes(opened, what, ax, runs=runs, labels=labels, order=order, title=title, legend=legend)
    import matplotlib as mpl

    from cutlayer.experiments.figures import drawings
    from cutlayer.experiments.figures.style import STYLE, plain_logs

    kind = KINDS[what if what in KINDS else what.partition("-")[0]]
    wording = Wording(labels or {}, order, title)
    try:
        panels = wording.worded(kind.build(results, wording.ordered(group_runs(chosen_rows(results, runs)))))
    except Missing as missing:
        raise InputError(f"{what}: {missing}", results.path) from None
    own = panels if what in KINDS else [panel for panel in panels if panel.name == what]
    if len(own) != 1:
        names = ", ".join(dict.fromkeys(panel.name for panel in panels))
        several = f"has {len(own)} panels" if own else "is none of its panels"
        raise InputError(f"figure {what!r} {several}; allowed: one of {names}, of one scheduler (runs=)")
    with mpl.rc_context(STYLE):
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots()[1]
        handles = getattr(drawings, kind.draws_one)(ax, own[0])
        plain_logs(ax)
        if legend and isinstance(own[0], Panel) and len(handles) > 1:
            ax.legend(handles.values(), handles.keys())
    return ax
