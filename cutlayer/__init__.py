"""Simulate where to cut deep networks between edge servers and the cloud."""

__version__ = "0.1.0"
