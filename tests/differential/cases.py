"""Small scenarios with verdicts and cuts worked out by hand, for any implementation of the model.

Unless a task says otherwise it sends one frame a second with a deadline of one second, so a cut with ratio
r and l FLOP/byte takes, of d input bytes,

    8 * d * r bit/s   and   d * l FLOP/s          (written "bit/s, FLOP/s" below)

`options` are the keywords of `run`. `expected` maps each task to its verdict and the cut it was deployed at.
"""

from plain import PlainNetwork, PlainTask

CASES = []


def star(*servers, usable_share=1.0, **changes):
    """Servers given as (FLOP/s, bit/s), each with one uplink of its own."""
    flop_per_s = [float(c) for c, _ in servers]
    bps = [float(b) for _, b in servers]
    return PlainNetwork(flop_per_s, bps, usable_share, [{i} for i in range(len(servers))], **changes)


def task(name, arrival_s, inputs, ratio=(1.0,), flop_per_byte=(1.0,), *, f=1.0, q=1.0, **changes):
    """A task; `inputs` is a number of bytes at server 0, or bytes by server."""
    if not isinstance(inputs, dict):
        inputs = {0: inputs}
    inputs = {server: float(size) for server, size in inputs.items()}
    return PlainTask(name, float(arrival_s), list(ratio), list(flop_per_byte), f, q, inputs, **changes)


def case(name, network, tasks, scheduler, expected, **options):
    CASES.append(
        {
            "name": name,
            "network": network,
            "tasks": tasks,
            "scheduler": scheduler,
            "options": options,
            "expected": expected,
        }
    )


REJECTED = ("rejected", None)


def deployed(cut):
    return ("deployed", cut)


def departed(cut):
    return ("departed", cut)


def evicted(cut):
    return ("evicted", cut)


# Fifo ---------------------------------------------------------------------------------------------------

# Each takes 800 bit/s, 100 FLOP/s; the third finds 0 bit/s free and the first goes.
case(
    "fifo evicts the task deployed longest ago",
    star((1000, 1600)),
    [task("a", 0, 100), task("b", 1, 100), task("c", 2, 100)],
    "fifo",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1)},
)

# a: 800, 100. b: 800, 800. Free for c: 200, 100. c's cuts: (800, 100) and (400, 180), neither fits.
# a goes, free: 1000, 200. Shares: cut 1 max(0.8, 0.5) = 0.8, cut 2 max(0.4, 0.9) = 0.9: cut 1.
# (Before that eviction, 4 against 2, and in the empty network, 0.44 against 0.22, cut 2 comes first.)
case(
    "fifo orders the cuts anew after an eviction",
    star((1000, 1800)),
    [task("a", 0, 100), task("b", 1, 100, [1.0], [8.0]), task("c", 2, 100, [1.0, 0.5], [1.0, 1.8])],
    "fifo",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1)},
)

# c needs 800 bit/s at server 0, all held by b; a, alone at server 1, is older and goes first, in vain.
case(
    "fifo evicts in order of age even where it frees nothing",
    star((1000, 800), (1000, 800)),
    [task("a", 0, {1: 10}), task("b", 1, {0: 100}), task("c", 2, {0: 100})],
    "fifo",
    {"a": evicted(1), "b": evicted(1), "c": deployed(1)},
)

# wide needs 808 > 800 bit/s and deep 1001 > 1000 FLOP/s, whoever leaves.
HOPELESS = [task("a", 0, 100), task("wide", 1, 101), task("deep", 2, 1, [1.0], [1001.0])]
for scheduler in ("fifo", "lbf"):
    case(
        f"{scheduler} evicts nobody for a task that the empty network could not place",
        star((1000, 800)),
        HOPELESS,
        scheduler,
        {"a": deployed(1), "wide": REJECTED, "deep": REJECTED},
    )

# Only cut 2 may be tried, and that takes 100 * 11 = 1100 > 1000 FLOP/s; cut 1 would have fitted.
case(
    "fifo with a fixed cut calls a task hopeless when that cut is",
    star((1000, 800)),
    [task("a", 0, 100, [1.0], [1.0]), task("b", 1, 100, [1.0, 0.1], [1.0, 11.0])],
    "fifo",
    {"a": deployed(1), "b": REJECTED},
    cut_rule="fixed",
    cut=2,
)

# Largest bandwidth first --------------------------------------------------------------------------------

# 800 + 1200 + 400 = 2400 bit/s, all of it; d needs 400: b, the largest, goes, and that is enough.
case(
    "lbf evicts the largest",
    star((1000, 2400)),
    [task("a", 0, 100), task("b", 1, 150), task("c", 2, 50), task("d", 3, 50)],
    "lbf",
    {"a": deployed(1), "b": evicted(1), "c": deployed(1), "d": deployed(1)},
)

# a: 800 at server 0. b: 400 + 400 = 800. Free at server 0: 1200 - 1200 = 0. c needs 800 there: a, the older,
# goes and that is enough; evicting b would have freed 400 only.
case(
    "lbf sums over servers, and ties go to the task deployed longest ago",
    star((1000, 1200), (1000, 1200)),
    [task("a", 0, {0: 100}), task("b", 1, {0: 50, 1: 50}), task("c", 2, {0: 100})],
    "lbf",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1)},
)

# The younger b takes 800 * (1 + 1e-13): a tie.
case(
    "lbf takes totals within 1e-12 for ties",
    star((1000, 1600)),
    [task("a", 0, 100), task("b", 1, 100, f=1 + 1e-13), task("c", 2, 100)],
    "lbf",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1)},
)

# 800 * (1 + 1e-10) is larger, and fits within the slack of 1e-9 * 1600.
case(
    "lbf takes totals 1e-10 apart for different",
    star((1000, 1600)),
    [task("a", 0, 100), task("b", 1, 100, f=1 + 1e-10), task("c", 2, 100)],
    "lbf",
    {"a": deployed(1), "b": evicted(1), "c": deployed(1)},
)

# Two servers behind one link of 1000 bit/s. a: 8 * (50 + 50) = 800 of it. b: 8 * 25 = 200, the rest.
# c needs 720: a's total is 800 (each server once), a goes.
case(
    "servers behind one link share it",
    PlainNetwork([1000.0, 1000.0], [1000.0], 1.0, [{0, 1}]),
    [task("a", 0, {0: 50, 1: 50}), task("b", 1, {1: 25}), task("c", 2, {0: 90})],
    "lbf",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1)},
)

# b's traffic crosses links 0 and 1, a's link 0 only. b: 400 bit/s on both. a: 560. Totals 400 and 560,
# although b holds 400 on each of two links: c, 400 at server 0 with 1000 - 960 = 40 free, evicts a.
case(
    "lbf counts bandwidth by server, not by link crossed",
    PlainNetwork([1000.0, 1000.0], [1000.0, 1000.0], 1.0, [{0, 1}, {1}]),
    [task("b", 0, {1: 50}), task("a", 1, {0: 70}), task("c", 2, {0: 50})],
    "lbf",
    {"b": deployed(1), "a": evicted(1), "c": deployed(1)},
)

# Threshold ----------------------------------------------------------------------------------------------

# One server of 1000 FLOP/s, bandwidth without end. w and g of each:
# a: 800, 900.  z = 0, Phi = e * 800: in; z = 0.9.
# b: 1600, 20.  Phi = e * 1600 * (1/(2e))^0.9 = 1600 * e^0.1 * 2^-0.9 = 1600 * 1.105 * 0.536 = 948: out.
# c: 900, 11.25. Phi = 948 again, since b counts: in. (Without b: 900 * e^0.1 * (8/9)^0.9 = 895: out.)
# d: 8, 500 > 88.75 free: out, leaving no trace.
# e: 800, 10.  z = 0.91125: Phi = 1600 * e^0.08875 * 2^-0.91125 = 1600 * 1.093 * 0.532 = 930: in.
#    (Had d left its 8 bit/s as Bmin, Phi would be about 14.)
case(
    "threshold counts whoever had a cut that fits, and nobody else",
    star((1000, 1e6)),
    [
        task("a", 0, 100, [1.0], [9.0]),
        task("b", 1, 200, [1.0], [0.1]),
        task("c", 2, 112.5, [1.0], [0.1]),
        task("d", 3, 1, [1.0], [500.0]),
        task("e", 4, 100, [1.0], [0.1]),
    ],
    "threshold",
    {"a": deployed(1), "b": REJECTED, "c": deployed(1), "d": REJECTED, "e": deployed(1)},
)

# a: 800, 900 at server 1, whose z is then 0.9; server 0 has z = 0.
# b: equal inputs, so the fuller server: w = 1600, Phi = 948 as above: out.
# c: most input at server 0: w = 1608, z = 0, Phi = e * 1608: in.
case(
    "threshold looks at the server with the largest input, the fuller one on ties",
    star((1000, 1e6), (1000, 1e6)),
    [
        task("a", 0, {1: 100}, [1.0], [9.0]),
        task("b", 1, {0: 200, 1: 200}, [1.0], [0.1]),
        task("c", 2, {0: 201, 1: 200}, [1.0], [0.1]),
    ],
    "threshold",
    {"a": deployed(1), "b": REJECTED, "c": deployed(1)},
)

# a: 200, 100. Bmin = Bmax: ln Phi = 1000 * 1 + ln 200 + 1 = 1006; product 1400 * 900, ln 14: in.
# b: 800, 100 with 1400, 900 free. ln(Bmin e/Bmax) = 1 - ln 4 = -0.386; ln Phi = 900 * -0.386 + ln 800 + 1
#    = -340; product 600 * 800, ln 13: out.
# c: 1400, 175: the product is (1400 - 1400) * 725 = 0, at most any Phi: in.
PRINTED = [task("a", 0, 25, [1.0], [4.0]), task("b", 1, 100), task("c", 2, 175)]
case(
    "the printed admission turns on the units of compute",
    star((1000, 1600)),
    PRINTED,
    "threshold",
    {"a": deployed(1), "b": REJECTED, "c": deployed(1)},
    admission="printed",
)
# The same under the threshold rule. b: z = 0.1, Phi = e * 800 * (1/(4e))^0.1 = 1712: in, which leaves
# 600 bit/s: c, needing 1400, is out.
case(
    "the threshold rule admits what the printed one does not",
    star((1000, 1600)),
    PRINTED,
    "threshold",
    {"a": deployed(1), "b": deployed(1), "c": REJECTED},
)

# Cloud, offline, fixed ----------------------------------------------------------------------------------

# Usable: 0.8 * 1000 = 800. Raw input, whatever the layers do: 480 in; 480 > 320 out; 320 in, exactly.
# Cut 0 takes no compute: a server of 1 FLOP/s will do.
UPLOAD = {"ratio": [0.01], "flop_per_byte": [1e6]}
case(
    "cloud uploads the raw input and needs no compute",
    star((1, 1000), usable_share=0.8),
    [task("a", 0, 60, **UPLOAD), task("b", 1, 60, **UPLOAD), task("c", 2, 40, **UPLOAD)],
    "cloud",
    {"a": deployed(0), "b": REJECTED, "c": deployed(0)},
)

# a has two layers: cut 2, 20 bit/s. b: cut 3, 8 * 20 * 0.5 = 80. c: cut 3, 800 > 700 left; its cut 1
# would take 80 only.
case(
    "fixed cuts at the last layer of a shallower network, and nowhere else",
    star((1000, 800)),
    [
        task("a", 0, 10, [0.5, 0.25], [1.0, 2.0]),
        task("b", 1, 20, [1.0, 1.0, 0.5, 0.1], [1.0, 2.0, 3.0, 4.0]),
        task("c", 2, 100, [0.1, 0.1, 1.0, 0.1], [1.0, 2.0, 3.0, 4.0]),
    ],
    "fixed",
    {"a": deployed(2), "b": deployed(3), "c": REJECTED},
    cut=3,
)

# 800 bit/s for 100 bytes, room for two. Order: s1, s2, s3 (equal inputs, by arrival), big.
case(
    "offline takes small inputs first, equal ones as they arrive",
    star((1000, 1600)),
    [task("big", 0, 200), task("s1", 1, 100), task("s2", 2, 100), task("s3", 3, 100)],
    "offline",
    {"big": REJECTED, "s1": deployed(1), "s2": deployed(1), "s3": REJECTED},
)

# Largest input: wide 90, tall 100, so wide comes first (720 bit/s at server 0) and 680 < 800 is left.
# By the sum over servers (180 against 100) it would be the other way round.
case(
    "offline sorts by the largest input at one server, not by the sum",
    star((1000, 1400), (1000, 1400)),
    [task("tall", 0, {0: 100}), task("wide", 1, {0: 90, 1: 90})],
    "offline",
    {"tall": REJECTED, "wide": deployed(1)},
)

# There is room for one, and a has left before b arrives; the plan does not know that.
case(
    "offline plans treat tasks as staying",
    star((1000, 800)),
    [task("a", 0, 100, lifetime_s=1.0), task("b", 2, 100)],
    "offline",
    {"a": departed(1), "b": REJECTED},
)

# Time ---------------------------------------------------------------------------------------------------

# At 5 s: a leaves, then b takes its place without evicting anybody, then c evicts b (800 bit/s, y has 80).
# At server 1, x leaves at 5 s, with the last arrival, and y would at 6 s.
LEAVING = [
    task("a", 0, {0: 100}, lifetime_s=5.0),
    task("x", 1, {1: 10}, lifetime_s=4.0),
    task("y", 2, {1: 10}, lifetime_s=4.0),
    task("b", 5, {0: 100}),
    task("c", 5, {0: 100}),
]
AT_LAST_ARRIVAL = {
    "a": departed(1),
    "x": departed(1),
    "y": deployed(1),
    "b": evicted(1),
    "c": deployed(1),
}
case(
    "departures come before arrivals of the same instant",
    star((1000, 800), (1000, 800)),
    LEAVING,
    "lbf",
    AT_LAST_ARRIVAL,
)
case(
    "a run told to go on sees the departures up to its end",
    star((1000, 800), (1000, 800)),
    LEAVING,
    "lbf",
    {**AT_LAST_ARRIVAL, "y": departed(1)},
    until_s=6.5,
)

# Room for one task; each stays for as long as it takes the next to arrive. In tenths of a second 0.1 + 0.2 is an ulp
# more than 0.3, and 0.6 + 0.1 an ulp less than 0.7: the same instants.
ONE_AFTER_ANOTHER = [task(f"t{n}", n / 10, 100, lifetime_s=0.1) for n in range(1, 9)]
case(
    "times that rounding alone keeps apart are one instant",
    star((1000, 800)),
    ONE_AFTER_ANOTHER,
    "fifo",
    {f"t{n}": departed(1) for n in range(1, 8)} | {"t8": deployed(1)},
)
case(
    "so is the end of a run",
    star((1000, 1600)),
    [task("a", 0.1, 100, lifetime_s=0.2), task("b", 0.2, {0: 0.001})],
    "fifo",
    {"a": departed(1), "b": deployed(1)},
    until_s=0.3,
)

# Cuts ---------------------------------------------------------------------------------------------------

# Server 0: 1000 FLOP/s, 500 bit/s. Server 1: 400 FLOP/s, 1000 bit/s. Each cut is asked for at both.
# Cut 1 takes 800, 100: too much of link 0. Cut 2: 400, 300 fits both. Cut 3: 80, 900: too much of server 1.
# split has the outer two only: server 0 could take one and server 1 the other, but there is one cut.
case(
    "a task on two servers needs one cut that fits both",
    star((1000, 500), (400, 1000)),
    [
        task("split", 0, {0: 100, 1: 100}, [1.0, 0.1], [1.0, 9.0]),
        task("one", 1, {0: 100, 1: 100}, [1.0, 0.5, 0.1], [1.0, 3.0, 9.0]),
    ],
    "threshold",
    {"split": REJECTED, "one": deployed(2)},
)

# 100 bytes take (800, 100), (400, 400) or (160, 900) of 8000 bit/s, 1000 FLOP/s.
# Balanced. a: shares 0.1, 0.4, 0.9: cut 1. Free 7200, 900: 0.11, 0.44, 1.0: cut 1. Free 6400, 800: cut 1.
# Largest product r * l = 1, 2, 1.8. a and b: cut 2. c, with 200 FLOP/s left: 2 and 3 do not fit: cut 1.
CHOOSING = [task(name, t, 100, [1.0, 0.5, 0.2], [1.0, 4.0, 9.0]) for t, name in enumerate("abc")]
case(
    "balanced takes the smallest bottleneck share",
    star((1000, 8000)),
    CHOOSING,
    "fifo",
    {"a": deployed(1), "b": deployed(1), "c": deployed(1)},
)
case(
    "largest-product takes the largest r l and falls back by falling r l",
    star((1000, 8000)),
    CHOOSING,
    "fifo",
    {"a": deployed(2), "b": deployed(2), "c": deployed(1)},
    cut_rule="largest-product",
)

# Balanced: both cuts take 400 of 800 bit/s and next to no compute: cut 1.
# Largest product: 0.5 * 2 = 0.25 * 4 = 1: cut 1.
case(
    "equal shares go to the smaller cut",
    star((1e6, 800)),
    [task("a", 0, 100, [0.5, 0.5], [1.0, 2.0])],
    "offline",
    {"a": deployed(1)},
)
case(
    "equal products go to the smaller cut",
    star((1e6, 800)),
    [task("a", 0, 100, [0.5, 0.25], [2.0, 4.0])],
    "offline",
    {"a": deployed(1)},
    cut_rule="largest-product",
)

# 5 and 3 of 30 bytes, 27 and 45 FLOP: 5 * 27 = 3 * 45 = 135. As quotients r_2 l_2 is an ulp more.
case(
    "products that rounding alone keeps apart are equal",
    star((1e6, 800)),
    [task("a", 0, 30, [5 / 30, 3 / 30], [27 / 30, 45 / 30])],
    "offline",
    {"a": deployed(1)},
    cut_rule="largest-product",
)
# 0.3 of 1 and 0.1 + 0.2 of 1 of the bandwidth.
case(
    "shares that rounding alone keeps apart are equal",
    star((1e6, 800)),
    [task("a", 0, 100, [0.1 + 0.2, 0.3], [1.0, 2.0])],
    "fifo",
    {"a": deployed(1)},
)

# Raw input takes 800 of 8000 bit/s: a share of 0.1. Cut 1: 400 and 300 of 1000: 0.3. Beside a, b takes 0.11 or 0.3.
# Their largest products: r_0 l_0 = 0 and 0.5 * 3 = 1.5.
RAW_OR_NOT = [task(name, t, 100, [0.5], [3.0]) for t, name in enumerate("ab")]
for rule, cut in (("balanced", 0), ("largest-product", 1)):
    case(
        f"raw input is a candidate where the network allows it: {rule}",
        star((1000, 8000), allow_raw=True),
        RAW_OR_NOT,
        "fifo",
        {"a": deployed(cut), "b": deployed(cut)},
        cut_rule=rule,
    )
case(
    "raw input is no candidate otherwise",
    star((1000, 8000)),
    RAW_OR_NOT,
    "fifo",
    {"a": deployed(1), "b": deployed(1)},
)
# Latency of 100 bytes: raw 800 / 8000 = 0.1 s; cut 1: 300 / 1000 + 400 / 8000 = 0.35 s.
case(
    "the raw input has the least latency",
    star((1000, 8000), allow_raw=True),
    RAW_OR_NOT,
    "neurosurgeon",
    {"a": deployed(0), "b": deployed(0)},
)

# full takes all of 1e12 FLOP/s. b's 1 or 2 FLOP/s pass within the slack of 1000, but nothing is free: both
# shares are infinite and the smaller cut goes first, although cut 2 needs half the bandwidth.
case(
    "where nothing is free all shares are infinite",
    star((1e12, 1e6)),
    [task("full", 0, 1000, [0.01], [1e9]), task("b", 1, 1, [1.0, 0.5], [1.0, 2.0])],
    "fifo",
    {"full": deployed(1), "b": deployed(1)},
)

# Reservations -------------------------------------------------------------------------------------------

# d = 550 kB, r = 0.2, Q = 0.2 s, f = 10 Hz; usable 0.44 * 10 Mbit/s = 4.4 Mbit/s.
# Sustained: 8 * 110 kB * max(5, 10) = 8.8 Mbit/s: out. By the deadline alone: 8 * 110 kB * 5 = 4.4: in.
FAST = [task("a", 0, 550e3, [0.2], [1.0], f=10.0, q=0.2)]
case(
    "a sustained reservation keeps up with the frames",
    star((1e9, 10e6), usable_share=0.44),
    FAST,
    "fifo",
    {"a": REJECTED},
)
case(
    "a reservation by the deadline is for one frame",
    star((1e9, 10e6), usable_share=0.44, reservation="deadline"),
    FAST,
    "fifo",
    {"a": deployed(1)},
)

# a: Q = 0.5 s, f = 1 Hz: 8 * 100 * max(2, 1) = 1600 bit/s but 100 * 1 FLOP/s: fills server 0 in both.
# b: the same at server 1, which has 1599 bit/s.
# c: Q = 1 s, f = 2 Hz: 8 * 100 * max(1, 2) = 1600 bit/s and 100 * 2 FLOP/s: server 2 has 199.
case(
    "compute goes by the frame rate, bandwidth by the deadline too",
    star((100, 1600), (100, 1599), (199, 1600)),
    [task("a", 0, {0: 100}, q=0.5), task("b", 1, {1: 100}, q=0.5), task("c", 2, {2: 100}, f=2.0)],
    "fifo",
    {"a": deployed(1), "b": REJECTED, "c": REJECTED},
)

# h = 0.25: 1000 for 100 bytes, 200 for 20, 10 for 1. 1000 + 1000 + 200 = 2200: full. Compute bears no margin:
# 100 + 100 + 20 + 1 = 221 FLOP/s. d, 10 bit/s too much, evicts the largest: a and b tie, a is older.
case(
    "the margin widens bandwidth, not compute",
    star((221, 2200), reservation_margin=0.25),
    [task("a", 0, 100), task("b", 1, 100), task("c", 2, 20), task("d", 3, 1)],
    "lbf",
    {"a": evicted(1), "b": deployed(1), "c": deployed(1), "d": deployed(1)},
)

# Usable: 0.5 * 1.6e9 = 8e8 bit/s, slack 0.8 bit/s. 8e8 * (1 + 2e-9) is 1.6 over: out. 8e8 * (1 + 5e-10) is
# 0.4 over: in.
case(
    "a demand may exceed what is free by 1e-9 of the usable capacity",
    star((1e12, 1.6e9), usable_share=0.5),
    [task("a", 0, 1e8, f=1 + 2e-9), task("b", 1, 1e8, f=1 + 5e-10)],
    "offline",
    {"a": REJECTED, "b": deployed(1)},
)
