"""What a cut takes, and which cuts fit: the formulas of the model, written once.

What cut k of a task takes from a server or link is its input there times a number that is the same
everywhere: ``rho_k`` [bit/s per byte] and ``gamma_k`` [FLOP/s per byte]. So with the two quotients

    B = min_m free_bps[m] / D_m        C = min_i free_flop_per_s[i] / d_i

cut k fits everywhere exactly when rho_k <= B and gamma_k <= C: two passes decide all cuts, O(E + K).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.ties import ordered
from cutlayer.simulator.types import FloatArray, IntArray, Network, Task
from cutlayer.simulator.units import bits

SLACK = 1e-9
"""A demand fits if it is at most the free capacity plus this share of the usable capacity."""


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What every cut of one task takes from one network.

    Attributes
    ----------
    servers, links : int array or slice
        Where the task lands; a slice where it lands everywhere.
    input_bytes : ndarray, shape (n,)
        d_ij at those servers [byte].
    link_bytes : ndarray, shape (m,)
        D_mj on those links: the input of all servers routed over each [byte].
    rho : ndarray, shape (N + 1,)
        Bandwidth per input byte, by cut [bit/s per byte].
    gamma : ndarray, shape (N + 1,)
        Compute per input byte, by cut [FLOP/s per byte].
    first_cut : int
        The first cut that a scheduler may choose: 0 (raw input) where the network has `allow_raw`, else 1.

    Notes
    -----
    The arrays have an entry for each of the task's own links and servers, not for all of the network: index the
    network's with `links` and `servers`, as in ``view.free_bps[demand.links] - demand.bps(cut)``.
    """

    task: Task
    servers: IntArray | slice
    input_bytes: FloatArray
    links: IntArray | slice
    link_bytes: FloatArray
    rho: FloatArray
    gamma: FloatArray
    first_cut: int = 1

    def bps(self, cut: int) -> FloatArray:
        """Bandwidth that `cut` takes on each of its links [bit/s], shape (m,)."""
        return self.link_bytes * float(self.rho[cut])

    def flop_per_s(self, cut: int) -> FloatArray:
        """Compute that `cut` takes at each of its servers [FLOP/s], shape (n,)."""
        return self.input_bytes * float(self.gamma[cut])


def rates(task: Task, network: Network) -> tuple[FloatArray, FloatArray]:
    """Return rho and gamma of `task`: what each cut takes of an input byte, each of shape (N + 1,).

    Bandwidth is (1 + h) * 8 * d_ij * r_k * max(1/Q_j, f_j) with the reservation ``"sustained"``, and with
    1/Q_j alone with ``"deadline"``, as the paper (section IV) prints it; compute is d_ij * l_k * f_j.
    """
    rate = 1 / task.deadline_s
    if network.reservation == "sustained":
        rate = max(rate, task.frame_rate_hz)
    return (
        task.profile.ratio_by_cut * bits((1 + network.reservation_margin) * rate),
        task.profile.flop_per_byte_by_cut * task.frame_rate_hz,
    )


def demand_of(task: Task, network: Network) -> Demand:
    """Return what every cut of `task` takes from `network`: its inputs, and `rates` per byte of them.

    Raises
    ------
    InputError
        If the task is fed at a server the network does not have.
    """
    n_servers = len(network.servers)
    if task.servers[-1] >= n_servers:
        raise InputError(f"task {task.name!r} is fed at server {task.servers[-1]} of a network of {n_servers}")
    everywhere = len(task.servers) == n_servers
    servers: IntArray | slice = slice(None) if everywhere else task.servers
    links, link_bytes = servers, task.input_bytes
    if not network.is_star:
        if everywhere:
            through = network.routes @ task.input_bytes
        else:  # the same sums in the same order, touching only the links that are crossed
            crossed = [network.links_from(server) for server in task.servers.tolist()]
            each = np.repeat(task.input_bytes, [len(links) for links in crossed])
            through = np.bincount(np.concatenate(crossed), each, len(network.links))
        links = np.flatnonzero(through)
        link_bytes = through[links]
    rho, gamma = rates(task, network)
    return Demand(
        task=task,
        servers=servers,
        input_bytes=task.input_bytes,
        links=links,
        link_bytes=link_bytes,
        rho=rho,
        gamma=gamma,
        first_cut=network.first_cut,
    )


class Room(NamedTuple):
    """How much a task may take per input byte, everywhere it lands.

    Attributes
    ----------
    bps : float
        B: the largest rho that fits on all its links [bit/s per byte].
    flop_per_s : float
        C: the largest gamma that fits at all its servers [FLOP/s per byte].
    """

    bps: float
    flop_per_s: float


def room(demand: Demand, free_bps: FloatArray, free_flop_per_s: FloatArray) -> Room:
    """Return B and C of `demand` under these free capacities; the two passes that decide all cuts.

    Parameters
    ----------
    demand : Demand
    free_bps : ndarray, shape (M,)
    free_flop_per_s : ndarray, shape (E,)
    """
    return Room(
        np.minimum.reduce(free_bps[demand.links] / demand.link_bytes, initial=np.inf),
        np.minimum.reduce(free_flop_per_s[demand.servers] / demand.input_bytes),
    )


def fitting(demand: Demand, room: Room) -> NDArray[np.bool_]:
    """Return which cuts fit: bool, shape (N + 1,), indexed by cut; entry 0 is the raw input."""
    return (demand.rho <= room.bps) & (demand.gamma <= room.flop_per_s)


class Tightest(NamedTuple):
    """The link and the server where a task has least room: what every one of its cuts strains most.

    The need of a cut is the same number everywhere times the input there, so the tightest link is the same
    for all cuts, and so is the tightest server.

    Attributes
    ----------
    link : int or None
        Index of the link; None where the task's servers cross none.
    link_bytes, free_bps : float
        The task's input over that link [byte] and what is free there [bit/s].
    server : int
    server_bytes, free_flop_per_s : float
        The task's input at that server [byte] and what is free there [FLOP/s].
    """

    link: int | None
    link_bytes: float
    free_bps: float
    server: int
    server_bytes: float
    free_flop_per_s: float

    def needs(self, demand: Demand, cut: int) -> tuple[float, float]:
        """Return what `cut` takes on that link [bit/s] and at that server [FLOP/s]."""
        return self.link_bytes * float(demand.rho[cut]), self.server_bytes * float(demand.gamma[cut])

    def needs_by_cut(self, demand: Demand) -> list[list[float]]:
        """Return `needs` of every cut, from 0: pairs of [bit/s, FLOP/s]."""
        bps, flop_per_s = self.link_bytes * demand.rho, self.server_bytes * demand.gamma
        return [[on_link, at_server] for on_link, at_server in zip(bps.tolist(), flop_per_s.tolist(), strict=True)]

    def bottleneck(self, demand: Demand, cut: int) -> str:
        """Return which of the two `cut` strains more, "link" or "server": the larger share of what is free."""
        need_bps, need_flop_per_s = self.needs(demand, cut)
        on_link = share_of(need_bps, self.free_bps) >= share_of(need_flop_per_s, self.free_flop_per_s)
        return "link" if self.link is not None and on_link else "server"


def share_of(need: float, free: float) -> float:
    """Return what is needed as a share of what is free: above 1 it does not fit, infinite where nothing is free.

    The larger one of the tightest link and the tightest server is the bottleneck share max(rho_k / B, gamma_k / C).
    """
    return need / free if free > 0 else np.inf if need > 0 else 0.0


def tightest(demand: Demand, free_bps: FloatArray, free_flop_per_s: FloatArray) -> Tightest:
    """Return where `demand` has least room (ties: the first)."""
    link: tuple[int | None, float, float] = (None, 0.0, np.inf)
    if len(demand.link_bytes):
        link = _least_room(demand.links, demand.link_bytes, free_bps)
    return Tightest(*link, *_least_room(demand.servers, demand.input_bytes, free_flop_per_s))


def _least_room(where: IntArray | slice, needs: FloatArray, free: FloatArray) -> tuple[int, float, float]:
    free_there = free[where]
    at = int((free_there / needs).argmin())
    index = at if isinstance(where, slice) else int(where[at])
    return index, float(needs[at]), float(free_there[at])


CutRule = Callable[[Demand, Room], IntArray]
"""Orders the candidate cuts of a task, given its room: an int array of cuts, first choice first."""


def balanced(demand: Demand, room: Room) -> IntArray:
    """Order cuts by their bottleneck share max(rho_k / B, gamma_k / C), smallest first; ties: smaller cut."""
    first = demand.first_cut
    if room.bps <= 0 or room.flop_per_s <= 0:  # every share is infinite
        return np.arange(first, len(demand.rho))
    return ordered(np.maximum(demand.rho[first:] / room.bps, demand.gamma[first:] / room.flop_per_s)) + first


def largest_product(demand: Demand, room: Room) -> IntArray:
    """Order cuts by r_k * l_k, largest first, as the paper words it (section IV); ties: smaller cut."""
    profile, first = demand.task.profile, demand.first_cut
    return ordered(-(profile.ratio_by_cut * profile.flop_per_byte_by_cut)[first:]) + first


@dataclass(frozen=True, slots=True)
class Fixed:
    """The rule that allows min(cut, N) and no other."""

    cut: int

    def __post_init__(self) -> None:
        if not isinstance(self.cut, int) or self.cut < 1:
            raise InputError(f"cut is {self.cut!r}; allowed: a whole number, 1 or more")

    def __call__(self, demand: Demand, room: Room) -> IntArray:
        return np.array([min(self.cut, len(demand.rho) - 1)])


CUT_RULES: dict[str, CutRule] = {"balanced": balanced, "largest-product": largest_product}


def cut_rule(text: str) -> CutRule:
    """Return the cut rule of that name: ``balanced``, ``largest-product`` or ``fixed(k)``.

    Raises
    ------
    UnknownNameError
        If there is no such rule.
    """
    if match := re.fullmatch(r"fixed\((\d+)\)", text):
        return Fixed(int(match[1]))
    if text not in CUT_RULES:
        raise UnknownNameError("cut rule", text, [*CUT_RULES, "fixed(1)"])
    return CUT_RULES[text]
