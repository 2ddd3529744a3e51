"""Azure's traces of requests to large language models (Patel et al., Splitwise, ISCA 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.formats.mapped import read_mapped
from cutlayer.workloads.traces.rows import Path
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace


class AzureLLM(Format):
    """A request a row: when it came, and how many tokens went in and came out."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the columns it needs are there; others, such as GeneratedTokens, are ignored."""
        return {"TIMESTAMP", "ContextTokens"} <= set(header)

    def read(self, path: Path, *, bytes_per_token: float | None = None) -> Trace:
        """Read a trace; arrivals are seconds since the first, exact to the rounding of one float.

        Parameters
        ----------
        path : path
        bytes_per_token : float, optional
            Makes input_bytes of the context's tokens; without it the trace says nothing of sizes.
        """
        declared: dict[str, Any] = {"columns": {"arrival_s": "TIMESTAMP"}, "time_format": "iso"}
        provenance: dict[str, Any] = {"format": "azure-llm"}
        if bytes_per_token is not None:
            if not 0 < bytes_per_token < math.inf:
                raise InputError(f"bytes_per_token is {bytes_per_token!r}; allowed: above 0, finite")
            declared["columns"]["input_bytes"] = "ContextTokens"
            declared["factors"] = {"input_bytes": float(bytes_per_token)}
            provenance["bytes_per_token"] = float(bytes_per_token)
        return read_mapped(path, provenance, declared=declared)


FORMATS.register("azure-llm")(AzureLLM())
