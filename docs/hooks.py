"""What pages are generated from beside Markdown: the parser, the packages, notebooks, the names of the guides."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

import cutlayer
from cutlayer.experiments.cli.main import EXIT_STATUS, build_parser

DOCS = Path(__file__).resolve().parent
COMMAND_LINE = "<!-- the command line, from its parser -->"
ROOMS = ("cutlayer", "simulator", "models", "profiles", "workloads", "experiments")
LEFT_OUT = {"__init__", "__main__", "cli", "bench"}
"""The command line has a page of its own; nobody imports the benchmarks."""
NOTEBOOK = re.compile(r"<!-- the notebook (\S+) -->")


def on_startup(**_: Any) -> None:
    """Lay the packages out as installed, for those who read sources by their place and follow no import hook."""
    tree = DOCS.parent / "build" / "docs" / "cutlayer"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for path in (*(DOCS.parent / "cutlayer").glob("*.py"), *(DOCS.parent / name for name in ROOMS[1:])):
        (tree / path.name).symlink_to(path)


def on_config(config: Any) -> Any:
    """Add every page in docs/ that the navigation does not name to the guides, and a page a room to the reference."""
    (guides,) = (part["Guides"] for part in config.nav if "Guides" in part)
    named = set(re.findall(r"[\w/-]+\.md", json.dumps(config.nav)))
    guides += [path.name for path in sorted(DOCS.glob("*.md")) if path.name not in named]
    (reference,) = (part["Reference"] for part in config.nav if "Reference" in part)
    reference += [{name: f"reference/{name}.md"} for name, _ in rooms()]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the rooms."""
    for name, folder in rooms():
        files.append(File.generated(config, f"reference/{name}.md", content=room(name, folder)))
    return files


def rooms() -> Iterator[tuple[str, Path]]:
    """Yield every installed package that has a page, by its installed name, and its folder."""
    for name in ROOMS:
        folder = DOCS.parent / name
        yield (name if name == "cutlayer" else f"cutlayer.{name}"), folder
        for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
            if inner.name not in LEFT_OUT:
                yield f"cutlayer.{name}.{inner.name}", inner


def room(name: str, folder: Path) -> str:
    """Return the page of a room: what its package says, then every module in it that has a public name."""
    deep = name.count(".") > 1
    lines = [f"# {name}", "", ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""]
    if name == "cutlayer":
        return "\n".join([*lines, *(f"\n::: cutlayer.{public}" for public in cutlayer.__all__)])
    for path in sorted(folder.rglob("*.py") if deep else folder.glob("*.py")):
        names = path.relative_to(folder).with_suffix("").parts
        if LEFT_OUT.isdisjoint(names) and not names[-1].startswith("_"):
            lines += ["", f"::: {'.'.join([name, *names])}"]
    return "\n".join(lines) + "\n"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the command line and notebooks where a page wants them."""
    if COMMAND_LINE in markdown:
        markdown = markdown.replace(COMMAND_LINE, command_line())
    return NOTEBOOK.sub(lambda match: notebook(DOCS / "notebooks" / match[1]), markdown)


def command_line() -> str:
    """Return the reference of the command line as Markdown."""
    parser = build_parser()
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    help_of = {choice.dest: choice.help for choice in verbs._choices_actions}
    lines = ["| verb | what it does |", "|---|---|"]
    lines += [f"| [`{name}`](#cutlayer-{name}) | {_cell(help_of[name])} |" for name in verbs.choices]
    lines += ["", "## Exit statuses", "", "| status | meaning |", "|---|---|"]
    statuses = re.findall(r"^ +(\d+) +(.*)$", EXIT_STATUS, flags=re.MULTILINE)
    lines += [f"| {status} | {_cell(meaning)} |" for status, meaning in statuses]
    for name, verb in verbs.choices.items():
        lines += ["", f"## cutlayer {name}", "", verb.description or "", "", *_options(verb)]
        lines += ["", verb.epilog.strip().splitlines()[0].capitalize(), "", "```sh"]
        lines += [line.strip() for line in verb.epilog.strip().splitlines()[1:]]
        lines += ["```"]
    return "\n".join(lines)


def _options(verb: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table for every group of options, and what a verb of verbs has."""
    for group in verb._action_groups:
        actions = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if not actions:
            continue
        yield from ("", f"| {(group.title or '').capitalize()} | {_cell(group.description)} |", "|---|---|")
        for action in actions:
            if isinstance(action, argparse._SubParsersAction):
                for choice in action._choices_actions:
                    yield f"| `{choice.dest}` | {_cell(choice.help)} |"
                continue
            needed = " *Needed.*" if action.required and action.option_strings else ""
            yield f"| {_spelling(action)} | {_cell(action.help)}{needed} |"
    for action in verb._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, choice in action.choices.items():
                yield from ("", f"### {choice.prog}", "", choice.description or name, "", *_options(choice))


def _spelling(action: argparse.Action) -> str:
    """Return how an argument is written: its options, each with what it takes."""
    takes = action.metavar if action.metavar is not None else "|".join(map(str, action.choices or ())) or action.dest
    takes = " ".join(takes) if isinstance(takes, tuple) else takes
    if not action.option_strings:
        return f"`{takes}`" + (" ..." if action.nargs in ("+", "*") else "")
    value = "" if action.nargs == 0 else f" {takes}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("%%", "%")


def notebook(path: Path) -> str:
    """Return a notebook as Markdown, each cell with what it put out."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"]).strip()
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            text = output.get("text") or output.get("data", {}).get("text/plain") or ()
            parts.append("```text\n" + "".join(text).rstrip() + "\n```")
    return "\n\n".join(parts)
