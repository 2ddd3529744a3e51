"""The text of a profile: JSON of one shape, checked; a fault knows its line.

::

    {"schema": 1, "name": "alexnet", "input": {"shape": [3, 224, 224], "bytes": 150528},
     "layers": [{"name": "conv1", "flop": 140553600, "output_shape": [64, 27, 27], "output_bytes": 46656}],
     "provenance": {"kind": "measured"}}

A layer may carry a measured ``time_s`` and its spread ``time_spread_s``. Provenance is free but for its
kind. A fault is one `InputError` with file, line, value and what is allowed; the first one stops.
"""

from __future__ import annotations

import json
import math
import os
import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from cutlayer.simulator.errors import InputError, UnknownNameError, near_name
from cutlayer.simulator.types import Layer, Profile

SCHEMA = 1
KINDS = ("measured", "assumed")
_TOP = ("schema", "name", "input", "layers", "provenance")
_INPUT = ("shape", "bytes")
_LAYER = ("name", "flop", "output_shape", "output_bytes")
_TIMES = ("time_s", "time_spread_s")
LEAST, MOST = 1e-50, 1e50
"""Of a number that is not 0, as in all files that users bring: products and sums of a few stay finite."""
_DEPTH = 32
_LONGEST_INT = 400  # digits; a float holds 309

_At = tuple[str | int, ...]
"""Where a value stands in the document: keys and indices from the top."""

T = TypeVar("T")


class _Fault(Exception):
    """A fault at a place in the document, not yet turned into a line."""

    def __init__(self, at: _At, message: str) -> None:
        super().__init__(message)
        self.at = at


class _Twice(dict[str, Any]):
    """An object in which a key stands twice."""

    key: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            twice = _Twice(pairs)
            twice.key = key
            return twice
        members[key] = value
    return members


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INT else float(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def parse(text: str, file: str | os.PathLike[str]) -> Profile:
    """Return the profile that a text stands for; `file` is only named in messages.

    Raises
    ------
    InputError
        If the text is not a profile.
    """
    try:
        return _profile(_DECODER.decode(text))
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", file, error.lineno) from None
    except RecursionError:
        raise InputError(f"nested too deeply; allowed: {_DEPTH} levels", file) from None
    except _Fault as fault:
        raise InputError(str(fault), file, _line(text, fault.at)) from None


def dumps(profile: Profile) -> str:
    """Return the text that stands for a profile, the same on every machine; a layer a line.

    Raises
    ------
    InputError
        If `parse` would refuse the text.
    """
    try:
        text = _text(profile)
        _profile(_DECODER.decode(text))
    except (_Fault, TypeError, ValueError, RecursionError) as error:  # what JSON has no word for
        raise InputError(f"profile {profile.name!r} cannot be written: {error}") from None
    return text


def _text(profile: Profile) -> str:
    layers = []
    for layer in profile.layers:
        times = {key: getattr(layer, key) for key in _TIMES if getattr(layer, key) is not None}
        layers.append(json.dumps({key: getattr(layer, key) for key in _LAYER} | times))
    provenance = [json.dumps({key: value})[1:-1] for key, value in profile.provenance.items()]
    sections = {
        "schema": json.dumps(SCHEMA),
        "name": json.dumps(profile.name),
        "input": json.dumps({"shape": profile.input_shape, "bytes": profile.input_bytes}),
        "layers": _block("[]", layers),
        "provenance": _block("{}", provenance),
    }
    body = ",\n".join(f'  "{key}": {text}' for key, text in sections.items())
    return f"{{\n{body}\n}}\n"


def _block(brackets: str, lines: list[str]) -> str:
    return brackets[0] + ",".join(f"\n    {line}" for line in lines) + f"\n  {brackets[1]}"


def _profile(document: Any) -> Profile:
    """Build the profile that a decoded document stands for, or raise `_Fault`."""
    _plain((), document)
    if isinstance(document, dict) and "schema" in document:  # before the keys: another schema has others
        schema = document["schema"]
        if isinstance(schema, bool) or schema != SCHEMA:
            raise _Fault(("schema",), f"schema is {_shown(schema)}; allowed: {SCHEMA}")
    _keys((), document, "a profile", _TOP)
    name = _name(("name",), document["name"])
    frame = _keys(("input",), document["input"], "input", _INPUT)
    shape = _shape(("input", "shape"), frame["shape"])
    size = _number(("input", "bytes"), frame["bytes"])
    rows = _typed(("layers",), document["layers"], list, "a list")
    layers = tuple(_layer(("layers", i), row) for i, row in enumerate(rows))
    provenance = _typed(("provenance",), document["provenance"], dict, "an object")
    if "kind" not in provenance:
        raise _Fault(("provenance",), "provenance lacks the key 'kind'")
    kind = provenance["kind"]
    if kind not in KINDS:
        guess = near_name(kind, KINDS) if isinstance(kind, str) else "allowed: " + ", ".join(KINDS)
        raise _Fault(("provenance", "kind"), f"kind is {_shown(kind)}; {guess}")
    at: _At = ("input", "bytes") if layers else ("layers",)
    return _built(at, lambda: Profile(name, shape, size, layers, provenance))


def _layer(at: _At, row: Any) -> Layer:
    _keys(at, row, "a layer", _LAYER, _TIMES)
    name = _name((*at, "name"), row["name"])
    shape = _shape((*at, "output_shape"), row["output_shape"])
    flop, size = (_number((*at, key), row[key]) for key in ("flop", "output_bytes"))
    times = {key: _number((*at, key), row[key]) for key in _TIMES if key in row}
    for key, value in times.items():
        if value < 0:
            raise _Fault((*at, key), f"layer {name!r}: {key} is {value!r}; allowed: 0 or more")
    _built((*at, "flop"), lambda: Layer(name, flop, shape, 1))  # alone, to know which number is refused
    return _built((*at, "output_bytes"), lambda: Layer(name, flop, shape, size, **times))


def _built(at: _At, build: Callable[[], T]) -> T:
    """Build what checks itself; a refusal is a fault at `at`."""
    try:
        return build()
    except InputError as error:
        raise _Fault(at, error.message) from None


def _plain(at: _At, value: Any) -> None:
    """Refuse, anywhere in the document, what JSON can spell but a profile cannot hold."""
    if len(at) > _DEPTH:
        raise _Fault(at, f"nested too deeply; allowed: {_DEPTH} levels")
    if isinstance(value, _Twice):
        raise _Fault((*at, value.key), f"the key {_shown(value.key)} stands twice")
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            _plain((*at, step), item)
    elif isinstance(value, (int, float)):
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            what = at[-1] if at and isinstance(at[-1], str) else "a number"
            raise _Fault(at, f"{what} is {_shown(value)}; allowed: finite numbers")


def _keys(at: _At, value: Any, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Any:
    _typed(at, value, dict, "an object", what)
    for key in value:
        if key not in required + optional:
            raise _Fault((*at, key), UnknownNameError(f"key of {what}", key, required + optional).message)
    for key in required:
        if key not in value:
            raise _Fault(at, f"{what} lacks the key {key!r}")
    return value


def _typed(at: _At, value: Any, kind: type, allowed: str, what: str | None = None) -> Any:
    if not isinstance(value, kind):
        raise _Fault(at, f"{what or at[-1]} is {_shown(value)}; allowed: {allowed}")
    return value


def _name(at: _At, value: Any) -> str:
    if not (isinstance(value, str) and value.isprintable() and value):
        raise _Fault(at, f"name is {_shown(value)}; allowed: text in one line, not empty")
    return value


def _number(at: _At, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Fault(at, f"{at[-1]} is {_shown(value)}; allowed: a number")
    if value and not LEAST <= abs(value) <= MOST:
        raise _Fault(at, f"{at[-1]} is {_shown(value)}; allowed: 0, or {LEAST:g} to {MOST:g}")
    return value


def _shape(at: _At, value: Any) -> tuple[int, ...]:
    axes = _typed(at, value, list, "a list of whole numbers above 0")
    if not axes or not all(type(n) is int and n > 0 for n in axes):
        raise _Fault(at, f"{at[-1]} is {_shown(value)}; allowed: whole numbers above 0, one an axis")
    return tuple(axes)


def _shown(value: Any) -> str:
    return reprlib.repr(dict(value) if isinstance(value, _Twice) else value)


def _line(text: str, at: _At) -> int:
    """Return the line, from 1, on which the value at that place begins; `text` is sound JSON."""

    def skip(here: int, marks: str) -> int:
        while text[here] in marks:
            here += 1
        return here

    blank = " \t\r\n"
    here = skip(0, blank)
    for step in at:
        closing = "}" if text[here] == "{" else "]"
        index, found = 0, here
        here = skip(here + 1, blank)
        while text[here] != closing:
            key: str | int = index
            if closing == "}":
                key, here = _DECODER.raw_decode(text, here)
                here = skip(here, blank + ":")
            if key == step:
                found = here  # the last one counts, as for a key that stands twice
            _, here = _DECODER.raw_decode(text, here)
            here, index = skip(here, blank + ","), index + 1
        here = found
    return text.count("\n", 0, here) + 1
