"""The product and the plain implementation agree, task by task, on verdicts and cuts."""

from __future__ import annotations

import meshes
import numpy as np
import plain
import pytest
from cases import CASES

from cutlayer.simulator.engine import simulate
from cutlayer.simulator.results.recorder import Recorder
from cutlayer.simulator.schedulers import SCHEDULERS
from cutlayer.simulator.types import Layer, Network, Profile, Task


def profile(task: plain.PlainTask) -> Profile:
    """A profile whose ratios and cumulated FLOP per byte are the plain task's (input of one byte)."""
    flop = np.diff([0.0, *task.flop_per_byte]).tolist()
    layers = tuple(Layer(f"l{k}", f, (1,), r) for k, (f, r) in enumerate(zip(flop, task.ratio, strict=True), start=1))
    return Profile("p", (1,), 1.0, layers)


def product(network: plain.PlainNetwork, tasks, scheduler, *, until_s=None, **options):
    n_servers = len(network.capacity_flop_per_s)
    star = network.routes == [{i} for i in range(n_servers)]
    routes = [[float(i in crossing) for i in range(n_servers)] for crossing in network.routes]
    net = Network(
        network.capacity_flop_per_s,
        network.link_bps,
        usable_share=network.usable_share,
        routes=None if star else routes,
        reservation=network.reservation,
        reservation_margin=network.reservation_margin,
        allow_raw=network.allow_raw,
    )
    ours = [
        Task(
            t.name, t.arrival_s, profile(t), t.frame_rate_hz, t.deadline_s,
            sorted(t.inputs), [t.inputs[i] for i in sorted(t.inputs)], t.lifetime_s,
        )
        for t in tasks
    ]  # fmt: skip
    if options.get("cut_rule") == "fixed":
        options = {"cut_rule": f"fixed({options['cut']})"}
    recorder = Recorder()
    simulate(net, ours, SCHEDULERS[scheduler](**options), until_s=until_s, listeners=[recorder])
    return {row["task"]: (row["outcome"], row["cut"]) for row in recorder.rows("tasks")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_product_gives_the_answer_worked_by_hand(case):
    answer = product(case["network"], case["tasks"], case["scheduler"], **case["options"])
    assert answer == case["expected"]


SHAPES = ["star", "shared links", "tree", "mesh"]


def draw(seed: int, fed: str, shape: str) -> tuple[plain.PlainNetwork, list[plain.PlainTask]]:
    rng = np.random.default_rng([seed, ["all", "some", "equal"].index(fed), SHAPES.index(shape)])
    n_servers = int(rng.integers(1, 9))
    if shape in ("tree", "mesh"):
        routes = list(meshes.crossing(meshes.drawn(rng, n_servers, shape)).values())
    elif shape == "shared links":
        n_links = int(rng.integers(1, 6))
        routes = [set(np.flatnonzero(rng.random(n_servers) < 0.5).tolist()) for _ in range(n_links)]
        for i in range(n_servers):
            routes[int(rng.integers(n_links))].add(i)
    else:
        routes = [{i} for i in range(n_servers)]
    network = plain.PlainNetwork(
        rng.uniform(20e9, 60e9, n_servers).tolist(),
        [
            float(rng.uniform(1e6, 40e6)) * len(servers) if shape in ("tree", "mesh") else float(rng.uniform(5e6, 50e6))
            for servers in routes
        ],
        float(rng.uniform(0.5, 1.0)),
        routes,
        str(rng.choice(["sustained", "deadline"])),
        float(rng.choice([0.0, 0.1])),
        seed % 4 == 3,
    )
    tasks = []
    for j in range(int(rng.integers(10, 60))):
        n_layers = int(rng.integers(1, 9))
        if fed == "some":
            at = np.flatnonzero(rng.random(n_servers) < 0.5)
            at = at if len(at) else np.array([int(rng.integers(n_servers))])
        else:
            at = np.arange(n_servers)
        total = rng.uniform(20e3, 400e3)
        share = np.ones(len(at)) if fed == "equal" else rng.uniform(0.5, 1.5, len(at))
        tasks.append(
            plain.PlainTask(
                f"t{j}",
                float(np.floor(j * 0.7)),
                rng.uniform(0.02, 1.2, n_layers).tolist(),
                np.cumsum(rng.uniform(100, 4000, n_layers)).tolist(),
                float(rng.choice([1.0, 5.0, 12.0])),
                0.2,
                dict(zip(at.tolist(), (total * share / share.sum()).tolist(), strict=True)),
                float(rng.choice([np.inf, 3.0, 10.5, 20.0])),
            )
        )
    return network, tasks


OPTIONS = [
    ("offline", {}),
    ("offline", {"cut_rule": "largest-product"}),
    ("fixed", {"cut": 1}),
    ("fixed", {"cut": 3}),
    ("cloud", {}),
    ("fifo", {}),
    ("fifo", {"cut_rule": "fixed", "cut": 2}),
    ("lbf", {}),
    ("lbf", {"cut_rule": "largest-product"}),
    ("threshold", {}),
    ("threshold", {"cut_rule": "largest-product"}),
    ("threshold", {"admission": "printed"}),
    ("neurosurgeon", {}),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fed", ["all", "some", "equal"])
@pytest.mark.parametrize("scheduler, options", OPTIONS, ids=str)
def test_product_equals_plain_on_random_instances(scheduler, options, fed, shape):
    verdicts = set()
    for seed in range(25 if shape in ("star", "shared links") else 8):
        network, tasks = draw(seed, fed, shape)
        expected = plain.run(network, tasks, scheduler, **options)
        assert product(network, tasks, scheduler, **options) == expected, f"instance {seed}"
        verdicts |= {verdict for verdict, _ in expected.values()}
    assert {"deployed", "rejected"} <= verdicts, "the instances must be neither trivial nor hopeless"
