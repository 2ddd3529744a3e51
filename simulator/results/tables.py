"""The tables a run leaves: every column with its type, its unit and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column: its name with the unit in it, its SQLite type and what it means."""

    name: str
    type: str
    meaning: str


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
        Column("scenario", "TEXT", "what was simulated, as JSON"),
        Column("scheduler", "TEXT", "name of the scheduler with its parameters"),
        Column("seed", "INTEGER", "seed of every random stream; empty where nothing is random"),
        Column("status", "TEXT", "done or failed"),
        Column("error", "TEXT", "why it failed, in one line"),
        Column("traceback", "TEXT", "where in the program, if that was a bug"),
        Column("versions", "TEXT", "versions of cutlayer, Python and the libraries, as JSON"),
        Column("command", "TEXT", "the command line"),
        Column("paths", "TEXT", "where the scenario's files lay, as written there, as JSON; empty where it is none"),
        Column("host", "TEXT", "the machine"),
        Column("wall_s", "REAL", "wall time of the run"),
        Column("peak_memory_bytes", "INTEGER", "largest resident memory of the process so far"),
        Column("end_s", "REAL", "simulated time at the end"),
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
        Column("bound_tasks", "REAL", "no scheduler has more tasks deployed at the end: bound over tasks not departed"),
        Column("gap", "REAL", "1 - deployed / bound"),
        Column("report", "TEXT", "what the scheduler says of itself at the end, as JSON"),
        Column("notes", "TEXT", "what the graph does not say and what was assumed, as JSON; empty where nothing"),
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
    "resources": (
        Column("resource", "TEXT", "server, link or cloud; of a graph also node or edge, where no server uses it"),
        Column("resource_name", "TEXT", "its name"),
        Column("capacity_flop_per_s", "REAL", "compute of a server; of the cloud, empty where it is unlimited"),
        Column("capacity_bps", "REAL", "bandwidth of a link or edge"),
        Column("usable_share", "REAL", "the share of a link's bandwidth that tasks may reserve"),
        Column("propagation_s", "REAL", "delay of a link or edge, or from a server to the cloud; empty if unknown"),
        Column("node", "TEXT", "the node of the graph where it is, or where a link begins; empty without a graph"),
        Column("to_node", "TEXT", "the node at which a link or edge ends"),
        Column("latitude_deg", "REAL", "latitude of the node, north above 0; empty where unknown"),
        Column("longitude_deg", "REAL", "longitude of the node, east above 0; empty where unknown"),
        Column("route", "TEXT", "the links that a server's traffic crosses to the cloud, in order, as a JSON list"),
    ),
    "tasks": (
        Column("task", "TEXT", "name"),
        Column("arrival_s", "REAL", "when it asked to be deployed"),
        Column("profile", "TEXT", "its network"),
        Column("servers", "INTEGER", "how many servers it is fed at"),
        Column("input_bytes", "REAL", "bytes of one frame, all servers together"),
        Column("frame_rate_hz", "REAL", "frames a second"),
        Column("deadline_s", "REAL", "largest allowed transfer latency of a frame"),
        Column("lifetime_s", "REAL", "how long it stays; empty: for ever"),
        Column("outcome", "TEXT", "deployed, departed, rejected or evicted"),
        Column("cut", "INTEGER", "the cut last deployed; empty if rejected"),
        Column("deployed_s", "REAL", "when it was deployed"),
        Column("ended_s", "REAL", "when it departed or was evicted"),
        Column("reserved_bps", "REAL", "bandwidth it reserved, summed over its servers"),
        Column("reserved_flop_per_s", "REAL", "compute it reserved, summed over its servers"),
        Column("raw_bps", "REAL", "bandwidth it would reserve if its input were sent as it is"),
        Column("transfer_s", "REAL", "transfer latency of a frame that meets no other: bits / reserved_bps"),
    ),
    "decisions": (
        Column("time_s", "REAL", "when"),
        Column("task", "TEXT", "about which task; empty for an eviction after a change of capacity"),
        Column("verdict", "TEXT", "deploy, reject or evict"),
        Column("cut", "INTEGER", "the cut deployed, or considered first"),
        Column("reason", "TEXT", "why it was rejected"),
        Column("evicted", "TEXT", "the tasks evicted for it, as a JSON list"),
        Column("resource", "TEXT", "link or server: of which of the two below the cut takes the larger share"),
        Column("link", "TEXT", "the link where the task had least room when it came, before any eviction"),
        Column("need_bps", "REAL", "what the cut needs there"),
        Column("free_bps", "REAL", "what was free there"),
        Column("slack_bps", "REAL", "free - need; negative where the cut does not fit"),
        Column("server", "TEXT", "the server where the task had least room when it came"),
        Column("need_flop_per_s", "REAL", "what the cut needs there"),
        Column("free_flop_per_s", "REAL", "what was free there"),
        Column("slack_flop_per_s", "REAL", "free - need; negative where the cut does not fit"),
        Column("needs", "TEXT", "what every cut from 0 needs there, as a JSON list of [bit/s, FLOP/s]"),
        Column("down", "TEXT", "link, server or both: which of the two above was down; empty if neither"),
    ),
    "series": (
        Column("time_s", "REAL", "when something changed"),
        Column("arrived_tasks", "INTEGER", "tasks that have arrived"),
        Column("deployed_tasks", "INTEGER", "tasks deployed"),
        Column("departed_tasks", "INTEGER", "tasks that have left"),
        Column("rejected_tasks", "INTEGER", "tasks that were rejected"),
        Column("evicted_tasks", "INTEGER", "tasks that were evicted"),
        Column("reserved_bps", "REAL", "bandwidth reserved, summed over links"),
        Column("reserved_flop_per_s", "REAL", "compute reserved, summed over servers"),
    ),
    "series_by": (
        Column("time_s", "REAL", "when something changed there"),
        Column("resource", "TEXT", "link or server"),
        Column("resource_name", "TEXT", "which"),
        Column("reserved_bps", "REAL", "bandwidth reserved on that link"),
        Column("reserved_flop_per_s", "REAL", "compute reserved at that server"),
    ),
    "frames": (
        Column("task", "TEXT", "name of the task"),
        Column("server", "TEXT", "name of the server"),
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
        Column("time_s", "REAL", "begin of the window; frames count where they are emitted"),
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
        Column("time_s", "REAL", "begin of the window"),
        Column("resource", "TEXT", "link or server"),
        Column("resource_name", "TEXT", "which"),
        Column("done_flop_per_s", "REAL", "FLOP of a server whose service ended in the window / width of windows"),
        Column("done_bps", "REAL", "bits on a link whose transmission ended in the window / width of windows"),
    ),
    "measures": (
        Column("quantity", "TEXT", "what was measured, with its unit"),
        Column("what", "TEXT", "of which network, scheduler or case"),
        Column("x_name", "TEXT", "what it was measured over, with its unit"),
        Column("x", "REAL", "at which value of it"),
        Column("value", "REAL", "the number; a mean where there are replications"),
        Column("low", "REAL", "lower end of its 95 % confidence interval"),
        Column("high", "REAL", "upper end"),
        Column("replications", "INTEGER", "how many values the mean is of"),
    ),
}

Row = Sequence[Any]


def column_names(table: str) -> list[str]:
    """Return the names of the columns of `table`, in order."""
    return [column.name for column in TABLES[table]]
