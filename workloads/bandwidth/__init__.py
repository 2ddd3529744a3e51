"""Measured capacity of links over time."""

from cutlayer.workloads.bandwidth.give import read_bandwidth
from cutlayer.workloads.bandwidth.trace import BandwidthTrace

__all__ = ["BandwidthTrace", "read_bandwidth"]
