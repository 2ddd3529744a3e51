"""What a user may choose about frames, checked before anything is walked.

A frame ends in exactly one way: *delivered* (its last layer is done by the end of the run), *lost*, or *in
flight* at the end of the run. What finishes at the very instant of a loss or of the end has finished.

- ``on_end="drop"``: when its task ends, every frame of the task that has not left the uplink is lost.
  ``"drain"``: it goes on, at the rate its slice had.
- ``on_outage="drop"``: when a server goes down, every frame that waits for its compute or is in it is lost,
  and so is every frame that arrives before it is up again. When a link goes down, the same holds for every
  frame in a slice that crosses it. ``"hold"``: they wait and go on where they were. A link is down in an outage, and
  while its trace or its load leaves it 0 bit/s.
- A frame that computes nothing at the edge (cut 0) does not queue for compute, nor does an outage of its
  server touch it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from cutlayer.simulator.conditions import links_of
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import FloatArray, Network

Arrivals = Literal["periodic", "jittered", "poisson"]
Sizes = Literal["constant", "exponential", "lognormal"]
Sharing = Literal["reserved", "fair"]
OnEnd = Literal["drain", "drop"]
OnOutage = Literal["hold", "drop"]
Measure = Literal["transfer", "end-to-end"]

MOST_CV = 1e6
"""Largest coefficient of variation of log-normal sizes: with a larger one nearly all work is in frames never seen."""
MOST_ROWS = 10_000_000
"""Most rows over windows of time, one a window for the run, every server and every link: they are held in memory."""
MOST_FRAMES = 1e12
"""Most frames a run may be expected to have: about a day's walk."""
TICKS = 16
"""Least mean time between the frames of a task, in steps of the clock (a float's last place) at the end of the run."""


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """What frames are like and what happens to them.

    Attributes
    ----------
    arrivals : {"periodic", "jittered", "poisson"}
        Periodic: at (n + phase) / f after the deployment, the phase being uniform in [0, 1), one a task and
        server. Jittered: each of those later by a time uniform in [0, `jitter`) periods. Poisson: rate f.
    jitter : float
        0 to 1 [periods]; frames never overtake.
    sizes : {"constant", "exponential", "lognormal"}
        Distribution of size / mean size; FLOP and bits grow with it.
    size_cv : float
        Coefficient of variation of log-normal sizes, above 0, `MOST_CV` at most.
    sharing : {"reserved", "fair"}
        Reserved: an idle slice is not lent. Fair: the busy slices of a link share min(capacity, V b) in
        proportion to their reservations; only for links that carry one server.
    on_end : {"drain", "drop"}
    on_outage : {"hold", "drop"}
        See `cutlayer.simulator.frames.settings`.
    propagation_s : float or sequence of float
        Time from the end of the uplink to the cloud [s], one for all servers or one each.
    violation : {"transfer", "end-to-end"}
        Which latency the deadline is held against.
    window_frames : int
        Frames in memory at a time (about); changes nothing but speed.
    series_s : float or None
        Width of the windows of time over which violations and latency are reported [s].
    seed : int
        Seed of phases, arrivals and sizes.

    Raises
    ------
    InputError
        If a value is not allowed.
    """

    arrivals: Arrivals = "periodic"
    jitter: float = 0.0
    sizes: Sizes = "constant"
    size_cv: float = 0.0
    sharing: Sharing = "reserved"
    on_end: OnEnd = "drain"
    on_outage: OnOutage = "hold"
    propagation_s: float | Sequence[float] = 0.0
    violation: Measure = "transfer"
    window_frames: int = 1 << 13
    series_s: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (
            ("arrivals", self.arrivals, get_args(Arrivals)),
            ("sizes", self.sizes, get_args(Sizes)),
            ("sharing", self.sharing, get_args(Sharing)),
            ("on_end", self.on_end, get_args(OnEnd)),
            ("on_outage", self.on_outage, get_args(OnOutage)),
            ("violation", self.violation, get_args(Measure)),
        ):
            if value not in known:
                raise UnknownNameError(what, value, known)
        if not 0 <= self.jitter <= 1:
            raise InputError(f"jitter is {self.jitter!r}; allowed: 0 to 1 period")
        if self.jitter and self.arrivals != "jittered":
            raise InputError(f"jitter is {self.jitter!r} with {self.arrivals} arrivals; allowed with jittered ones")
        if self.sizes == "lognormal" and not 0 < self.size_cv <= MOST_CV:
            allowed = f"log-normal sizes need one above 0, at most {MOST_CV:,.0f}"
            raise InputError(f"size_cv is {self.size_cv!r}; {allowed}")
        if self.sizes != "lognormal" and self.size_cv:
            raise InputError(f"size_cv is {self.size_cv!r} with {self.sizes} sizes; allowed with lognormal ones")
        if not all(0 <= delay < math.inf for delay in np.atleast_1d(np.asarray(self.propagation_s, dtype=float))):
            raise InputError(f"propagation_s is {self.propagation_s!r}; allowed: 0 or more, finite")
        if self.window_frames < 1:
            raise InputError(f"window_frames is {self.window_frames!r}; allowed: 1 or more")
        if self.series_s is not None and not 0 < self.series_s < math.inf:
            raise InputError(f"series_s is {self.series_s!r}; allowed: above 0, finite")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed!r}; allowed: 0 or more")

    def propagation_of(self, network: Network) -> FloatArray:
        """Return the propagation delay of every server [s], shape (E,)."""
        delays = np.atleast_1d(np.asarray(self.propagation_s, dtype=float))
        if len(delays) not in (1, len(network.servers)):
            raise InputError(f"{len(delays)} values of propagation_s for {len(network.servers)} servers")
        return np.broadcast_to(delays, len(network.servers)).copy()


def least_window_s(network: Network, end_s: float) -> float:
    """Return how wide windows over a run that ends then must be, so that there are no more than `MOST_ROWS` [s]."""
    return end_s / MOST_ROWS * (1 + len(network.servers) + len(network.links))


def check_windows(network: Network, series_s: float, end_s: float, what: str = "series_s") -> None:
    """Refuse windows of time so narrow that memory could not hold what they tell.

    Raises
    ------
    InputError
        If they are narrower than `least_window_s`; `what` is what the message calls their width.
    """
    least_s = least_window_s(network, end_s)
    if series_s < least_s:
        windows = f"{end_s / series_s:.3g} windows up to {end_s:g} s for the run, each server and each link"
        raise InputError(f"{what} is {series_s:g}, {windows}; allowed: {1.005 * least_s:.3g} or more here [s]")


def check(spans: Sequence[Span], network: Network, settings: FrameSettings, end_s: float) -> None:
    """Refuse runs whose frames cannot be simulated.

    Raises
    ------
    InputError
        If a task is a duplicate, the run has no end, a link of several servers is to be shared fairly, or there are
        more windows or frames than memory, time or the clock's resolution allow.
    """
    if not 0 <= end_s < math.inf:
        raise InputError(f"end_s is {end_s!r}; allowed: 0 or more, finite")
    names = set()
    for span in spans:
        if span.task.name in names:
            raise InputError(f"task {span.task.name!r} is deployed twice")
        names.add(span.task.name)
    if settings.sharing == "fair":
        for link, name in enumerate(network.links):
            if not network.is_star and network.routes[[link], :].nnz > 1:
                raise InputError(f"link {name!r} carries several servers; sharing 'fair' is for links that carry one")
        for server, name in enumerate(network.servers):
            if not links_of(network, server):
                raise InputError(f"server {name!r} has no link; sharing 'fair' needs one")
    settings.propagation_of(network)
    if settings.series_s is not None:
        check_windows(network, settings.series_s, end_s)
    _check_rates(spans, end_s)


def _check_rates(spans: Sequence[Span], end_s: float) -> None:
    """Refuse frames whose walk would not end."""
    frames = [
        max(min(span.end_s, end_s) - span.start_s, 0.0) * span.task.frame_rate_hz * len(span.task.servers)
        for span in spans
    ]
    if (expected := math.fsum(frames)) > MOST_FRAMES:
        most = spans[frames.index(max(frames))].task
        whose = f"most of task {most.name!r} with frame_rate_hz {most.frame_rate_hz:g}"
        raise InputError(f"{expected:.3g} frames expected, {whose}; allowed: {MOST_FRAMES:g} in a run")
    for span in spans:
        until_s, rate_hz = min(span.end_s, end_s), span.task.frame_rate_hz
        tick_s = math.ulp(until_s)
        if rate_hz * tick_s * TICKS > 1:
            clock = f"at {until_s:g} s the clock goes by {tick_s:.2g} s"
            allowed = f"{0.995 / (tick_s * TICKS):.3g} or less there [1/s]"
            raise InputError(f"task {span.task.name!r}: frame_rate_hz is {rate_hz:g}, but {clock}; allowed: {allowed}")
