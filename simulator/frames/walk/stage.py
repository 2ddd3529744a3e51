"""One first-in-first-out stage whose speed changes over time, and which may lose what is in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.frames.slices import Slices
from cutlayer.simulator.steps import Clock
from cutlayer.simulator.ties import INSTANT_ULP, first_of_instant, is_by, last_of_instant
from cutlayer.simulator.types import FloatArray


class Course(NamedTuple):
    """The speed of a stage over time, and when frames in it are lost.

    Attributes
    ----------
    times : ndarray, shape (n + 1,)
        When the speed changes [s], from 0; the last is infinite.
    speeds : ndarray, shape (n,)
    down, up : ndarray, shape (m + 1,)
        Outages at which frames are lost [s], in order; the last is at infinity. ``up`` is the first time of the
        instant at which an outage ends.
    """

    times: FloatArray
    speeds: FloatArray
    down: FloatArray
    up: FloatArray


_ALWAYS, _NEVER = np.array([0.0, math.inf]), np.array([math.inf])


def course(clock: Clock, outages: Sequence[tuple[float, float]], end_s: float) -> Course:
    """Return the course of a clock, with the outages at which frames are lost until the end of the run."""
    down, up = _NEVER, _NEVER
    if lost := [outage for outage in outages if is_by(outage[0], end_s)]:
        down, up = (np.array([*(outage[side] for outage in lost), math.inf]) for side in (0, 1))
        up = first_of_instant(up)
    if len(clock.speed.values) == 1:
        return Course(_ALWAYS, clock.speed.values, down, up)
    return Course(np.append(clock.times_s, math.inf), np.array(clock.speeds), down, up)


class Asks(NamedTuple):
    """What a frame of mean size needs, by slice: arrays as in `Slices`, shape (n,)."""

    edge_s: FloatArray
    slice_s: FloatArray
    cloud_s: FloatArray
    drop_s: FloatArray


def asks(slices: Slices) -> Asks:
    """Return what the frames of these slices need."""
    return Asks(slices.edge_s, slices.slice_s, slices.cloud_s, slices.drop_s)


class Stages(NamedTuple):
    """What the frames of one server go through.

    Attributes
    ----------
    asks : Asks
    compute, uplink : Course
    propagation : float
        [s]
    end : float
        The last time of the instant at which the run ends [s].
    """

    asks: Asks
    compute: Course
    uplink: Course
    propagation: float
    end: float


def stages(slices: Slices, compute: Course, uplink: Course, propagation_s: float, end_s: float) -> Stages:
    """Return the stages of a server for a run that ends at `end_s`."""
    return Stages(asks(slices), compute, uplink, propagation_s, float(last_of_instant(end_s)))


@compiled
def stage(
    course: Course, segment: int, outage: int, at: float, before_at: float, before: float, work: float, drop: float
) -> Any:
    """Take one frame through a first-in-first-out stage.

    Parameters
    ----------
    course : Course
    segment, outage : int
        Where in the course the frame before was: its segment, and the outage not yet over.
    at : float
        When the frame arrives at the stage [s].
    before_at, before : float
        When the frame before arrived, and how long after that the stage was free again [s].
    work : float
        Its service at speed 1 [s].
    drop : float
        When it is lost if it is still here [s].

    Returns
    -------
    lost : bool
    wait, service : float
        What it spent before and in service [s].
    segment, outage : int
        Where in the course it was.
    free : float
        How long after `at` the stage is free again [s]; negative if it does not count for the next one.
    """
    while course.up[outage] <= at:
        outage += 1
    if course.down[outage] <= at:
        return True, 0.0, 0.0, segment, outage, -1.0
    ends = min(drop, course.down[outage])
    limit = ends - at
    wait = max(before - (at - before_at), 0.0)
    if wait == math.inf:  # the stage never works again
        return wait > limit, limit, 0.0, segment, outage, wait
    room = (course.times[segment + 1] - at) - wait
    while room <= 0.0:
        segment += 1
        room = (course.times[segment + 1] - at) - wait
    begun = segment
    total = wait
    while work > 0.0:
        speed = course.speeds[segment]
        if speed > 0.0:
            need = work if speed == 1.0 else work / speed
            if need <= room or need <= room + INSTANT_ULP * np.spacing(course.times[segment + 1]):
                total += need
                break
            work -= speed * room
        elif room == math.inf:
            total = math.inf
            break
        segment += 1
        total = course.times[segment] - at
        room = course.times[segment + 1] - course.times[segment]
    if total > limit and total > limit + INSTANT_ULP * np.spacing(ends):
        passed = max(limit, 0.0)
        return True, min(wait, passed), max(passed - wait, 0.0), begun, outage, max(wait, limit)
    return False, wait, total - wait, segment, outage, total


@compiled
def calm(course: Course, segment: int, outage: int, at: float) -> Any:
    """Return a stretch of time through which the speed is the same, at least 0, and nothing is lost; and the speed.

    It holds for frames that come at `at` or later and are done by its end.
    """
    if course.speeds[segment] <= 0.0:
        return math.inf, -math.inf, 1.0
    since = max(course.times[segment], at)
    return since, min(course.times[segment + 1], course.down[outage]), course.speeds[segment]
