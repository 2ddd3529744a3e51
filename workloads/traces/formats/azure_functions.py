"""Azure Functions 2021 (Zhang et al., Faster and Cheaper Serverless Computing on Harvested Resources, SOSP 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from cutlayer.workloads.traces.rows import Path, read_rows, read_text
from cutlayer.workloads.traces.times import difference, read_decimal, relative
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace, from_columns

COLUMNS = ("app", "func", "end_timestamp", "duration")

SHORTEST_S = 0.0005
"""What a duration of 0 means: the log has milliseconds, and 0 is what rounds to none of them. It is given the largest
such time rather than none, as a task that stays no time cannot be deployed; the provenance counts them."""


class AzureFunctions(Format):
    """A call a row, as it ended: it arrived its duration before, and stays that long."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the columns are those."""
        return tuple(header) == COLUMNS

    def read(self, path: Path) -> Trace:
        """Read a trace. Calls that began before the log did move all times, so that the first arrives at 0."""
        times: list[Decimal] = []
        lifetimes: list[float] = []
        for line, row in read_rows(path, COLUMNS):
            read_text(row, "app", path, line)
            read_text(row, "func", path, line)
            duration = read_decimal(row, "duration", path, line)
            times.append(difference(read_decimal(row, "end_timestamp", path, line), duration))
            lifetimes.append(float(duration))
        origin = min(Decimal(0), *times)
        zero = sum(lifetime == 0 for lifetime in lifetimes)
        provenance: dict[str, Any] = {"format": "azure-functions"}
        if origin < 0:
            provenance["moved_s"] = float(-origin)
        if zero:
            provenance |= {"zero_durations": zero, "zero_duration_s": SHORTEST_S}
        lifetime_s = np.array([lifetime or SHORTEST_S for lifetime in lifetimes])
        return from_columns({"arrival_s": relative(times, origin), "lifetime_s": lifetime_s}, provenance)


FORMATS.register("azure-functions")(AzureFunctions())
