"""The paper's scenario as a source of runs, with frames and interaction traffic where a question needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cutlayer.experiments.scenarios.inputs import Frames, Inputs, Traffic
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.workloads.generate import PaperScenario


@dataclass(frozen=True)
class PaperSource:
    """Inputs drawn from the paper's scenario.

    Attributes
    ----------
    scenario : PaperScenario
    frames : FrameSettings, optional
        What the frames are like; they are drawn with the seed of the run, whatever seed stands here.
    traffic : Traffic, optional
        Interaction traffic on every uplink up to `until_s`.
    until_s : float, optional
        When to end [s]; the last arrival by default.
    """

    scenario: PaperScenario = field(default_factory=PaperScenario)
    frames: FrameSettings | None = None
    traffic: Traffic | None = None
    until_s: float | None = None

    @property
    def description(self) -> Mapping[str, Any]:
        """All that decides the inputs but the seed."""
        described: dict[str, Any] = {"paper": asdict(self.scenario)}
        if self.frames is not None:
            described["frames"] = asdict(self.frames)
        if self.traffic is not None:
            described["traffic"] = asdict(self.traffic)
        if self.until_s is not None:
            described["until_s"] = self.until_s
        return described

    def inputs(self, seed: int) -> Inputs:
        """Return the inputs for `seed`."""
        network = self.scenario.network(seed)
        return Inputs(
            network,
            self.scenario.arrivals(seed),
            self.until_s,
            None if self.frames is None else Frames(replace(self.frames, seed=seed)),
            None if self.traffic is None else self.traffic.on(network, seed, self.until_s or 0.0),
        )
