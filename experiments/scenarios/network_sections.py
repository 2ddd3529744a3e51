"""Keys of a scenario file about the network: servers, topology, bandwidth over time."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from cutlayer.experiments.scenarios.fields import (
    File,
    NotNegative,
    Range,
    Section,
    one_of,
    quantity,
    quantity_range,
    several,
    whole,
)
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Reservation
from cutlayer.workloads.bandwidth.formats import FORMATS as BANDWIDTH_FORMATS
from cutlayer.workloads.bandwidth.mapped import Gap, Holds, RateTable, Repeated
from cutlayer.workloads.topology.attributes import Mapping as Attributes
from cutlayer.workloads.topology.build import RouteBy
from cutlayer.workloads.topology.shapes import SHAPES, parameters_of
from cutlayer.workloads.traces.tables import Layout
from cutlayer.workloads.traces.times import factor_of

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=1e-9, le=1)]
"""V; a smaller one is a number that went wrong, and its prices are beyond any float."""


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
    allow_raw: bool = False
    """Whether cut 0, sending the input as it comes and running all layers in the cloud, is a cut like any other."""
    cloud: quantity("FLOP/s") | None = None  # type: ignore[valid-type]
    """Speed of the cloud for the layers after the cut; infinite where nothing is said."""


RATE_KEYS = ("time_format", "time_zone", "repeated", "blank", "gap", "holds")
"""Keys of `BandwidthSection` that are parameters of `RateTable`."""


class BandwidthSection(Section):
    """Capacity of links over time; links without a measurement keep their bandwidth."""

    file: File | None = None
    """Capacity of several links by name, a CSV file: link,time_s,bps."""
    trace: File | Annotated[list[File], Field(min_length=1)] | None = None
    """A measurement for every link, or several in brackets, which links take in turn."""
    links: Annotated[dict[str, File], Field(min_length=1)] | None = None
    """Measurements of links by name: { Berlin = "lte.csv" }."""
    format: one_of("bandwidth format", BANDWIDTH_FORMATS) | None = None  # type: ignore[valid-type]
    """Format of the measurements; by default their first line tells."""
    columns: Annotated[dict[str, Name], Field(min_length=1)] | None = None
    """Of any other table: { time = "Timestamp", rate = "DL_bitrate" }, by name, number (from 1) or path (JSON)."""
    units: dict[str, Name] | None = None
    """Units of these columns, where not s and bit/s: { time = "ms", rate = "kbit/s" }."""
    time_format: Name = "seconds"
    """Format of the column time: seconds, unix, iso or a pattern such as %d/%m/%Y %H:%M:%S."""
    time_zone: Name | None = None
    """Zone of times that have none of their own, such as Europe/Dublin."""
    skip: dict[str, Name | list[Name]] | None = None
    """Rows to leave out: { State = "idle", NetworkMode = ["2G", "3G"] }."""
    repeated: Repeated = "mean"
    """Rate at a time that several rows have: mean, first, last, largest or sum."""
    blank: Name = "drop"
    """Meaning of a rate such as "-": drop leaves the row out, "0 bit/s" is a rate."""
    unknown: Name | list[Name] | None = None
    """Further texts that mean the same as an empty cell."""
    gap: Gap = "hold"
    """Capacity in a gap, beyond gap_after: hold the rate beside it, zero, or cut the gap out."""
    gap_after: quantity("s") | None = None  # type: ignore[valid-type]
    """Times further apart than this are a gap."""
    holds: Holds = "from"
    """Whether a rate holds from its time on, or until its time from the one before."""
    every: quantity("s") | None = None  # type: ignore[valid-type]
    """Interval between rows of a table without a column of time."""
    delimiter: str | None = None
    """Delimiter of the table: one letter, or tab, space and so on; found out by default."""
    header: bool | None = None
    """Whether the first row is a header; found out by default."""
    records: str | None = None
    """Member of a JSON document that holds the rows."""
    bin: quantity("s") = 1.0  # type: ignore[valid-type]
    """Interval over which rates are counted, for measurements that hold times of packets."""
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

    @property
    def table(self) -> RateTable | None:
        """How to read a table of no known format; None where no columns are given."""
        if self.columns is None:
            return None
        return RateTable(
            columns=self.columns,
            **{name: getattr(self, name) for name in RATE_KEYS},
            units=self.units or {},
            skip={name: several(texts) for name, texts in (self.skip or {}).items()},
            unknown=several(self.unknown or ()),
            gap_after_s=self.gap_after,
            every_s=self.every,
            layout=Layout(self.delimiter, self.header, "", self.records),
        )

    @model_validator(mode="after")
    def _agrees(self) -> BandwidthSection:
        ways = [name for name in ("file", "trace", "links") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise whole("needs one of 'file', 'trace' and 'links'")
        if self.end is not None and self.end <= self.begin:
            raise whole(f"end is {self.end:g} s; allowed: after begin")
        if self.columns is not None and (self.format is not None or self.file is not None):
            raise whole("columns belong to a trace of no known format; allowed: without format and file")
        table = (*RATE_KEYS, "units", "skip", "unknown", "gap_after", "every", "delimiter", "header", "records")
        if self.columns is None and (alone := sorted(self.model_fields_set & set(table))):
            raise whole(f"{alone[0]} is of a table with columns of its own; needed: columns")
        try:
            self.table  # noqa: B018
        except InputError as fault:
            raise whole(fault.message) from None
        return self
