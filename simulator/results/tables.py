"""The tables a run leaves: every column with its type, its unit and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column: its name with the unit in it, its SQLite type, what it means, and what it may hold.

    Attributes
    ----------
    name, type, meaning : str
    filled : bool
        Whether every row has a value; in ``runs``, every row of a run that is done.
    signed : bool
        Whether a number may be below 0.
    allowed : tuple of str
        The values of a text, where they are few.
    json : {"", "object", "names", "texts", "pairs"}
        What a text holds as JSON: an object, one of texts, a list of texts, or a list of pairs of numbers.
    since : int
        The first schema with this column.
    """

    name: str
    type: str
    meaning: str
    filled: bool = False
    signed: bool = False
    allowed: tuple[str, ...] = ()
    json: str = ""
    since: int = 3

    @property
    def kind(self) -> str:
        """The plain SQLite type: TEXT, REAL or INTEGER."""
        return self.type.split()[0]

    @property
    def unit(self) -> str:
        """What a number is counted in; see `unit_of`."""
        return unit_of(self.name)


ENDINGS = {
    "_flop_per_s": "FLOP/s", "_flop": "FLOP", "_bps": "bit/s", "_bytes": "B", "_hz": "Hz", "_deg": "degree", "_s": "s",
}  # fmt: skip
"""Units of quantities by how their names end."""
_COUNTED = {
    "flop": "FLOP", "_tasks": "tasks", "_arrivals": "arrivals", "_slices": "slices", "_share": "%", "_load": "%",
    "gap": "%", "servers": "servers", "frames": "frames", "delivered": "frames", "lost": "frames",
    "in_flight": "frames", "violations": "frames",
}  # fmt: skip
"""Units of counts, and of shares: of those 1 is 100 %."""


def unit_of(name: str) -> str:
    """Return the unit that the name of a column or key says, or nothing.

    Examples
    --------
    >>> unit_of("deadline_s"), unit_of("frames.wire_bytes"), unit_of("gap"), unit_of("seed")
    ('s', 'B', '%', '')
    """
    return next((unit for ending, unit in (ENDINGS | _COUNTED).items() if name.endswith(ending)), "")


QUANTILES = (0.5, 0.95, 0.99, 0.999)
"""Quantiles of latency that are kept."""


def latency_columns(name: str, meaning: str) -> list[Column]:
    """Return the columns that describe the distribution of a latency."""
    of_it = f"the {meaning}; exact where frames are kept, else within 1/256 from 2^-24 to 2^24 s, beyond as that limit"
    return [
        Column(f"{name}_mean_s", "REAL", f"mean {meaning}"),
        Column(f"{name}_sd_s", "REAL", f"standard deviation of the {meaning}"),
        *(
            Column(f"{name}_p{100 * q:g}_s".replace(".", "_"), "REAL", f"{100 * q:g}th percentile of {of_it}")
            for q in QUANTILES
        ),
        Column(f"{name}_max_s", "REAL", f"largest {meaning}"),
    ]


TABLES: Mapping[str, tuple[Column, ...]] = {
    "runs": (
        Column("key", "TEXT NOT NULL UNIQUE", "digest of scenario, input files, scheduler, seed, model version"),
        Column("scenario", "TEXT", "what was simulated, as JSON", filled=True, json="object"),
        Column("scheduler", "TEXT", "name of the scheduler with its parameters"),
        Column("seed", "INTEGER", "seed of every random stream; empty where nothing is random"),
        Column("status", "TEXT", "done or failed", allowed=("done", "failed")),
        Column("error", "TEXT", "why it failed, in one line"),
        Column("traceback", "TEXT", "where in the program, if that was a bug"),
        Column("versions", "TEXT", "versions of cutlayer, Python and the libraries, as JSON", json="names"),
        Column("command", "TEXT", "the command line"),
        Column(
            "paths",
            "TEXT",
            "paths of the scenario's files, as given, as JSON; never opened again",
            json="names",
        ),
        Column("host", "TEXT", "the machine"),
        Column("wall_s", "REAL", "wall time of the run"),
        Column("peak_memory_bytes", "INTEGER", "largest resident memory of the process so far"),
        Column("end_s", "REAL", "simulated time at the end", filled=True),
        Column("arrived_tasks", "INTEGER", "tasks that arrived = deployed + departed + rejected + evicted"),
        Column("deployed_tasks", "INTEGER", "tasks deployed at the end"),
        Column("departed_tasks", "INTEGER", "tasks that left at the end of their life"),
        Column("rejected_tasks", "INTEGER", "tasks never deployed"),
        Column("evicted_tasks", "INTEGER", "tasks that were deployed and pushed out"),
        Column("peak_deployed_tasks", "INTEGER", "largest number of tasks deployed at one time"),
        Column("first_eviction_arrivals", "INTEGER", "arrivals up to the first eviction; empty if there was none"),
        Column("reserved_bps", "REAL", "bandwidth reserved at the end, summed over links"),
        Column("reserved_flop_per_s", "REAL", "compute reserved at the end, summed over servers"),
        Column("raw_bps", "REAL", "bandwidth the tasks deployed at the end would reserve if sent as they are"),
        Column("bound_tasks", "REAL", "upper bound on deployed tasks at the end, over tasks that have not departed"),
        Column("gap", "REAL", "1 - deployed / bound", signed=True),
        Column("report", "TEXT", "the scheduler's report at the end of the run, as JSON", json="object"),
        Column(
            "notes",
            "TEXT",
            "what was assumed where the scenario or graph gives nothing, as a JSON list",
            json="texts",
        ),
        Column("frames", "INTEGER", "frames emitted = delivered + lost + in_flight; empty where none were simulated"),
        Column("delivered", "INTEGER", "frames whose last layer was done by the end of the run"),
        Column("lost", "INTEGER", "frames lost in an outage or at the end of their task"),
        Column("in_flight", "INTEGER", "frames on their way at the end of the run"),
        Column("violations", "INTEGER", "delivered frames whose latency exceeded the deadline"),
        Column("transfer_mean_s", "REAL", "mean transfer latency of the delivered frames"),
        Column("transfer_max_s", "REAL", "largest transfer latency"),
        Column("end_to_end_mean_s", "REAL", "mean end-to-end latency of the delivered frames"),
        Column("end_to_end_max_s", "REAL", "largest end-to-end latency"),
        Column("unstable_slices", "INTEGER", "slices whose frames arrive faster than they leave on average"),
    ),
    "resources": tuple(
        column._replace(since=4)
        for column in (
            Column(
                "resource",
                "TEXT",
                "server, link or cloud; of a graph also node or edge, where no server uses it",
                filled=True,
                allowed=("server", "link", "cloud", "node", "edge"),
            ),
            Column("resource_name", "TEXT", "its name", filled=True),
            Column("capacity_flop_per_s", "REAL", "compute of a server; of the cloud, empty where it is unlimited"),
            Column("capacity_bps", "REAL", "bandwidth of a link or edge"),
            Column("usable_share", "REAL", "the share of a link's bandwidth that tasks may reserve"),
            Column("propagation_s", "REAL", "delay of a link or edge, or from a server to the cloud"),
            Column("node", "TEXT", "the node of the graph where it is, or where a link begins; empty without a graph"),
            Column("to_node", "TEXT", "the node at which a link or edge ends"),
            Column("latitude_deg", "REAL", "latitude of the node, north above 0; empty where unknown", signed=True),
            Column("longitude_deg", "REAL", "longitude of the node, east above 0; empty where unknown", signed=True),
            Column("route", "TEXT", "the links from a server to the cloud, in order, as a JSON list", json="texts"),
        )
    ),
    "layers": tuple(
        column._replace(since=4)
        for column in (
            Column("profile", "TEXT", "a network that tasks of the run bring", filled=True),
            Column("cut", "INTEGER", "the cut after the layer, from 1", filled=True),
            Column("layer", "TEXT", "name of the layer", filled=True),
            Column("flop", "REAL", "FLOP of the layer, for one input of the network's own size"),
            Column("output_bytes", "REAL", "bytes that cross the uplink if it is the last layer on the edge"),
        )
    ),
    "tasks": (
        Column("task", "TEXT", "name", filled=True),
        Column("arrival_s", "REAL", "when it asked to be deployed", filled=True),
        Column("profile", "TEXT", "its network"),
        Column("servers", "INTEGER", "how many servers it is fed at"),
        Column("input_bytes", "REAL", "bytes of one frame, all servers together"),
        Column("frame_rate_hz", "REAL", "frames a second"),
        Column("deadline_s", "REAL", "largest allowed transfer latency of a frame"),
        Column("lifetime_s", "REAL", "how long it stays; empty: for ever"),
        Column(
            "outcome",
            "TEXT",
            "deployed, departed, rejected or evicted",
            filled=True,
            allowed=("deployed", "departed", "rejected", "evicted"),
        ),
        Column("cut", "INTEGER", "the cut last deployed; empty if rejected"),
        Column("deployed_s", "REAL", "when it was deployed"),
        Column("ended_s", "REAL", "when it departed or was evicted"),
        Column("reserved_bps", "REAL", "bandwidth it reserved, summed over its servers"),
        Column("reserved_flop_per_s", "REAL", "compute it reserved, summed over its servers"),
        Column("raw_bps", "REAL", "bandwidth it would reserve if its input were sent as it is"),
        Column("transfer_s", "REAL", "transfer latency of a frame that meets no other: bits / reserved_bps"),
    ),
    "decisions": (
        Column("time_s", "REAL", "when", filled=True),
        Column("task", "TEXT", "about which task; empty for an eviction after a change of capacity"),
        Column("verdict", "TEXT", "deploy, reject or evict", filled=True, allowed=("deploy", "reject", "evict")),
        Column("cut", "INTEGER", "the cut deployed, or considered first"),
        Column("reason", "TEXT", "why it was rejected"),
        Column("evicted", "TEXT", "the tasks evicted for it, as a JSON list", filled=True, json="texts"),
        Column("resource", "TEXT", "link or server: of which of the two below the cut takes the larger share"),
        Column("link", "TEXT", "the task's tightest link when it arrived, before any eviction"),
        Column("need_bps", "REAL", "what the cut needs there"),
        Column("free_bps", "REAL", "what was free there", signed=True),
        Column("slack_bps", "REAL", "free - need; negative where the cut does not fit", signed=True),
        Column("server", "TEXT", "the task's tightest server when it arrived, before any eviction"),
        Column("need_flop_per_s", "REAL", "what the cut needs there"),
        Column("free_flop_per_s", "REAL", "what was free there", signed=True),
        Column("slack_flop_per_s", "REAL", "free - need; negative where the cut does not fit", signed=True),
        Column(
            "needs", "TEXT", "what every cut from 0 needs of the two, as a JSON list of [bit/s, FLOP/s]", json="pairs"
        ),
        Column("down", "TEXT", "which of the two above was down; empty if none", allowed=("link", "server", "both")),
    ),
    "series": (
        Column("time_s", "REAL", "when something changed", filled=True),
        Column("arrived_tasks", "INTEGER", "tasks that have arrived"),
        Column("deployed_tasks", "INTEGER", "tasks deployed"),
        Column("departed_tasks", "INTEGER", "tasks that have left"),
        Column("rejected_tasks", "INTEGER", "tasks that were rejected"),
        Column("evicted_tasks", "INTEGER", "tasks that were evicted"),
        Column("reserved_bps", "REAL", "bandwidth reserved, summed over links"),
        Column("reserved_flop_per_s", "REAL", "compute reserved, summed over servers"),
    ),
    "series_by": (
        Column("time_s", "REAL", "when something changed there", filled=True),
        Column("resource", "TEXT", "link or server", filled=True, allowed=("link", "server")),
        Column("resource_name", "TEXT", "which", filled=True),
        Column("reserved_bps", "REAL", "bandwidth reserved on that link"),
        Column("reserved_flop_per_s", "REAL", "compute reserved at that server"),
    ),
    "frames": (
        Column("task", "TEXT", "name of the task", filled=True),
        Column("server", "TEXT", "name of the server", filled=True),
        Column("frames", "INTEGER", "frames emitted = delivered + lost + in_flight"),
        Column("delivered", "INTEGER", "frames whose last layer was done by the end of the run"),
        Column("lost", "INTEGER", "frames lost in an outage or at the end of their task"),
        Column("in_flight", "INTEGER", "frames on their way at the end of the run"),
        Column("violations", "INTEGER", "delivered frames whose latency exceeded the deadline"),
        *latency_columns("transfer", "transfer latency of a delivered frame: uplink wait + transmission"),
        *latency_columns("end_to_end", "end-to-end latency of one: compute + transfer + propagation + cloud"),
        Column("compute_wait_s", "REAL", "mean wait for the server's compute"),
        Column("compute_service_s", "REAL", "mean time in the server's compute"),
        Column("uplink_wait_s", "REAL", "mean wait for the slice"),
        Column("uplink_service_s", "REAL", "mean time of the transmission"),
        Column("propagation_s", "REAL", "propagation delay"),
        Column("cloud_s", "REAL", "mean time in the cloud = end-to-end - all of the above"),
        Column("compute_load", "REAL", "work all tasks bring to the server per second of compute, in this one's time"),
        Column("uplink_load", "REAL", "work this task brings to its slice per second of its service"),
        Column("unstable", "INTEGER", "1 where frames arrive faster than they leave on average, else 0"),
    ),
    "frame_series": (
        Column("time_s", "REAL", "begin of the window; frames count where they are emitted", filled=True),
        Column("frames", "INTEGER", "frames emitted"),
        Column("delivered", "INTEGER", "of those, delivered by the end of the run"),
        Column("lost", "INTEGER", "of those, lost"),
        Column("violations", "INTEGER", "of those, delivered too late"),
        Column("transfer_mean_s", "REAL", "mean transfer latency of the delivered"),
        Column("end_to_end_mean_s", "REAL", "mean end-to-end latency of the delivered"),
        Column("transfer_max_s", "REAL", "largest transfer latency of the delivered"),
        Column("end_to_end_max_s", "REAL", "largest end-to-end latency of the delivered"),
    ),
    "frame_series_by": (
        Column("time_s", "REAL", "begin of the window", filled=True),
        Column("resource", "TEXT", "link or server", filled=True, allowed=("link", "server")),
        Column("resource_name", "TEXT", "which", filled=True),
        Column("done_flop_per_s", "REAL", "FLOP a server did in the window / width of windows"),
        Column("done_bps", "REAL", "bits sent on a link in the window / width of windows"),
    ),
    "measures": (
        Column("quantity", "TEXT", "what was measured, with its unit", filled=True),
        Column("what", "TEXT", "of which network, scheduler or case"),
        Column("x_name", "TEXT", "what it was measured over, with its unit"),
        Column("x", "REAL", "at which value of it", signed=True),
        Column("value", "REAL", "the number; a mean where there are replications", signed=True),
        Column("low", "REAL", "lower end of its 95 % confidence interval", signed=True),
        Column("high", "REAL", "upper end", signed=True),
        Column("replications", "INTEGER", "how many values the mean is of"),
    ),
}

Row = Sequence[Any]


def column_names(table: str) -> list[str]:
    """Return the names of the columns of `table`, in order."""
    return [column.name for column in TABLES[table]]
