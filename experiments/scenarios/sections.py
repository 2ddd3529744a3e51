"""The words of a scenario file about everything but tasks, and what holds where nothing is said."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from cutlayer.experiments.scenarios.fields import (
    End,
    File,
    Scheduler,
    SchedulerName,
    Section,
    quantity,
    whole,
)
from cutlayer.experiments.scenarios.plugin import build_scheduler, scheduler_of
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.frames.settings import MOST_CV, FrameSettings, Measure, OnEnd, OnOutage, Sharing, Sizes
from cutlayer.simulator.frames.settings import Arrivals as FrameArrivals
from cutlayer.simulator.policy import Scheduler as AnyScheduler
from cutlayer.workloads.outages import Duration, Faults


class InteractionSection(Section):
    """Interaction traffic on the links, which goes before the tasks' frames."""

    file: File | None = None
    """A CSV file: link,time_s,bps."""
    share: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """On every link, what it takes while it is on, as a share of the link."""
    mean_on: quantity("s") = 1.0  # type: ignore[valid-type]
    """How long it stays on, on average (exponential)."""
    mean_off: quantity("s") = 3.0  # type: ignore[valid-type]
    """How long it stays off, on average (exponential)."""

    @model_validator(mode="after")
    def _says_how_much(self) -> InteractionSection:
        if self.file is None and self.share is None:
            raise whole("needs 'file' or 'share'")
        return self


class OutageSection(Section):
    """Random outages: up and down in turns, for Weibull times, which are exponential where the shape is 1."""

    mean_up: quantity("s")  # type: ignore[valid-type]
    """From a repair to the next failure, on average."""
    mean_down: quantity("s")  # type: ignore[valid-type]
    """From a failure to its repair, on average."""
    shape_up: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    """Weibull shape of the time up."""
    shape_down: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    """Weibull shape of the time down."""

    def built(self) -> Faults:
        """Return what draws them."""
        return Faults(Duration(self.mean_up, self.shape_up), Duration(self.mean_down, self.shape_down))


class FaultsSection(Section):
    """Outages of servers and links, as a file says and at random."""

    file: File | None = None
    """A CSV file: resource,name,down_s,up_s; resource is link or server."""
    servers: OutageSection | None = None
    """Random outages of every server."""
    links: OutageSection | None = None
    """Random outages of every link."""


class FramesSection(Section):
    """The frames of deployed tasks; with this section every frame is simulated."""

    arrivals: FrameArrivals = "periodic"
    """When a task's frames come: periodic, jittered or poisson."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """By how much jittered frames come later, at most [periods]."""
    sizes: Sizes = "constant"
    """Distribution of frame sizes around their mean."""
    size_cv: Annotated[float, Field(ge=0, le=MOST_CV)] = 0.0
    """Coefficient of variation of lognormal sizes."""
    sharing: Sharing = "reserved"
    """Whether the idle part of an uplink is lent: reserved (no) or fair (yes)."""
    on_end: OnEnd = "drain"
    """What happens to the frames of a task that ends."""
    on_outage: OnOutage = "hold"
    """What happens to frames in an outage."""
    propagation: quantity("s", zero=True) | None = None  # type: ignore[valid-type]
    """Delay from the end of the uplink to the cloud; that of the topology, or none, where nothing is said."""
    violation: Measure = "transfer"
    """Which latency the deadline is held against."""
    window: quantity("s") | None = None  # type: ignore[valid-type]
    """Width of the windows of time over which latency and violations are reported."""
    keep: bool = False
    """Whether to write every frame beside the results (.npz)."""

    @model_validator(mode="after")
    def _agrees(self) -> FramesSection:
        try:
            self.settings(0)
        except InputError as fault:
            raise whole(str(fault)) from None
        return self

    def settings(self, seed: int, propagation_s: Any = 0.0) -> FrameSettings:
        """Return what the walk over the frames is told; `propagation_s` is that of the topology."""
        return FrameSettings(
            arrivals=self.arrivals,
            jitter=self.jitter,
            sizes=self.sizes,
            size_cv=self.size_cv,
            sharing=self.sharing,
            on_end=self.on_end,
            on_outage=self.on_outage,
            propagation_s=propagation_s if self.propagation is None else self.propagation,
            violation=self.violation,
            series_s=self.window,
            seed=seed,
        )


class SchedulerSection(Section):
    """A scheduler: its name or ``path/to/mine.py:Class``, and its parameters."""

    model_config = ConfigDict(extra="allow")

    name: Scheduler
    """A name from 'cutlayer schedulers', or path/to/mine.py:Class."""

    @model_validator(mode="before")
    @classmethod
    def _with_parameters(cls, said: Any) -> Any:
        """Take a name with parameters, as results show it, for what it says: ``fixed(cut=3)``."""
        name = said.get("name") if isinstance(said, dict) else None
        if not isinstance(name, str):
            return said
        try:
            bare, options = scheduler_of(str(name))
        except InputError as fault:
            raise whole(str(fault)) from None
        if not options:
            return said
        if twice := sorted(set(options) & set(said)):
            raise whole(f"scheduler {str(name)!r}: {twice[0]} is said twice")
        return {**said, **options, "name": SchedulerName.at(getattr(name, "folder", ""), bare)}

    @model_validator(mode="after")
    def _can_be_built(self) -> SchedulerSection:
        try:
            self.built  # noqa: B018
        except InputError as fault:
            raise whole(str(fault)) from None
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Its parameters."""
        return dict(self.__pydantic_extra__ or {})

    @cached_property
    def built(self) -> AnyScheduler:
        """The scheduler; a run plays a copy of it."""
        return build_scheduler(self.name.written, self.options)

    def __getstate__(self) -> dict[Any, Any]:
        """Leave the scheduler behind, whose class another process may not know."""
        state = dict(super().__getstate__())
        state["__dict__"] = {name: value for name, value in state["__dict__"].items() if name != "built"}
        return state


class RunSection(Section):
    """How runs are done and what is kept of them."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of all that is drawn; a sweep has its own."""
    seeds: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """How many seeds a sweep runs, one after the other from 0."""
    until: End | None = None
    """End of the run, or "last departure": when the last task would depart if all were deployed. Default: the last
    arrival."""
    bound: Literal["dual", "lp", "none"] | None = None
    """Bound on the tasks that any scheduler could have deployed at the end; dual, where all tasks fit into memory."""
    by_resource: bool = False
    """Whether to keep every change at every server and link."""
