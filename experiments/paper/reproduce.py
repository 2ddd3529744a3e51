"""The paper, end to end: its figures redrawn and a verdict on each of its claims."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from cutlayer.experiments.paper.study import Claim, find_experiments, open_study, told
from cutlayer.experiments.verdicts import Verdict
from cutlayer.simulator.files import write_text


def paper_experiments() -> list[str]:
    """Return the names of the experiments that redraw something of the paper, in its order."""
    found = find_experiments()
    return sorted((name for name in found if found[name].paper), key=lambda name: (found[name].paper or "", name))


def reproduce(
    out: str | Path, seeds: int, only: Sequence[str] = (), jobs: int | None = None, settings: Sequence[str] = ()
) -> tuple[list[Claim], Path]:
    """Run experiments and write figures, ``claims.json`` and ``claims.md`` to one folder.

    Parameters
    ----------
    out : path
        The folder; what is in its results file already is not simulated again.
    seeds : int
        Number of seeds, 1 or more.
    only : sequence of str
        Names of experiments; all of the paper's by default.
    jobs : int, optional
        In how many processes; on all cores by default.
    settings : sequence of str
        ``KEY=VALUE`` to set over the scenario of every experiment.

    Returns
    -------
    claims : list of Claim
    folder : Path

    Raises
    ------
    InputError
        If an experiment is unknown, or the folder cannot be written to.
    """
    registered = find_experiments()
    experiments = [registered[name] for name in only or paper_experiments()]
    claims: list[Claim] = []
    with open_study(out, seeds, jobs, settings) as study:
        for one in experiments:
            claims += one.run(study)
        write_text(study.out / "claims.json", as_json(claims))
        write_text(study.out / "claims.md", as_markdown(claims, seeds))
        return claims, study.out


def plain(value: Any) -> Any:
    """Return claims as JSON has them; a number that is not there, such as an end of an interval of one run, is None."""
    if isinstance(value, Claim):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(claims: Sequence[Claim]) -> str:
    """Return the claims as the text of ``claims.json``."""
    return json.dumps(plain(claims), indent=1, allow_nan=False) + "\n"


def as_markdown(claims: Sequence[Claim], seeds: int) -> str:
    """Return the claims as a table in Markdown."""
    word = {"does not hold": "**does not hold**", "for information": "-"}
    lines = [
        "# The paper's claims, measured",
        "",
        f"Means over {seeds} seeds with 95 % confidence intervals in brackets. Nothing is tuned to make a claim hold.",
        "",
        "*Holds* and *does not hold*: the interval lies on one side. *Not shown*: it lies on both, and more seeds may "
        "say either.",
        "",
        "| where | what it says | what was measured | verdict | reading |",
        "|---|---|---|---|---|",
    ]
    for claim in claims:
        cells = (claim.source, claim.says, claim.measured, word.get(claim.verdict, claim.verdict), claim.reading)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def as_text(claims: Sequence[Claim]) -> str:
    """Return the claims as text for a terminal, and how many there are of each verdict."""
    number = Counter(claim.verdict for claim in claims)
    counts = ", ".join(f"{verdict} {number[verdict]}" for verdict in get_args(Verdict) if number[verdict])
    more = "; not shown: the interval lies on both sides, more seeds may say" if number["not shown"] else ""
    return "\n".join([*(told(claim) for claim in claims), f"{len(claims)} claims: {counts}{more}"])
