"""The words of a scenario file about tasks: when they arrive, what they are, and where they are fed.

Processes of arrivals come from their registry: one that is added there can be said here, its parameters without the
unit in their name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    WithJsonSchema,
    create_model,
    model_validator,
)

from cutlayer.experiments.scenarios.fields import (
    LEAST,
    MOST,
    Count,
    File,
    Section,
    one_of,
    quantity,
    quantity_schema,
    refused,
    several,
    whole,
    written,
)
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.units import parse
from cutlayer.workloads.arrivals.generated import PROCESSES, Process
from cutlayer.workloads.distributions import (
    DISTRIBUTIONS,
    Choice,
    Constant,
    Distribution,
    OwnInput,
    Uniform,
    described,
    distribution_of,
)
from cutlayer.workloads.spreads import SPREADS, Everywhere, Nearest, Spreading
from cutlayer.workloads.traces.formats import FORMATS

_SUFFIX = re.compile(r"_(s|hz|bps)$")
_NEAREST = re.compile(r"nearest\((\d{1,9})\)", re.ASCII)


class ProcessSection(Section):
    """A process of arrivals."""

    process: str

    def built(self) -> Process:
        """Return the process."""
        kind: Any = PROCESSES[self.process]
        names = {_SUFFIX.sub("", field.name): field.name for field in dataclasses.fields(kind)}
        said = self.model_dump(exclude={"process"})
        built: Process = kind(
            **{names[name]: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
        )
        return built

    @model_validator(mode="after")
    def _is_allowed(self) -> ProcessSection:
        try:
            self.built()
        except InputError as fault:
            said = str(fault)
            for field in dataclasses.fields(PROCESSES[self.process]):  # type: ignore[arg-type]
                said = re.sub(rf"\b{field.name}\b", _SUFFIX.sub("", field.name), said)  # as the file calls it
            raise whole(said) from None
        return self


def _process_section(name: str) -> type[ProcessSection]:
    """Return the section of the process registered as `name`."""
    kind: Any = PROCESSES[name]
    fields: dict[str, Any] = {"process": (Literal[name], Field(description="Which process."))}
    for field in dataclasses.fields(kind):
        unit = kind.units.get(field.name)
        one: Any = float if unit is None else quantity({"hz": "Hz", "s": "s"}.get(unit, unit), zero=True)
        several = "tuple" in str(field.type)
        what = Annotated[list[one], Field(min_length=1)] if several else one
        default = ... if field.default is dataclasses.MISSING else field.default
        fields[_SUFFIX.sub("", field.name)] = (what, default)
    section: type[ProcessSection] = create_model(
        f"{kind.__name__}Arrivals", __base__=ProcessSection, __doc__=kind.__doc__, __module__=__name__, **fields
    )
    globals()[section.__name__] = section  # where pickling looks for it
    return section


PROCESS_SECTIONS = {name: _process_section(name) for name in sorted(PROCESSES)}
Arrivals: Any = Annotated[reduce(or_, PROCESS_SECTIONS.values()), Field(discriminator="process")]


def distribution(unit: str, *, native: bool = False) -> Any:
    """Return the type of a quantity that may be drawn: one, two in brackets, or a table that names a distribution.

    With `native` also the text "native": what the task's profile was measured with.
    """

    def read(value: Any) -> Any:
        if isinstance(value, Distribution):
            return value
        if native and value == "native":
            return OwnInput()
        if native and isinstance(value, str) and not any(map(str.isdecimal, value)):
            raise refused(f"a quantity in {unit}, or native")
        try:
            if isinstance(value, (list, tuple)) and len(value) == 2 and _are_quantities(value):
                return Uniform(parse(value[0], unit), parse(value[1], unit))
            if isinstance(value, str):
                if not LEAST <= parse(value, unit) <= MOST:
                    raise refused(f"above 0, {LEAST:g} to {MOST:g} {unit}")
                return distribution_of(value, unit)
            if isinstance(value, Mapping) and "distribution" in value and _has_units(value):
                return distribution_of(value, unit)
        except InputError as fault:
            raise whole(str(fault)) from None
        names = ", ".join(name for name in DISTRIBUTIONS if issubclass(DISTRIBUTIONS[name], Distribution))
        also = ", or native" if native else ""
        raise refused(f"a quantity in {unit} as text, two in brackets, a table with a distribution ({names}){also}")

    def say(value: Any, info: SerializationInfo) -> Any:
        if isinstance(value, OwnInput):
            return "native"
        if info.mode == "python":
            return described(value, DISTRIBUTIONS)
        if isinstance(value, Constant):
            return written(value.value, unit)
        if isinstance(value, Uniform):
            return [written(value.low, unit), written(value.high, unit)]
        said = described(value, DISTRIBUTIONS)
        return {
            name: written(item, unit) if isinstance(item, float) and name not in value.shapes else item
            for name, item in said.items()
        }

    one = quantity_schema(unit)
    table = {
        "type": "object",
        "properties": {"distribution": {"enum": sorted(DISTRIBUTIONS)}},
        "required": ["distribution"],
    }
    pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
    either = [one, pair, table, *([{"const": "native"}] if native else [])]
    return Annotated[Any, PlainValidator(read), PlainSerializer(say), WithJsonSchema({"anyOf": either})]


def _are_quantities(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _has_units(table: Mapping[str, Any]) -> bool:
    """Return whether the parameters that have a unit say it."""
    kind = DISTRIBUTIONS[str(table["distribution"])]
    shapes = getattr(kind, "shapes", ())
    return all(isinstance(value, str) for name, value in table.items() if name not in shapes)


def _choice(value: Any) -> Choice:
    if isinstance(value, Choice):
        return value
    if isinstance(value, Mapping) and value:
        names, weights = tuple(value), tuple(value.values())
        if any(isinstance(weight, bool) for weight in weights):
            raise refused("a weight for each name")
    elif isinstance(value, (list, tuple)) and value and all(isinstance(name, str) for name in value):
        names, weights = tuple(map(str, value)), ()
    else:
        raise refused("names in brackets, or a table of names and weights")
    try:
        return Choice(tuple(map(str, names)), weights)
    except InputError as fault:
        raise whole(str(fault)) from None


def _choice_said(value: Choice) -> Any:
    return dict(zip(value.names, value.weights, strict=True)) if value.weights else list(value.names)


Profiles = Annotated[
    Choice,
    PlainValidator(_choice),
    PlainSerializer(_choice_said),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
            ]
        }
    ),
]


def _weight(value: Any) -> Uniform:
    """Read two numbers in brackets."""
    if isinstance(value, Uniform):
        return value
    try:
        if isinstance(value, (list, tuple)) and len(value) == 2 and not any(isinstance(end, bool) for end in value):
            return Uniform(*value)
    except InputError as fault:
        raise whole(str(fault)) from None
    raise refused("two numbers in brackets, such as [0.5, 1.5]")


Weight = Annotated[
    Uniform,
    PlainValidator(_weight),
    PlainSerializer(lambda value: [float(value.low), float(value.high)]),
    WithJsonSchema({"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 2, "maxItems": 2}),
]


def _spread(value: Any) -> str:
    if not isinstance(value, str):
        raise refused("text: all, one or nearest(3)")
    if not (_NEAREST.fullmatch(value) and int(value[8:-1]) > 0) and (value not in SPREADS or value == "nearest"):
        raise whole(UnknownNameError("spread", str(value)[:100], ["all", "one", "nearest(3)"]).message)
    return str(value)


Spread = Annotated[
    str, PlainValidator(_spread), WithJsonSchema({"type": "string", "pattern": r"^(all|one|nearest\([0-9]+\))$"})
]


class TraceSection(Section):
    """Arrivals from a file; what it does not say of a task is drawn as the workload says."""

    file: File
    """The trace."""
    format: one_of("trace format", FORMATS) | None = None  # type: ignore[valid-type]
    """Its format; found out from its first lines where nothing is said."""
    inputs: File | None = None
    """Where tasks are fed, as CSV: task,server,input_bytes (format native)."""
    complete: bool = False
    """Whether it must say all of every task, so that nothing is drawn (format native)."""
    columns: dict[str, str] | None = None
    """Which column of the file is what: { arrival_s = "start" } (format mapped, which it implies)."""
    units: dict[str, str] | None = None
    """Units of columns: { arrival_s = "ms" } (format mapped)."""
    factors: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = None
    """What columns are multiplied by: { input_bytes = 4 } (format mapped)."""
    time_format: str | None = None
    """How times are written: seconds, unix, iso or a pattern such as %d/%m/%Y (format mapped)."""
    zero: dict[str, str | float] | None = None
    """What 0 means: { lifetime_s = "drop" } leaves the row out, { lifetime_s = "0.5 s" } replaces it."""
    blank: dict[str, str | float] | None = None
    """What an empty cell means, likewise."""
    unknown: dict[str, str | list[str]] | None = None
    """More texts that count as empty: { lifetime_s = "-1" } (format mapped)."""
    bin: quantity("s") | None = None  # type: ignore[valid-type]
    """With a column count: length of the intervals; the shortest time between two by default (format mapped)."""
    each_row: bool = False
    """Every row is one arrival, also in what looks like a table of counts (format mapped)."""
    delimiter: str | None = None
    """What divides the cells: one letter, or tab, space, ...; found out by default (format mapped)."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark; found out by default (format mapped)."""
    header: bool | None = None
    """Whether the first row is a header; found out by default (format mapped)."""
    records: str | None = None
    """Which member of a JSON document holds the rows (format mapped)."""
    bytes_per_token: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Makes bytes of a frame of tokens (format azure-llm)."""
    begin: quantity("s", zero=True) | None = None  # type: ignore[valid-type]
    """Leave out what arrives before; arrivals count from here."""
    end: quantity("s") | None = None  # type: ignore[valid-type]
    """Leave out what arrives then or later."""
    tasks: Count | None = None
    """Keep so many arrivals, drawn evenly; their times stay."""
    rate: quantity("Hz") | None = None  # type: ignore[valid-type]
    """Stretch time until so many arrive a second on average."""

    @model_validator(mode="after")
    def _is_allowed(self) -> TraceSection:
        if self.end is not None and self.end <= (self.begin or 0.0):
            raise whole(f"end is {self.end:g} s; allowed: after begin")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Parameters of its format."""
        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in ("file", "format", "begin", "end", "tasks", "rate")
        }
        given |= {
            "inputs": None if self.inputs is None else self.inputs.written,
            "complete": self.complete or None,
            "each_row": self.each_row or None,
        }
        return {name: value for name, value in given.items() if value is not None}


class WorkloadSection(Section):
    """The tasks: when they arrive and what they are. Where a trace says something itself, that counts."""

    arrivals: Arrivals = PROCESS_SECTIONS["periodic"](process="periodic")
    """When tasks arrive, where no trace says it."""
    tasks: Count = 1000
    """Number of tasks."""
    duration: quantity("s") | None = None  # type: ignore[valid-type]
    """No task arrives then or later; whichever comes first."""
    trace: Annotated[tuple[TraceSection, ...], BeforeValidator(several), Field(min_length=1)] | None = None
    """Arrivals from a file: its name, or a table; several in brackets arrive together."""
    profile_folder: File | None = None
    """Folder of profiles; without it, the ten measured networks that come with cutlayer."""
    profiles: Profiles | None = None
    """The profiles tasks may have, in brackets, or a table of their weights; all, evenly, where nothing is said."""
    frame_bytes: distribution("B", native=True) = Uniform(100e3, 1e6)  # type: ignore[valid-type]
    """Bytes of one frame, all servers together; a network's work grows with them. "native": its profile's own input."""
    frame_rate: distribution("Hz") = Constant(5.0)  # type: ignore[valid-type]
    """Frames a second of a task, at every server that feeds it."""
    deadline: distribution("s") = Constant(0.2)  # type: ignore[valid-type]
    """Q, the largest allowed transfer latency of a frame."""
    lifetime: distribution("s") | None = None  # type: ignore[valid-type]
    """How long a deployed task stays; for ever where nothing is said."""
    spread: Spread = "all"
    """Which servers feed a task: all, one, or nearest(3)."""
    weight: Weight | None = None
    """Shares of the servers in a frame are drawn from these two numbers, with spread all; equal without."""

    @model_validator(mode="after")
    def _agrees(self) -> WorkloadSection:
        if self.weight is not None and self.spread != "all":
            raise whole(f"weight with spread {self.spread!r}; allowed with 'all'")
        return self

    def spreading(self, distance: Any = None) -> Spreading:
        """Return how frames are spread; `distance` is from server to server, where it is known."""
        if self.spread == "all":
            return Everywhere(self.weight)
        if match := _NEAREST.fullmatch(self.spread):
            return Nearest(int(match[1]), distance)
        return SPREADS[self.spread]()

    @property
    def draws(self) -> dict[str, Distribution | Choice]:
        """What is drawn of a task that does not say it, as `cutlayer.workloads.tasks` names it."""
        drawn: dict[str, Distribution | Choice] = {
            "profile": self.profiles or Choice(),
            "frame_rate_hz": self.frame_rate,
            "deadline_s": self.deadline,
            "input_bytes": self.frame_bytes,
        }
        return drawn if self.lifetime is None else drawn | {"lifetime_s": self.lifetime}
