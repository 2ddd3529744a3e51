"""Pages of documentation as what a reader would do with them: type, save, compare.

A page is Markdown. Its blocks are taken in order, in one empty folder:

- ```` ```sh ```` is typed into a shell; ```` ```python ```` is run as a script, or as a doctest where it has prompts;
- a block of any language with ``title="mine.py"`` is saved under that name;
- ```` ```text ```` after a block that was run, before the next heading, is what that printed: standard output and
  errors as a terminal shows them. ``...`` stands for anything within a line, and alone on a line for any lines.

A comment right above a block says what is special about it: ``<!-- not run: REASON -->``, ``<!-- exit status 2 -->``
or ``<!-- needs torch -->`` (run where that module is installed); above a ``text`` block ``<!-- not output -->``.
``<!-- slow: REASON -->`` anywhere on a page leaves the page to the slow tests.
"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {"sh", "python", "text", "csv", "toml", "json", "sql", "bibtex", "xml"}
"""What blocks may be; nothing that looks like a shell passes by under another name."""

_COMMENT = re.compile(r"<!-- (.*?) -->")
_FENCE = re.compile(r"^```(\w*)(?: +title=\"([^\"]+)\")?\s*$")


@dataclass
class Block:
    """One fenced block of a page; `output` is the ``text`` block it is said to print."""

    page: str
    line: int
    language: str
    title: str | None
    text: str
    comment: str | None
    output: str | None = None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """Why the block is not run, if it is not."""
        said, colon, reason = (self.comment or "").partition("not run:")
        return reason.strip() if colon and not said else None

    @property
    def status(self) -> int:
        match = re.fullmatch(r"exit status (\d+)", self.comment or "")
        return int(match[1]) if match else 0

    @property
    def needs(self) -> str | None:
        match = re.fullmatch(r"needs (\w+)", self.comment or "")
        return match[1] if match else None

    @property
    def is_command(self) -> bool:
        return self.title is None and self.language in ("sh", "python")


def pages() -> list[str]:
    """Return the paths of all pages, from the project's folder."""
    found = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")]
    return ["README.md", "CONTRIBUTING.md", *sorted(found)]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def is_slow(page: str) -> bool:
    return re.search(r"^<!-- slow: \S.* -->$", text_of(page), flags=re.MULTILINE) is not None


def blocks(page: str, text: str | None = None) -> list[Block]:
    """Return the blocks of a page in order, each ``text`` that is an output joined to its command."""
    found: list[Block] = []
    may_print: Block | None = None
    for block in _fenced(page, text_of(page) if text is None else text):
        if block is None:  # a heading
            may_print = None
        elif block.language == "text" and block.comment != "not output" and may_print is not None:
            may_print.output, may_print = block.text, None
        else:
            found.append(block)
            may_print = block if block.is_command else None
    return found


def _fenced(page: str, text: str) -> Iterator[Block | None]:
    comment, opened, inside = None, None, []
    for number, line in enumerate(text.splitlines(), start=1):
        if opened is not None:
            if line.rstrip() == "```":
                opened.text = "".join(f"{one}\n" for one in inside)
                yield opened
                opened, inside, comment = None, [], None
            else:
                inside.append(line)
        elif line.lstrip().startswith("```"):
            match = _FENCE.match(line)
            assert match, f"{page}:{number}: a fence that this reader does not know: {line!r}"
            opened = Block(page, number, match[1], match[2], "", comment)
        elif match := _COMMENT.fullmatch(line.strip()):
            comment = match[1]
        elif line.strip():
            comment = None
            if line.startswith("#"):
                yield None
    assert opened is None, f"{page}: a block is not closed"


class Reader:
    """Someone who works through a page in an empty folder, with `cutlayer` and `python` at hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "here"
        self.folder.mkdir()
        binaries = folder / "bin"
        binaries.mkdir()
        for name, call in (("cutlayer", "-m cutlayer.experiments.cli.main"), ("python", "")):
            (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n')
            (binaries / name).chmod(0o755)
        (self.folder / "workloads").symlink_to(ROOT / "workloads")  # a checkout has its samples
        (self.folder / ".venv").mkdir()
        (self.folder / ".venv" / "bin").symlink_to(binaries)
        self.environment = os.environ | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
        }

    def follow(self, block: Block) -> None:
        """Do what a block says; it must end and print as the page says."""
        if block.not_run is not None or (block.needs and importlib.util.find_spec(block.needs) is None):
            return
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.is_command:
            status, printed = self._run(block)
            assert status == block.status, f"{block.where} ended with status {status}:\n{printed}"
            if block.output is not None:
                assert matches(block.output, printed), f"{block.where} printed\n{printed}\nnot\n{block.output}"

    def _run(self, block: Block) -> tuple[int, str]:
        if block.language == "sh":
            argv = ["sh", "-e", "-c", block.text]
        elif block.text.lstrip().startswith(">>>"):
            argv = [sys.executable, doctest.__file__, "-o", "ELLIPSIS", "session.txt"]
            (self.folder / "session.txt").write_text(block.text, encoding="utf-8")
        else:
            argv = [sys.executable, "-c", block.text]
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=1200,
        )
        return done.returncode, done.stdout


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what a page says, ``...`` standing for anything."""
    pattern = ""
    for line in expected.rstrip().splitlines():
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\n"
    plain = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, plain) is not None
