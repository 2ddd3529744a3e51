"""The words of a scenario file about everything but tasks, and what holds where nothing is said."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from cutlayer.experiments.scenarios.fields import (
    File,
    NotNegative,
    Range,
    Scheduler,
    SchedulerName,
    Section,
    one_of,
    quantity,
    quantity_range,
    whole,
)
from cutlayer.experiments.scenarios.plugin import build_scheduler, scheduler_of
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.frames.settings import MOST_CV, FrameSettings, Measure, OnEnd, OnOutage, Sharing, Sizes
from cutlayer.simulator.frames.settings import Arrivals as FrameArrivals
from cutlayer.simulator.policy import Scheduler as AnyScheduler
from cutlayer.simulator.types import Reservation
from cutlayer.workloads.bandwidth.formats import FORMATS as BANDWIDTH_FORMATS
from cutlayer.workloads.outages import Duration, Faults
from cutlayer.workloads.topology.attributes import Mapping as Attributes
from cutlayer.workloads.topology.build import RouteBy
from cutlayer.workloads.topology.shapes import SHAPES, parameters_of
from cutlayer.workloads.traces.times import factor_of

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0, le=1)]


class ShapeSection(Section):
    """A graph that is drawn: its shape and the parameters of it."""

    model_config = ConfigDict(extra="allow")

    name: one_of("shape", SHAPES)  # type: ignore[valid-type]
    """The shape."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters."""
        return dict(self.__pydantic_extra__ or {})

    @model_validator(mode="after")
    def _is_allowed(self) -> ShapeSection:
        known = parameters_of(self.name)
        for name, value in self.parameters.items():
            if name not in known:
                raise whole(UnknownNameError(f"parameter of shape {self.name!r},", name, known).message)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise whole(f"{name} is {str(value)[:100]!r}; allowed: a number")
        for name, default in known.items():
            if default is inspect.Parameter.empty and name not in self.parameters:
                raise whole(f"shape {self.name!r} needs the parameter {name!r}")
        return self


class TopologySection(Section):
    """Servers and the cloud on a graph, whose links are shared by the routes that cross them."""

    file: File | None = None
    """A graph: GraphML, GML, node-link JSON or an edge list (CSV), each also compressed (.gz)."""
    shape: ShapeSection | None = None
    """Instead of a file, a generated graph: { name = "tree", nodes = 31 }."""
    servers: Name | Annotated[list[Name], Field(min_length=1)] = "all"
    """Nodes with a server: all, highest-degree(5), lowest-degree(5), marked, or nodes in brackets."""
    cloud: Name = "highest-degree"
    """Node of the cloud: highest-degree, lowest-degree, marked, or a node."""
    route_by: RouteBy = "hops"
    """Measure of the shortest path: hops, distance or speed."""
    link_speed: quantity_range("bit/s") = Range(1e9, 1e9)  # type: ignore[valid-type]
    """Speed of links whose file gives none. A range is allowed only for generated graphs."""
    link_delay: quantity("s", zero=True) | None = None  # type: ignore[valid-type]
    """Delay of links that have none in the file and whose ends have no coordinates."""
    speed_attribute: Name | None = None
    """Attribute of edges with their speed; by default link_bps, LinkSpeedRaw or LinkSpeed with LinkSpeedUnits."""
    speed_unit: Name = "bit/s"
    """Unit of speed_attribute, such as Mbit/s."""
    delay_attribute: Name | None = None
    """Attribute of edges with their propagation delay; by default propagation_s."""
    delay_unit: Name = "s"
    """Unit of delay_attribute: s, ms, us or ns."""
    latitude_attribute: Name | None = None
    """Attribute of nodes with their latitude [degree]; by default Latitude."""
    longitude_attribute: Name | None = None
    """Attribute of nodes with their longitude [degree]; by default Longitude."""
    label_attribute: Name | None = None
    """Attribute of nodes with their name; by default label."""
    capacity_attribute: Name | None = None
    """Attribute of nodes with the compute capacity of a server there."""
    capacity_unit: Name = "FLOP/s"
    """Unit of capacity_attribute, such as GFLOP/s."""
    source_attribute: Name | None = None
    """Column of an edge list with one end of an edge; by default source, src, from and the like."""
    target_attribute: Name | None = None
    """Column of an edge list with the other end; by default target, dst, to and the like."""

    @property
    def attributes(self) -> Attributes:
        """Names and units of the attributes that are read."""
        names = ("speed", "delay", "latitude", "longitude", "label")
        named = {name: getattr(self, f"{name}_attribute") for name in names}
        return Attributes(speed_unit=self.speed_unit, delay_unit=self.delay_unit, **named)

    @model_validator(mode="after")
    def _agrees(self) -> TopologySection:
        if (self.file is None) == (self.shape is None):
            raise whole("needs 'file' or 'shape', and not both")
        if self.file is not None and self.link_speed.low < self.link_speed.high:
            raise whole("link_speed is a range; allowed: one quantity, for the links whose file gives no speed")
        try:
            self.attributes  # noqa: B018
            factor_of(self.capacity_unit, "FLOP/s")
        except InputError as fault:
            raise whole(fault.message) from None
        return self


class NetworkSection(Section):
    """Edge servers, and the links between them and the cloud."""

    servers: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Number of edge servers, each with an uplink of its own."""
    capacity: quantity_range("FLOP/s") = Range(290e9, 290e9)  # type: ignore[valid-type]
    """Compute capacity of a server, or the range it is drawn from."""
    uplink: quantity_range("bit/s") = Range(10e6, 1e9)  # type: ignore[valid-type]
    """Bandwidth of an uplink, or the range it is drawn from."""
    file: File | None = None
    """Servers from a CSV file: server,capacity_flop_per_s,uplink_bps."""
    topology: TopologySection | None = None
    """Servers on a graph, with links that several of them share."""
    usable_share: Share = 1.0
    """V, the share of a link that tasks may reserve."""
    reservation: Reservation = "sustained"
    """How much bandwidth a task reserves: for its deadline and its frame rate, or for its deadline alone."""
    reservation_margin: NotNegative = 0.0
    """h, the share by which every reservation exceeds that."""
    cloud: quantity("FLOP/s") | None = None  # type: ignore[valid-type]
    """Speed of the cloud for the layers after the cut; infinite where nothing is said."""


class BandwidthSection(Section):
    """What links can carry over time; links that nothing is said of keep their bandwidth."""

    file: File | None = None
    """Of several links by name, a CSV file: link,time_s,bps."""
    trace: File | Annotated[list[File], Field(min_length=1)] | None = None
    """A measurement for every link, or several in brackets, which links take in turn."""
    links: Annotated[dict[str, File], Field(min_length=1)] | None = None
    """Measurements of links by name: { Berlin = "lte.csv" }."""
    format: one_of("bandwidth format", BANDWIDTH_FORMATS) | None = None  # type: ignore[valid-type]
    """Of the measurements; found out from their first line where nothing is said."""
    bin: quantity("s") = 1.0  # type: ignore[valid-type]
    """What rates are counted over, for measurements that hold times of packets."""
    begin: quantity("s", zero=True) = 0.0  # type: ignore[valid-type]
    """Leave out what was measured before."""
    end: quantity("s") | None = None  # type: ignore[valid-type]
    """Leave out what was measured then or later."""
    mean: quantity("bit/s") | None = None  # type: ignore[valid-type]
    """Scale every measurement to this mean."""
    loop: bool = True
    """Begin a measurement anew when it ends; without, its last value stays."""
    random_start: bool = False
    """Begin at a random point of it, another one at each link."""

    @model_validator(mode="after")
    def _says_one(self) -> BandwidthSection:
        ways = [name for name in ("file", "trace", "links") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise whole("needs one of 'file', 'trace' and 'links'")
        if self.end is not None and self.end <= self.begin:
            raise whole(f"end is {self.end:g} s; allowed: after begin")
        return self


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
    until: quantity("s", zero=True) | None = None  # type: ignore[valid-type]
    """Simulate until then; until the last arrival where nothing is said."""
    bound: Literal["dual", "lp", "none"] | None = None
    """Bound on the tasks that any scheduler could have deployed at the end; dual, where all tasks fit into memory."""
    by_resource: bool = False
    """Whether to keep every change at every server and link."""
