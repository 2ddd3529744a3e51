"""``cutlayer trace info`` of a bandwidth measurement."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cutlayer.experiments.scenarios.capacity import read_measurement
from cutlayer.experiments.scenarios.fields import Text
from cutlayer.experiments.scenarios.files import Draft
from cutlayer.experiments.scenarios.scenario import with_options
from cutlayer.simulator.errors import InputError
from cutlayer.workloads.bandwidth.formats import FORMATS, lines_of
from cutlayer.workloads.bandwidth.summary import in_words, summary

KEYS = ("format", "columns", "units", "time_format", "delimiter", "header", "records")


def bandwidth_info(arguments: argparse.Namespace, given: dict[str, Any], plot: Path | None) -> str | None:
    """Return what to print of a bandwidth measurement, after drawing it; None where the file is something else.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : dict
        What the options say about the format, by the keys of ``workload.trace``.
    plot : Path, optional
        Figure without ending.
    """
    if not _is_bandwidth(arguments.file, given):
        if plot is not None or arguments.set:
            raise InputError("--plot and --set are for bandwidth; this is a trace of arrivals", arguments.file)
        return None
    said: dict[str, Any] = {name: given[name] for name in KEYS if name in given} | {"trace": Text(arguments.file)}
    for name in ("blank", "unknown"):
        if "rate" in given.get(name, {}):
            said[name] = given[name]["rate"]
    settings = [f"bandwidth.{text}" for text in arguments.set]
    section = with_options(Draft(), {"bandwidth": said}, {}, settings).bandwidth
    assert section is not None
    trace = read_measurement(section, arguments.file)
    lines = [json.dumps(summary(trace), allow_nan=False) if arguments.json else in_words(trace)]
    if plot is not None:
        from cutlayer.experiments.figures.capacity import draw_capacity

        drawn = draw_capacity(plot, trace, Path(arguments.file).name)
        lines += [] if arguments.json else map(str, drawn)
    return "\n".join(lines)


def _is_bandwidth(file: str, given: dict[str, Any]) -> bool:
    if "format" in given or "columns" in given:
        return given.get("format") in list(FORMATS) or "rate" in given.get("columns", {})
    try:
        first = lines_of(file)[0][1]
    except InputError:
        return False  # the reader of arrivals says what is wrong
    return any(FORMATS[name].recognises(first) for name in FORMATS)
