"""Azure's traces of requests to large language models (Patel et al., Splitwise, ISCA 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.rows import Path, read_number, read_rows, shown
from cutlayer.workloads.traces.times import relative, timestamp
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace, from_columns

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


class AzureLLM(Format):
    """A request a row: when it came, and how many tokens went in and came out."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the columns are those."""
        return tuple(header) == COLUMNS

    def read(self, path: Path, *, bytes_per_token: float | None = None) -> Trace:
        """Read a trace; arrivals are seconds since the first, exact to the rounding of one float.

        Parameters
        ----------
        path : path
        bytes_per_token : float, optional
            Makes input_bytes of the context's tokens; without it the trace says nothing of sizes.
        """
        if bytes_per_token is not None and not (0 < bytes_per_token < math.inf):
            raise InputError(f"bytes_per_token is {bytes_per_token!r}; allowed: above 0, finite")
        times: list[Decimal] = []
        tokens: list[float] = []
        for line, row in read_rows(path, COLUMNS):
            time = timestamp(row["TIMESTAMP"])
            if time is None:
                said = shown(row["TIMESTAMP"])
                raise InputError(f"TIMESTAMP is {said}; allowed: such as 2023-11-16 18:17:03.9799600", path, line)
            times.append(time)
            tokens.append(read_number(row, "ContextTokens", path, line, positive=bytes_per_token is not None))
            read_number(row, "GeneratedTokens", path, line)
        columns: dict[str, Any] = {"arrival_s": relative(times, min(times))}
        provenance: dict[str, Any] = {"format": "azure-llm"}
        if bytes_per_token is not None:
            columns["input_bytes"] = np.array(tokens) * bytes_per_token
            provenance["bytes_per_token"] = float(bytes_per_token)
        return from_columns(columns, provenance)


FORMATS.register("azure-llm")(AzureLLM())
