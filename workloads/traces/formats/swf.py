"""The Standard Workload Format of the Parallel Workloads Archive (Chapin et al., JSSPP 1999): a job a line."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cutlayer.workloads.traces.cells import DROP, Policy
from cutlayer.workloads.traces.formats.mapped import read_mapped
from cutlayer.workloads.traces.rows import Path
from cutlayer.workloads.traces.tables import Layout
from cutlayer.workloads.traces.trace import FORMATS, Format, Trace

FIELDS = 18
COLUMNS = {"task": "1", "arrival_s": "2", "lifetime_s": "4"}
"""Job number, submit time and run time [s]; -1 where a run time is not known."""


class SWF(Format):
    """Jobs in 18 columns of numbers, with comments that begin with a semicolon."""

    def recognises(self, path: Path, header: Sequence[str]) -> bool:
        """Return whether the file is called so, or begins with a comment or a line of 18 numbers."""
        first = header[0] if header else ""
        return os.fspath(path).endswith(".swf") or first.startswith(";") or len(first.split()) == FIELDS

    def read(self, path: Path, *, zero: Policy | None = None, blank: Policy | None = None) -> Trace:
        """Read a trace: a job arrives when it is submitted and stays for its run time.

        Parameters
        ----------
        path : path
        zero, blank : mapping, optional
            What a run time of 0 and an unknown one mean: ``{"lifetime_s": "drop"}``, the default, or a value [s].
        """
        return read_mapped(
            path,
            {"format": "swf"},
            Layout("space", False, ";"),
            zero={"lifetime_s": DROP} if zero is None else zero,
            blank={"lifetime_s": DROP} if blank is None else blank,
            unknown={"lifetime_s": "-1"},
            declared={"columns": COLUMNS, "time_format": "seconds"},
        )


FORMATS.register("swf")(SWF())
