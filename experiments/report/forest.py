"""Forest plots of a report: each scheduler's mean with its interval, and the paired differences to the best one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutlayer.experiments.figures.seeds import mean_bound, of_fewer_seeds
from cutlayer.experiments.figures.sweep_panels import deployed_tasks
from cutlayer.experiments.records.run_groups import Group
from cutlayer.experiments.report.html import escape
from cutlayer.experiments.report.summary import Case
from cutlayer.experiments.stats import Interval, paired_interval

MOST_LINES = 40
"""More lines than this nobody compares by eye; the curves over what was varied show them."""


@dataclass(frozen=True)
class Line:
    """One line of a forest plot: a number with its interval, or the heading of those below where it has none."""

    label: str
    interval: Interval | None = None
    bound: float | None = None
    said: str = ""


def forest_html(cases: Sequence[Case]) -> str:
    """Return both forest plots; nothing where no scenario has two schedulers."""
    compared = [case for case in cases if len(case.groups) > 1]
    shown: list[Case] = []
    for case in compared:
        if sum(len(one.groups) + 2 for one in shown) + len(case.groups) + 2 <= MOST_LINES:
            shown.append(case)
    if not shown:
        return ""
    left = len(compared) - len(shown)
    note = f" The first {len(shown)} of {len(compared)} scenarios; the table below has all." if left else ""
    several = any(len(group.rows) > 1 for case in shown for group in case.groups)
    means = "Each line is a 95 % interval, the dot its mean. " if several else "One run each: no intervals. "
    bounds = {line.bound for line in _means(shown) if line.bound is not None}
    value = f", {bounds.copy().pop():,.4g}" + (" on average" if several else "") if len(bounds) == 1 else ""
    bound = f"Dashed: the bound{value}; no scheduler can have more. " if bounds else ""
    intervals = [(line.interval, line.bound) for line in _means(shown)]
    crossed = any(own is not None and most is not None and own.high > most for own, most in intervals)
    bound += "An interval that crosses it is over seeds, and each seed has a bound of its own. " if crossed else ""
    parts = [
        _figure("forest", "Deployed tasks at the end", "deployed tasks", list(_means(shown)), means + bound + note),
        _figure(
            "differences",
            "Differences to the best",
            "first named minus second [deployed tasks]",
            list(_differences(shown)),
            "First named minus second, as in cutlayer compare: left of 0 the first deploys fewer tasks than the best, "
            "the second. Every seed gives all schedulers the same workload, so the difference is taken seed by seed. "
            "An interval without 0 tells the two apart; intervals are not widened for being many.",
        ),
    ]
    return f'<div class="forests">{"".join(parts)}</div>'


def _means(cases: Sequence[Case]) -> Iterator[Line]:
    for case in cases:
        if case.label:
            yield Line(case.label)
        bound = mean_bound(case.groups)
        for group in case.groups:
            found = deployed_tasks(group)
            beside = f" ({of_fewer_seeds(*case.lacking[group.label])})" if group.label in case.lacking else ""
            yield Line(group.scheduler, found, bound, _text(found, ",.1f") + beside)


def _differences(cases: Sequence[Case]) -> Iterator[Line]:
    for case in cases:
        if case.label:
            yield Line(case.label)
        best, *others = case.groups
        for other in others:
            found = _difference(other, best)
            if found is not None:
                apart = found.low > 0 or found.high < 0
                sure = "" if math.isnan(found.low) or apart else " (no sure difference)"
                sure = " (equal in every pair)" if found.low == found.high == 0 else sure
                lacks = other.label in case.lacking or best.label in case.lacking
                sure += f" (over {found.n} seed{'s' if found.n > 1 else ''} that both have)" if lacks else ""
                said = _text(found, "+,.1f") + sure
                yield Line(f"{other.scheduler} − {best.scheduler}", found, None, said)


def _difference(ours: Group, theirs: Group) -> Interval | None:
    """Return the first minus the second, seed by seed; none where they share no seed."""
    first, second = ({row["seed"]: row["deployed_tasks"] for row in one.rows} for one in (ours, theirs))
    seeds = [seed for seed in first if seed in second]
    return paired_interval([first[seed] for seed in seeds], [second[seed] for seed in seeds]) if seeds else None


def _text(found: Interval, spec: str) -> str:
    if math.isnan(found.low) or found.low == found.high:
        plain = f"{found.mean:{spec.replace('.1f', '.0f')}}"
        return plain if float(found.mean).is_integer() else f"{found.mean:{spec}}"
    return f"{found.mean:{spec}} [{found.low:{spec}}, {found.high:{spec}}]"


def _figure(name: str, title: str, x_label: str, lines: Sequence[Line], note: str) -> str:
    ticks = _ticks(lines)
    items = "".join(_item(line, ticks) for line in lines)
    axis = "".join(
        f'<text x="{_at(tick, ticks)}" y="12" text-anchor="middle">{escape(f"{tick:,.10g}")}</text>' for tick in ticks
    )
    return (
        f'<figure class="forest" data-name="{name}"><h3>{escape(title)}</h3><ul>{items}</ul>'
        f'<div class="ticks"><span></span><div><svg height="16" aria-hidden="true">{axis}</svg>'
        f'<p class="soft">{escape(x_label)}</p></div><span></span></div><p class="note">{escape(note.strip())}</p>'
        "</figure>"
    )


def _item(line: Line, ticks: Sequence[float]) -> str:
    """Return one line; places are in per cent: as wide as there is room, the text as large as all text."""
    if line.interval is None:
        return f'<li class="case">{escape(line.label)}</li>'
    mean, low, high, n = line.interval.measure
    marks = [_upright("axis" if tick == 0 else "grid", _at(tick, ticks)) for tick in ticks]
    exact = f'data-mean="{mean!r}" data-n="{n}"'
    if line.bound is not None:
        marks.append(_upright("bound", _at(line.bound, ticks)))
        exact += f' data-bound="{line.bound!r}"'
    if low is not None and high is not None:
        left, right = _at(low, ticks), _at(high, ticks)
        marks.append(f'<line class="range" x1="{left}" x2="{right}" y1="50%" y2="50%"/>')
        marks += [
            f'<rect class="end" x="{end}" y="50%" width="2" height="9" transform="translate(-1 -4.5)"/>'
            for end in (left, right)
        ]
        exact += f' data-low="{low!r}" data-high="{high!r}"'
    marks.append(f'<circle cx="{_at(mean, ticks)}" cy="50%" r="4.5"/>')
    hover = f"{line.label}: {mean!r}, {n} run{'s' if n > 1 else ''}"
    hover += f"; bound {line.bound!r}" if line.bound is not None else ""
    return (
        f'<li {exact}><span class="who">{escape(line.label)}</span>'
        f'<span class="track"><svg role="img" aria-label="{escape(f"{line.label}: {line.said}")}">'
        f"<title>{escape(hover)}</title>{''.join(marks)}</svg></span>"
        f'<span class="said">{escape(line.said)}</span></li>'
    )


def _upright(kind: str, at: str) -> str:
    return f'<line class="{kind}" x1="{at}" x2="{at}" y1="0" y2="100%"/>'


def _at(value: float, ticks: Sequence[float]) -> str:
    """Return where a value stands, with room at both ends for a dot and for the text of a tick."""
    return f"{4 + 92 * (value - ticks[0]) / (ticks[-1] - ticks[0]):.3f}%"


def _ticks(lines: Sequence[Line]) -> list[float]:
    """Return round numbers, four to seven, from below all that is drawn to above it."""
    values = [
        value
        for line in lines
        if line.interval is not None
        for value in (line.interval.mean, line.interval.low, line.interval.high, line.bound)
        if value is not None and not math.isnan(value)
    ]
    if any(line.said[:1] in "+-" for line in lines if line.interval is not None):
        values.append(0.0)  # differences are read against it
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9 * max(abs(high), 1.0):
        low, high = low - 1.0, high + 1.0
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]
