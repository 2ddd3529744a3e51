"""When a frame violates its deadline."""

from __future__ import annotations

import numpy as np

from cutlayer.simulator.compiled import compiled

LATE, LATE_ULP = 1e-9, 16
"""A frame violates its deadline where its latency exceeds it by more than this share and so many ulp; see `is_late`."""


@compiled
def is_late(latency_s: float, deadline_s: float, done_s: float) -> bool:
    """Return whether a latency violates its deadline Q: latency > Q (1 + 1e-9) + 16 ulp of when the frame was done.

    No time is known better than to an ulp (2e-7 s at 1.7e9 s). In a slice without slack, whose frames just
    touch for ever, a single arrival that was rounded up makes all that follow that much later.
    """
    over = latency_s - deadline_s * (1.0 + LATE)
    return over > 0.0 and over > LATE_ULP * np.spacing(done_s)
