"""The paper's scenario of other numbers."""

from cutlayer.experiments.scenarios.scenario import load

TABLES = {"servers": "network", "tasks": "workload"}


def paper(**keys):
    """Return the paper's scenario with that many servers and tasks."""
    return load("paper", [f"{TABLES[key]}.{key}={value}" for key, value in keys.items()])


def network(seed, **keys):
    return paper(**keys).inputs(seed).network


def tasks(seed, **keys):
    return list(paper(**keys).inputs(seed).tasks)
