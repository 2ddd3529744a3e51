"""The CSV files a user brings: servers, tasks, inputs. Read strictly, to the first fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network, Profile, Task
from cutlayer.workloads.tasks import tasks_of
from cutlayer.workloads.traces.formats import read_trace
from cutlayer.workloads.traces.rows import Path, read_number, read_rows, read_text

__all__ = ["Path", "read_network", "read_number", "read_rows", "read_tasks", "read_text"]

SERVER_COLUMNS = ("server", "capacity_flop_per_s", "uplink_bps")


def read_network(path: Path, **options: Any) -> Network:
    """Read ``servers.csv`` into a star network.

    Parameters
    ----------
    path : path
        Columns server, capacity_flop_per_s [FLOP/s], uplink_bps [bit/s].
    **options
        Further parameters of `cutlayer.simulator.types.Network`, such as ``usable_share``.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    names: list[str] = []
    capacity, uplink = [], []
    for line, row in read_rows(path, SERVER_COLUMNS):
        name = read_text(row, "server", path, line)
        if name in names:
            raise InputError(f"server {name!r} stands twice", path, line)
        names.append(name)
        capacity.append(read_number(row, "capacity_flop_per_s", path, line, positive=True))
        uplink.append(read_number(row, "uplink_bps", path, line, positive=True))
    return Network(capacity, uplink, servers=names, **options)


def read_tasks(path: Path, network: Network, profiles: Mapping[str, Profile], inputs: Path | None = None) -> list[Task]:
    """Read ``tasks.csv`` and, where tasks say where they are fed, ``inputs.csv``.

    Parameters
    ----------
    path : path
        Columns task, arrival_s, profile, frame_rate_hz, deadline_s and, optionally, lifetime_s (empty: for
        ever) and input_bytes (one frame, spread equally over all servers). Sorted by arrival.
    network : Network
        Gives the names of the servers.
    profiles : mapping of str to Profile
    inputs : path, optional
        Columns task, server, input_bytes. A task has rows here or input_bytes there, never both, never
        neither.

    Raises
    ------
    InputError
        At the first fault, naming file, line and value.
    """
    trace = read_trace(
        path, "native", inputs=inputs, servers=dict.fromkeys(network.servers), profiles=profiles, complete=True
    )
    return tasks_of(trace, network, profiles)
