"""A whole workload as one packing problem: tasks by resources, tasks by cuts.

What cut k of task j takes of link m and of server i, as a share of what it offers, is

    rho_kj * D_mj / (V b_m)     and     gamma_kj * d_ij / c_i.

So the n tasks, all their cuts, all resources are two sparse matrices and two tables. With prices x_m and
y_i of whole resources, cut k of task j costs rho_kj a_j + gamma_kj h_j, where a and h are one
matrix-vector product each: all cuts of all tasks are priced in O(non-zeros + n K).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from cutlayer.simulator.demand import rates
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray, IntArray, Network, Profile, Task

MOST_SHARE = 1e6
"""What needs more than a million times all of a resource is hopeless, and taken to need that much: no overflow."""

TINY = 1e-200


@dataclass(frozen=True, eq=False)
class Prices:
    """What a whole resource is worth, in deployed tasks.

    Attributes
    ----------
    links : ndarray, shape (M,)
        x_m, the price of all the usable bandwidth V b_m of a link.
    servers : ndarray, shape (E,)
        y_i, the price of all the compute c_i of a server.

    Raises
    ------
    InputError
        If a price is negative or not finite.
    """

    links: FloatArray
    servers: FloatArray

    def __init__(self, links: ArrayLike, servers: ArrayLike) -> None:
        for name, values in (("links", links), ("servers", servers)):
            array = np.array(values, dtype=np.float64)
            if array.ndim != 1:
                raise InputError(f"prices of {name} have {array.ndim} axes; allowed: 1")
            if not (np.isfinite(array) & (array >= 0)).all():
                raise InputError(f"prices of {name} hold a negative number or one that is not finite")
            array.flags.writeable = False
            object.__setattr__(self, name, array)


@dataclass(frozen=True, eq=False)
class Packing:
    """Tasks that compete for shares of links and servers.

    Resources stand in an order of their own, taken from what the tasks need of them: naming the servers of
    a network in another order changes no sum, to the last bit. Of links in series, crossed by the same servers,
    only the tightest is a resource, the others being free; so a server behind many links of its own is packed
    as behind one, to the last bit too.

    Attributes
    ----------
    links : scipy.sparse.csr_array, shape (n, M)
        D_mj / (V b_m) [byte per bit/s], of the M links that are the tightest of theirs: times rho, a share of
        the link.
    servers : scipy.sparse.csr_array, shape (n, E)
        d_ij / c_i [byte per FLOP/s]: times gamma, a share of the server.
    rho, gamma : ndarray, shape (K, n)
        Coefficients of the cuts worth considering: no other cut takes less of both. Rising in gamma; a
        task with fewer such cuts repeats its last one.
    cuts : ndarray, shape (K, n)
        Which cut each of them is.
    link_order, server_order : ndarray
        Column m of `links` is link ``link_order[m]`` of the network.
    network : Network
    """

    links: Any
    servers: Any
    rho: FloatArray
    gamma: FloatArray
    cuts: IntArray
    link_order: IntArray
    server_order: IntArray
    network: Network

    @classmethod
    def of(cls, tasks: Sequence[Task], network: Network, *, first_cut: int | None = None) -> Packing:
        """Return the packing problem of `tasks` on `network`, with cuts `first_cut` to N.

        By default the first cut is what the network allows (`Network.first_cut`).

        Raises
        ------
        InputError
            If a task is fed at a server the network does not have.
        """
        n, n_servers = len(tasks), len(network.servers)
        for task in tasks:
            if task.servers[-1] >= n_servers:
                raise InputError(f"task {task.name!r} is fed at server {task.servers[-1]} of a network of {n_servers}")
        indptr = np.cumsum([0, *(len(task.servers) for task in tasks)])
        at = np.concatenate([task.servers for task in tasks]) if n else np.empty(0, dtype=np.intp)
        d = np.concatenate([task.input_bytes for task in tasks]) if n else np.empty(0)
        inputs = sparse.csr_array((d, at, indptr), shape=(n, n_servers))
        servers, server_order = _ordered(inputs, network.capacity_flop_per_s)
        if network.is_star:
            links, link_order = _ordered(inputs, network.usable_bps)
        else:  # a link sums over its servers: in their own order here too
            inputs = inputs[:, server_order]
            inputs.sort_indices()
            kept = np.unique(network.tightest_in_series)
            through = inputs @ network.routes[kept][:, server_order].T
            links, link_order = _ordered(through, network.usable_bps[kept])
            link_order = kept[link_order]
        rho, gamma, cuts = _tables(tasks, network, network.first_cut if first_cut is None else first_cut)
        for table, needs in ((rho, links), (gamma, servers)):
            largest = needs.max(axis=1).toarray().ravel() if n else np.empty(0)
            np.minimum(table, MOST_SHARE / np.maximum(largest, TINY), out=table)
        return cls(links, servers, rho, gamma, cuts, link_order, server_order, network)

    def __len__(self) -> int:
        return int(self.links.shape[0])

    @cached_property
    def by_link(self) -> Any:
        """`links` transposed, rows by link: csr, shape (M, n)."""
        return self.links.T.tocsr()

    @cached_property
    def by_server(self) -> Any:
        """`servers` transposed, rows by server: csr, shape (E, n)."""
        return self.servers.T.tocsr()

    def rows(self, which: Any) -> Packing:
        """Return the packing problem of some of the tasks (index array, mask or slice)."""
        return Packing(
            self.links[which],
            self.servers[which],
            self.rho[:, which],
            self.gamma[:, which],
            self.cuts[:, which],
            self.link_order,
            self.server_order,
            self.network,
        )

    def costs(self, prices: FloatArray) -> FloatArray:
        """Return what every cut of every task costs, shape (K, n).

        Parameters
        ----------
        prices : ndarray, shape (M + E,)
            Of links, then servers, in the order of the columns.
        """
        n_links = self.links.shape[1]
        cost = self.rho * (self.links @ prices[:n_links])
        cost += self.gamma * (self.servers @ prices[n_links:])
        return cost  # type: ignore[no-any-return]

    def named(self, prices: FloatArray) -> Prices:
        """Return prices in the order of the columns as `Prices`, in the order of the network."""
        n_links = self.links.shape[1]
        links, servers = np.zeros(len(self.network.links)), np.empty(self.servers.shape[1])
        links[self.link_order] = prices[:n_links]
        servers[self.server_order] = prices[n_links:]
        return Prices(links, servers)

    def ordered(self, prices: Prices) -> FloatArray:
        """Return `prices` in the order of the columns, links then servers: shape (M + E,).

        What a link costs that is not the tightest in series is counted there, bit/s for bit/s.

        Raises
        ------
        InputError
            If there is not one price a link and one a server.
        """
        for name, known in (("links", self.network.links), ("servers", self.network.servers)):
            given = len(getattr(prices, name))
            if given != len(known):
                raise InputError(f"{given} prices for {len(known)} {name}")
        links: Any = prices.links
        if len(self.link_order) < len(links):
            stands_for = self.network.tightest_in_series
            usable_bps = self.network.usable_bps
            worth = np.where(links > 0, links * (usable_bps[stands_for] / usable_bps), 0.0)
            links = np.bincount(stands_for, worth, len(links))
        return np.concatenate([links[self.link_order], prices.servers[self.server_order]])

    def shares(self, free_bps: FloatArray, free_flop_per_s: FloatArray) -> FloatArray:
        """Return which share of every resource is free, in the order of the columns: shape (M + E,)."""
        free, network = free_bps, self.network
        if len(self.link_order) < len(free):
            free = np.full(len(free_bps), np.inf)
            np.minimum.at(free, network.tightest_in_series, free_bps)
        links = (free / network.usable_bps)[self.link_order]
        return np.concatenate([links, (free_flop_per_s / network.capacity_flop_per_s)[self.server_order]])


def _ordered(amounts: Any, capacity: FloatArray) -> tuple[Any, IntArray]:
    """Return amounts as shares of capacity with the columns in the order of their content, and that order."""
    amounts = sparse.csr_array(amounts)
    share = amounts.data / capacity[amounts.indices]
    columns = sparse.csr_array((share, amounts.indices, amounts.indptr), amounts.shape).tocsc()
    columns.sort_indices()
    content = []
    for start, end in itertools.pairwise(columns.indptr.tolist()):
        digest = hashlib.blake2b(columns.indices[start:end].astype(np.int64).tobytes())
        digest.update(columns.data[start:end].tobytes())
        content.append(digest.digest())
    order = np.array(sorted(range(len(content)), key=content.__getitem__), dtype=np.intp)
    shares = columns[:, order].tocsr()
    shares.sort_indices()
    return shares, order


def worthwhile(profile: Profile, first_cut: int) -> IntArray:
    """Return the cuts that no other beats in both ratio and FLOP, rising: shape (K,).

    Of equal cuts the smaller stays. What takes more of everything is never needed, at no prices and in no
    plan.
    """
    ratio, flop = profile.ratio_by_cut, profile.flop_per_byte_by_cut
    kept: list[int] = []
    for cut in sorted(range(first_cut, len(ratio)), key=lambda cut: (flop[cut], ratio[cut], cut)):
        if not kept or ratio[cut] < ratio[kept[-1]]:
            kept.append(cut)
    return np.array(kept, dtype=np.intp)


def _tables(tasks: Sequence[Task], network: Network, first_cut: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return rho, gamma and cuts of the cuts worth considering, each of shape (K, n)."""
    kept: dict[int, IntArray] = {}
    for task in tasks:
        if id(task.profile) not in kept:
            kept[id(task.profile)] = worthwhile(task.profile, first_cut)
    most = max(map(len, kept.values()), default=1)
    padded = {key: np.pad(cuts, (0, most - len(cuts)), mode="edge") for key, cuts in kept.items()}
    cuts = np.empty((len(tasks), most), dtype=np.intp)
    rho, gamma = np.empty(cuts.shape), np.empty(cuts.shape)
    for j, task in enumerate(tasks):
        cuts[j] = which = padded[id(task.profile)]
        rho_j, gamma_j = rates(task, network)
        rho[j], gamma[j] = rho_j[which], gamma_j[which]
    return rho.T.copy(), gamma.T.copy(), cuts.T.copy()
