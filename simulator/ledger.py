"""Free capacity: what is reserved where. Its two sums cannot be broken.

At every moment, on every link the reserved bandwidth is at most V * b_m, and at every server the
reserved compute is at most c_i (up to `simulator.demand.SLACK`).
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from simulator.demand import SLACK, Demand, Room, Tightest, fitting, room, tightest
from simulator.errors import CapacityError
from simulator.types import FloatArray, Network


class Ledger:
    """Reservations by task name over one network.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    free_bps : ndarray, shape (M,)
        What newcomers may still reserve on every link [bit/s]; read-only.
    free_flop_per_s : ndarray, shape (E,)
        What newcomers may still reserve at every server [FLOP/s]; read-only.
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
        self._show()

    def _show(self) -> None:
        self.free_bps, self.free_flop_per_s = self._bps.view(), self._flop_per_s.view()
        self.free_bps.flags.writeable = self.free_flop_per_s.flags.writeable = False

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

        Where nobody is left the free capacity is the usable one exactly: rounding does not pile up.

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
        """Say in words what `cut` is short of where it strains the network most."""
        at = self.tightest(demand)
        need_bps, need_flop_per_s = at.needs(demand, cut)
        if at.link is not None and at.bottleneck(demand, cut) == "link":
            name, need, free, unit = f"link {self.network.links[at.link]!r}", need_bps, at.free_bps, "bit/s"
        else:
            name, need, free = f"server {self.network.servers[at.server]!r}", need_flop_per_s, at.free_flop_per_s
            unit = "FLOP/s"
        return f"{name} needs {need:.6g} {unit}, free {free:.6g} {unit}"
