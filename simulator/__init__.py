"""The engine: edge servers, uplinks, tasks, schedulers and what they decide over time."""

__version__ = "0.1.0"
__project__ = "cutlayer"
