"""Small random histories for the checks: drawn, changed in ways that should not matter, played, added up.

They are drawn from continuous ranges so that nothing is tied by accident, with fixed seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.engine import simulate
from cutlayer.simulator.events import Decided, Departed, Evicted
from cutlayer.simulator.ledger import Ledger
from cutlayer.simulator.policy import Decision, OnlineScheduler, Scheduler, View
from cutlayer.simulator.rng import stream
from cutlayer.simulator.types import Deployment, Layer, Network, Profile, Task

OVER = 1e-9 + 1e-12
"""What may be reserved above the usable capacity, relative: the slack of the model, and rounding."""


class History(NamedTuple):
    """A network and what arrives at it."""

    network: Network
    tasks: tuple[Task, ...]


def histories() -> Iterator[History]:
    """Yield stars and shared links on which tasks are deployed, rejected, evicted and depart."""
    for number in range(2):
        yield draw(f"star {number}", 5, 40)
        yield draw(f"shared {number}", 6, 40, shared=True)


def draw(
    name: str, servers: int, tasks: int, *, shared: bool = False, most_fed: int | None = None, allow_raw: bool = False
) -> History:
    """Return the random history of that name.

    Parameters
    ----------
    name : str
        Names the random stream.
    servers, tasks : int
        How many.
    shared : bool
        Put each half of the servers behind one link, and all behind a third; a star otherwise.
    most_fed : int, optional
        The largest number of servers that feed a task; by default half of the tasks may be fed by all.
    allow_raw : bool
        Whether cut 0 is a candidate.
    """
    rng = stream(0, "contract", name)
    routes = None
    link_bps = rng.uniform(8e6, 24e6, servers)
    if shared:
        half = np.arange(servers) % 2
        routes = np.array([half == 0, half == 1, np.ones(servers)], dtype=float)
        link_bps = rng.uniform([24e6, 24e6, 40e6], [50e6, 50e6, 70e6])
    network = Network(
        rng.uniform(2e9, 8e9, servers),
        link_bps,
        usable_share=0.8,
        routes=routes,
        cloud_flop_per_s=1e11,
        reservation_margin=0.0 if shared else 0.1,
        allow_raw=allow_raw,
    )
    arrival_s = np.cumsum(rng.exponential(1.0, tasks)).tolist()
    return History(network, tuple(_task(f"t{j}", at, servers, most_fed, rng) for j, at in enumerate(arrival_s)))


def _task(name: str, arrival_s: float, servers: int, most_fed: int | None, rng: np.random.Generator) -> Task:
    layers = int(rng.integers(2, 7))
    flop, size = rng.uniform(1e5, 4e6, layers), 1e3 * rng.uniform(0.05, 1.1, layers)
    few = most_fed if most_fed is not None else servers if rng.random() < 0.5 else max(1, servers // 2)
    fed = np.sort(rng.permutation(servers)[: int(rng.integers(1, few + 1))])
    return Task(
        name,
        arrival_s,
        profile("random", flop.tolist(), size.tolist(), 1e3),
        frame_rate_hz=float(rng.uniform(1.0, 10.0)),
        deadline_s=float(rng.uniform(0.1, 0.5)),
        servers=fed,
        input_bytes=rng.uniform(1e4, 1e5, len(fed)),
        lifetime_s=float(rng.uniform(2.0, 20.0)) if rng.random() < 0.5 else math.inf,
    )


def profile(name: str, flop: Iterable[float], output_bytes: Iterable[float], input_bytes: float = 1.0) -> Profile:
    """Return a profile from the FLOP and output bytes of its layers."""
    layers = enumerate(zip(flop, output_bytes, strict=True), start=1)
    return Profile(name, (1,), input_bytes, tuple(Layer(f"layer{k}", f, (1,), b) for k, (f, b) in layers))


# Changes that should not matter ---------------------------------------------------------------------------


def reordered(history: History, rng: np.random.Generator) -> History:
    """Return the same history with servers and links in another order."""
    network = history.network
    servers = rng.permutation(len(network.servers))
    links = servers if network.is_star else rng.permutation(len(network.links))
    other = replace(
        network,
        capacity_flop_per_s=network.capacity_flop_per_s[servers],
        link_bps=network.link_bps[links],
        servers=tuple(network.servers[i] for i in servers),
        links=tuple(network.links[m] for m in links),
        routes=None if network.is_star else network.routes.toarray()[links][:, servers],
    )
    place = np.argsort(servers)  # the new index of each server
    tasks = []
    for task in history.tasks:
        order = np.argsort(place[task.servers])
        tasks.append(replace(task, servers=place[task.servers][order], input_bytes=task.input_bytes[order]))
    return History(other, tuple(tasks))


def scaled(history: History, factor: float) -> History:
    """Return the same history with inputs, bandwidths and compute speeds times `factor`."""
    network = replace(
        history.network,
        capacity_flop_per_s=history.network.capacity_flop_per_s * factor,
        link_bps=history.network.link_bps * factor,
        cloud_flop_per_s=history.network.cloud_flop_per_s * factor,
    )
    return History(network, tuple(replace(task, input_bytes=task.input_bytes * factor) for task in history.tasks))


def with_hopeless_tasks(history: History) -> History:
    """Return the history with two more tasks that the empty network could not place."""
    everywhere = np.arange(len(history.network.servers))
    wide = profile("wide", [1.0, 1.0], [1.0, 2.0])
    deep = profile("deep", [1e6, 1e6], [1e-6, 1e-6])  # and too wide at cut 0
    last = history.tasks[-1].arrival_s
    more = (Task(p.name, last + 1.0, p, 1.0, 1.0, everywhere, np.full(len(everywhere), 1e8)) for p in (wide, deep))
    return History(history.network, (*history.tasks, *more))


# Playing --------------------------------------------------------------------------------------------------


class Placement(NamedTuple):
    """What a task got: the cut it was deployed at, if it was, and who was evicted for it."""

    task: str
    cut: int | None
    evicted: tuple[str, ...]


class Log:
    """Listens to the engine and keeps the placements."""

    def __init__(self) -> None:
        self.placements: list[Placement] = []
        self.deployed: dict[str, Deployment] = {}

    def on_start(self, ledger: Ledger) -> None:
        """Remember the network."""
        self.network = ledger.network

    def on_decided(self, event: Decided) -> None:
        """Keep the placement."""
        evicted = tuple(deployment.task.name for deployment in event.evicted)
        for name in evicted:
            del self.deployed[name]
        cut = None
        if event.deployment is not None:
            cut = event.deployment.cut
            self.deployed[event.task.name] = event.deployment
        self.placements.append(Placement(event.task.name, cut, evicted))

    def on_departed(self, event: Departed) -> None:
        """Forget the task."""
        del self.deployed[event.deployment.task.name]

    def on_evicted(self, event: Evicted) -> None:
        """Forget the tasks."""
        for deployment in event.deployments:
            del self.deployed[deployment.task.name]

    def on_end(self, time_s: float) -> None:
        """Do nothing."""


class Sums(Log):
    """Adds up after every decision what is reserved where; `over` says what was over capacity first."""

    over = ""

    def on_decided(self, event: Decided) -> None:
        """Keep the placement and add up."""
        super().on_decided(event)
        placed = ((deployment.task, deployment.cut) for deployment in self.deployed.values())
        self.over = self.over or over_capacity(self.network, placed)


def play(scheduler: Scheduler, history: History, log: Log | None = None) -> list[Placement]:
    """Return the placements of a run."""
    log = Log() if log is None else log
    simulate(history.network, history.tasks, scheduler, listeners=[log])
    return log.placements


def over_capacity(network: Network, placed: Iterable[tuple[Task, int]]) -> str:
    """Say which of the two sums of the model these cuts break together; empty if none.

    Plain arithmetic that shares nothing with `cutlayer.simulator.demand` and the ledger, which it is to judge.
    """
    used_bps: list[list[float]] = [[] for _ in network.servers]
    used_flop_per_s: list[list[float]] = [[] for _ in network.servers]
    for task, cut in placed:
        layers, input_bytes = task.profile.layers, task.profile.input_bytes
        sent = layers[cut - 1].output_bytes / input_bytes if cut else 1.0
        flop_per_byte = math.fsum(layer.flop for layer in layers[:cut]) / input_bytes
        rate = max(1 / task.deadline_s, task.frame_rate_hz if network.reservation == "sustained" else 0.0)
        for server, size in zip(task.servers.tolist(), task.input_bytes.tolist(), strict=True):
            used_bps[server].append((1 + network.reservation_margin) * 8 * size * sent * rate)
            used_flop_per_s[server].append(size * flop_per_byte * task.frame_rate_hz)
    for i, capacity in enumerate(network.capacity_flop_per_s.tolist()):
        used = math.fsum(used_flop_per_s[i])
        if used > capacity * (1 + OVER):
            return f"server {network.servers[i]!r} holds {used:.17g} FLOP/s of {capacity:.17g}"
    crossing = np.eye(len(network.links)) if network.routes is None else network.routes.toarray()
    for m, capacity in enumerate(network.link_bps.tolist()):
        used = math.fsum(need for i in np.flatnonzero(crossing[m]) for need in used_bps[i])
        if used > network.usable_share * capacity * (1 + OVER):
            return f"link {network.links[m]!r} holds {used:.17g} bit/s of {network.usable_share * capacity:.17g}"
    return ""


# Watching -------------------------------------------------------------------------------------------------

Look = Callable[[Task, View, Any], None]
"""Is shown a task, the view and the answer."""


def ignore(task: Task, view: View, answer: Any) -> None:
    """Look at an answer and say nothing."""


class Watched(OnlineScheduler):
    """Plays an online scheduler and shows `look` every answer; `written` hears what wrote to the view."""

    def __init__(self, scheduler: OnlineScheduler, look: Look, written: Callable[[str], object]) -> None:
        self.scheduler, self.look, self.written = scheduler, look, written

    def decide(self, task: Task, view: View) -> Decision:
        """Pass the question on."""
        before = fingerprint([task], view.network, view)
        answer = self.scheduler.decide(task, view)
        self.look(task, view, answer)
        if before != fingerprint([task], view.network, view):
            self.written(f"view, network or task changed while it decided about {task.name!r}")
        return answer

    def on_departure(self, deployment: Deployment, view: View) -> None:
        """Pass the news on."""
        before = fingerprint([deployment.task], view.network, view)
        self.scheduler.on_departure(deployment, view)
        if before != fingerprint([deployment.task], view.network, view):
            self.written(f"view, network or task changed while it heard of {deployment.task.name!r} departing")


def fingerprint(tasks: Sequence[Task], network: Network, view: View | None = None) -> list[Any]:
    """Return what must not change, to be compared."""
    arrays: list[Any] = [network.capacity_flop_per_s, network.link_bps, network.usable_bps]
    if not network.is_star:
        arrays.append(network.routes.toarray())
    for task in tasks:
        arrays += [task.servers, task.input_bytes, task.profile.ratio_by_cut, task.profile.flop_per_byte_by_cut]
    deployed: list[Any] = []
    if view is not None:
        arrays += [view.free_bps, view.free_flop_per_s]
        deployed = list(view.deployed.items())
    return [deployed, *(array.tobytes() for array in arrays)]
