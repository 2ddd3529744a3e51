"""``cutlayer report``: a results file as one page of HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from cutlayer.experiments.figures.seeds import Failed, failures
from cutlayer.experiments.records.run_groups import Group, Row, chosen_rows, group_runs, parameters_of
from cutlayer.experiments.report.figures import figures
from cutlayer.experiments.report.forest import forest_html
from cutlayer.experiments.report.html import Head, Ready, escape, table_html
from cutlayer.experiments.report.summary import at_the_bound, cases_of, failed_html, lead, summary_html
from cutlayer.experiments.report.tables import tables
from cutlayer.experiments.verdicts import Verdict
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import write_text
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.units import render


def report(path: str | Path, runs: Sequence[str] = (), out: str | Path | None = None) -> Path:
    """Write a report of a results file and return where it is.

    Parameters
    ----------
    path : path
        A results file.
    runs : sequence of str
        Schedulers or beginnings of keys; all runs by default.
    out : path, optional
        By default beside the results, named after them.

    Raises
    ------
    InputError
        If there are no such runs, or the page cannot be written.
    """
    target = Path(out) if out is not None else Path(path).with_suffix(".html")
    if target.is_dir():
        raise InputError("is a folder; allowed: a file", target)
    with Results(path, must_exist=True) as results:
        groups = group_runs(chosen_rows(results, runs))
        text = page(results, groups, Path(path), failures(results, runs))
    write_text(target, text)
    return target


def page(results: Results, groups: Sequence[Group], path: Path, failed: Sequence[Failed] = ()) -> str:
    """Return the whole page; the same results give the same text."""
    cases = cases_of(groups)
    panels, maps, notes = figures(results, groups)
    long_tables = tables(results, groups)
    claims = _claims(path)
    reached = at_the_bound(cases)
    first = failed_html(failed) + (f'<p class="notice">{escape(reached)}</p>' if reached else "")
    sections = [("summary", "Summary", first + forest_html(cases) + summary_html(cases))]
    if claims:
        sections.append(("claims", "Claims", _claims_html(claims)))
    drawn = '<p class="soft">Drag to zoom, double-click to see all again.</p><div class="figures"></div>'
    drawn = drawn if panels or maps else ""
    sections.append(("figures", "Figures", drawn + _notes_html(notes, shown=not drawn)))
    sections += [(table["name"], table["title"], f'<div id="{table["name"]}-table"></div>') for table in long_tables]
    sections.append(("runs", "Runs", _runs_html(groups)))
    sections.append(("reproduce", "Reproduce", _reproduce_html(groups)))
    data = {"panels": panels, "maps": maps, "tables": long_tables}
    style = _asset("report.css")
    script = _asset("chart.js") + _asset("report.js")
    fields = {
        "title": escape(path.name),
        "lead": escape(lead(cases, failed)),
        "nav": "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in sections),
        "body": "\n".join(f'<section id="{name}"><h2>{title}</h2>{body}</section>' for name, title, body in sections),
        "footer": "Written by <code>cutlayer report</code>. One file, no network: everything on this page is in it.",
        "data": _json(data),
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
    }
    # in one pass: what a user's text says is never taken for a field
    return re.sub(r"\{\{(\w+)\}\}", lambda match: fields[match[1]], _asset("report.html"))


def _notes_html(notes: Sequence[str], shown: bool) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    about = "<summary>What is not drawn, and why</summary>"
    return f'<details class="soft"{" open" if shown else ""}>{about}<ul>{items}</ul></details>'


def _asset(name: str) -> str:
    return resources.files("cutlayer.experiments.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """Return JSON that can stand in a script element: no tag can begin in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _claims(path: Path) -> list[dict[str, Any]]:
    """Return the claims that lie beside the results; none where there is no such file."""
    beside = path.with_name("claims.json")
    if not beside.is_file():
        return []
    try:
        claims = json.loads(beside.read_text(encoding="utf-8"))
        if unknown := [claim["verdict"] for claim in claims if claim["verdict"] not in get_args(Verdict)]:
            raise ValueError(f"verdict {unknown[0]!r}; allowed: {', '.join(get_args(Verdict))}")
        names = ("source", "says", "measured", "verdict", "reading")
        return [{name: claim[name] for name in names} for claim in claims]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is not a list of claims ({fault})", beside) from None


def _claims_html(claims: Sequence[dict[str, Any]]) -> str:
    looks = {"holds": "holds", "does not hold": "fails", "not shown": "unsure"}
    rows = [
        (claim["source"], claim["says"], claim["measured"],
         Ready(f'<span class="verdict {looks.get(claim["verdict"], "soft")}">{escape(claim["verdict"])}</span>'),
         claim["reading"])
        for claim in claims
    ]  # fmt: skip
    heads = ("where", "what it says", "what was measured", "verdict", "reading")
    return table_html([Head(name) for name in heads], rows)


def _runs_html(groups: Sequence[Group]) -> str:
    header = [
        Head("scheduler"), Head("seed", True), Head("key", False, "the beginning of the run's key"),
        Head("simulated [s]", True, "simulated time at the end"), Head("arrived", True), Head("deployed", True),
        Head("bound", True, "no scheduler has more tasks deployed at the end"), Head("departed", True),
        Head("rejected", True), Head("evicted", True), Head("reserved uplink", True, "at the end, all links together"),
        Head("reserved compute", True, "at the end, all servers together"),
    ]  # fmt: skip

    def number(row: Row, name: str, spec: str = ",.6g") -> tuple[str, Any]:
        return ("" if row[name] is None else f"{row[name]:{spec}}"), row[name]

    rows = [
        (
            group.label, number(row, "seed"), row["key"][:8], number(row, "end_s"), number(row, "arrived_tasks", ","),
            number(row, "deployed_tasks", ","), number(row, "bound_tasks"),
            *(number(row, name, ",") for name in ("departed_tasks", "rejected_tasks", "evicted_tasks")),
            (_unbroken(row["reserved_bps"], "bit/s"), row["reserved_bps"]),
            (_unbroken(row["reserved_flop_per_s"], "FLOP/s"), row["reserved_flop_per_s"]),
        )
        for group in groups
        for row in group.rows
    ]  # fmt: skip
    return table_html(header, rows, tall=len(rows) > 15)


def _unbroken(value: float, unit: str) -> str:
    """Return a quantity whose unit stays in its line."""
    return render(value, unit).replace(" ", "\u00a0")


def _reproduce_html(groups: Sequence[Group]) -> str:
    """Return commands, scenarios and versions: all that is needed to get these numbers again."""
    rows = [row for group in groups for row in group.rows]
    commands = list(dict.fromkeys(row["command"] for row in rows if row["command"]))
    versions = list(dict.fromkeys(row["versions"] for row in rows if row["versions"]))
    scenarios: dict[str, list[str]] = {}
    for group in groups:
        for row in group.rows:
            scenarios.setdefault(row["scenario"], []).append(f"{row['scheduler']}, {parameters_of(row)[1]}")
    parts = ["<p>The same command, files and versions give the same numbers, byte for byte.</p>", "<h3>Commands</h3>"]
    parts.append(f"<pre>{escape(chr(10).join(commands))}</pre><h3>Versions</h3>")
    parts += [f"<pre>{escape(_pretty(text))}</pre>" for text in versions]
    if paths := list(dict.fromkeys(row["paths"] for row in rows if row.get("paths") not in (None, "{}"))):
        parts += ["<h3>Files</h3>", *(f"<pre>{escape(_pretty(text))}</pre>" for text in paths)]
    parts.append("<h3>Scenarios</h3>")
    for text, users in scenarios.items():
        first = users[0].partition(", ")[0]
        others = f" and {len(users) - 1:,} more" if len(users) > 1 else ""
        parts.append(f"<details><summary>{escape(first)}{others}</summary><pre>{escape(_pretty(text))}</pre></details>")
    return "".join(parts)


def _pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
