"""Networks, tasks and deployments (and profiles, from `profile.py`). Frozen, checked when built."""

from __future__ import annotations

import itertools
import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from cutlayer.simulator.errors import UnknownNameError
from cutlayer.simulator.frozen import FloatArray, IntArray, ReadOnly, check, frozen, positive
from cutlayer.simulator.profile import Layer, Profile
from cutlayer.simulator.ties import INSTANT_ULP, is_by
from cutlayer.simulator.units import render

Reservation = Literal["sustained", "deadline"]
RESERVATIONS: tuple[Reservation, ...] = ("sustained", "deadline")

__all__ = [
    "RESERVATIONS", "Deployment", "FloatArray", "IntArray", "Layer", "Network", "Profile", "Reservation", "Task",
]  # fmt: skip


def _matrix(values: Any) -> Any:
    matrix = sparse.csr_array(values, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _between(values: FloatArray, unit: str) -> str:
    """Return the least and the largest of some quantities in words."""
    low, high = render(float(values.min()), unit), render(float(values.max()), unit)
    return low if low == high else f"{low} to {high}"


@dataclass(frozen=True, eq=False, repr=False)
class Network(ReadOnly):
    """Edge servers and the links their traffic crosses on its way to the cloud.

    Parameters
    ----------
    capacity_flop_per_s : array_like, shape (E,)
        Compute capacity c_i of every server [FLOP/s].
    link_bps : array_like, shape (M,)
        Bandwidth of every link [bit/s]. In a star (`routes` not given) link i is the uplink b_i.
    usable_share : float
        V, the share of a link that tasks may reserve, 0 < V <= 1.
    servers, links : sequence of str, optional
        Names; ``s0, s1, ...`` by default; in a star, each link has the name of its server.
    routes : array_like or sparse, shape (M, E), optional
        Entry (m, i) is 1 where server i's traffic crosses link m. Default: the identity (a star).
    cloud_flop_per_s : float
        Speed of the cloud for the layers after the cut [FLOP/s]; infinite by default.
    reservation : {"sustained", "deadline"}
        How much bandwidth a slice reserves: enough for the deadline and the frame rate, or for the
        deadline alone (as the paper prints it).
    reservation_margin : float
        h >= 0: the share by which every reservation exceeds that.
    allow_raw : bool
        Whether cut 0 (the raw input) is a candidate like any other; otherwise only the scheduler `cloud` uses it.

    Raises
    ------
    InputError
        If a number is out of range or the shapes disagree.

    Examples
    --------
    >>> network = Network([290e9, 290e9], [10e6, 1e9], usable_share=0.8)
    >>> network.servers, network.usable_bps.tolist()
    (('s0', 's1'), [8000000.0, 800000000.0])
    """

    capacity_flop_per_s: FloatArray
    link_bps: FloatArray
    usable_share: float = 1.0
    servers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    routes: Any = None
    cloud_flop_per_s: float = math.inf
    reservation: Reservation = "sustained"
    reservation_margin: float = 0.0
    allow_raw: bool = False

    def __init__(
        self,
        capacity_flop_per_s: ArrayLike,
        link_bps: ArrayLike,
        *,
        usable_share: float = 1.0,
        servers: Sequence[str] | None = None,
        links: Sequence[str] | None = None,
        routes: Any = None,
        cloud_flop_per_s: float = math.inf,
        reservation: Reservation = "sustained",
        reservation_margin: float = 0.0,
        allow_raw: bool = False,
    ) -> None:
        capacity, link = frozen(capacity_flop_per_s), frozen(link_bps)
        names = tuple(servers) if servers is not None else tuple(f"s{i}" for i in range(len(capacity)))
        if links is None:
            links = names if routes is None else tuple(f"l{m}" for m in range(len(link)))
        matrix = None if routes is None else _matrix(routes)
        for name, value in (
            ("capacity_flop_per_s", capacity),
            ("link_bps", link),
            ("usable_share", usable_share),
            ("servers", names),
            ("links", tuple(links)),
            ("routes", matrix),
            ("cloud_flop_per_s", cloud_flop_per_s),
            ("reservation", reservation),
            ("reservation_margin", reservation_margin),
            ("allow_raw", bool(allow_raw)),
        ):
            object.__setattr__(self, name, value)
        self._validate()

    def _validate(self) -> None:
        check(len(self.servers) > 0, "a network without servers; allowed: 1 or more")
        check(self.capacity_flop_per_s.ndim == 1 and self.link_bps.ndim == 1, "capacities and links have one axis")
        for what, names, values in (
            ("capacity_flop_per_s", self.servers, self.capacity_flop_per_s),
            ("link_bps", self.links, self.link_bps),
        ):
            check(len(names) == len(values), f"{len(values)} values of {what} for {len(names)} names")
            for name, value in zip(names, values.tolist(), strict=True):
                positive(value, f"{name}: {what}")
            check(len(set(names)) == len(names), f"duplicate name among {what}")
        shape = (len(self.links), len(self.servers))
        if self.routes is None:
            check(shape[0] == shape[1], f"a star needs one link a server, not {shape[0]} for {shape[1]}")
        else:
            check(self.routes.shape == shape, f"routes is {self.routes.shape}, not {shape} (links, servers)")
            check(bool(np.all(self.routes.data == 1)), "routes holds 0 and 1 only")
        check(0 < self.usable_share <= 1, f"usable_share is {self.usable_share!r}; allowed: above 0, at most 1")
        check(self.cloud_flop_per_s > 0, f"cloud_flop_per_s is {self.cloud_flop_per_s!r}; allowed: above 0")
        if self.reservation not in RESERVATIONS:
            raise UnknownNameError("reservation", self.reservation, RESERVATIONS)
        check(
            0 <= self.reservation_margin < math.inf,
            f"reservation_margin is {self.reservation_margin!r}; allowed: 0 or more, finite",
        )

    def _shown(self) -> dict[str, str]:
        links = "one each" if self.is_star else str(len(self.links))
        return {
            "servers": f"{len(self.servers)} ({_between(self.capacity_flop_per_s, 'FLOP/s')})",
            "links": f"{links} ({_between(self.link_bps, 'bit/s')})",
            "usable share": f"{self.usable_share:g}",
            "reservation": self.reservation,
        }

    @cached_property
    def usable_bps(self) -> FloatArray:
        """V * b_m: what tasks may reserve on every link [bit/s], shape (M,)."""
        return frozen(self.link_bps * self.usable_share)

    @cached_property
    def _by_server(self) -> Any:
        return self.routes.tocsc()

    def links_from(self, server: int) -> IntArray:
        """Return the links that the traffic of a server crosses, rising."""
        if self.routes is None:
            return np.array([server])
        by_server = self._by_server
        crossed: IntArray = by_server.indices[by_server.indptr[server] : by_server.indptr[server + 1]]
        return crossed

    @cached_property
    def tightest_in_series(self) -> IntArray:
        """For each link, the tightest of those that the same servers cross, shape (M,).

        Of links in series only that one can run short. Ties: the first.
        """
        if self.routes is None:
            return frozen(range(len(self.links)), np.intp)
        tightest: dict[bytes, int] = {}
        crossed = [self.routes.indices[a:b].tobytes() for a, b in itertools.pairwise(self.routes.indptr.tolist())]
        for m in np.argsort(self.link_bps, kind="stable").tolist():
            tightest.setdefault(crossed[m], m)
        return frozen([tightest[servers] for servers in crossed], np.intp)

    @property
    def first_cut(self) -> int:
        """The first cut that schedulers may choose: 0 (raw input) with `allow_raw`, else 1."""
        return 0 if self.allow_raw else 1

    @property
    def is_star(self) -> bool:
        """Whether every server has one link of its own."""
        return self.routes is None


@dataclass(frozen=True, eq=False, repr=False)
class Task(ReadOnly):
    """A stream of frames to run through one network.

    Parameters
    ----------
    name : str
    arrival_s : float
        When the task asks to be deployed [s], 0 or more.
    profile : Profile
        Its network.
    frame_rate_hz : float
        Frames a second, f_j.
    deadline_s : float
        Largest allowed transfer latency of a frame, Q_j [s].
    servers : array_like of int, shape (n,)
        Indices of the servers its devices feed, rising.
    input_bytes : array_like, shape (n,)
        Bytes of one frame at each of those servers, d_ij > 0.
    lifetime_s : float
        How long it stays once deployed [s]; infinite by default.

    Raises
    ------
    InputError
        If a number is out of range, or `servers` is not rising.
    """

    name: str
    arrival_s: float
    profile: Profile
    frame_rate_hz: float
    deadline_s: float
    servers: IntArray
    input_bytes: FloatArray
    lifetime_s: float = math.inf

    def __post_init__(self) -> None:
        servers = np.asarray(self.servers)
        object.__setattr__(self, "servers", frozen(servers, np.intp))
        object.__setattr__(self, "input_bytes", frozen(self.input_bytes))
        check(bool(self.name), "task without a name")
        what = f"task {self.name!r}:"
        check(0 <= self.arrival_s < math.inf, f"{what} arrival_s is {self.arrival_s!r}; allowed: 0 or more, finite")
        positive(self.frame_rate_hz, f"{what} frame_rate_hz")
        positive(self.deadline_s, f"{what} deadline_s")
        check(self.lifetime_s > 0, f"{what} lifetime_s is {self.lifetime_s!r}; allowed: above 0, or empty for ever")
        least_s = INSTANT_ULP * math.ulp(self.arrival_s)
        check(
            not self.departed_by(self.arrival_s),
            f"{what} lifetime_s is {self.lifetime_s:g}, too short for the clock at {self.arrival_s:.10g} s; "
            f"allowed: {2 * least_s:.1g} or more there [s]",
        )
        check(
            self.servers.ndim == 1 and self.servers.shape == self.input_bytes.shape,
            f"{what} {self.servers.shape} servers for {self.input_bytes.shape} input_bytes",
        )
        check(len(self.servers) > 0, f"{what} no server is fed; allowed: 1 or more")
        check(
            bool((servers == self.servers).all() and servers[0] >= 0 and (servers[1:] > servers[:-1]).all()),
            f"{what} servers are {reprlib.repr(servers.tolist())}; allowed: indices that rise",
        )
        low, high = self.input_bytes.min(), self.input_bytes.max()
        check(bool(low > 0 and high < math.inf), f"{what} input_bytes {low:g} to {high:g}; allowed: above 0, finite")

    def _shown(self) -> dict[str, str]:
        frame = f"{render(self.frame_bytes, 'B')} at {len(self.servers)} server{'s' * (len(self.servers) > 1)}"
        return {
            "name": self.name,
            "arrival": f"{self.arrival_s:.10g} s",
            "profile": self.profile.name,
            "frames": f"{render(self.frame_rate_hz, 'Hz')}, {frame}",
            "deadline": render(self.deadline_s, "s"),
            "lifetime": "for ever" if self.lifetime_s == math.inf else f"{self.lifetime_s:.10g} s",
        }

    def departed_by(self, time_s: float) -> bool:
        """Return whether it would have departed by that time [s], if it was deployed on arrival."""
        return is_by(self.arrival_s + self.lifetime_s, time_s)

    @cached_property
    def frame_bytes(self) -> float:
        """Bytes of one frame, all servers together."""
        return math.fsum(self.input_bytes.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """A task that holds its reservations.

    Attributes
    ----------
    task : Task
    cut : int
        Layers 1..cut run on the edge.
    since_s : float
        When it was deployed [s].
    reserved_bps : float
        Bandwidth it holds, summed over its servers [bit/s].
    reserved_flop_per_s : float
        Compute it holds, summed over its servers [FLOP/s].
    """

    task: Task
    cut: int
    since_s: float
    reserved_bps: float
    reserved_flop_per_s: float
