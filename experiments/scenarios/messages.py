"""What is wrong with a scenario: all of it at once, a line each, saying where, what, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from cutlayer.experiments.scenarios.files import Draft, shown
from cutlayer.simulator.errors import InputError, near_name

_ALLOWED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "several in brackets",
    "list_type": "several in brackets",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "too_short": "1 or more",
    "string_too_short": "text that is not empty",
    "int_parsing_size": "a smaller number",
}
_BOUNDS = {"gt": "above {}", "ge": "{} or more", "lt": "below {}", "le": "at most {}"}
_OUT_OF_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


class ScenarioError(InputError):
    """All that is wrong with a scenario, a line each."""

    def __init__(self, message: str, file: Any = None, line: int | None = None) -> None:
        super().__init__(message, file, line)

    @classmethod
    def of(cls, lines: Sequence[str]) -> ScenarioError:
        """Return the error that says all these lines."""
        return cls("\n".join(lines))

    @property
    def lines(self) -> list[str]:
        """The lines."""
        return self.message.split("\n")


def located(source: str, message: str) -> str:
    """Return the message with the file that it is about, if it is one."""
    return f"{source}: {message}" if source else message


def faults(error: ValidationError, draft: Draft, root: type[BaseModel], names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for every fault that a model found.

    Parameters
    ----------
    error : ValidationError
    draft : Draft
        What was judged.
    root : type
        The model.
    names : mapping of str to str
        What keys are called that no file said, but an option of the command line.
    """
    for found in error.errors(include_url=False):
        path = _said(found["loc"], draft.data, missing=found["type"] in ("missing", "union_tag_not_found"))
        key = ".".join(part if part.isprintable() and len(part) < 100 else shown(part) for part in path)
        source = draft.source_of(path)
        name = key if source else names.get(key, key)
        yield located(source, _message(found, name, path, draft, root))


def _said(loc: Sequence[Any], data: Any, missing: bool) -> list[str]:
    """Return the part of a place that stands in the data: pydantic adds names of alternatives."""
    path = []
    for at, part in enumerate(loc):
        if (isinstance(data, Mapping) and part in data) or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]
        elif not (missing and at == len(loc) - 1):
            continue
        path.append(str(part))
    return path


def _message(found: Mapping[str, Any], name: str, path: Sequence[str], draft: Draft, root: type[BaseModel]) -> str:
    kind, value, context = found["type"], found["input"], found.get("ctx", {})
    said = f"{name} is {shown(value)}"
    if kind == "refused":
        return f"{said}; allowed: {context['allowed']}"
    if kind == "file":
        return f"{name}: {context['message']}"
    if kind == "whole":
        return f"{name}: {context['message']}" if name else str(context["message"])
    if kind == "extra_forbidden":
        model = model_at(root, path[:-1], draft.data)
        whole = [f"{table}.{path[-1]}" for table in _tables_with(root, path[-1])] if len(path) == 1 else []
        if whole:
            return f"unknown key {shown(name)}; did you mean {' or '.join(map(repr, whole))}?"
        return f"unknown key {shown(name)}; {near_name(path[-1], [] if model is None else model.model_fields)}"
    if kind == "missing":
        return f"{name} is missing"
    if kind in ("literal_error", "union_tag_invalid"):
        expected = context.get("expected") or context["expected_tags"]
        known = [text.replace("\\'", "'") for text in _QUOTED.findall(expected)]
        tag = context.get("tag", value)
        field = path[-1] if path else ""
        if kind == "union_tag_invalid":
            field, name = context["discriminator"].strip("'"), f"{name}.{context['discriminator'].strip(chr(39))}"
        near = near_name(tag, known) if isinstance(tag, str) else f"allowed: {', '.join(known)}"
        return f"{name}: unknown {field} {shown(tag)}; {near}"
    if kind == "union_tag_not_found":
        return f"{name} says no {context['discriminator'].strip(chr(39))}"
    if kind in _OUT_OF_BOUNDS:
        model = model_at(root, path[:-1], draft.data)
        return f"{said}; allowed: {_bounds(model, path[-1], context)}"
    if kind == "value_error" and isinstance(context.get("error"), InputError):
        return f"{name}: {context['error']}" if name else str(context["error"])
    return f"{said}; allowed: {_ALLOWED.get(kind, found['msg'])}"


def _tables_with(root: type[BaseModel], key: str) -> list[str]:
    """Return the tables of a scenario that have this key."""
    models = {name: _model_of(field.annotation, None) for name, field in root.model_fields.items()}
    return [name for name, model in models.items() if model is not None and key in model.model_fields]


def _bounds(model: type[BaseModel] | None, key: str, context: Mapping[str, Any]) -> str:
    """Return all bounds of a key in words, or where it is none of a model, the one that was broken."""
    known: list[tuple[str, Any]] = []
    if model is not None and key in model.model_fields:
        field = model.model_fields[key]
        for bound in [*field.metadata, *_inner(field.annotation)]:
            known += [(limit, getattr(bound, limit)) for limit in _BOUNDS if hasattr(bound, limit)]
    known = known or [(limit, context[limit]) for limit in _BOUNDS if limit in context]
    if [limit for limit, _ in known] == ["ge", "le"]:
        return " to ".join(_plain(value) for _, value in known)
    return ", ".join(_BOUNDS[limit].format(_plain(value)) for limit, value in known)


def _inner(annotation: Any) -> Iterator[Any]:
    """Yield what is said of a type that may also be missing."""
    for part in getattr(annotation, "__metadata__", ()):
        yield from getattr(part, "metadata", (part,))
    for part in getattr(annotation, "__args__", ()):
        yield from _inner(part)


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def model_at(root: type[BaseModel], path: Sequence[str], data: Any) -> type[BaseModel] | None:
    """Return the model of the table at `path`."""
    model: type[BaseModel] | None = root
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
        if part.isdigit():
            continue
        if model is None or part not in model.model_fields:
            return None
        model = _model_of(model.model_fields[part].annotation, data)
    return model


def _model_of(annotation: Any, data: Any) -> type[BaseModel] | None:
    """Return the model that an annotation names; among several, the one whose kind the data says."""
    found = list(_models(annotation))
    for model in found:
        for kind in ("process", "distribution", "name"):
            field = model.model_fields.get(kind)
            if len(found) > 1 and field is not None and isinstance(data, Mapping) and data.get(kind) == field.default:
                return model
    return found[0] if found else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
