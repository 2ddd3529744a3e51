"""``cutlayer trace``: describe, change and fit the trace in a file."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cutlayer.experiments.cli.bandwidth import bandwidth_info
from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import parse, render
from cutlayer.workloads.arrivals.fit import Fit, dispersion, fit_all
from cutlayer.workloads.arrivals.generated import PROCESSES
from cutlayer.workloads.distributions import described
from cutlayer.workloads.tasks import trace_of
from cutlayer.workloads.traces.formats import read_trace, save_trace
from cutlayer.workloads.traces.reshape import at_mean_rate, clipped, faster, from_first, thinned
from cutlayer.workloads.traces.summary import notes_of, summary, windows_s
from cutlayer.workloads.traces.trace import Trace


def act(arguments: argparse.Namespace) -> str:
    """Do what the command line says and return what to print."""
    if arguments.action == "save":
        return saved(arguments.file, arguments.out, arguments.set, arguments.seed)
    plot = _stem(arguments.plot) if arguments.action == "fit" and arguments.plot is not None else None
    period_s = parse(arguments.period, "s") if arguments.action == "fit" and arguments.period is not None else None
    if arguments.action == "info":
        figure = None if arguments.plot is None else _stem(arguments.plot)
        if (measured := bandwidth_info(arguments, format_options(arguments), figure)) is not None:
            return measured
    trace = read(arguments)
    if arguments.action == "info":
        return (
            json.dumps(summary(trace) | {"notes": notes_of(trace)}, allow_nan=False) if arguments.json else info(trace)
        )
    if arguments.action == "fit":
        return _fit(trace, arguments, period_s, plot)
    changed = _changed(trace, arguments)
    return "\n".join([info(changed), *save_trace(changed, arguments.out)])


def saved(scenario: str, out: str, settings: Sequence[str], seed: int | None) -> str:
    """Write the workload that a scenario draws as a trace and return what to print."""
    said = load(scenario, settings)
    inputs = said.inputs(said.run.seed if seed is None else seed)
    trace = trace_of(list(inputs.tasks), inputs.network)
    return "\n".join([info(trace), *save_trace(trace, out)])


def read(arguments: argparse.Namespace) -> Trace:
    """Read the trace that the command line names; its notes are notices."""
    options = format_options(arguments)
    kind = options.pop("format", "mapped" if "columns" in options else None)
    trace = read_trace(arguments.file, kind, **options)
    try:
        return from_first(trace)
    except InputError as fault:
        raise fault.located(arguments.file) from None


def format_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the options of `verbs.trace.add_format_arguments` say, by the keys of ``workload.trace``."""
    given = {
        "format": arguments.format,
        "columns": _pairs("--map", arguments.map, "COLUMN"),
        "units": _pairs("--unit", arguments.unit, "UNIT"),
        "factors": _pairs("--factor", arguments.factor, "X", float),
        "zero": _pairs("--zero", arguments.zero, "X"),
        "blank": _pairs("--blank", arguments.blank, "X"),
        "unknown": _pairs("--unknown", arguments.unknown, "TEXT", lists=True),
        **{name: getattr(arguments, name) for name in (
            "time_format", "inputs", "bytes_per_token", "bin", "each_row", "delimiter", "decimal", "header", "records"
        )},
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _pairs(
    option: str, texts: Sequence[str] | None, what: str, kind: Callable[[str], Any] = str, *, lists: bool = False
) -> dict[str, Any] | None:
    if texts is None:
        return None
    pairs: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            read = kind(value) if name and equals and (value or lists) else None
        except ValueError:
            read = None
        if read is None:
            raise InputError(f"{option} {text!r}; allowed: FIELD={what}")
        if name in pairs and not lists:
            raise InputError(f"{option} gives {name} twice")
        pairs[name] = [*pairs.get(name, []), read] if lists else read
    return pairs


def _changed(trace: Trace, arguments: argparse.Namespace) -> Trace:
    if arguments.action == "clip":
        return clipped(trace, arguments.from_s, arguments.to_s)
    if arguments.action == "scale":
        if arguments.rate_factor is not None:
            return faster(trace, arguments.rate_factor)
        if arguments.mean_rate is not None:
            return at_mean_rate(trace, parse(arguments.mean_rate, "Hz"))
        return thinned(trace, arguments.count, arguments.seed)
    return trace


def info(trace: Trace) -> str:
    """Return in words what a trace holds."""
    found = summary(trace)
    lines = [f"{found['format']}: {trace.count} arrivals from {trace.first_s!r} s to {trace.last_s!r} s"]
    if "gaps" in found:
        gaps = found["gaps"]
        counts = (f"{one['variance_by_mean']:.4g} in {render(one['window_s'], 's')}" for one in found["counts"])
        lines += [
            f"{trace.mean_rate_hz:.6g} Hz; gaps {render(gaps['mean_s'], 's')} on average, coefficient of variation "
            f"{gaps['coefficient_of_variation']:.4g}, {render(gaps['largest_s'], 's')} at most, "
            f"{gaps['of_0_s']} of 0 s",
            f"arrivals in a window, variance / mean: {', '.join(counts)}",
        ]
    lines += [_column(name, column) for name, column in found["columns"].items()]
    if found["does_not_say"]:
        lines.append(f"does not specify {', '.join(found['does_not_say'])}")
    rest = {name: value for name, value in trace.provenance.items() if name != "format"}
    lines += [f"note: {note}" for note in notes_of(trace)]
    return "\n".join([*lines, *([f"provenance: {json.dumps(rest, sort_keys=True)}"] if rest else [])])


def _column(name: str, found: Mapping[str, Any]) -> str:
    if name == "inputs":
        return f"inputs of {found['tasks']} tasks, at {found['least_servers']} to {found['most_servers']} servers"
    if "count" in found:
        more = ", ..." if found["count"] > len(found["first"]) else ""
        return (
            f"{name}: {found['count']} {'name' if found['count'] == 1 else 'names'}: {', '.join(found['first'])}{more}"
        )
    if "mean" not in found:
        return f"{name}: none"
    low, high, mean = (render(found[what], found["unit"]) for what in ("least", "most", "mean"))
    return f"{name}: {low} to {high}, {mean} on average" + (f", {found['without']} without" if found["without"] else "")


def _fit(trace: Trace, arguments: argparse.Namespace, period_s: float | None, plot: Path | None) -> str:
    arrivals_s = trace.arrivals_s()
    fits = fit_all(arrivals_s, period_s, arguments.parts)
    lines = [info(trace), "", as_table(arrivals_s, fits), ""]
    lines += [as_toml(fit) + "\n" for fit in fits.values()]
    if plot is not None:
        from cutlayer.experiments.figures.trace_plots import draw_fits

        lines += [str(path) for path in draw_fits(plot, arrivals_s, fits)]
    return "\n".join(lines).rstrip()


def _stem(path: str) -> Path:
    found = Path(path)
    if found.suffix not in (".png", ".svg"):
        raise InputError(f"--plot {path!r}; allowed: a .png or .svg file")
    if not found.parent.is_dir():
        raise InputError(f"--plot {path!r}; allowed: a file in a folder that is there")
    return found.with_suffix("")


def as_table(arrivals_s: FloatArray, fits: dict[str, Fit]) -> str:
    """Return how well each process fits, as lines of text."""
    lengths = windows_s(float(arrivals_s[-1] - arrivals_s[0]), len(arrivals_s))
    heads = ["gaps: distance", *(f"counts in {render(length, 's')}" for length in lengths)]
    rows = [["the trace", "", *(f"{dispersion(arrivals_s, length):.4g}" for length in lengths)]]
    rows += [
        [name, f"{fit.distance:.4f}", *(f"{fit.dispersion(length):.4g}" for length in lengths)]
        for name, fit in fits.items()
    ]
    widths = [max(len(head), 10) for head in heads]
    table = [["", *heads], *rows]
    said = "distance: Kolmogorov-Smirnov, 0 to 1, smaller is better; counts: variance / mean, 1 for Poisson"
    lines = [[f"{name:10}", *(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))] for name, *cells in table]
    return "\n".join([said, *("  ".join(line) for line in lines)])


def as_toml(fit: Fit) -> str:
    """Return a fitted process as a table of a scenario file, with the intervals of its parameters as comments."""
    process = fit.process
    name = described(process, PROCESSES)[PROCESSES.what]
    lines = ["[workload.arrivals]", *([f"# {fit.note}"] if fit.note else []), f'process = "{name}"']
    for field, value in asdict(process).items():  # type: ignore[call-overload]
        unit = process.units.get(field)
        parameter = field.removesuffix("_s").removesuffix("_hz")
        texts = [_quoted(one, unit) for one in (value if isinstance(value, tuple) else (value,))]
        ends = fit.intervals.get(field, ())
        if isinstance(value, tuple):
            low, high = (", ".join(f"{pair[end]:.4g}" for pair in ends) for end in (0, 1))
            lines += [f"{parameter} = [{', '.join(texts)}]", f"# 95 %: from {low}", f"#         to {high} {unit}"]
        else:
            comment = f"  # 95 %: {ends[0][0]:.4g} to {ends[0][1]:.4g} {unit}" if ends else ""
            lines.append(f"{parameter} = {texts[0]}{comment}")
    return "\n".join(lines)


def _quoted(value: float, unit: str | None) -> str:
    text = f"{value:.6g}" if math.isfinite(value) else "inf"
    return text if unit is None else f'"{text} {unit}"'
