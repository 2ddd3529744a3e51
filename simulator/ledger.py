"""The ledger: reservations and free capacity of every link and server. It cannot be overbooked.

At every moment, on every link the reserved bandwidth is at most V * b_m, and at every server the
reserved compute is at most c_i (up to `cutlayer.simulator.demand.SLACK`).
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutlayer.simulator.demand import SLACK, Demand, Room, Tightest, fitting, room, tightest
from cutlayer.simulator.errors import CapacityError
from cutlayer.simulator.types import FloatArray, Network


class Ledger:
    """Reservations by task name over one network.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    link_capacity_bps : ndarray, shape (M,)
        What every link can carry right now [bit/s], 0 where it is down; nominal at first.
    server_up : ndarray of bool, shape (E,)
        Which servers are up right now.

    Notes
    -----
    Reservations are of nominal capacities: a link that is slower for a while keeps them and offers what it
    always did. One that is down, like a server that is down, offers nothing to newcomers.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._bps = network.usable_bps.copy()
        self._flop_per_s = network.capacity_flop_per_s.copy()
        self._slack_bps = SLACK * network.usable_bps
        self._slack_flop_per_s = SLACK * network.capacity_flop_per_s
        self._holders_of_link = np.zeros(len(network.links), dtype=np.intp)
        self._holders_of_server = np.zeros(len(network.servers), dtype=np.intp)
        self._held: dict[str, tuple[Demand, int]] = {}
        self._limits: tuple[FloatArray, FloatArray] | None = None
        self.set_state(network.link_bps, np.ones(len(network.servers), dtype=bool))

    def set_state(self, link_capacity_bps: FloatArray, server_up: NDArray[np.bool_]) -> None:
        """Set link capacities and server availability from now on."""
        self.link_capacity_bps, self.server_up = _read_only(link_capacity_bps), _read_only(server_up)
        self.all_up = bool(server_up.all() and (link_capacity_bps > 0).all())
        self._limits = None
        self._show()

    def _show(self) -> None:
        self._shown_bps, self._shown_flop_per_s = _read_only(self._bps), _read_only(self._flop_per_s)

    @property
    def free_bps(self) -> FloatArray:
        """What newcomers may still reserve on every link [bit/s], shape (M,); read-only."""
        if self.all_up:
            return self._shown_bps
        return _read_only(np.where(self.link_capacity_bps > 0, self._bps, 0.0))

    @property
    def free_flop_per_s(self) -> FloatArray:
        """What newcomers may still reserve at every server [FLOP/s], shape (E,); read-only."""
        if self.all_up:
            return self._shown_flop_per_s
        return _read_only(np.where(self.server_up, self._flop_per_s, 0.0))

    @property
    def reserved_bps(self) -> FloatArray:
        """What is reserved on every link, up or down [bit/s], shape (M,)."""
        return self.network.usable_bps - self._bps

    @property
    def reserved_flop_per_s(self) -> FloatArray:
        """What is reserved at every server, up or down [FLOP/s], shape (E,)."""
        return self.network.capacity_flop_per_s - self._flop_per_s

    def emptied(self) -> Ledger:
        """Return the ledger of the same network, as up or down as it is, with nothing reserved."""
        empty = Ledger(self.network)
        empty.set_state(self.link_capacity_bps, self.server_up)
        return empty

    def copy(self) -> Ledger:
        """Return a ledger with the same reservations, to try things on."""
        twin = copy.copy(self)
        twin._bps, twin._flop_per_s = self._bps.copy(), self._flop_per_s.copy()
        twin._holders_of_link, twin._holders_of_server = self._holders_of_link.copy(), self._holders_of_server.copy()
        twin._held = self._held.copy()
        twin._show()
        return twin

    def room(self, demand: Demand) -> Room:
        """Return how much `demand` may take per input byte under the free capacities."""
        return room(demand, self.free_bps, self.free_flop_per_s)

    def fitting(self, demand: Demand) -> NDArray[np.bool_]:
        """Return which cuts fit, slack included: bool, shape (N + 1,), indexed by cut."""
        if self._limits is None:
            self._limits = self._bps + self._slack_bps, self._flop_per_s + self._slack_flop_per_s
            if not self.all_up:  # what is down has no slack either
                self._limits[0][self.link_capacity_bps <= 0] = 0.0
                self._limits[1][~self.server_up] = 0.0
        return fitting(demand, room(demand, *self._limits))

    def tightest(self, demand: Demand) -> Tightest:
        """Return the link and the server where `demand` has least room."""
        return tightest(demand, self.free_bps, self.free_flop_per_s)

    def reserve(self, demand: Demand, cut: int) -> None:
        """Take what `cut` needs, everywhere or nowhere.

        Raises
        ------
        CapacityError
            If it does not fit (the message names task, resource, need and free amount) or the task holds
            a reservation already.
        """
        name = demand.task.name
        if name in self._held:
            raise CapacityError(f"task {name!r} holds a reservation already")
        if not self.fitting(demand)[cut]:
            raise CapacityError(f"task {name!r} at cut {cut}: {self.describe(demand, cut)}")
        self._limits = None
        self._bps[demand.links] -= demand.bps(cut)
        self._flop_per_s[demand.servers] -= demand.flop_per_s(cut)
        self._holders_of_link[demand.links] += 1
        self._holders_of_server[demand.servers] += 1
        self._held[name] = demand, cut

    def release(self, name: str) -> None:
        """Give back what task `name` holds.

        When the last holder leaves, the free capacity is exactly the usable one, so that rounding does not
        accumulate.

        Raises
        ------
        CapacityError
            If the task holds nothing.
        """
        if name not in self._held:
            raise CapacityError(f"task {name!r} holds no reservation")
        demand, cut = self._held.pop(name)
        self._limits = None
        for free, usable, holders, where, amount in (
            (self._bps, self.network.usable_bps, self._holders_of_link, demand.links, demand.bps(cut)),
            (
                self._flop_per_s,
                self.network.capacity_flop_per_s,
                self._holders_of_server,
                demand.servers,
                demand.flop_per_s(cut),
            ),
        ):
            holders[where] -= 1
            free[where] = np.where(holders[where] == 0, usable[where], free[where] + amount)

    def holding(self, name: str) -> tuple[Demand, int] | None:
        """Return the demand and cut that task `name` holds, or None."""
        return self._held.get(name)

    def describe(self, demand: Demand, cut: int) -> str:
        """Describe the shortage of `cut` at its tightest resource: need and free amount."""
        at = self.tightest(demand)
        need_bps, need_flop_per_s = at.needs(demand, cut)
        if at.link is not None and at.bottleneck(demand, cut) == "link":
            name, need, free, unit = f"link {self.network.links[at.link]!r}", need_bps, at.free_bps, "bit/s"
        else:
            name, need, free = f"server {self.network.servers[at.server]!r}", need_flop_per_s, at.free_flop_per_s
            unit = "FLOP/s"
        return f"{name} needs {need:.6g} {unit}, free {free:.6g} {unit}"


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to."""
    view = values.view()
    view.flags.writeable = False
    return view
