"""On trees of shared links every slice runs at the speed of the tightest link on its way, in both implementations."""

from __future__ import annotations

import numpy as np
import pytest
from frame_cases import cases
from hypothesis import HealthCheck, given, settings
from test_frames_equal_simpy import check_equal

from cutlayer.simulator.conditions import Conditions
from cutlayer.simulator.frames.run import run_frames
from cutlayer.simulator.frames.settings import FrameSettings
from cutlayer.simulator.frames.slices import DELIVERED
from cutlayer.simulator.frames.spans import Span
from cutlayer.simulator.steps import Steps
from cutlayer.simulator.types import Layer, Network, Profile, Task

QUICK = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@QUICK
@given(case=cases(tree=True))
def test_every_frame_on_a_tree_is_that_of_the_reference(case):
    check_equal(case)


@pytest.mark.slow
@settings(QUICK, max_examples=3000)
@given(case=cases(tree=True))
def test_every_frame_on_thousands_of_trees_is_that_of_the_reference(case):
    check_equal(case)


def test_the_tightest_link_of_the_way_worked_by_hand():
    # Servers 0 and 1 behind one trunk; 0 also behind a link of its own. One frame a second of 8 byte: 64 bit,
    # reserved 64 bit/s each (Q = 1 s), so 64 on link 0, 128 on the trunk.
    #   link 0: 64 bit/s, then 16 from 10 s on;  trunk: 128, then 64 from 4 s on, 256 from 12 s on.
    # s_0 = 1, 1/2 from 4 s, 1/4 from 10 s on (the trunk would give 1/2, then 1);  s_1 = 1, 1/2 from 4 s, 1 from 12 s.
    camera = Profile("camera", (8,), 8.0, (Layer("conv", 0, (8,), 8.0),))
    task = Task("t", 0.0, camera, 1.0, 1.0, [0, 1], [8.0, 8.0])
    network = Network([1.0, 1.0], [64.0, 128.0], links=["own", "trunk"], routes=[[1, 0], [1, 1]])
    conditions = Conditions({"own": Steps([0, 10], [64, 16]), "trunk": Steps([0, 4, 12], [128, 64, 256])})
    given = {("t", f"s{i}"): (np.array([0.0, 3.5, 9.0, 12.0]), np.ones(4)) for i in (0, 1)}
    spans = [Span(task, 1, 0.0)]
    results = run_frames(
        network, spans, FrameSettings(), end_s=100.0, conditions=conditions, keep_frames=True, given=given
    )
    kept = results.kept
    assert (kept.fate == DELIVERED).all()
    leaves = kept.arrival_s + kept.transfer_s
    # 3.5: half done at 4, the rest at half speed. 9.0 at server 0: half by 10 s, the rest at 1/4: 12 s; then 4 s more.
    assert leaves[kept.server == 0].tolist() == [1.0, 5.0, 12.0, 16.0]
    assert leaves[kept.server == 1].tolist() == [1.0, 5.0, 11.0, 13.0]
