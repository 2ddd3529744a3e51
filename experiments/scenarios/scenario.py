"""A scenario: one TOML file that says everything about a run, read into one frozen object.

`experiments.scenarios.sections` and `network_sections` have the keys of the file. Quantities are text with units in
the file and floats in SI units inside; what is not said has the default its section states.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from cutlayer.experiments.scenarios.fields import InputFile, SchedulerName, Section, is_file_name, several
from cutlayer.experiments.scenarios.files import Draft, both_said, read, setting, without_other_ways
from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.messages import ScenarioError, faults, located
from cutlayer.experiments.scenarios.network_sections import BandwidthSection, NetworkSection
from cutlayer.experiments.scenarios.plugin import label
from cutlayer.experiments.scenarios.sections import (
    FaultsSection,
    FramesSection,
    InteractionSection,
    RunSection,
    SchedulerSection,
)
from cutlayer.experiments.scenarios.workload import WorkloadSection
from cutlayer.simulator.errors import InputError, near_name
from cutlayer.simulator.files import digest_of

MOST_SAID = 20
"""At most so many faults of a scenario are listed."""
SHIPPED = Path(__file__).parent
"""Scenarios that come with cutlayer; ``load("paper")`` finds them by name."""


class Scenario(Section):
    """All that is said about a run, checked."""

    network: NetworkSection = NetworkSection()
    workload: WorkloadSection = WorkloadSection()
    bandwidth: BandwidthSection | None = None
    interaction: InteractionSection | None = None
    faults: FaultsSection | None = None
    frames: FramesSection | None = None
    scheduler: (
        Annotated[
            tuple[SchedulerSection, ...],
            BeforeValidator(several),
            Field(min_length=1),
        ]
        | None
    ) = None
    """One scheduler, or several in brackets."""
    run: RunSection = RunSection()

    @property
    def schedulers(self) -> list[tuple[str, dict[str, Any]]]:
        """The schedulers: name or path:Class, and parameters."""
        return [(scheduler.name.written, scheduler.options) for scheduler in self.scheduler or ()]

    @property
    def labels(self) -> list[str]:
        """The schedulers as results call them."""
        return [label(name, options) for name, options in self.schedulers]

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that decides the inputs but the seed, as JSON: quantities in SI units, files by what they hold."""
        return self._described({})

    def _described(self, files: dict[str, Any]) -> dict[str, Any]:
        said = self.model_dump(exclude={"scheduler": True, "run": True, "frames": {"keep"}}, exclude_none=True)
        described: dict[str, Any] = by_content(without_other_ways(said), files)
        return described | {"until_s": self.run.until}

    def settled(self, files: dict[str, Any]) -> Scenario:
        """Return the scenario with its description made now, of the contents in `files`; what is new is added there."""
        self.__dict__["description"] = self._described(files)  # where cached_property keeps it
        return self

    @property
    def files(self) -> dict[str, InputFile]:
        """Every file the scenario names, by the key that names it."""
        named = _named(self.model_dump(exclude_none=True))
        return {".".join(map(str, path)): name for path, name in named if isinstance(name, InputFile)}

    def __repr__(self) -> str:
        """Return what was set, as keys and values; everything else has its default."""
        return f"<Scenario {', '.join(f'{key}={value}' for key, value in _flat(self.as_said())) or 'of defaults'}>"

    def _repr_html_(self) -> str:
        lines = (
            f"<tr><th>{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>"
            for key, value in _flat(self.as_said())
        )
        return f"<table>{''.join(lines)}</table>"

    @classmethod
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> Scenario:
        """Read a scenario file, or one that comes with cutlayer, with keys set over it as in `cutlayer.run`.

        Examples
        --------
        >>> import cutlayer as cl
        >>> cl.Scenario.load("paper", network__servers=20).network.servers
        20
        """
        return load(path).with_settings(settings_of(settings), "settings")

    @property
    def written_files(self) -> dict[str, str]:
        """Where every file of the scenario lies, as a reader would write it, by the key that names it."""
        only = len(self.workload.trace or ()) == 1
        return {key.replace("trace.0.", "trace.") if only else key: file.written for key, file in self.files.items()}

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn, so that the seed decides something."""
        network, traces = self.network, self.workload.trace or ()
        read = network.file is not None and traces and all(one.complete and one.tasks is None for one in traces)
        parts = (self.bandwidth, self.interaction, self.faults)
        return not read or self.frames is not None or any(part is not None and part.file is None for part in parts)

    def inputs(self, seed: int) -> Inputs:
        """Return the inputs of a run for `seed`: always the same ones.

        Raises
        ------
        InputError
            If a file holds something that is wrong.
        """
        from cutlayer.experiments.scenarios.build import inputs

        return inputs(self, seed)

    def with_settings(self, settings: Sequence[str], option: str = "--set") -> Scenario:
        """Return the scenario with keys set anew, such as ``"network.servers=30"``, all checked again.

        Parameters
        ----------
        settings : sequence of str
        option : str
            The option of the command line they come from, for messages.

        Raises
        ------
        ScenarioError
            If something is wrong then; the message names the key.
        """
        if not settings:
            return self
        draft = Draft()
        draft.add(self.as_said(), "")
        return _checked(_with(draft, settings, option))

    def as_said(self) -> dict[str, Any]:
        """Return what was said and nothing else, as TOML has it."""
        said: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        for path, name in _named(self.model_dump(exclude_unset=True, exclude_none=True)):
            inner: Any = said
            for part in path[:-1]:
                inner = inner[part]
            inner[path[-1]] = name  # which knows how it was written, too
        return said


def load(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Scenario:
    """Read a scenario file.

    Parameters
    ----------
    path : path
        A TOML file, or the name of a scenario that comes with cutlayer, such as ``"paper"``.
    settings : sequence of str
        Keys to set over it, such as ``"workload.tasks=2000"``.

    Raises
    ------
    ScenarioError
        With everything that is wrong, a line each.
    """
    return _checked(_with(read(find(path)), settings))


def settings_of(values: Mapping[str, Any]) -> list[str]:
    """Return keyword arguments as settings: ``__`` in a name is the dot, and values are as TOML has them.

    Examples
    --------
    >>> settings_of({"network__servers": 20, "workload.frame_bytes": ["1 kB", "2 kB"]})
    ['network.servers=20', 'workload.frame_bytes=["1 kB", "2 kB"]']
    """
    return [f"{key.replace('__', '.')}={as_toml(value)}" for key, value in values.items()]


def as_toml(value: Any) -> str:
    """Return a value as TOML has it in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {as_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, os.PathLike):
        return json.dumps(os.fspath(value))
    return json.dumps(value.item() if hasattr(value, "item") else value)


def _flat(value: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{above}{name}.")
        else:
            yield f"{above}{name}", item


def find(path: str | os.PathLike[str]) -> str:
    """Return where a scenario file is: there, or among those that come with cutlayer."""
    name = os.fspath(path)
    if name in shipped() and not os.path.isfile(name):  # a folder of results is often called as what made them
        return str(SHIPPED / f"{name}.toml")
    if os.path.exists(name):
        return name
    if name and is_file_name(name) and not os.path.dirname(name) and not os.path.splitext(name)[1]:
        ours = near_name(name, set(shipped()) - {"template"})
        raise InputError(f"cannot be read (No such file or directory); of ours, {ours}", name)
    return name


def shipped() -> list[str]:
    """Return the names of the scenarios that come with cutlayer."""
    return sorted(file.stem for file in SHIPPED.glob("*.toml"))


def with_options(
    draft: Draft, options: Mapping[str, Any], names: Mapping[str, str], settings: Sequence[str]
) -> Scenario:
    """Return the scenario of a draft with options of a command line, and then settings, laid over it.

    Parameters
    ----------
    draft : Draft
        What a file says, or nothing.
    options : mapping
        Tables as in a file; quantities may be `Number`.
    names : mapping of str to str
        What the keys of `options` are called in messages.
    settings : sequence of str
    """
    draft.add(options, "")
    return _checked(_with(draft, settings), names)


def _with(draft: Draft, settings: Sequence[str], option: str = "--set") -> Draft:
    for text in settings:
        draft.add(setting(text, option), option)
    return draft


def _checked(draft: Draft, names: Mapping[str, str] | None = None) -> Scenario:
    """Return the scenario that the draft says, or raise everything that is wrong with it."""
    wrong = [
        located(draft.source_of(one.split(".")), f"{one} and {other} say the same; allowed: one of them")
        for one, other in both_said(draft.data)
    ]
    try:
        scenario = Scenario.model_validate(draft.data)
        if not wrong:
            return scenario
    except ValidationError as error:
        wrong += islice(faults(error, draft, Scenario, names or {}), MOST_SAID)
        if error.error_count() > MOST_SAID:
            wrong.append(f"and {error.error_count() - MOST_SAID:,} more")
    except RecursionError:
        wrong.append("nested too deeply")
    raise ScenarioError.of(list(dict.fromkeys(wrong)))


def _named(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], InputFile | SchedulerName]]:
    """Yield files and schedulers in a value, with the path to each."""
    if isinstance(value, (InputFile, SchedulerName)):
        yield at, value
    items: Any = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, item in items:
        yield from _named(item, (*at, key))


def by_content(value: Any, files: dict[str, Any] | None = None) -> Any:
    """Return the value as JSON has it, with the digest of a file in place of where it lies.

    A file that is among `files`, by its path, is not read again; others are added.
    """
    if isinstance(value, InputFile):
        path = Path(value)
        known = {} if files is None else files
        if str(path) in known:
            return known[str(path)]
        if path.is_dir():
            known[str(path)] = {file.name: {"sha256": digest_of(file)} for file in sorted(path.glob("*.json"))}
            return known[str(path)]
        try:
            known[str(path)] = {"sha256": digest_of(path)}
        except OSError as fault:
            raise InputError(f"cannot be read ({fault.strerror})", value.written) from None
        return known[str(path)]
    if isinstance(value, Mapping):
        return {key: by_content(item, files) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [by_content(item, files) for item in value]
    return value
