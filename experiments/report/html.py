"""The small pieces of HTML that a report is made of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Cell = Any


class Ready(str):
    """Text that is HTML already."""


class Head(NamedTuple):
    """The head of a column: what it is called, whether it holds numbers, and what is said of it on hover."""

    label: str
    number: bool = False
    meaning: str = ""


def escape(text: Any) -> str:
    """Return text as it must stand in HTML, in attributes too."""
    return html.escape(str(text), quote=True)


def table_html(header: Sequence[Head], rows: Iterable[Sequence[Cell]], tall: bool = False) -> str:
    """Return a table that sorts; a cell is text, or text with the exact value, or ready HTML as `Ready`."""
    head = "".join(
        f"<th{' class=number' if number else ''}{_hover(meaning)}>{escape(label)}</th>"
        for label, number, meaning in header
    )
    lines = []
    for row in rows:
        cells = []
        for (_, number, _), cell in zip(header, row, strict=True):
            text, exact = cell if isinstance(cell, tuple) else (cell, None)
            value = "" if exact is None and not number else f' data-value="{escape("" if exact is None else exact)}"'
            kind = " class=number" if number else ""
            cells.append(f"<td{kind}{value}{_hover(exact)}>{text if isinstance(text, Ready) else escape(text)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    kind = "scroll tall" if tall else "scroll"
    return (
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{escape(header[0][0])} table">'
        f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _hover(text: Any) -> str:
    return "" if text is None or text == "" else f' title="{escape(text)}"'
