"""``cutlayer trace``: what can be done with a trace in a file."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cutlayer.experiments.scenarios.scenario import load
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray
from cutlayer.simulator.units import parse, render
from cutlayer.workloads.arrivals.fit import Fit, dispersion, fit_all
from cutlayer.workloads.arrivals.generated import PROCESSES, Process
from cutlayer.workloads.distributions import described
from cutlayer.workloads.tasks import DRAWN, trace_of
from cutlayer.workloads.traces.formats import read_trace, save_trace
from cutlayer.workloads.traces.reshape import at_mean_rate, clipped, faster, thinned
from cutlayer.workloads.traces.trace import NUMBERS, Trace

UNITS = DRAWN | {"arrival_s": "s"}


def act(arguments: argparse.Namespace) -> str:
    """Do what the command line says and return what to print."""
    if arguments.action == "save":
        return saved(arguments.file, arguments.out, arguments.set, arguments.seed)
    plot = _stem(arguments.plot) if arguments.action == "fit" and arguments.plot is not None else None
    period_s = parse(arguments.period, "s") if arguments.action == "fit" and arguments.period is not None else None
    trace = read(arguments)
    if arguments.action == "info":
        return json.dumps(described_trace(trace), allow_nan=False) if arguments.json else info(trace)
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
    """Read the trace that the command line names."""
    given = {
        "columns": _pairs("--map", arguments.map),
        "units": _pairs("--unit", arguments.unit),
        "time_format": arguments.time_format,
        "inputs": arguments.inputs,
        "bytes_per_token": arguments.bytes_per_token,
    }
    options = {name: value for name, value in given.items() if value is not None}
    name = "mapped" if arguments.format is None and arguments.map is not None else arguments.format
    return read_trace(arguments.file, name, **options)


def _pairs(option: str, texts: Sequence[str] | None) -> dict[str, str] | None:
    if texts is None:
        return None
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InputError(f"{option} {text!r}; allowed: FIELD={'COLUMN' if option == '--map' else 'UNIT'}")
        if name in pairs:
            raise InputError(f"{option} says {name} twice")
        pairs[name] = value
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
    arrivals_s = trace.arrivals_s()
    name = trace.provenance.get("format", "trace")
    lines = [f"{name}: {trace.count} arrivals from {trace.first_s!r} s to {trace.last_s!r} s"]
    if trace.last_s > trace.first_s:
        gaps_s = np.diff(arrivals_s)
        spread = gaps_s.std() / gaps_s.mean()
        lines += [
            f"{trace.mean_rate_hz:.6g} Hz; gaps {render(float(gaps_s.mean()), 's')} on average, "
            f"coefficient of variation {spread:.4g}, {render(float(gaps_s.max()), 's')} at most, "
            f"{np.count_nonzero(gaps_s == 0)} of 0 s",
            f"arrivals in a window, variance / mean: {_dispersions(arrivals_s)}",
        ]
    lines += [_column(name, trace) for name in trace.columns if name != "arrival_s"]
    said = {*trace.columns, *(["input_bytes"] if "inputs" in trace.columns else [])}
    if missing := [name for name in DRAWN if name not in said]:
        lines.append(f"does not say {', '.join(missing)}")
    rest = {name: value for name, value in trace.provenance.items() if name != "format"}
    return "\n".join([*lines, *([f"provenance: {json.dumps(rest, sort_keys=True)}"] if rest else [])])


def described_trace(trace: Trace) -> dict[str, Any]:
    """Return what a trace holds, for programs: SI units, as in the names; what is not there is missing."""
    arrivals_s = trace.arrivals_s()
    found: dict[str, Any] = {
        "format": trace.provenance.get("format", "trace"),
        "arrivals": trace.count,
        "first_s": trace.first_s,
        "last_s": trace.last_s,
    }
    if trace.last_s > trace.first_s:
        gaps_s = np.diff(arrivals_s)
        found["mean_rate_hz"] = trace.mean_rate_hz
        found["gaps"] = {
            "mean_s": float(gaps_s.mean()),
            "coefficient_of_variation": float(gaps_s.std() / gaps_s.mean()),
            "largest_s": float(gaps_s.max()),
            "of_0_s": int(np.count_nonzero(gaps_s == 0)),
        }
        found["counts"] = [
            {"window_s": window_s, "variance_by_mean": float(dispersion(arrivals_s, window_s))}
            for window_s in windows_s(arrivals_s)
        ]
    columns: dict[str, Any] = {}
    for name in trace.columns:
        if name in NUMBERS and name != "arrival_s":
            values = np.concatenate([chunk[name] for chunk in trace.chunks()])
            known = values[np.isfinite(values)]
            columns[name] = {"unit": UNITS[name], "without": len(values) - len(known)}
            if len(known):
                columns[name] |= {"least": float(known.min()), "most": float(known.max()), "mean": float(known.mean())}
        elif name not in ("arrival_s", "inputs"):
            names = sorted({value for chunk in trace.chunks() for value in chunk[name]})
            columns[name] = {"count": len(names), "first": names[:5]}
    said = {*trace.columns, *(["input_bytes"] if "inputs" in trace.columns else [])}
    return found | {"columns": columns, "does_not_say": [name for name in DRAWN if name not in said]}


def windows_s(arrivals_s: FloatArray) -> list[float]:
    """Return three round lengths of windows: some 10, 100 and 1000 mean gaps, where the trace has 10 of them [s]."""
    span_s = float(arrivals_s[-1] - arrivals_s[0])
    gap_s = span_s / (len(arrivals_s) - 1)
    lengths = [float(f"{gap_s * many:.0e}") for many in (10, 100, 1000)]
    return [length for length in lengths if 10 * length <= span_s] or [span_s / 10]


def _dispersions(arrivals_s: FloatArray) -> str:
    found = [(window_s, dispersion(arrivals_s, window_s)) for window_s in windows_s(arrivals_s)]
    return ", ".join(f"{value:.4g} in {render(window_s, 's')}" for window_s, value in found)


def _column(name: str, trace: Trace) -> str:
    if name not in NUMBERS:
        found = [value for chunk in trace.chunks() for value in chunk[name]]
        if name == "inputs":
            fed = [len(where) for where in found if where is not None]
            return f"inputs of {len(fed)} tasks, at {min(fed, default=0)} to {max(fed, default=0)} servers"
        names = sorted(set(found))
        return f"{name}: {len(names)} names: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    values = np.concatenate([chunk[name] for chunk in trace.chunks()])
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{name}: none"
    unit = UNITS[name]
    low, high, mean = (render(float(value), unit) for value in (known.min(), known.max(), known.mean()))
    without = f", {len(values) - len(known)} without" if len(known) < len(values) else ""
    return f"{name}: {low} to {high}, {mean} on average{without}"


def _fit(trace: Trace, arguments: argparse.Namespace, period_s: float | None, plot: Path | None) -> str:
    arrivals_s = trace.arrivals_s()
    fits = fit_all(arrivals_s, period_s, arguments.parts)
    lines = [info(trace), "", as_table(arrivals_s, fits), ""]
    lines += [as_toml(fit.process) + "\n" for fit in fits.values()]
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
    lengths = windows_s(arrivals_s)
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


def as_toml(process: Process) -> str:
    """Return a process as a table of a scenario file: the unit goes with the value, not with the name."""
    name = described(process, PROCESSES)[PROCESSES.what]
    lines = ["[workload.arrivals]", f'process = "{name}"']
    for field, value in asdict(process).items():  # type: ignore[call-overload]
        unit = process.units.get(field)
        parameter = field.removesuffix("_s").removesuffix("_hz")
        texts = [_quoted(one, unit) for one in (value if isinstance(value, tuple) else (value,))]
        lines.append(f"{parameter} = [{', '.join(texts)}]" if isinstance(value, tuple) else f"{parameter} = {texts[0]}")
    return "\n".join(lines)


def _quoted(value: float, unit: str | None) -> str:
    text = f"{value:.6g}" if math.isfinite(value) else "inf"
    return text if unit is None else f'"{text} {unit}"'
