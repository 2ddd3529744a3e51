"""Azure Functions 2019 (Shahrad et al., Serverless in the Wild, USENIX ATC 2020): invocations counted by the minute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.counts import binned
from cutlayer.workloads.traces.rows import Path, read_header, read_rows, shown
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace

MINUTE_S = 60.0


class AzureFunctions2019(Format):
    """A function a row, with a column for every minute: 1, 2, ..., 1440."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the columns are those of functions and minutes."""
        return "HashFunction" in header and "1" in header

    def read(self, path: Path, *, seed: int = 0) -> Trace:
        """Read a trace: the invocations of all functions, spread evenly at random over their minutes.

        Parameters
        ----------
        path : path
        seed : int
            Of the arrivals within a minute.
        """
        minutes = [name for name in read_header(path) if name.isdecimal()]
        if minutes != [str(minute) for minute in range(1, len(minutes) + 1)]:
            raise InputError("columns of minutes are missing; needed: 1, 2, 3, ... without a gap", path, 1)
        totals = np.zeros(len(minutes), dtype=np.int64)
        for line, row in read_rows(path, minutes or ["1"], None):
            cells = [row[minute] for minute in minutes]
            for minute, cell in zip(minutes, cells, strict=True):
                if not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
                    raise InputError(f"minute {minute} is {shown(cell)}; allowed: a whole number", path, line)
            totals += np.array(cells, dtype=np.int64)
        try:
            return binned(
                np.arange(len(minutes), dtype=np.float64) * MINUTE_S,
                totals,
                MINUTE_S,
                {"format": "azure-functions-2019"},
                seed,
            )
        except InputError as fault:
            raise fault.located(path) from None


FORMATS.register("azure-functions-2019")(AzureFunctions2019())
