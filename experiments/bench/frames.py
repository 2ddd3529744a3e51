"""How fast frames are walked: ratios of one run, on one workload.

    python -m cutlayer.experiments.bench.frames [--frames 1e6] [--longest 1e8]

Ten servers of ten flows, constant sizes and capacity: edge compute, then a slice of the uplink. Against SimPy
(one process a frame, as its guide teaches it) and against C (``cc -O3``, where there is a compiler).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import math
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from cutlayer.simulator.frames.draw.streams import Streams
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import slices_by_server
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.frames.walk.reserved import ReservedWalk
from cutlayer.simulator.frames.walk.spread import Done
from cutlayer.simulator.frames.walk.stage import course, stages
from cutlayer.simulator.steps import Clock, constant
from cutlayer.simulator.types import Layer, Network, Profile, Task

SERVERS, FLOWS = 10, 10
RATE_HZ, DEADLINE_S = 10.0, 0.08
EDGE_S, SLICE_S = 0.008, 0.08  # compute is 80 % loaded, and so is every slice

C_SOURCE = r"""
#include <math.h>
/* Merge `flows` sorted flows and walk them: first-in-first-out compute, then a slice each. */
void walk(long flows, const long *first, const double *arrival, double edge, double slice, double *latency)
{
    double key[64], slice_free[32], free = -INFINITY;
    long who[64], cursor[32], leaves = 1;
    while (leaves < flows) leaves *= 2;
    for (long i = 0; i < leaves; i++) {
        key[leaves + i] = i < flows && first[i] < first[i + 1] ? arrival[first[i]] : INFINITY;
        who[leaves + i] = i;
        if (i < flows) { cursor[i] = first[i]; slice_free[i] = -INFINITY; }
    }
    for (long node = leaves - 1; node > 0; node--) {
        long winner = key[2 * node] <= key[2 * node + 1] ? 2 * node : 2 * node + 1;
        key[node] = key[winner];
        who[node] = who[winner];
    }
    for (;;) {
        double now = key[1];
        if (now == INFINITY) break;
        long k = who[1], p = cursor[k]++, node = leaves + k;
        key[node] = p + 1 < first[k + 1] ? arrival[p + 1] : INFINITY;
        while (node > 1) {
            long left = node & ~1L;
            node >>= 1;
            long winner = key[left] <= key[left + 1] ? left : left + 1;
            key[node] = key[winner];
            who[node] = who[winner];
        }
        free = (now > free ? now : free) + edge;
        double sent = (free > slice_free[k] ? free : slice_free[k]) + slice;
        slice_free[k] = sent;
        latency[p] = sent - now;
    }
}
"""


def workload(frames: float) -> tuple[Network, list[Span], float]:
    """Return ten servers of ten flows, and when to end so that there are about so many frames."""
    flop, out_bytes = EDGE_S * 1e9, 1000.0
    profile = Profile("bench", (1000,), 1000.0, (Layer("conv", flop, (1000,), out_bytes),))
    task = [
        Task(f"t{j}", 0.0, profile, RATE_HZ, DEADLINE_S, np.arange(SERVERS), np.full(SERVERS, 1000.0))
        for j in range(FLOWS)
    ]
    reserved = 8 * out_bytes * max(RATE_HZ, 1 / DEADLINE_S)
    network = Network(np.full(SERVERS, 1e9), np.full(SERVERS, FLOWS * reserved))
    return network, [Span(t, 1, 0.0) for t in task], frames / (SERVERS * FLOWS * RATE_HZ)


def clocked(action: Any) -> float:
    """Return the seconds of processor time an action takes: others on the machine do not count."""
    gc.collect()
    begin = time.process_time()
    action()
    return time.process_time() - begin


def given_frames(network: Network, spans: list[Span], end_s: float) -> list[tuple[Any, list[Any]]]:
    """Return the slices of every server and copies of its windows of frames."""
    settings = FrameSettings(arrivals="poisson")
    made = []
    for slices in slices_by_server(spans, network, settings, end_s)[0]:
        streams = Streams(slices, [span.task.name for span in spans], network.servers[slices.server], settings)
        width = settings.window_frames / (FLOWS * RATE_HZ)
        windows = []
        for n in range(1, math.ceil(end_s / width) + 1):
            w = streams.before(n * width)
            windows.append(w._replace(arrival_s=w.arrival_s[: w.total].copy(), size=w.size[: w.total].copy()))
        made.append((slices, windows))
    return made


def walk_given(made: list[tuple[Any, list[Any]]], end_s: float, kind: Any) -> None:
    """Walk frames that are there already, writing every latency."""
    full = course(Clock(constant(1.0)), [], end_s)
    for slices, windows in made:
        if kind is ReservedWalk:
            walk = kind(slices, stages(slices, full, full, 0.0, end_s))
        else:
            link = course(Clock(constant(float(slices.reserved_bps.sum()))), [], end_s)
            walk = kind(slices, stages(slices, full, link, 0.0, end_s), Done(np.zeros((0, 2)), 1.0, end_s))
        step = walk.latencies if kind is ReservedWalk else walk.window
        for window in windows:
            step(window)
        walk.finish()


def simpy_rate(made: list[tuple[Any, list[Any]]], frames: int) -> float:
    """Return the frames a second of SimPy, one process a frame, on about so many frames of the workload."""
    env = simpy.Environment()
    latencies = []

    def frame(compute: simpy.Resource, uplink: simpy.Resource) -> Any:
        arrival = env.now
        with compute.request() as turn:
            yield turn
            yield env.timeout(EDGE_S)
        with uplink.request() as turn:
            yield turn
            yield env.timeout(SLICE_S)
        latencies.append(env.now - arrival)

    def source(compute: simpy.Resource, uplink: simpy.Resource, times: Any) -> Any:
        for arrival in times:
            yield env.timeout(max(arrival - env.now, 0.0))
            env.process(frame(compute, uplink))

    for _, windows in made:
        window, compute = windows[0], simpy.Resource(env, capacity=1)
        for slot in range(len(window.ids)):
            times = window.arrival_s[window.first[slot] : window.first[slot + 1]][: frames // (SERVERS * FLOWS)]
            env.process(source(compute, simpy.Resource(env, capacity=1), times.tolist()))
    seconds = clocked(env.run)
    return len(latencies) / seconds


def c_walk(made: list[tuple[Any, list[Any]]]) -> Callable[[], None] | None:
    """Return what walks the same windows in C, or None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "walk.c"), Path(folder, "walk.so")
        source.write_text(C_SOURCE)
        subprocess.run([compiler, "-O3", "-march=native", "-shared", "-fPIC", source, "-o", library], check=True)
        walk = ctypes.CDLL(str(library)).walk
    double, long = np.ctypeslib.ndpointer(np.float64), np.ctypeslib.ndpointer(np.int64)
    walk.argtypes = [ctypes.c_long, long, double, ctypes.c_double, ctypes.c_double, double]
    out = np.empty(max(window.total for _, windows in made for window in windows))

    def every_window() -> None:
        for _, windows in made:
            for window in windows:
                walk(len(window.ids), window.first, window.arrival_s, EDGE_S, SLICE_S, out)

    return every_window


def peak_bytes() -> int:
    """Return the largest resident memory so far [byte]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Print the ratios."""
    from cutlayer.simulator.frames.walk.fair import FairWalk

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=float, default=1e6)
    parser.add_argument("--longest", type=float, default=1e7)
    options = parser.parse_args()
    network, spans, end_s = workload(1e4)
    for sharing in ("reserved", "fair"):  # compile, or read from the cache
        for arrivals in ("periodic", "poisson"):
            run_frames(network, spans, FrameSettings(arrivals=arrivals, sharing=sharing), end_s=end_s)

    print("flat per frame and in memory (reserved, periodic frames drawn, statistics kept)")
    frames = 1e5
    while frames <= options.longest:
        network, spans, end_s = workload(frames)
        times = math.ceil(3e6 / frames)  # short runs are soon disturbed
        seconds = min(
            clocked(lambda: run_frames(network, spans, FrameSettings(), end_s=end_s))  # noqa: B023
            for _ in range(times)
        )
        print(f"  {frames:8.0e} frames: {1e9 * seconds / frames:6.1f} ns a frame, peak {peak_bytes() / 1e6:.0f} MB")
        frames *= 10

    network, spans, end_s = workload(options.frames)
    made = given_frames(network, spans, end_s)
    count = sum(window.total for _, windows in made for window in windows)
    plain = max(simpy_rate(made, 50_000) for _ in range(3))
    print(f"SimPy, one process a frame: {plain:,.0f} frames/s")
    in_c = c_walk(made)
    walks = {
        "reserved": lambda: walk_given(made, end_s, ReservedWalk),
        "fair": lambda: walk_given(made, end_s, FairWalk),
    }
    if in_c is None:
        print("C: no compiler")
    else:
        walks["C"] = in_c
    best = dict.fromkeys(walks, math.inf)
    for _ in range(7):  # in turns: whatever slows the machine slows them all
        for name, walk in walks.items():
            best[name] = min(best[name], clocked(walk))
    for name, wanted in (("reserved", 500), ("fair", 200)):
        rate = count / best[name]
        line = f"{name}, frames given, latencies written: {rate / 1e6:.1f} M frames/s, {rate / plain:,.0f} x SimPy"
        print(f"{line} (wanted {wanted})")
    if in_c is not None:
        print(f"C, merge and walk: {count / best['C'] / 1e6:.1f} M frames/s")
        print(f"reserved takes {best['reserved'] / best['C']:.2f} times as long as C (wanted at most 1.5)")
    for arrivals, sizes, sharing in (
        ("periodic", "constant", "reserved"),
        ("poisson", "constant", "reserved"),
        ("poisson", "exponential", "reserved"),
        ("poisson", "lognormal", "reserved"),
        ("poisson", "constant", "fair"),
    ):
        cv = 0.5 if sizes == "lognormal" else 0.0
        settings = FrameSettings(arrivals=arrivals, sizes=sizes, sharing=sharing, size_cv=cv)  # type: ignore[arg-type]
        seconds = min(clocked(lambda: run_frames(network, spans, settings, end_s=end_s)) for _ in range(3))  # noqa: B023
        rate = count / seconds
        print(
            f"{sharing}, {arrivals} frames of {sizes} size drawn, statistics kept: {rate / 1e6:.1f} M frames/s, "
            f"{rate / plain:,.0f} x SimPy (wanted 150)"
        )


if __name__ == "__main__":
    main()
