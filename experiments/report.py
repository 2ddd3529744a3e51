"""``cutlayer report``: a results file as one page of HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import numpy as np

from experiments.figures import KINDS
from experiments.panels import Curve, HeatMap, Missing, Panel, thinned
from experiments.report_tables import (
    MOST_ROWS,
    Ready,
    columnar,
    decision_types,
    decisions,
    differences_html,
    escape,
    rows_of,
    summary_html,
    table_html,
    types_of,
)
from experiments.run_groups import Group, Row, chosen_rows, group_runs, parameters_of
from experiments.verdicts import Verdict
from simulator.errors import InputError
from simulator.results import Results
from simulator.types import FloatArray
from simulator.units import render

CURVE_POINTS = 20_000
"""A longer curve is thinned to so many points: its lowest and highest ones stay."""
COLUMNS = {
    "frames": (
        "task", "server", "frames", "delivered", "lost", "in_flight", "violations", "transfer_mean_s", "transfer_p50_s",
        "transfer_p99_s", "transfer_max_s", "end_to_end_mean_s", "end_to_end_max_s", "compute_load", "uplink_load",
        "unstable",
    )
}  # fmt: skip
"""Of tables with very many columns, those on the page."""
HEAT_MAP_BYTES = 1_000_000
"""All heat maps of a report together."""


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
    with Results(path, must_exist=True) as results:
        groups = group_runs(chosen_rows(results, runs))
        text = page(results, groups, Path(path))
    target = Path(out) if out is not None else Path(path).with_suffix(".html")
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(target)
    except OSError as fault:
        raise InputError(f"cannot be written ({fault.strerror})", target) from None
    finally:
        draft.unlink(missing_ok=True)
    return target


def page(results: Results, groups: Sequence[Group], path: Path) -> str:
    """Return the whole page; the same results give the same text."""
    panels, maps, notes = _figures(results, groups)
    tables = _tables(results, groups)
    claims = _claims(path)
    sections = [("summary", "Summary", summary_html(groups) + differences_html(groups))]
    if claims:
        sections.append(("claims", "Claims", _claims_html(claims)))
    figures = '<div class="figures"></div>' + _notes_html(notes)
    sections.append(("figures", "Figures", "<p class=soft>Drag to zoom, double-click to see all again.</p>" + figures))
    sections += [(table["name"], table["title"], f'<div id="{table["name"]}-table"></div>') for table in tables]
    sections.append(("runs", "Runs", _runs_html(groups)))
    sections.append(("reproduce", "Reproduce", _reproduce_html(groups)))
    data = {"panels": [_panel(panel) for panel in panels], "maps": maps, "tables": tables}
    style = _asset("report.css")
    script = _asset("chart.js") + _asset("report.js")
    fields = {
        "title": escape(path.name),
        "lead": escape(_lead(groups)),
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


def _notes_html(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<details class="soft"><summary>What is not drawn, and why</summary><ul>{items}</ul></details>'


def _asset(name: str) -> str:
    return resources.files("experiments").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """Return JSON that can stand in a script element: no tag can begin in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _lead(groups: Sequence[Group]) -> str:
    rows = [row for group in groups for row in group.rows]
    schedulers = list(dict.fromkeys(group.scheduler for group in groups))
    cases = {json.dumps(group.parameters, sort_keys=True) for group in groups}

    def count(number: int, what: str) -> str:
        return f"{number:,} {what}" + ("" if number == 1 else "s")

    text = f"{count(len(rows), 'run')}: {count(len(schedulers), 'scheduler')}, {count(len(cases), 'scenario')}, "
    most = max(len(group.rows) for group in groups)
    text += "one seed each. " if most == 1 else f"up to {most:,} seeds each. "
    if len(cases) == 1 and len(groups) > 1:
        means = [float(np.mean([row["deployed_tasks"] for row in group.rows])) for group in groups]
        best = int(np.argmax(means))
        arrived = float(np.mean([row["arrived_tasks"] for row in groups[best].rows]))
        text += (
            f"Most tasks deployed at the end: {groups[best].label}, {means[best]:,.4g} of {arrived:,.4g} that arrived."
        )
    return text


def _figures(results: Results, groups: Sequence[Group]) -> tuple[list[Panel], list[dict[str, Any]], list[str]]:
    """Return panels, heat maps as the page reads them, and what to say of those that are not there."""
    panels: list[Panel] = []
    maps: list[dict[str, Any]] = []
    notes = []
    room = HEAT_MAP_BYTES
    for name in KINDS:
        kind = KINDS[name]
        if name == "map":
            continue
        try:
            for built in kind.build(results, groups):
                if isinstance(built, Panel):
                    panels.append(built)
                elif built.values.size <= room:
                    room -= built.values.size
                    maps.append(_heat_map(built))
                else:
                    notes.append(f"{built.title}: left out, too large for a page; cutlayer plot draws it")
        except Missing as missing:
            notes.append(f"{name}: {missing}")
    return panels, maps, notes


def _panel(panel: Panel) -> dict[str, Any]:
    curves = [thinned(curve, CURVE_POINTS) for curve in panel.curves]
    note = panel.note
    if any(own is not curve for own, curve in zip(curves, panel.curves, strict=True)):
        note = "; ".join(filter(None, [note, f"thinned to about {CURVE_POINTS:,} points a line"]))
    fields = ("name", "title", "x_label", "y_label", "lines", "x_lines", "x_log", "y_log", "upper_line")
    return {name: getattr(panel, name) for name in fields} | {
        "note": note,
        "curves": [_curve(curve) for curve in curves],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    described = {"label": curve.label, "steps": curve.steps, "plain": curve.plain}
    described |= {"x": _numbers(curve.x), "y": _numbers(curve.y)}
    if curve.low is not None and curve.high is not None:
        described |= {"low": _numbers(curve.low), "high": _numbers(curve.high)}
    return described


def _numbers(values: FloatArray) -> list[float | int | None]:
    """Return numbers as the page reads them, whole ones without a point, what is none as null."""
    return [
        None if not math.isfinite(value) else int(value) if value.is_integer() and abs(value) < 1e15 else value
        for value in values.tolist()
    ]


def _heat_map(built: HeatMap) -> dict[str, Any]:
    largest = built.largest or max(float(built.values.max(initial=0.0)), 1e-12)
    shades = np.clip(np.rint(built.values * (255 / largest)), 0, 255).astype(np.uint8)
    return {
        "name": built.name, "title": built.title, "x_label": built.x_label, "value_label": built.value_label,
        "names": built.names, "from": float(built.edges[0]), "to": float(built.edges[-1]), "columns": shades.shape[1],
        "largest": largest, "values": base64.b64encode(shades.tobytes()).decode(),
    }  # fmt: skip


def _tables(results: Results, groups: Sequence[Group]) -> list[dict[str, Any]]:
    found = [
        columnar(
            "decisions",
            "Decisions",
            "task, verdict, reason, server …",
            decisions(results, groups),
            decision_types(),
            MOST_ROWS["decisions"],
        )
    ]
    for name, title, hint in (
        ("tasks", "Tasks", "task, network, outcome …"),
        ("frames", "Frames by task and server", "task, server …"),
    ):
        kinds = types_of(name)
        types = {"run": "text"} | {column: kinds[column] for column in COLUMNS.get(name, kinds)}
        found.append(columnar(name, title, hint, rows_of(results, groups, name), types, MOST_ROWS[name]))
    measures = columnar(
        "measures",
        "Measures",
        "quantity, case …",
        results.rows("measures"),
        types_of("measures"),
        MOST_ROWS["measures"],
    )
    return [table for table in (*found, measures) if table["rows"]]


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
    return table_html(
        [(name, False) for name in ("where", "what it says", "what was measured", "verdict", "reading")], rows
    )


def _runs_html(groups: Sequence[Group]) -> str:
    numbers = ("simulated [s]", "arrived", "deployed", "bound", "departed", "rejected", "evicted")
    names = ("scheduler", "seed", "key", *numbers, "reserved uplink", "reserved compute")
    header = [(name, name not in ("scheduler", "key")) for name in names]

    def number(row: Row, name: str, spec: str = ",.6g") -> tuple[str, Any]:
        return ("" if row[name] is None else f"{row[name]:{spec}}"), row[name]

    rows = [
        (
            group.label, number(row, "seed"), row["key"][:12], number(row, "end_s"), number(row, "arrived_tasks", ","),
            number(row, "deployed_tasks", ","), number(row, "bound_tasks"),
            *(number(row, name, ",") for name in ("departed_tasks", "rejected_tasks", "evicted_tasks")),
            (render(row["reserved_bps"], "bit/s"), row["reserved_bps"]),
            (render(row["reserved_flop_per_s"], "FLOP/s"), row["reserved_flop_per_s"]),
        )
        for group in groups
        for row in group.rows
    ]  # fmt: skip
    return table_html(header, rows, tall=len(rows) > 15)


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
