"""The model and its schedulers once more, in plain Python, written to be read.

It shares no code with the simulator and uses none of its shortcuts: needs are computed server by server,
link by link and cut by cut, and what is free is summed anew from the deployed tasks whenever it is asked
for. It is slow and meant to be: the simulator must come to the same verdicts and the same cuts.

Words: a *link* is crossed by the traffic of the servers in `routes[link]`; a *cut* k leaves layers 1..k on
the servers, cut 0 leaves none; *usable* is the share V of a link that tasks may reserve.
"""

import math
from dataclasses import dataclass

SLACK = 1e-9  # of the usable capacity: what a demand may exceed the free capacity by
TIE = 1e-12  # relative: numbers closer than this are equal
INSTANT_ULP = 4  # times closer than this, in ulp of the later one, are one instant


@dataclass
class PlainTask:
    name: str
    arrival_s: float
    ratio: list[float]  # bytes after layer k / input bytes
    flop_per_byte: list[float]  # FLOP of layers 1..k per input byte
    frame_rate_hz: float
    deadline_s: float
    inputs: dict[int, float]  # server -> input bytes of one frame, all positive
    lifetime_s: float = math.inf


@dataclass
class PlainNetwork:
    capacity_flop_per_s: list[float]
    link_bps: list[float]
    usable_share: float
    routes: list[set[int]]  # for each link, the servers whose traffic crosses it; a star is [{0}, {1}, ...]
    reservation: str = "sustained"
    reservation_margin: float = 0.0
    allow_raw: bool = False  # whether cut 0 is a candidate like any other


@dataclass
class Placement:
    task: PlainTask
    cut: int


# Ties ---------------------------------------------------------------------------------------------------


def sorted_with_ties(things, key):
    """Smallest key first; things whose keys are equal within rounding stay in the order they came in."""
    rising, groups, last = sorted(things, key=key), [], None
    for thing in rising:
        value = key(thing)
        if last is not None and (value == last or value - last <= TIE * abs(value)):
            groups[-1].append(thing)
        else:
            groups.append([thing])
        last = value
    position = {id(thing): n for n, thing in enumerate(things)}
    return [thing for group in groups for thing in sorted(group, key=lambda thing: position[id(thing)])]


def has_come(time_s, now_s):
    return time_s <= now_s or time_s - now_s <= INSTANT_ULP * math.ulp(time_s) < math.inf


# What a cut takes ---------------------------------------------------------------------------------------


def server_bps(network, task, cut, server):
    """Bandwidth that the cut needs from one server (bit/s); 0 where the task has no input."""
    if network.reservation == "sustained":
        frames_per_s = max(1 / task.deadline_s, task.frame_rate_hz)
    elif network.reservation == "deadline":
        frames_per_s = 1 / task.deadline_s
    else:
        raise ValueError(f"unknown reservation {network.reservation!r}")
    ratio = 1.0 if cut == 0 else task.ratio[cut - 1]
    bits = 8 * task.inputs.get(server, 0.0) * ratio
    return (1 + network.reservation_margin) * bits * frames_per_s


def server_flop_per_s(task, cut, server):
    """Compute that the cut needs from one server (FLOP/s); 0 where the task has no input."""
    flop_per_byte = 0.0 if cut == 0 else task.flop_per_byte[cut - 1]
    return task.inputs.get(server, 0.0) * flop_per_byte * task.frame_rate_hz


def link_need_bps(network, task, cut, link):
    return math.fsum(server_bps(network, task, cut, server) for server in network.routes[link])


def total_bps(network, task, cut):
    """Each server of the task counted once, however many links its traffic crosses."""
    return math.fsum(server_bps(network, task, cut, server) for server in task.inputs)


# What is free, and what fits ----------------------------------------------------------------------------


def usable_bps(network, link):
    return network.usable_share * network.link_bps[link]


def free_bps(network, deployed, link):
    used = math.fsum(link_need_bps(network, p.task, p.cut, link) for p in deployed)
    return usable_bps(network, link) - used


def free_flop_per_s(network, deployed, server):
    used = math.fsum(server_flop_per_s(p.task, p.cut, server) for p in deployed)
    return network.capacity_flop_per_s[server] - used


def demands(network, deployed, task, cut):
    """(need, free, usable capacity) of everything the task touches: its links, then its servers."""
    for link, servers in enumerate(network.routes):
        if servers & task.inputs.keys():
            need = link_need_bps(network, task, cut, link)
            yield need, free_bps(network, deployed, link), usable_bps(network, link)
    for server in task.inputs:
        need = server_flop_per_s(task, cut, server)
        yield need, free_flop_per_s(network, deployed, server), network.capacity_flop_per_s[server]


def fits(network, deployed, task, cut):
    return all(need <= free + SLACK * usable for need, free, usable in demands(network, deployed, task, cut))


# Candidate cuts -----------------------------------------------------------------------------------------


def bottleneck_share(network, deployed, task, cut):
    """The largest share of anything free that the cut takes; infinite where nothing is free."""
    return max(need / free if free > 0 else math.inf for need, free, _ in demands(network, deployed, task, cut))


def candidate_cuts(network, deployed, task, cut_rule, fixed_cut):
    """The cuts in the order they are tried; ties go to the smaller cut."""
    layers = len(task.ratio)
    cuts = list(range(0 if network.allow_raw else 1, layers + 1))
    if cut_rule == "fixed":
        return [min(fixed_cut, layers)]
    if cut_rule == "balanced":
        return sorted_with_ties(cuts, lambda cut: bottleneck_share(network, deployed, task, cut))
    if cut_rule == "largest-product":
        product = [0.0, *(r * flop for r, flop in zip(task.ratio, task.flop_per_byte, strict=True))]
        return sorted_with_ties(cuts, lambda cut: -product[cut])
    if cut_rule == "raw":
        return [0]
    raise ValueError(f"unknown cut rule {cut_rule!r}")


# Schedulers: each answers (cut or None, tasks to evict) -------------------------------------------------


class AdmitIfItFits:
    """`cloud`, with the rule that cut 0 is the only candidate."""

    def __init__(self, network, cut_rule, fixed_cut):
        self.network, self.cut_rule, self.fixed_cut = network, cut_rule, fixed_cut

    def first_fitting_cut(self, task, deployed):
        cuts = candidate_cuts(self.network, deployed, task, self.cut_rule, self.fixed_cut)
        return next((cut for cut in cuts if fits(self.network, deployed, task, cut)), None)

    def decide(self, task, deployed):
        return self.first_fitting_cut(task, deployed), []


class Neurosurgeon(AdmitIfItFits):
    """The cut with the least latency on idle resources, with a cloud of endless speed; the first on ties."""

    def decide(self, task, deployed):
        cuts = list(range(0 if self.network.allow_raw else 1, len(task.ratio) + 1))
        cut = sorted_with_ties(cuts, lambda cut: self.latency_s(task, cut))[0]
        return (cut if fits(self.network, deployed, task, cut) else None), []

    def latency_s(self, task, cut):
        worst = 0.0
        for server, size in task.inputs.items():
            crossed = [link for link, servers in enumerate(self.network.routes) if server in servers]
            slowest = min(usable_bps(self.network, link) for link in crossed)
            ratio, flop_per_byte = (task.ratio[cut - 1], task.flop_per_byte[cut - 1]) if cut else (1.0, 0.0)
            compute_s = size * flop_per_byte / self.network.capacity_flop_per_s[server]
            worst = max(worst, compute_s + 8 * size * ratio / slowest)
        return worst


class Planned(AdmitIfItFits):
    """`offline` and `fixed`: the whole task set is planned once, as if nobody ever left."""

    def plan(self, tasks_in_arrival_order):
        self.cuts, staying = {}, []
        for task in sorted_with_ties(tasks_in_arrival_order, lambda task: max(task.inputs.values())):
            cut = self.first_fitting_cut(task, staying)
            if cut is not None:
                staying.append(Placement(task, cut))
                self.cuts[task.name] = cut

    def decide(self, task, deployed):
        return self.cuts.get(task.name), []


class Evicting(AdmitIfItFits):
    """`fifo` and `lbf`: make room for the newcomer, unless even the empty network has none for it."""

    def decide(self, task, deployed):
        if self.first_fitting_cut(task, []) is None:
            return None, []
        staying, evicted = list(deployed), []
        while (cut := self.first_fitting_cut(task, staying)) is None:
            victim = self.victim(staying)
            staying.remove(victim)
            evicted.append(victim)
        return cut, evicted


class Fifo(Evicting):
    def victim(self, deployed):
        return deployed[0]


class LargestBandwidthFirst(Evicting):
    def victim(self, deployed):
        totals = [total_bps(self.network, p.task, p.cut) for p in deployed]
        largest = max(totals)
        ties = [p for p, total in zip(deployed, totals, strict=True) if largest - total <= TIE * largest]
        return ties[0]  # the one deployed longest ago


class Threshold(AdmitIfItFits):
    """Admit while the bandwidth asked for is worth the compute that is left."""

    def __init__(self, network, cut_rule, fixed_cut, admission):
        super().__init__(network, cut_rule, fixed_cut)
        self.admits = {"threshold": self.under_threshold, "printed": self.under_printed}[admission]
        self.seen_bps = []  # of every task that had a cut that fits, admitted or not

    def decide(self, task, deployed):
        cut = self.first_fitting_cut(task, deployed)
        if cut is None:
            return None, []
        server = self.deciding_server(task, deployed)
        self.seen_bps.append(server_bps(self.network, task, cut, server))
        return (cut if self.admits(task, cut, server, deployed) else None), []

    def deciding_server(self, task, deployed):
        """The one with the largest input; of equals, the fullest; of those, the first."""
        largest = max(task.inputs.values())
        tied = sorted(server for server, size in task.inputs.items() if largest - size <= TIE * largest)
        used = [self.used_share(server, deployed) for server in tied]
        return next(server for server, share in zip(tied, used, strict=True) if share >= max(used) - TIE)

    def used_share(self, server, deployed):
        used = math.fsum(server_flop_per_s(p.task, p.cut, server) for p in deployed)
        return used / self.network.capacity_flop_per_s[server]

    def under_threshold(self, task, cut, server, deployed):
        smallest, largest = min(self.seen_bps), max(self.seen_bps)
        if largest == 0:  # nobody ever asked for bandwidth: 0 <= Phi
            return True
        z = self.used_share(server, deployed)
        phi = math.e * largest * (smallest / (math.e * largest)) ** z
        return server_bps(self.network, task, cut, server) <= phi * (1 + TIE)

    def under_printed(self, task, cut, server, deployed):
        crossed = [link for link, servers in enumerate(self.network.routes) if server in servers]
        b = min(free_bps(self.network, deployed, link) for link in crossed)
        c = free_flop_per_s(self.network, deployed, server)
        left = (b - server_bps(self.network, task, cut, server)) * (c - server_flop_per_s(task, cut, server))
        if left <= 0:
            return True
        smallest, largest = min(self.seen_bps), max(self.seen_bps)
        if smallest == 0:  # Phi = 0^c
            return False
        log_phi = c * (math.log(smallest) + 1 - math.log(largest)) + math.log(largest) + 1
        return math.log(left) <= log_phi


# Time ---------------------------------------------------------------------------------------------------


def run(network, tasks, scheduler, *, cut_rule="balanced", cut=None, admission="threshold", until_s=None):
    """name -> (verdict, cut): every task's end, and the cut it was deployed at (None if it never was).

    At one instant (times apart by rounding alone are one) departures come before arrivals, and arrivals keep
    their order in `tasks`. The run ends
    with the last arrival, or goes on until `until_s`; departures of the last instant have happened.
    """
    arrivals = sorted(tasks, key=lambda task: task.arrival_s)
    end_s = max((task.arrival_s for task in arrivals), default=0.0)
    if until_s is not None:
        if until_s < end_s:
            raise ValueError(f"until_s = {until_s} is before the last arrival at {end_s}")
        end_s = until_s
    chosen = {
        "cloud": AdmitIfItFits(network, "raw", None),
        "offline": Planned(network, cut_rule, cut),
        "fixed": Planned(network, "fixed", cut),
        "fifo": Fifo(network, cut_rule, cut),
        "lbf": LargestBandwidthFirst(network, cut_rule, cut),
        "threshold": Threshold(network, cut_rule, cut, admission),
        "neurosurgeon": Neurosurgeon(network, cut_rule, cut),
    }[scheduler]
    if isinstance(chosen, Planned):
        chosen.plan(arrivals)

    deployed, outcome = [], {}  # deployed: the one deployed longest ago comes first

    def depart(now_s):
        for placement in list(deployed):
            if has_come(placement.task.arrival_s + placement.task.lifetime_s, now_s):
                deployed.remove(placement)
                outcome[placement.task.name] = ("departed", placement.cut)

    for task in arrivals:
        depart(task.arrival_s)
        answer, evicted = chosen.decide(task, deployed)
        for placement in evicted:
            deployed.remove(placement)
            outcome[placement.task.name] = ("evicted", placement.cut)
        if answer is None:
            outcome[task.name] = ("rejected", None)
        else:
            deployed.append(Placement(task, answer))
            outcome[task.name] = ("deployed", answer)
    depart(end_s)
    return outcome
