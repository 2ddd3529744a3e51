"""When the tasks of a scenario arrive, when its runs end, and what was assumed of both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cutlayer.experiments.scenarios.fields import LAST_DEPARTURE
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.simulator.units import render
from cutlayer.workloads.arrivals.generated import generated
from cutlayer.workloads.distributions import Constant, Uniform
from cutlayer.workloads.traces.formats import format_of, read_trace
from cutlayer.workloads.traces.reshape import at_mean_rate, clipped, from_first, thinned, until
from cutlayer.workloads.traces.summary import notes_of
from cutlayer.workloads.traces.together import together
from cutlayer.workloads.traces.trace import Trace

if TYPE_CHECKING:
    from cutlayer.experiments.scenarios.scenario import Scenario
    from cutlayer.experiments.scenarios.workload import TraceSection

WORTH_SAYING = 0.01
"""Share of the tasks that arrive as the run ends."""


def trace_of(
    scenario: Scenario, network: Network, profiles: Mapping[str, Profile], seed: int
) -> tuple[Trace, list[str]]:
    """Return when tasks arrive and what is known of them, from files or generated; and notes on what was assumed."""
    said = scenario.workload
    notes: list[str] = []
    if said.trace is None:
        trace = generated(said.arrivals.built(), seed, tasks=said.tasks, until_s=said.duration, may_be_empty=True)
    else:
        traces: dict[str, Trace] = {}
        for one in said.trace:
            name = one.file.written
            while name in traces:
                name += " "  # the same file again: its tasks arrive twice
            traces[name] = _read(one, network, profiles, seed)
            notes += [f"trace {name.strip()}: {note}" for note in notes_of(traces[name])]
            if "clock_s" in traces[name].provenance:
                _refuse_two_clocks(scenario, traces[name], one.file.written)
        trace = together(traces)
    end_s = scenario.run.until
    if isinstance(end_s, float) and end_s < trace.last_s:
        whole, trace = trace, until(trace, end_s)
        notes += left_out(whole.count - trace.count, whole.count, end_s)
    return trace, notes


def left_out(late: int, count: int, end_s: float) -> list[str]:
    """Return a note where tasks arrive after the end of the run."""
    said = f"workload: {late} of {count} tasks arrive after run.until ({render(end_s, 's')}) and are left out"
    return [said] if late else []


def _refuse_two_clocks(scenario: Scenario, trace: Trace, file: str) -> None:
    """Refuse times of a clock where another key counts from 0: arrivals alone would move."""
    origin_s = trace.provenance["clock_s"]
    named = [name for name in ("bandwidth", "interaction", "faults") if _has_file(getattr(scenario, name))]
    if isinstance(scenario.run.until, float) and scenario.run.until >= origin_s:
        named.append("run.until")
    if named:
        raise InputError(
            f"arrivals are times of a clock and count from the first, {origin_s!r} s; {named[0]} must count from "
            f'there, too: set workload.trace.begin = "{origin_s!r} s" once it does', file,
        )  # fmt: skip


def _has_file(section: object) -> bool:
    return getattr(section, "file", None) is not None


def _read(said: TraceSection, network: Network, profiles: Mapping[str, Profile], seed: int) -> Trace:
    path = said.file.written
    kind = said.format or ("mapped" if said.columns is not None else format_of(path))
    names = {"servers": dict.fromkeys(network.servers), "profiles": profiles}
    trace = read_trace(path, kind, seed=seed, **said.options, **(names if kind in ("native", "parquet") else {}))
    try:
        if said.begin is None:
            trace = from_first(trace)
        if said.begin is not None or said.end is not None:
            trace = clipped(trace, said.begin or 0.0, float("inf") if said.end is None else said.end)
        if said.tasks is not None:
            trace = thinned(trace, said.tasks, seed)
        return trace if said.rate is None else at_mean_rate(trace, said.rate)
    except InputError as fault:
        raise fault.located(path) from None


def end_of(scenario: Scenario, last_arrival_s: float, tasks: Iterable[Task]) -> float:
    """Return when a run ends [s]: with the last arrival, at a time, or when the last task departs if all are deployed.

    Raises
    ------
    InputError
        If it ends with the last departure and no task departs.
    """
    said = scenario.run.until
    if said != LAST_DEPARTURE:
        return last_arrival_s if said is None else float(said)
    ends_s = [task.arrival_s + task.lifetime_s for task in tasks if task.lifetime_s < math.inf]
    if not ends_s and last_arrival_s > 0:
        raise InputError(
            f'run.until is "{LAST_DEPARTURE}" and all tasks stay for ever; set workload.lifetime, or a time'
        )
    return max([last_arrival_s, *ends_s])


def cut_short(scenario: Scenario, trace: Trace) -> list[str]:
    """Return a note where tasks of a trace have no frame in the run, since it ends as they arrive."""
    end_s = trace.last_s
    if scenario.frames is None or scenario.workload.trace is None or scenario.run.until not in (None, end_s):
        return []
    late = sum(int((chunk["arrival_s"] >= end_s).sum()) for chunk in trace.chunks())
    if late <= WORTH_SAYING * trace.count:
        return []
    return [
        f"workload: the run ends ({render(end_s, 's')}) as {late} of {trace.count} tasks arrive, which send no frame; "
        f'run.until = "{LAST_DEPARTURE}" simulates all of their stay'
    ]


def frame_note(scenario: Scenario, trace: Trace, profiles: Mapping[str, Profile]) -> list[str]:
    """Return a note where nobody chose the sizes of frames, with which the networks' work grows."""
    said = scenario.workload
    how = said.frame_bytes
    drawn = "input_bytes" not in trace.columns and "inputs" not in trace.columns
    if not drawn or "frame_bytes" in said.model_fields_set or not isinstance(how, Constant | Uniform):
        return []
    low, high = (how.value, how.value) if isinstance(how, Constant) else (how.low, how.high)
    names = said.profiles.names if said.profiles is not None and said.profiles.names else list(profiles)
    least = min(profiles[name].input_bytes for name in names)
    return [
        f"workload: frames of {render(low, 'B')} to {render(high, 'B')} (workload.frame_bytes is not set): networks "
        f'compute up to {high / least:.3g} times as much as measured; frame_bytes = "native" takes their own input'
    ]
