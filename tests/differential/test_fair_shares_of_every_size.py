"""Fair shares that differ by many orders of magnitude: every frame leaves when the reference says, too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.frames.reference.simulation import FrameSimulation
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.types import Layer, Network, Profile, Task

PROFILE = Profile("p", (1,), 1.0, (Layer("l", 0.0, (1,), 1.0),))
QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def run(link_bps, reserved_bps, frames):
    """The worst difference of a transfer from the reference, as a multiple of 1e-9 of it plus 16 ulp of its end."""
    tasks = [Task(f"t{j}", 0.0, PROFILE, 1.0, 1.0, [0], [bps / 8]) for j, bps in enumerate(reserved_bps)]
    spans, fair = [Span(task, 1, 0.0) for task in tasks], FrameSettings(sharing="fair")
    network = Network([1.0], [link_bps])
    given = {(task.name, "s0"): each for task, each in zip(tasks, frames, strict=True)}
    kept = run_frames(network, spans, fair, end_s=1e6, keep_frames=True, given=given).kept
    theirs = FrameSimulation(network, spans, fair, given, end_s=1e6, conditions=Conditions()).run()
    others = [f for task in tasks for f in theirs[task.name, "s0"]]
    assert kept.fate.tolist() == [f.fate for f in others] == [0] * len(others)
    transfer = np.array([f.uplink_wait_s + f.uplink_service_s for f in others])
    left = np.array([f.left_s for f in others])
    return (np.abs(kept.transfer_s - transfer) / (1e-9 * transfer + 16 * np.spacing(left))).max()


@QUICK
@given(seed=st.integers(0, 2**32 - 1), orders=st.sampled_from([2, 8, 14, 20]))
def test_every_frame_is_that_of_the_reference_whatever_the_reservations(seed, orders):
    rng = np.random.default_rng(seed)
    slices = int(rng.integers(2, 7))
    reserved_bps = 1e9 * 10 ** rng.uniform(-orders, 0, slices)
    link_bps = float(reserved_bps.sum() * rng.uniform(1, 2))
    frames = []
    for bps in reserved_bps:
        n = int(rng.integers(1, 15))
        # what takes the slice itself, or else the whole link, some 0.1 s
        size = np.where(rng.random(n) < 0.5, 1.0, link_bps / bps) * rng.uniform(0.01, 0.2, n)
        frames.append((np.sort(rng.uniform(0, 3, n)), size))
    assert run(link_bps, reserved_bps, frames) <= 1


@pytest.mark.parametrize("small_bps", [10.0, 1e-2, 1e-6])
def test_a_small_slice_has_the_link_for_itself_when_a_large_one_has_left(small_bps):
    # 1 Gbit/s and next to nothing on 1.25 Gbit/s: 0.1 Gbit of the large one from 0 to 0.08 s, and again from 0.15;
    # the small one's 0.1 Gbit come at 0.05, move at 0.08, stop from 0.15 to 0.23 and end at 0.24
    size = 1e8 / small_bps
    frames = [(np.array([0.0, 0.15]), np.array([0.1, 0.1])), (np.array([0.05]), np.array([size]))]
    assert run(1.25e9, [1e9, small_bps], frames) <= 1
