"""Azure Functions 2021 (Zhang et al., Faster and Cheaper Serverless Computing on Harvested Resources, SOSP 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from cutlayer.workloads.traces.cells import Policy
from cutlayer.workloads.traces.formats.mapped import read_mapped
from cutlayer.workloads.traces.rows import Path
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace

COLUMNS = {"end_s": "end_timestamp", "lifetime_s": "duration"}

SHORTEST_S = 0.0005
"""What a duration of 0 means: the log has milliseconds, and 0 is what rounds to none of them. It is given the largest
such time rather than none, as a task that stays no time cannot be deployed; the provenance counts them."""


class AzureFunctions(Format):
    """A call a row, as it ended: it arrived its duration before, and stays that long."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the columns are those."""
        return {"func", *COLUMNS.values()} <= set(header)

    def read(self, path: Path, *, zero: Policy | None = None) -> Trace:
        """Read a trace. Calls that began before the log move all times, so that the first arrives at 0.

        Parameters
        ----------
        path : path
        zero : mapping, optional
            What a duration of 0 means: ``{"lifetime_s": "drop"}`` or a value [s], 0.0005 by default.
        """
        return read_mapped(
            path,
            {"format": "azure-functions"},
            zero={"lifetime_s": SHORTEST_S} if zero is None else zero,
            declared={"columns": COLUMNS, "time_format": "seconds"},
        )


FORMATS.register("azure-functions")(AzureFunctions())
