"""The sections of a scenario file: what may be said, in which words, and what holds where nothing is said."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from experiments.plugin import build_scheduler
from experiments.scenario_fields import File, Range, Scheduler, number_range, quantity, quantity_range
from simulator.errors import InputError
from simulator.frame_model import Arrivals as FrameArrivals
from simulator.frame_model import FrameSettings, Measure, OnEnd, OnOutage, Sharing, Sizes
from simulator.policy import Scheduler as AnyScheduler
from simulator.types import Reservation

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of a scenario file: nothing but its keys, each of its type, and all of it frozen."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)


def whole(message: str) -> PydanticCustomError:
    """Return the error that is about a table, not one value."""
    return PydanticCustomError("whole", "{message}", {"message": message})


class NetworkSection(Section):
    """Edge servers, and the links between them and the cloud."""

    servers: Count = 50
    """Number of edge servers, each with an uplink of its own."""
    capacity: quantity_range("FLOP/s") = Range(290e9, 290e9)  # type: ignore[valid-type]
    """Compute capacity of a server, or the range it is drawn from."""
    uplink: quantity_range("bit/s") = Range(10e6, 1e9)  # type: ignore[valid-type]
    """Bandwidth of an uplink, or the range it is drawn from."""
    file: File | None = None
    """Servers from a CSV file: server,capacity_flop_per_s,uplink_bps."""
    usable_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """V, the share of an uplink that tasks may reserve."""
    reservation: Reservation = "sustained"
    """How much bandwidth a task reserves: for its deadline and its frame rate, or for its deadline alone."""
    reservation_margin: NotNegative = 0.0
    """h, the share by which every reservation exceeds that."""
    cloud: quantity("FLOP/s") | None = None  # type: ignore[valid-type]
    """Speed of the cloud for the layers after the cut; infinite where nothing is said."""


class PeriodicArrivals(Section):
    """Tasks arrive one after another at equal times, the first at 0."""

    process: Literal["periodic"] = "periodic"
    interval: quantity("s", zero=True) = 1.0  # type: ignore[valid-type]
    """Time between two arrivals."""


class TraceSection(Section):
    """Tasks from a file."""

    file: File
    """The trace."""
    inputs: File | None = None
    """Where tasks are fed, as CSV: task,server,input_bytes."""


class WorkloadSection(Section):
    """The tasks: when they arrive and what they are."""

    tasks: Count = 1000
    """Number of tasks."""
    arrivals: PeriodicArrivals = PeriodicArrivals()
    """When tasks arrive, where no trace says it."""
    trace: TraceSection | None = None
    """Arrivals from a file."""
    profiles: File | None = None
    """Folder of profiles; without it, the ten measured networks that come with cutlayer."""
    frame_bytes: quantity_range("B") = Range(100e3, 1e6)  # type: ignore[valid-type]
    """Bytes of one frame, all servers together, or the range they are drawn from."""
    weight: number_range() = Range(0.5, 1.5)  # type: ignore[valid-type]
    """A frame is spread over all servers in proportion to weights drawn from this range."""
    frame_rate: quantity("Hz") = 5.0  # type: ignore[valid-type]
    """Frames a second of a task, at every server that feeds it."""
    deadline: quantity("s") = 0.2  # type: ignore[valid-type]
    """Q, the largest allowed transfer latency of a frame."""


class BandwidthSection(Section):
    """What links can carry, over time."""

    file: File
    """A CSV file: link,time_s,bps."""


class InteractionSection(Section):
    """Interaction traffic on the links, which goes before the tasks' frames."""

    file: File | None = None
    """A CSV file: link,time_s,bps."""
    share: Annotated[float, Field(gt=0, le=1e6)] | None = None
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


class FaultsSection(Section):
    """Outages of servers and links."""

    file: File
    """A CSV file: resource,name,down_s,up_s; resource is link or server."""


class FramesSection(Section):
    """The frames of deployed tasks; with this section every frame is simulated."""

    arrivals: FrameArrivals = "periodic"
    """When a task's frames come: periodic, jittered or poisson."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """By how much jittered frames come later, at most [periods]."""
    sizes: Sizes = "constant"
    """Distribution of frame sizes around their mean."""
    size_cv: NotNegative = 0.0
    """Coefficient of variation of lognormal sizes."""
    sharing: Sharing = "reserved"
    """Whether the idle part of an uplink is lent: reserved (no) or fair (yes)."""
    on_end: OnEnd = "drain"
    """What happens to the frames of a task that ends."""
    on_outage: OnOutage = "hold"
    """What happens to frames in an outage."""
    propagation: quantity("s", zero=True) = 0.0  # type: ignore[valid-type]
    """Delay from the end of the uplink to the cloud."""
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

    def settings(self, seed: int) -> FrameSettings:
        """Return what the walk over the frames is told."""
        return FrameSettings(
            arrivals=self.arrivals,
            jitter=self.jitter,
            sizes=self.sizes,
            size_cv=self.size_cv,
            sharing=self.sharing,
            on_end=self.on_end,
            on_outage=self.on_outage,
            propagation_s=self.propagation,
            violation=self.violation,
            series_s=self.window,
            seed=seed,
        )


class SchedulerSection(Section):
    """A scheduler: its name or ``path/to/mine.py:Class``, and its parameters."""

    model_config = ConfigDict(extra="allow")

    name: Scheduler
    """A name from 'cutlayer schedulers', or path/to/mine.py:Class."""

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


BoundKind = Literal["dual", "lp", "none"]


class RunSection(Section):
    """How a run is done and what it keeps."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of all that is drawn."""
    until: quantity("s", zero=True) | None = None  # type: ignore[valid-type]
    """Simulate until then; until the last arrival where nothing is said."""
    bound: BoundKind = "dual"
    """Bound on the tasks that any scheduler could have deployed at the end."""
    by_resource: bool = False
    """Whether to keep every change at every server and link."""
