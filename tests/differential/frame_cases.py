"""Random runs of frames: small networks, moving capacity, outages and evictions in mid-flight.

On the *grid* every time, service and rate is a multiple of a power of two, so that many things happen at one
instant and both implementations compute without rounding. Off the grid nothing ever coincides.
"""

from dataclasses import dataclass, replace
from typing import Any

import meshes
import numpy as np
from hypothesis import strategies as st

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.frames.draw.streams import Streams
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import slices_by_server
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task

END_S = 16.0


@dataclass
class Case:
    network: Network
    spans: list[Span]
    settings: FrameSettings
    conditions: Conditions
    frames: dict[tuple[str, str], Any]
    given: bool
    end_s: float

    def with_window(self, window_frames):
        return replace(self, settings=replace(self.settings, window_frames=window_frames))


def drawn_frames(network, spans, settings, end_s):
    """The frames the keyed streams draw, by task and server."""
    frames = {}
    for slices in slices_by_server(spans, network, settings, end_s)[0]:
        names = [spans[index].task.name for index in slices.span]
        server = network.servers[slices.server]
        window = Streams(slices, names, server, settings).before(np.inf)
        for name in names:
            frames[name, server] = (np.empty(0), np.empty(0))
        for slot, stream in enumerate(window.ids):
            part = slice(window.first[slot], window.first[slot + 1])
            frames[names[stream], server] = (window.arrival_s[part].copy(), window.size[part].copy())
    return frames


def in_other_units(case, second):
    """The same run with a second of it taking `second` seconds: on the grid, ties that floats no longer show."""

    def steps(traces):
        return {name: Steps(s.times_s * second, s.values / second) for name, s in traces.items()}

    def outages(by_name):
        return {name: [(a * second, b * second) for a, b in each] for name, each in by_name.items()}

    def task(old):
        return replace(old, frame_rate_hz=old.frame_rate_hz / second, deadline_s=old.deadline_s * second)

    network, conditions = case.network, case.conditions
    return replace(
        case,
        network=replace(
            network,
            capacity_flop_per_s=network.capacity_flop_per_s / second,
            link_bps=network.link_bps / second,
            cloud_flop_per_s=network.cloud_flop_per_s / second,
        ),
        spans=[replace(s, task=task(s.task), start_s=s.start_s * second, end_s=s.end_s * second) for s in case.spans],
        settings=replace(case.settings, propagation_s=[delay * second for delay in case.settings.propagation_s]),
        conditions=Conditions(
            steps(conditions.capacity_bps),
            steps(conditions.load_bps),
            outages(conditions.link_outages),
            outages(conditions.server_outages),
        ),
        frames={name: (times * second, sizes) for name, (times, sizes) in case.frames.items()},
        end_s=case.end_s * second,
    )


@st.composite
def cases(draw, tree=False, on_grid=None):
    """Random runs; with `tree`, of reserved slices on links that form a tree, several hops deep."""
    grid = draw(st.booleans()) if on_grid is None else on_grid
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sharing = draw(st.sampled_from(["reserved", "fair"]))
    arrivals = draw(st.sampled_from(["periodic", "jittered", "poisson"]))
    sizes = draw(st.sampled_from(["constant", "exponential", "lognormal"]))
    on_end = draw(st.sampled_from(["drain", "drop"]))
    on_outage = draw(st.sampled_from(["hold", "drop"]))
    sharing = "reserved" if tree else sharing
    shared = sharing == "reserved" and draw(st.booleans()) and not tree
    moving = draw(st.booleans())
    outages = draw(st.booleans())

    def time(low=0.0, high=END_S):
        return float(rng.integers(int(low * 4), int(high * 4) + 1)) / 4 if grid else float(rng.uniform(low, high))

    def pick(on_grid, low, high):
        return float(rng.choice(on_grid)) if grid else float(rng.uniform(low, high))

    n_servers = int(rng.integers(2, 6)) if tree else int(rng.integers(1, 4))
    n_links = int(rng.integers(1, 3)) if shared else n_servers
    routes = None
    if shared:
        routes = (rng.random((n_links, n_servers)) < 0.6).astype(float)
    if tree:
        crossed = list(meshes.crossing(meshes.drawn(rng, n_servers, "tree")).values())
        routes = [[float(i in servers) for i in range(n_servers)] for servers in crossed]
        n_links = len(crossed)
    network = Network(
        [1024.0 if grid else float(rng.uniform(500, 2000)) for _ in range(n_servers)],
        [pick([64.0, 128.0, 256.0, 512.0], 50, 800) for _ in range(n_links)],
        usable_share=pick([0.5, 1.0], 0.4, 1.0),
        routes=routes,
        cloud_flop_per_s=pick([4096.0, np.inf], 2000, 9000),
        reservation="deadline" if rng.random() < 0.5 else "sustained",
        reservation_margin=pick([0.0, 1.0], 0.0, 0.5),
    )
    spans = []
    for j in range(int(rng.integers(1, 3 if grid else 6))):
        n_layers = 2
        flop = [pick([0.0, 256.0, 512.0, 1024.0], 0, 900) for _ in range(n_layers)]
        out = [pick([2.0, 4.0, 8.0], 1, 9) for _ in range(n_layers)]
        profile = Profile("p", (8,), 8.0, tuple(Layer(f"l{k}", flop[k], (1,), out[k]) for k in range(n_layers)))
        fed = np.flatnonzero(rng.random(n_servers) < 0.7)
        fed = fed if len(fed) else np.array([0])
        d = [pick([1.0, 2.0, 4.0], 0.5, 5) for _ in fed]
        if grid:  # equal reservations, and so rates that are powers of two
            d = [2.0] * len(fed)
        task = Task(
            f"t{j}", 0.0, profile, pick([1.0, 2.0, 4.0], 0.5, 6), 0.5 if grid else float(rng.uniform(0.1, 1)),
            fed, d,
        )  # fmt: skip
        start = time(0, 8)
        ending = str(rng.choice(["deployed", "departed", "evicted"]))
        end = np.inf if ending == "deployed" else max(start, time(start, 18))
        cut = 0 if rng.random() < 0.2 else int(rng.integers(1, n_layers + 1))
        if grid:
            cut = 1
            profile = replace(profile, layers=(replace(profile.layers[0], output_bytes=4.0), profile.layers[1]))
            task = replace(task, profile=profile, frame_rate_hz=2.0)
        spans.append(Span(task, cut, start, end, ending))

    def trace(values):
        times = sorted({0.0, *(time() for _ in range(int(rng.integers(1, 8))))})
        return Steps(times, [values() for _ in times])

    def intervals():
        made = []
        for _ in range(int(rng.integers(1, 3))):
            down, up = sorted((time(), time()))
            if down < up:
                made.append((down, up))
        return made

    capacity, load, link_out, server_out = {}, {}, {}, {}
    for name in network.links:
        if moving and rng.random() < 0.7:
            capacity[name] = trace(lambda: pick([0.0, 32.0, 64.0, 128.0, 512.0], 5, 600))
        if moving and not grid and rng.random() < 0.5:
            load[name] = trace(lambda: pick([0.0], 0, 400))
        if outages and rng.random() < 0.6:
            link_out[name] = intervals()
    for name in network.servers:
        if outages and rng.random() < 0.6:
            server_out[name] = intervals()
    conditions = Conditions(capacity, load, link_out, server_out)
    settings = FrameSettings(
        arrivals=arrivals,
        jitter=float(rng.uniform(0, 1)) if arrivals == "jittered" else 0.0,
        sizes=sizes,
        size_cv=float(rng.uniform(0.1, 2)) if sizes == "lognormal" else 0.0,
        sharing=sharing,
        on_end=on_end,
        on_outage=on_outage,
        propagation_s=[pick([0.0, 0.25], 0, 0.1) for _ in range(n_servers)],
        violation=str(rng.choice(["transfer", "end-to-end"])),
        window_frames=int(rng.choice([1, 7, 1000])),
        seed=int(rng.integers(1000)),
    )
    end_s = END_S if grid else float(rng.uniform(10, 20))
    if grid:
        frames = {}
        for span in spans:
            for i in span.task.servers:
                n = int(rng.integers(0, 40))
                times = np.sort(rng.integers(0, 128, n)) / 8
                frames[span.task.name, network.servers[i]] = (times, rng.choice([0.5, 1.0, 2.0], n))
    else:
        frames = drawn_frames(network, spans, settings, end_s)
    return Case(network, spans, settings, conditions, frames, grid, end_s)
