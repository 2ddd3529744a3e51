"""Scenarios as text: all that is resolved, as TOML; the words of a file, as JSON Schema; a file to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import tomli_w

from cutlayer.experiments.scenarios.fields import Section
from cutlayer.experiments.scenarios.files import without_other_ways
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.files import write_text

SCHEMA_FILE = "cutlayer.schema.json"
"""What editors look for beside a scenario that names it: ``#:schema cutlayer.schema.json``."""


def to_toml(scenario: Scenario) -> str:
    """Return a scenario file with everything resolved, that loads to the equal scenario from any folder.

    Files are named by their absolute paths, quantities stand with units, and defaults are written out.
    """
    data = without_other_ways(scenario.model_dump(mode="json", exclude_none=True))
    return tomli_w.dumps(data)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files, which editors complete and check them with."""
    found = Scenario.model_json_schema()
    sections = found["$defs"]
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    scheduler = {"anyOf": [text, {"$ref": "#/$defs/SchedulerSection"}]}
    found["properties"] = {
        "include": {
            "anyOf": [text, {"type": "array", "items": text}],
            "description": "Scenario files that this one is laid over, relative to it.",
        },
        **found["properties"],
        "scheduler": {
            "anyOf": [*scheduler["anyOf"], {"type": "array", "items": scheduler, "minItems": 1}],
            "description": "A scheduler, or several in brackets: a name, or a table of name and parameters.",
        },
    }
    workload = sections["WorkloadSection"]["properties"]
    trace = {"anyOf": [text, {"$ref": "#/$defs/TraceSection"}]}
    workload["trace"] = {
        "anyOf": [*trace["anyOf"], {"type": "array", "items": trace, "minItems": 1}],
        "description": workload["trace"]["description"],
    }
    found["title"], found["description"] = "cutlayer scenario", "All that is said about a run of cutlayer."
    said: dict[str, Any] = _plain(found)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **said}


def schema_text() -> str:
    """Return the schema as it is committed and handed out."""
    return json.dumps(schema(), indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Return the schema without what no file can say (TOML has no null) and without titles made of keys."""
    if isinstance(value, list):
        return [_plain(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        if key == "default" and item is None:
            continue
        if key == "title" and isinstance(item, str) and "properties" not in value and "$defs" not in value:
            continue
        if key == "discriminator" and isinstance(item, dict) and "propertyName" in item:
            continue
        kept[key] = _plain(item)
    alternatives = kept.get("anyOf")
    if isinstance(alternatives, list) and len(alternatives) == 1:
        kept = {**{key: item for key, item in kept.items() if key != "anyOf"}, **alternatives[0]}
    return kept


def template() -> str:
    """Return a scenario to begin with: it runs as it is, and comments say what else there is: every key."""
    text = (resources.files("cutlayer.experiments.scenarios") / "template.toml").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(?=(?:# )?\[[a-z.]+\])", text)
    return "".join(part.rstrip("\n") + "\n" + "".join(_unsaid(part)) + "\n" for part in parts).rstrip("\n") + "\n"


def _unsaid(part: str) -> Iterator[str]:
    """Yield a comment for every key of a table that its part of the template does not have."""
    header = re.match(r"(?:# )?\[([a-z.]+)\]", part)
    section: Any = Scenario
    for name in header[1].split(".") if header else ():
        section = next(_sections(section.model_fields[name].annotation))
    for name, field in section.model_fields.items() if header else ():
        if re.search(rf"(?m)(^|# |[{{,] ){name} = |\[[a-z.]*\b{name}\]", part):
            continue
        default = _default(section, name) or "..."
        yield f"{f'# {name} = {default}':34}# {' '.join((field.description or '').split())}\n"


def _sections(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _default(section: Any, name: str) -> str:
    """Return the default of a key as TOML has it; nothing if it has none."""
    field = section.model_fields[name]
    if field.default is None or field.is_required() or list(_sections(field.annotation)):
        return ""
    value = section.model_construct(**{name: field.default}).model_dump(mode="json", include={name})[name]
    return tomli_w.dumps({name: value}, multiline_strings=False).strip().partition(" = ")[2].replace("\n", " ")


def init(out: str | None) -> list[str]:
    """Write the template, and beside it the schema that it names, and return the files; both are new or nothing is.

    Raises
    ------
    InputError
        If there is such a file already, or it cannot be written.
    """
    path = Path(out or "scenario.toml")
    if path.exists():
        raise InputError("already exists; choose another name", path)
    beside = path.with_name(SCHEMA_FILE)
    files = {path: template()} if beside.exists() else {beside: schema_text(), path: template()}
    for target, text in files.items():
        write_text(target, text)
    return [str(target) for target in files]
