"""Little's law and the utilisation law, held against every run of frames while they are asserted.

Both are exact identities of a finite run. They are computed here out of single frames, sorted by event, and
compared with what the results say; nothing of how the results were added up is used.
"""

import contextlib
from itertools import pairwise
from unittest import mock

import numpy as np
from numba import njit

from cutlayer.simulator.frames.run import _Run
from cutlayer.simulator.frames.slices import DELIVERED, IN_FLIGHT


def time_integral(begin, end):
    """The integral over time of how many are there, each from its `begin` to its `end`: along the time axis."""
    return _sweep(np.sort(begin), np.sort(end))


@njit(cache=True)
def _sweep(come, go):
    present, integral, i, j = 0, 0.0, 0, 0
    now = come[0] if len(come) else 0.0
    while j < len(go):
        if i < len(come) and come[i] <= go[j]:  # who comes and goes at one instant comes first
            integral += present * (come[i] - now)
            now, present, i = come[i], present + 1, i + 1
        else:
            integral += present * (go[j] - now)
            now, present, j = go[j], present - 1, j + 1
            assert present >= 0
    assert present == 0 and i == len(come)
    return integral


@njit(cache=True)
def busy_time(owner, begin, end, tolerance, free):
    """How long servers of one frame at a time are busy: the measure of the union of their intervals.

    The intervals of an owner come in order; `free` is when each was done last, and is brought up to date.
    Fails where two overlap by more than `tolerance`.
    """
    busy = 0.0
    for n in range(len(owner)):
        if end[n] - begin[n] > tolerance:  # what was lost while it waited has a service of rounding, at most
            k = owner[n]
            assert free[k] - begin[n] <= tolerance, "two frames are served at one time"
            busy += end[n] - max(begin[n], free[k])
            free[k] = end[n]
    return busy


class Ledger:
    """What the frames of one server add up to, window of the walk after window."""

    def __init__(self, run, slices):
        self.run, self.slices = run, slices
        self.frames = self.delivered = 0
        self.slice_free, self.compute_free = np.full(len(slices), -np.inf), np.full(1, -np.inf)
        self.in_system = self.in_transfer = self.computing = self.sending = self.work = self.served = 0.0

    def note(self, count, rows):
        """Take the rows of one window of the walk in."""
        slices, end_s = self.slices, self.run.end_s
        stream, fate = rows.stream[:count], rows.fate[:count]
        arrival, size = rows.arrival[:count], rows.size[:count]
        computed = arrival + rows.compute_wait[:count]
        entered = computed + rows.compute_service[:count]
        begun = entered + rows.uplink_wait[:count]
        sent = begun + rows.uplink_service[:count]
        left = sent + (self.run.propagation_s[slices.server] + slices.cloud_s[stream] * size)
        done, known = fate == DELIVERED, fate != IN_FLIGHT
        self.frames += count
        self.delivered += int(done.sum())
        # Little, of those that were delivered: in the system, and in the uplink
        self.in_system += time_integral(arrival[done], left[done])
        self.in_transfer += time_integral(entered[done], sent[done])
        # every frame, whatever became of it: no one leaves before it came, or is there after the end
        stays = np.where(done, left, np.where(known, sent, end_s))
        slack = 16 * np.spacing(end_s)
        assert (stays >= arrival).all() and (stays <= end_s + slack).all()
        # utilisation: compute serves one at a time, and so does every slice
        self.computing += self._busy(np.zeros(count, dtype=np.intp), computed, entered, known, done, True)
        self.sending += self._busy(stream, begun, sent, known, done, False)
        self.work += float((slices.edge_s[stream[done]] * size[done]).sum())
        self.served += float((entered - computed)[done].sum() - self._standing(computed[done], entered[done]))

    def _busy(self, owner, begin, end, known, done, compute):
        """How long compute or the slices served delivered frames; no two frames, lost ones included, at a time."""
        free = self.compute_free if compute else self.slice_free
        order = np.flatnonzero(known)
        if compute:
            order = order[np.argsort(begin[order], kind="stable")]
            if self.run.settings.sharing == "fair":  # windows are of what leaves the link: those overlap in compute
                free[:] = -np.inf
        slack = 16 * np.spacing(self.run.end_s)
        both = busy_time(owner[order], begin[order], end[order], slack, free)
        lost = order[~done[order]]
        return both - float((end[lost] - begin[lost]).sum())

    def _standing(self, begin, end):
        """How much of these services passed in outages of the server."""
        network, conditions = self.run.network, self.run.conditions
        outages = conditions.server_outages.get(network.servers[self.slices.server], ())
        edges = np.unique([edge for outage in outages for edge in outage])
        standing = 0.0
        for low, high in pairwise(edges):
            if any(down <= low and high <= up for down, up in outages):
                standing += float((np.minimum(end, high) - np.maximum(begin, low)).clip(0.0).sum())
        return standing

    def compare(self, table):
        """Hold the rows of the results against it."""
        names = "delivered", "end_to_end_mean_s", "transfer_mean_s", "compute_service_s", "uplink_service_s", "frames"
        mine = table["server"] == self.run.network.servers[self.slices.server]
        delivered, latency, transfer, compute, uplink, frames = (table[name][mine] for name in names)
        some = delivered > 0
        delivered = delivered[some]
        assert frames.sum() == self.frames and delivered.sum() == self.delivered
        rounding = self.frames * 16 * np.spacing(self.run.end_s)

        def same(total, mean, what):
            # number present on average = rate x mean time, both sides times the length of the run
            expected = float(delivered @ mean[some])
            assert abs(total - expected) <= 1e-9 * expected + rounding, (what, total, expected)

        same(self.in_system, latency, "Little, the whole system")
        same(self.in_transfer, transfer, "Little, the uplink")
        same(self.computing, compute, "utilisation of compute")
        same(self.sending, uplink, "utilisation of slices")
        assert abs(self.served - self.work) <= 1e-9 * self.work + rounding, ("work", self.served, self.work)
        assert self.computing <= self.run.end_s * (1 + 1e-9) + rounding


@contextlib.contextmanager
def laws_asserted():
    """A context in which both laws are asserted on every run of frames; it yields the number of runs so far."""
    windows, table = _Run._windows, _Run.table
    open_ledgers, runs = {}, []

    def noted(run, slices, *others):
        ledger = open_ledgers[id(slices)] = Ledger(run, slices)
        for count, rows in windows(run, slices, *others):
            ledger.note(count, rows)
            yield count, rows

    def compared(run, slices, parts):
        made = table(run, slices, parts)
        for each in slices:
            open_ledgers.pop(id(each)).compare(made)
        runs.append(len(made["frames"]))
        return made

    with mock.patch.multiple(_Run, _windows=noted, table=compared):
        yield runs
