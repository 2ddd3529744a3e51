"""``cutlayer replay``: a scenario run with arrivals from traces, and its figure."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cutlayer.experiments.cli.trace import format_options
from cutlayer.experiments.figures.names import slug, unlike
from cutlayer.experiments.runs.cell import Workload, cells_of
from cutlayer.experiments.runs.run_file import as_text, run_into, say_inputs
from cutlayer.experiments.scenarios.build import topology_of
from cutlayer.experiments.scenarios.fields import Text
from cutlayer.experiments.scenarios.files import read
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.scenario import Scenario, find, with_options
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.settings import least_window_s
from cutlayer.simulator.results.file import Results

WINDOWS = 120
"""Windows of time in a figure, roughly, where the scenario gives no width."""


def replay(arguments: argparse.Namespace) -> Iterator[str]:
    """Replay the trace under every scheduler of the scenario and yield what to print."""
    scenario = scenario_of(arguments)
    inputs = scenario.inputs(scenario.run.seed)
    scenario, inputs = with_window(scenario, inputs)
    if inputs.held:  # servers and links one by one take as many rows as tasks feed them
        scenario = scenario.with_settings(["run.by_resource=true"])
    cells, workload = cells_of(scenario), Workload(inputs)
    path, stem = _places(arguments.out, arguments.traces[0])
    topology = topology_of(scenario, scenario.run.seed)
    from cutlayer.experiments.figures.replay_figure import replay_figure
    from cutlayer.experiments.figures.replay_history import history
    from cutlayer.experiments.figures.style import draw

    title = f"{' + '.join(Path(trace).name for trace in arguments.traces)}, scenario {Path(arguments.scenario).name}"
    names = unlike(f"{stem.name}-{slug(label)}" for label in scenario.labels)
    with Results(path) as results:
        say_inputs(scenario, inputs)
        for (cell, scheduler), name in zip(cells, names, strict=True):
            done = run_into(results, cell, workload, scheduler)
            yield as_text(done, str(path))
            own = stem.with_name(name) if len(cells) > 1 else stem
            seen = history(results, done.row, inputs)
            try:
                yield from map(str, draw(own, replay_figure, seen, topology, title))
            except OSError as fault:
                raise InputError(f"cannot be written ({fault.strerror})", own) from None
    yield str(path)


def scenario_of(arguments: argparse.Namespace) -> Scenario:
    """Return the scenario with the traces in place of its arrivals.

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    draft = read(find(arguments.scenario))
    more = {name: Text(value) if isinstance(value, str) else value for name, value in format_options(arguments).items()}
    options: dict[str, Any] = {"workload": {"trace": [{"file": Text(file), **more} for file in arguments.traces]}}
    if arguments.scheduler is not None:
        options["scheduler"] = [{"name": Text(arguments.scheduler)}]
    return with_options(draft, options, {}, arguments.set)


def with_window(scenario: Scenario, inputs: Inputs) -> tuple[Scenario, Inputs]:
    """Return both with a width of the windows over which frames are reported, where none is given."""
    if scenario.frames is None or scenario.frames.window is not None or inputs.frames is None:
        return scenario, inputs
    end_s = inputs.end_s or 1.0
    width_s = round_up(max(end_s / WINDOWS, least_window_s(inputs.network, end_s)))
    frames = replace(inputs.frames, settings=replace(inputs.frames.settings, series_s=width_s))
    return scenario.with_settings([f"frames.window={width_s!r} s"]), replace(inputs, frames=frames)


def round_up(value: float) -> float:
    """Return the next round number, 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> round_up(4.2), round_up(30.0), round_up(0.011)
    (5.0, 50.0, 0.02)
    """
    power = math.floor(math.log10(value))
    return next(float(f"{n}e{power}") for n in (1, 2, 5, 10) if float(f"{n}e{power}") >= value * (1 - 1e-12))


def _places(out: str | None, trace: str) -> tuple[Path, Path]:
    """Return the results file and the figure, without ending."""
    if out is not None and out.endswith(".db"):
        path = Path(out)
        return path, path.with_suffix("")
    folder = Path(out if out is not None else f"{Path(trace).stem}-replay")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputError(f"cannot be made ({fault.strerror})", folder) from None
    return folder / "replay.db", folder / "replay"
