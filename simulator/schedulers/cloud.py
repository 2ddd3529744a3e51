"""The traditional cloud: every frame is uploaded as it is."""

from __future__ import annotations

from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View
from cutlayer.simulator.types import Task


@SCHEDULERS.register("cloud")
class Cloud(OnlineScheduler):
    """Cut 0 for every task, admitted if its raw input fits on the uplinks."""

    sends_raw = True

    def decide(self, task: Task, view: View) -> Decision:
        return Deploy(0) if view.fits(task, 0) else Reject("the raw input does not fit", 0)
