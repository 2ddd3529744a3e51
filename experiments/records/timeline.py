"""``cutlayer timeline``: a run as Chrome trace events, for Perfetto.

Every server and link is a process. Tasks are asynchronous spans, free capacity is a counter, and of delivered frames
that were kept the compute is a slice at the server, the transmission one at the link, with an arrow between.

Reference: "Trace Event Format", the Chromium project.
"""

from __future__ import annotations

import contextlib
import gzip
import heapq
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from cutlayer.experiments.records.run_groups import Row, chosen_rows, has_rows, read_table
from cutlayer.experiments.runs.kept_frames import Kept, read_kept
from cutlayer.experiments.runs.resources import network_of
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import whole
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.types import Network

MOST_EVENTS = 1_000_000
"""More events than this no viewer opens quickly; frames are left out first, the late ones before the early ones."""
NS = 1e9
_EVENTS_OF_FRAME = 6
_RANK = {"E": 0, "b": 1, "C": 2, "i": 3, "B": 4, "s": 5, "f": 5, "e": 6}
"""Order of events of one instant: what ends makes room for what begins; a span of no length still begins first."""

Event = tuple[int, int, int, dict[str, Any]]  # ns, rank, number in its source, the event


@dataclass
class _Tracks:
    """Numbers of the processes, and of the threads in them, as they are asked for."""

    processes: dict[str, int] = field(default_factory=dict)
    threads: dict[tuple[int, str], int] = field(default_factory=dict)

    def process(self, name: str) -> int:
        return self.processes.setdefault(name, len(self.processes) + 1)

    def thread(self, pid: int, name: str) -> int:
        return self.threads.setdefault((pid, name), len(self.threads) + 1)

    def metadata(self) -> Iterator[dict[str, Any]]:
        """Yield the events that name and order the tracks."""
        for name, pid in self.processes.items():
            yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}
            yield {"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": pid}}
        for (pid, name), tid in self.threads.items():
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}


def timeline(
    path: str | Path,
    run: str | None = None,
    out: str | Path | None = None,
    *,
    most: int = MOST_EVENTS,
    say: Callable[[str], object] = lambda text: None,
) -> Path:
    """Write the trace of one run and return where it is.

    Parameters
    ----------
    path : path
        A results file.
    run : str, optional
        A scheduler as the results call it, or the beginning of a run's key; the newest run by default.
    out : path, optional
        Compressed where it ends in ``.gz``; by default beside the results, named after them.
    most : int
        The largest number of events, those that name the tracks not counted.
    say : callable
        Told what was left out.

    Raises
    ------
    InputError
        If there is no such run, it holds nothing to show, or the file cannot be written.
    """
    with Results(path, must_exist=True) as results:
        rows = chosen_rows(results, [] if run is None else [run])
        if len(rows) > 1:
            newest = f"{rows[-1]['scheduler']} {rows[-1]['key'][:12]}"
            say(f"{len(rows)} runs; this is the newest, {newest} (--run KEY chooses)")
        row = rows[-1]
        tracks = _Tracks()
        network = network_of(results, row)
        if network is not None:
            _name_tracks(tracks, network)
        kept = read_kept(results, row)
        tasks = _sorted(_task_events(read_table(results, "tasks", row["key"]), row, tracks))
        counters = _sorted(_counter_events(results, row, network, tracks))
        if not (tasks or counters or kept):
            raise InputError("holds neither tasks nor changes of totals of that run", path)
    notices = []
    if len(tasks) > most:
        notices.append(f"{len(tasks):,} events of tasks do not fit: the late ones are left out")
        tasks = _spans_that_fit(tasks, most)
    if len(counters) > most - len(tasks):
        notices.append(f"{len(counters):,} changes of capacity do not fit: the late ones are left out")
        counters = counters[: most - len(tasks)]
    frames: Iterable[Event] = ()
    if kept is not None:
        room = (most - len(tasks) - len(counters)) // _EVENTS_OF_FRAME
        if len(kept.arrival_s) > room:
            notices.append(f"{len(kept.arrival_s):,} frames were kept; the first {room:,} are shown")
        frames = _frame_events(kept, room, network, tracks)
    for notice in notices:
        say(f"{notice} (at most {most:,} events)")
    other = {
        "scheduler": row["scheduler"], "key": row["key"], "seed": row["seed"], "versions": json.loads(row["versions"]),
        "left_out": notices,
    }  # fmt: skip
    target = Path(out) if out is not None else Path(path).with_suffix(".trace.json.gz")
    _write(target, heapq.merge(tasks, counters, frames), tracks, other)
    return target


def _name_tracks(tracks: _Tracks, network: Network) -> None:
    """Number the tracks in the order in which they should stand."""
    tracks.process("tasks")
    for kind, names in (("server", network.servers), ("link", network.links)):
        for name in names:
            tracks.process(f"{kind} {name}")


def _ns(seconds: float) -> int:
    return round(seconds * NS)


def _sorted(events: Iterable[tuple[float, dict[str, Any]]]) -> list[Event]:
    return sorted((_ns(at), _RANK[event["ph"]], number, event) for number, (at, event) in enumerate(events))


def _spans_that_fit(events: list[Event], most: int) -> list[Event]:
    """Return the spans that begin first, whole, and the moments among them."""
    order: list[int] = []
    sizes: dict[int, int] = {}
    for _, _, _, event in events:
        if event["id"] not in sizes:
            order.append(event["id"])
        sizes[event["id"]] = sizes.get(event["id"], 0) + 1
    there, total = set(), 0
    for number in order:
        total += sizes[number]
        if total > most:
            break
        there.add(number)
    return [found for found in events if found[3]["id"] in there]


def _task_events(tasks: list[Row], run: Row, tracks: _Tracks) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield a span for every task that was deployed and a moment for every one that was not."""
    pid = tracks.process("tasks")
    for number, task in enumerate(tasks, start=1):
        common = {"cat": "task", "name": task["task"], "pid": pid, "tid": 0, "id": number}
        if task["deployed_s"] is None:
            told = {"ph": "i", "s": "p", "name": f"{task['task']} {task['outcome']}"}
            yield task["arrival_s"], common | told | {"args": {"network": task["profile"]}}
            continue
        names = ("profile", "cut", "servers", "input_bytes", "reserved_bps", "reserved_flop_per_s", "outcome")
        yield task["deployed_s"], common | {"ph": "b", "args": {name: task[name] for name in names}}
        end_s = run["end_s"] if task["ended_s"] is None else task["ended_s"]
        yield max(end_s, task["deployed_s"]), common | {"ph": "e"}


def _counter_events(
    results: Results, run: Row, network: Network | None, tracks: _Tracks
) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield what is free, of every server and link where that was kept, else of all together.

    Where the results do not hold the network, it is what is reserved.
    """
    word = "reserved" if network is None else "free"

    def event(process: str, what: str, unit: str, value: float) -> dict[str, Any]:
        return {"ph": "C", "name": f"{word} {what}", "pid": tracks.process(process), "tid": 0, "args": {unit: value}}

    if has_rows(results, "series_by", run["key"]):
        compute: dict[str, float] = {}
        uplink: dict[str, float] = {}
        if network is not None:
            compute = dict(zip(network.servers, network.capacity_flop_per_s.tolist(), strict=True))
            uplink = dict(zip(network.links, network.usable_bps.tolist(), strict=True))
            for name, capacity in compute.items():
                yield 0.0, event(f"server {name}", "compute", "GFLOP/s", capacity / 1e9)
            for name, capacity in uplink.items():
                yield 0.0, event(f"link {name}", "uplink", "Mbit/s", capacity / 1e6)
        for row in read_table(results, "series_by", run["key"]):
            name = row["resource_name"]
            if network is not None and name not in (compute if row["resource"] == "server" else uplink):
                raise InputError(f"series_by: {row['resource']} {name!r} is not among resources", results.path)
            if row["resource"] == "server":
                value = row["reserved_flop_per_s"] / 1e9
                value = compute[name] / 1e9 - value if compute else value
                yield row["time_s"], event(f"server {name}", "compute", "GFLOP/s", value)
            else:
                value = row["reserved_bps"] / 1e6
                value = uplink[name] / 1e6 - value if uplink else value
                yield row["time_s"], event(f"link {name}", "uplink", "Mbit/s", value)
        return
    for row in read_table(results, "series", run["key"]):
        values = {"compute": row["reserved_flop_per_s"] / 1e9, "uplink": row["reserved_bps"] / 1e6}
        if network is not None:
            values["compute"] = float(network.capacity_flop_per_s.sum()) / 1e9 - values["compute"]
            values["uplink"] = float(network.usable_bps.sum()) / 1e6 - values["uplink"]
        yield row["time_s"], event("all servers", "compute", "GFLOP/s", values["compute"])
        yield row["time_s"], event("all links", "uplink", "Mbit/s", values["uplink"])


def _frame_events(kept: Kept, most: int, network: Network | None, tracks: _Tracks) -> Iterator[Event]:
    """Return the events of the first frames to arrive: a slice of compute, one of uplink, an arrow between."""
    first = np.argsort(kept.arrival_s, kind="stable")[:most]
    task, server = kept.task[first], kept.server[first]
    computing_s = kept.arrival_s[first] + kept.compute_wait_s[first]
    computed_s = computing_s + kept.compute_service_s[first]
    sending_s = computed_s + kept.uplink_wait_s[first]
    sent_s = sending_s + kept.uplink_service_s[first]
    begin_1, end_1, begin_2, end_2 = (
        np.rint(at * NS).astype(np.int64) for at in (computing_s, computed_s, sending_s, sent_s)
    )
    _make_room(begin_1, end_1, server)
    _make_room(begin_2, end_2, task.astype(np.int64) * len(kept.servers) + server)
    star = network is None or network.is_star
    names = [
        (f"server {name}", f"link {network.links[i] if network is not None else name}" if star else f"server {name}")
        for i, name in enumerate(kept.servers.tolist())
    ]
    places: dict[tuple[int, int], tuple[tuple[int, int], tuple[int, int]]] = {}
    for j, i in sorted(set(zip(task.tolist(), server.tolist(), strict=True)), key=lambda pair: (pair[1], pair[0])):
        pids = [tracks.process(name) for name in names[i]]
        tids = tracks.thread(pids[0], "compute"), tracks.thread(pids[1], f"uplink of {kept.tasks[j]}")
        places[j, i] = (pids[0], tids[0]), (pids[1], tids[1])
    return _streamed(kept, first, places, (begin_1, end_1, begin_2, end_2))


def _make_room(begin: Any, end: Any, track: Any) -> None:
    """Let no slice end after the next of its track begins: rounding may have put it a nanosecond too late."""
    order = np.lexsort((begin, track))
    same = track[order[1:]] == track[order[:-1]]
    before, after = order[:-1][same], order[1:][same]
    end[before] = np.minimum(end[before], begin[after])


def _streamed(kept: Kept, first: Any, places: dict[Any, Any], times: tuple[Any, ...]) -> Iterator[Event]:
    """Yield the events of frames by time, without holding them all."""
    begin_1, end_1, begin_2, end_2 = times
    kinds = (
        ("B", 0, begin_1),
        ("s", 0, begin_1),
        ("E", 0, end_1),
        ("B", 1, begin_2),
        ("f", 1, begin_2),
        ("E", 1, end_2),
    )
    n = len(first)
    has = [end_1 > begin_1, end_2 > begin_2]  # a slice of no length is none, and has no arrow
    arrow = has[0] & has[1]
    at = np.concatenate([when for _, _, when in kinds])
    rank = np.repeat([_RANK[ph] for ph, _, _ in kinds], n)
    shown = np.concatenate([arrow if ph in "sf" else has[place] for ph, place, _ in kinds])
    order = np.lexsort((np.arange(len(at)), rank, at))
    for k in order[shown[order]].tolist():
        kind, frame = divmod(k, n)
        ph, place, _ = kinds[kind]
        whole = first[frame]
        j, i = int(kept.task[whole]), int(kept.server[whole])
        pid, tid = places[j, i][place]
        event: dict[str, Any] = {"ph": ph, "pid": pid, "tid": tid}
        if ph == "B":
            event |= {"cat": "frame", "name": f"{kept.tasks[j]} {int(kept.number[whole])}"}
        elif ph in "sf":
            event |= {"cat": "frame", "name": "frame", "id": int(frame) + 1} | ({"bp": "e"} if ph == "f" else {})
        yield int(at[k]), int(rank[k]), k, event


def _write(target: Path, events: Iterable[Event], tracks: _Tracks, other: dict[str, Any]) -> None:
    """Write the trace, whole or not at all; the same events give the same bytes."""
    with whole(target) as draft, draft.open("wb") as raw, _text(raw, target.suffix == ".gz") as file:
        file.write('{"displayTimeUnit":"ms","otherData":')
        file.write(json.dumps(other, ensure_ascii=False))
        file.write(',"traceEvents":[\n')
        file.write(",\n".join(json.dumps(event, ensure_ascii=False) for event in tracks.metadata()))
        for at, _, _, event in events:
            ts = at // 1000 if at % 1000 == 0 else at / 1000
            file.write(",\n" + json.dumps(event | {"ts": ts}, ensure_ascii=False))
        file.write("\n]}\n")


@contextlib.contextmanager
def _text(raw: IO[bytes], compressed: bool) -> Iterator[IO[str]]:
    with contextlib.ExitStack() as stack:
        inner: Any = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)) if compressed else raw
        file = io.TextIOWrapper(inner, encoding="utf-8", newline="\n", write_through=False)
        yield file
        file.flush()
        file.detach()
