"""Scenarios whose network or tasks are objects of a Python program, and what files say is all the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import PrivateAttr

from cutlayer.experiments.scenarios.inputs import Inputs
from cutlayer.experiments.scenarios.scenario import Scenario
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Network, Task


class GivenScenario(Scenario):
    """A scenario with a network or tasks of its own."""

    _network: Network | None = PrivateAttr(None)
    _tasks: tuple[Task, ...] | None = PrivateAttr(None)

    @classmethod
    def of(cls, scenario: Scenario, network: Network | None, tasks: Sequence[Task] | None) -> GivenScenario:
        """Return the scenario with this network or these tasks in place of its own.

        Raises
        ------
        InputError
            If the tasks are not in order of arrival, or have a name twice.
        """
        made = cls.model_construct(scenario.model_fields_set, **dict(scenario))
        made._network = network
        made._tasks = None if tasks is None else tuple(tasks)
        names = [task.name for task in made._tasks or ()]
        if len(set(names)) < len(names):
            raise InputError(f"a task is called {max(names, key=names.count)!r} twice; allowed: a name for each")
        return made

    def with_settings(self, settings: Sequence[str], option: str = "--set") -> Scenario:
        """Return the scenario with keys set anew; see `Scenario.with_settings`."""
        for text in settings:
            table = text.partition(".")[0].strip()
            given = {"network": self._network, "workload": self._tasks}.get(table)
            if given is not None:
                raise InputError(f"{text.partition('=')[0].strip()} has no effect: {table} is given as objects")
        return GivenScenario.of(super().with_settings(settings, option), self._network, self._tasks)

    def _described(self, files: dict[str, Any]) -> dict[str, Any]:
        described = super()._described(files)
        if self._network is not None:
            described["network"] = {"given": {"sha256": _digest([_plain(self._network)])}}
        if self._tasks is not None:
            described["workload"] = {"given": {"sha256": _digest(map(_plain, self._tasks))}}
        return described

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn, so that the seed decides something."""
        if self._network is None or self._tasks is None:
            return True
        parts = (self.bandwidth, self.interaction, self.faults)
        return self.frames is not None or any(part is not None and part.file is None for part in parts)

    def inputs(self, seed: int) -> Inputs:
        """Return the inputs of a run for `seed`: always the same ones."""
        from cutlayer.experiments.scenarios.build import inputs

        return inputs(self, seed, network=self._network, tasks=self._tasks)


def _plain(value: Network | Task) -> dict[str, Any]:
    """Return all that a network or a task consists of, as JSON has it."""
    plain: dict[str, Any] = {}
    for name in value.__dataclass_fields__:
        item = getattr(value, name)
        if hasattr(item, "layers"):
            item = [item.name, item.input_bytes, [[one.flop, one.output_bytes] for one in item.layers]]
        elif hasattr(item, "tocoo"):
            item = [item.tocoo().row.tolist(), item.tocoo().col.tolist(), list(item.shape)]
        plain[name] = item.tolist() if hasattr(item, "tolist") else item
    return plain


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part, sort_keys=True, default=repr).encode() + b"\0")
    return digest.hexdigest()
