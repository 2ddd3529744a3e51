"""Names of any script in figures and in the names of their files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from cutlayer.experiments.console import log, printable


@cache
def fonts_with(letters: frozenset[str]) -> tuple[list[str], set[str]]:
    """Return the fewest installed fonts that together have these letters, about, and the letters that none has."""
    from matplotlib.font_manager import fontManager, get_font

    has: dict[str, set[str]] = {}
    for font in sorted(fontManager.ttflist, key=lambda font: (font.style != "normal", font.weight != 400, font.name)):
        if font.name not in has and "Last Resort" not in font.name:  # that one has a box for every letter
            try:
                own = get_font(font.fname)
                has[font.name] = {letter for letter in letters if own.get_char_index(ord(letter))}
            except (OSError, RuntimeError):  # listed once, and gone or damaged since
                continue
    fonts, left = [], set(letters)
    while best := max(has, key=lambda name: len(has[name] & left), default=""):
        if not has[best] & left:
            break
        fonts.append(best)
        left -= has[best]
    return fonts, left


@cache
def say_missing(letters: str) -> None:
    """Log once which letters cannot be drawn."""
    log.warning("no installed font has these letters, which are boxes in the figures: %s", printable(letters))


def slug(text: str) -> str:
    """Return text that can be part of a file name: letters of any script, digits and dots, 80 bytes at most.

    Examples
    --------
    >>> slug("fixed(cut=1), servers 20"), slug("../ÄÖ 中文")
    ('fixed-cut-1-servers-20', 'äö-中文')
    """
    words = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", text)).strip("-._").lower()
    return words.encode()[:80].decode(errors="ignore") or "figure"


def unlike(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return file names of which no two are one on any file system: later ones that would be get a number.

    Examples
    --------
    >>> unlike(["a", "b", "a", "a"])
    ['a', 'b', 'a-2', 'a-3']
    """
    used = set(taken)
    found = []
    for name in names:
        number = 1
        while (own := name if number == 1 else f"{name}-{number}") in used:
            number += 1
        used.add(own)
        found.append(own)
    return found
