"""Scenario files before anyone asks what they mean: TOML, what it includes, and what is set over it."""

from __future__ import annotations

import copy
import itertools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cutlayer.experiments.scenarios.fields import Text, is_file_name
from cutlayer.simulator.errors import InputError

SHORT = {"scheduler": "name", "workload.trace": "file"}
"""Tables that may be written as the text that this key of theirs has."""

KINDS = ("name", "process", "distribution")
"""A table that says another one of these is another thing: it takes the place of the old one whole."""

EITHER = (
    ("network.file", ("network.servers", "network.capacity", "network.uplink", "network.topology")),
    ("network.topology", ("network.servers", "network.uplink")),
    ("workload.trace", ("workload.arrivals", "workload.tasks", "workload.duration")),
    ("interaction.file", ("interaction.share", "interaction.mean_on", "interaction.mean_off")),
)
"""A key and those that say the same in another way: what is said later counts."""

EITHER_IN_A_TABLE = (
    ("network.topology.file", ("network.topology.shape",)),
    ("bandwidth.file", ("bandwidth.trace", "bandwidth.links")),
    ("bandwidth.trace", ("bandwidth.links",)),
)
"""Likewise, where the table itself refuses both at once."""

MOST_FILES = 100
"""So many files make a scenario, those counted again that are included again."""

DEEPEST = 50
"""So deep tables and brackets may stand in each other: many times what any key needs."""

_AT = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


@dataclass
class Draft:
    """What files and settings say, and which of them said it.

    Attributes
    ----------
    data : dict
        Tables as TOML has them; texts know their folder.
    said_by : dict
        By key path: the file, or what else said it.
    """

    data: dict[str, Any] = field(default_factory=dict)
    said_by: dict[tuple[str, ...], str] = field(default_factory=dict)

    def add(self, table: Mapping[str, Any], source: str) -> None:
        """Lay `table` over what is there: tables are merged key by key, all else is replaced.

        A table over schedulers or traces in brackets is laid over each of them, unless it names another.
        """
        self._drop_other_ways(table)
        self._merge(self.data, table, (), source)

    def source_of(self, path: Sequence[Any]) -> str:
        """Return who said the key at `path`, or the table it is in."""
        at = tuple(str(part) for part in path)
        while at not in self.said_by and at:
            at = at[:-1]
        return self.said_by.get(at, "")

    def _merge(self, old: dict[str, Any], new: Mapping[str, Any], at: tuple[str, ...], source: str) -> None:
        for key, said in new.items():
            path = (*at, key)
            value = _long(".".join(path), said)
            before = old.get(key)
            if _is_for_each(".".join(path), before, value):
                old[key] = copy.deepcopy(before)
                for place, one in enumerate(old[key]):
                    self._merge(one, value, (*path, str(place)), source)
            elif isinstance(value, Mapping):
                if not isinstance(before, dict) or _other_kind(before, value):
                    old[key] = {}
                    self._forget(path)
                self.said_by.setdefault(path, source)
                self._merge(old[key], value, path, source)
            else:
                old[key] = value
                self._forget(path)
                self.said_by[path] = source

    def _forget(self, path: tuple[str, ...]) -> None:
        for known in [known for known in self.said_by if known[: len(path)] == path]:
            del self.said_by[known]

    def _drop_other_ways(self, table: Mapping[str, Any]) -> None:
        for key, others in (*EITHER, *EITHER_IN_A_TABLE):
            if _has(table, key):
                for other in others:
                    self._drop(other)
            elif any(_has(table, other) for other in others):
                self._drop(key)

    def _drop(self, key: str) -> None:
        *tables, last = key.split(".")
        inner: Any = self.data
        for name in tables:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)


def _has(table: Any, key: str) -> bool:
    for name in key.split("."):
        if not isinstance(table, Mapping) or name not in table:
            return False
        table = table[name]
    return True


def both_said(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that are there twice, in two ways."""
    for key, others in EITHER:
        yield from ((key, other) for other in others if _has(data, key) and _has(data, other))


def without_other_ways(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables without the keys that others make idle."""
    draft = Draft({key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()})
    for key, others in EITHER:
        if _has(data, key):
            for other in others:
                draft._drop(other)
    return draft.data


def _is_for_each(key: str, before: Any, value: Any) -> bool:
    """Return whether a table names no scheduler or trace of its own, but says more of each of those in brackets."""
    several = isinstance(before, list) and all(isinstance(one, dict) for one in before)
    return several and isinstance(value, Mapping) and key in SHORT and SHORT[key] not in value


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return any(kind in new and old.get(kind) != new[kind] for kind in KINDS)


def _long(key: str, value: Any) -> Any:
    """Return the table that a text is short for, where it is."""
    if key in SHORT:
        if isinstance(value, str):
            return {SHORT[key]: value}
        if isinstance(value, list):
            return [{SHORT[key]: item} if isinstance(item, str) else item for item in value]
    return value


def read(path: str | os.PathLike[str]) -> Draft:
    """Read a scenario file and what it includes.

    Raises
    ------
    InputError
        If a file cannot be read, is no TOML, or includes itself, or too many are included.
    """
    draft = Draft()
    for source, table in _with_included(os.fspath(path), (), itertools.count(1)):
        draft.add(table, source)
    return draft


def _with_included(
    path: str, includers: tuple[str, ...], numbers: Iterator[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of the files that `path` includes, and then its own; `numbers` counts the files."""
    if next(numbers) > MOST_FILES:
        raise InputError(f"is included as file {MOST_FILES + 1}; allowed: {MOST_FILES} files in one scenario", path)
    table = _table(path)
    folder = os.path.dirname(path)
    chain = (*includers, os.path.realpath(path))
    named = table.pop("include", [])
    for name in named if isinstance(named, list) else [named]:
        if not is_file_name(name):
            raise InputError(f"include is {shown(name)}; allowed: the name of a scenario file, or several", path)
        included = os.path.join(folder, name)
        if os.path.realpath(included) in chain:
            raise InputError(f"include is {shown(name)}, which includes this file; allowed: no loops", path)
        if len(chain) > 20:
            raise InputError(f"include is {shown(name)}, 20 deep; allowed: fewer", path)
        yield from _with_included(included, chain, numbers)
    yield path, _rooted(table, folder)


def _table(path: str) -> dict[str, Any]:
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise InputError("is a folder, a pipe or a device; allowed: a scenario file (TOML)", path)
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"cannot be read ({getattr(fault, 'strerror', None) or fault})", path) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise InputError(f"not a text file in UTF-8 (byte {data[fault.start]:#04x})", path, line) from None
    if not text.strip():
        raise InputError("is empty; allowed: a scenario, such as 'cutlayer scenario init' writes", path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        match = _AT.fullmatch(str(fault))
        reason = " ".join((match[1] if match else str(fault)).split())[:200]
        line = int(match[2]) if match and match[2] else text.count("\n") + 1
        raise InputError(f"not TOML ({reason})", path, line) from None
    except RecursionError:
        raise InputError("not TOML (nested too deeply)", path) from None
    except ValueError as fault:  # a number of thousands of digits
        raise InputError(f"not TOML ({str(fault).split(';')[0]})", path) from None
    if _is_deep(table):
        raise InputError(f"nested more than {DEEPEST} deep; allowed: less", path)
    return table


def _is_deep(value: Any) -> bool:
    """Return whether tables and brackets stand in each other more than `DEEPEST` deep."""
    level = [value]
    for _ in range(DEEPEST + 1):
        tables = [one for one in level if isinstance(one, (dict, list))]
        level = [item for one in tables for item in (one.values() if isinstance(one, dict) else one)]
    return any(isinstance(one, (dict, list)) for one in level)


def _rooted(value: Any, folder: str) -> Any:
    """Return the value with texts that know their folder."""
    if isinstance(value, dict):
        return {key: _rooted(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_rooted(item, folder) for item in value]
    return Text.of(value, folder) if isinstance(value, str) else value


def setting(text: str, option: str = "--set") -> dict[str, Any]:
    """Return the tables that ``KEY=VALUE`` says; the value is TOML, or else text.

    Examples
    --------
    >>> setting("workload.tasks=2000"), setting("network.uplink=10 Mbit/s")
    ({'workload': {'tasks': 2000}}, {'network': {'uplink': '10 Mbit/s'}})
    """
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        raise InputError(f"{option} {shown(text)}; allowed: KEY=VALUE, such as workload.tasks=2000")
    inner = _value(value.strip())
    if len(names) > DEEPEST or _is_deep(inner):
        raise InputError(f"{option} {shown(text)}: nested more than {DEEPEST} deep; allowed: less")
    found: Any = _rooted(inner, "")
    for name in reversed(names):
        found = {name: found}
    return dict(found)


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if found.keys() == {"value"} else text


def shown(value: Any) -> str:
    """Return a value as messages show it: in one line, not too long."""
    text = repr(str(value)) if isinstance(value, str) else " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:100]}..."
