"""The engine: edge servers, uplinks, tasks, schedulers and what they decide over time."""
