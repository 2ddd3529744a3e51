"""The traditional cloud: every frame is uploaded as it is."""

from __future__ import annotations

from cutlayer.simulator.demand import raw
from cutlayer.simulator.policy import SCHEDULERS, Decision, Deploy, OnlineScheduler, Reject, View
from cutlayer.simulator.types import Task


@SCHEDULERS.register("cloud")
class Cloud(OnlineScheduler):
    """Cut 0 for every task, admitted if its raw input fits on the uplinks."""

    def decide(self, task: Task, view: View) -> Decision:
        cut = view.first_fit(task, raw)
        return Reject("the raw input does not fit", 0) if cut is None else Deploy(cut)
