"""What the values of a scenario file may be: quantities with units, ranges, file names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.units import PREFIXES, UNITS, parse

LEAST, MOST = 1e-50, 1e50
"""Of a quantity in SI units that is not 0, as in the files a user brings."""

EXAMPLES = {
    "FLOP/s": "290 GFLOP/s",
    "bit/s": "10 Mbit/s",
    "B": "100 kB",
    "s": "200 ms",
    "Hz": "5 Hz",
}


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Text(str):
    """Text of a scenario, which knows the folder that names of files in it are relative to."""

    folder: str = ""

    @classmethod
    def of(cls, text: str, folder: str) -> Text:
        """Return `text` as found in a file of that folder."""
        made = cls(text)
        made.folder = folder
        return made


class Number(float):
    """A quantity as a number in SI units: of an option whose name says the unit."""


class InputFile(str):
    """The absolute path of a file or folder that a scenario names.

    Attributes
    ----------
    written : str
        The path as a reader would write it here: `where` and what the scenario calls it.
    """

    written: str

    @classmethod
    def at(cls, where: str, name: str) -> InputFile:
        """Return the file called `name` in the folder `where`."""
        written = os.path.join(where, name)
        made = cls(os.path.abspath(written))
        made.written = written
        return made


class SchedulerName(str):
    """The name of a scheduler, or the absolute path of a file and a class in it; `written` as in `InputFile`."""

    written: str

    @classmethod
    def at(cls, where: str, name: str) -> SchedulerName:
        """Return the scheduler called `name` in the folder `where`."""
        path, colon, found = name.rpartition(":")
        written = os.path.join(where, path) + colon + found if colon else name
        made = cls(f"{os.path.abspath(written[: -len(found) - 1])}:{found}" if colon else name)
        made.written = written
        return made


class Range(NamedTuple):
    """The ends of a uniform distribution; both equal for a number that is always the same."""

    low: float
    high: float


class Section(BaseModel):
    """A table of a scenario file: nothing but its keys, each of its type, and all of it frozen."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)


Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def whole(message: str) -> PydanticCustomError:
    """Return the error whose message says it all, the value too."""
    return PydanticCustomError("whole", "{message}", {"message": message})


def several(value: Any) -> Any:
    """Return a list as it is meant, and a single thing as one of them."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def one_of(what: str, names: Iterable[str]) -> Any:
    """Return the type of a name among those that are known; `what` is said of one that is not."""
    known = sorted(names)  # registries are in the order in which modules happen to be imported

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise refused("text, a name")
        if value not in known:
            raise whole(UnknownNameError(what, str(value)[:100], known).message)
        return str(value)

    return Annotated[str, PlainValidator(read), WithJsonSchema({"type": "string", "enum": known})]


def refused(allowed: str) -> PydanticCustomError:
    """Return the error for a value that is not allowed."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed})


def _quantity(value: Any, unit: str, zero: bool = False) -> float:
    if isinstance(value, str):
        try:
            number = parse(value, unit)
        except InputError:
            raise refused(f"text with a number and its unit, such as '{EXAMPLES[unit]}'") from None
    elif isinstance(value, Number):
        number = float(value)
    else:
        raise refused(f"text with a number and its unit, such as '{EXAMPLES[unit]}'")
    if not (LEAST <= number <= MOST or (zero and number == 0)):
        if number > MOST or 0 < number < LEAST:
            raise refused(f"from {LEAST:g} to {MOST:g} {unit}")
        raise refused("0 or more" if zero else "above 0")
    return number


def written(value: float, unit: str) -> str:
    """Return the text that `cutlayer.simulator.units.parse` reads as exactly this number.

    Examples
    --------
    >>> written(290e9, "FLOP/s"), written(0.2, "s"), written(1 / 3, "Hz")
    ('290 GFLOP/s', '0.2 s', '0.3333333333333333 Hz')
    """
    exact = Decimal(repr(float(value)))
    name = next(iter(UNITS[unit]))
    if unit != "s":
        for prefix, factor in reversed(PREFIXES.items()):
            scaled = exact / Decimal(factor)
            text = f"{scaled.normalize():f}"
            if prefix and scaled >= 1 and len(text) <= 6 and parse(f"{text} {prefix}{name}", unit) == value:
                return f"{text} {prefix}{name}"
    return f"{value!r} {name}".replace(".0 ", " ")


def quantity_schema(unit: str) -> dict[str, Any]:
    units = "|".join(name.replace("/", "\\/") for name in UNITS[unit])
    prefixes = "" if unit == "s" else "[kMGTP]?"
    number = r"[+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
    return {
        "type": "string",
        "pattern": rf"^\s*{number}\s*{prefixes}({units})\s*$",
        "examples": [EXAMPLES[unit]],
    }


def quantity(unit: str, *, zero: bool = False) -> Any:
    """Return the type of a quantity: text with its unit in files, a float in SI units inside."""
    return Annotated[
        float,
        PlainValidator(lambda value: _quantity(value, unit, zero)),
        PlainSerializer(lambda value: written(value, unit), when_used="json"),
        WithJsonSchema(quantity_schema(unit)),
    ]


LAST_DEPARTURE = "last departure"


def _end(value: Any) -> float | str:
    return LAST_DEPARTURE if value == LAST_DEPARTURE else _quantity(value, "s", zero=True)


End = Annotated[
    float | str,
    PlainValidator(_end),
    PlainSerializer(lambda value: value if isinstance(value, str) else written(value, "s"), when_used="json"),
    WithJsonSchema({"anyOf": [quantity_schema("s"), {"const": LAST_DEPARTURE}]}),
]
"""The end of a run: a quantity, or the last departure."""


def quantity_range(unit: str) -> Any:
    """Return the type of a quantity, or of two in brackets: low and high of a uniform distribution."""

    def read(value: Any) -> Range:
        ends = value if isinstance(value, (list, tuple)) else [value, value]
        if len(ends) != 2:
            raise refused(f"one quantity, or two in brackets, such as '{EXAMPLES[unit]}'")
        low, high = (_quantity(end, unit) for end in ends)
        if low > high:
            raise refused("low before high")
        return Range(low, high)

    return Annotated[
        Range,
        PlainValidator(read),
        PlainSerializer(lambda value: _range_text(value, lambda end: written(end, unit)), when_used="json"),
        WithJsonSchema(_or_pair(quantity_schema(unit))),
    ]


def _range_text(value: Range, end: Callable[[float], Any]) -> Any:
    return end(value.low) if value.low == value.high else [end(value.low), end(value.high)]


def _or_pair(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 2, "maxItems": 2}]}


def is_file_name(value: Any) -> bool:
    """Return whether this can be the name of a file: text in one line."""
    return isinstance(value, str) and bool(value.strip()) and len(value) < 4000 and not _CONTROL.search(value)


def _file(value: Any) -> InputFile:
    if isinstance(value, InputFile):
        return value
    if not isinstance(value, str):
        raise refused("text, the name of a file")
    if not is_file_name(value):
        raise refused("the name of a file")
    file = InputFile.at(getattr(value, "folder", ""), str(value))
    if not os.path.exists(file):
        raise PydanticCustomError("file", "{message}", {"message": f"{file.written}: cannot be read (No such file)"})
    return file


def _scheduler_name(value: Any) -> SchedulerName:
    if isinstance(value, SchedulerName):
        return value
    if value != "" and not is_file_name(value):  # an empty name is as unknown as any other
        raise refused("the name of a scheduler, or path/to/mine.py:Class")
    return SchedulerName.at(getattr(value, "folder", ""), str(value))


File = Annotated[
    InputFile,
    PlainValidator(_file),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
"""The name of a file or folder, relative to the scenario file that says it."""

Scheduler = Annotated[
    SchedulerName,
    PlainValidator(_scheduler_name),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
"""The name of a scheduler, or a file and a class in it."""
