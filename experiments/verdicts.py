"""Whether a claim holds, as far as the seeds can say: three verdicts, because "not refuted" is not "holds"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from cutlayer.experiments.stats import mean_interval

Verdict = Literal["holds", "does not hold", "not shown", "for information"]
"""What is said of a claim; *not shown*: its interval lies on both sides, so that more seeds may say either."""
LEVEL = 0.95


def certain(holds: object) -> Verdict:
    """Return the verdict on what no chance is in: arithmetic, or something that one counterexample refutes."""
    return "holds" if holds else "does not hold"


def above_zero(samples: Iterable[Sequence[float] | np.ndarray], *, or_zero: bool = False) -> Verdict:
    """Return the verdict on "each of these is above 0 on average".

    Parameters
    ----------
    samples : iterable of array_like, shape (n,)
        Each one value a seed; a single seed shows nothing.
    or_zero : bool
        The claim is "not below 0".

    Notes
    -----
    It holds if the 95 % interval of each lies above 0: all of them must be wrong together to be fooled. It does not
    hold if one lies below; of many one would by chance, so these are as wide as it takes to hold together at 95 %
    (Bonferroni).

    Examples
    --------
    >>> above_zero([[3.0, 4.0, 5.0]]), above_zero([[3.0, 4.0, -5.0]]), above_zero([[3.0, 4.0, 5.0], [-2.0, -2.1, -1.9]])
    ('holds', 'not shown', 'does not hold')
    """
    every = [np.asarray(sample, dtype=np.float64) for sample in samples]
    low = min(mean_interval(sample, LEVEL).low for sample in every)
    highs = [mean_interval(sample, 1 - (1 - LEVEL) / len(every)).high for sample in every]
    if any(math.isnan(high) for high in highs):
        return "not shown"
    if low > 0 or (or_zero and low >= 0):
        return "holds"
    return "does not hold" if min(highs) < 0 or (min(highs) == 0 and not or_zero) else "not shown"


def all_of(*verdicts: Verdict) -> Verdict:
    """Return the verdict on claims that must hold together.

    Examples
    --------
    >>> all_of("holds", "holds"), all_of("holds", "not shown"), all_of("not shown", "does not hold")
    ('holds', 'not shown', 'does not hold')
    """
    return "does not hold" if "does not hold" in verdicts else "not shown" if "not shown" in verdicts else "holds"


def within(low: float | None, high: float | None, least: float, most: float) -> Verdict:
    """Return the verdict on "it lies between `least` and `most`", of a number known to be from `low` to `high`.

    Parameters
    ----------
    low, high : float or None
        The ends of its interval; NaN where there is none, None for beyond all numbers.
    least, most : float

    Examples
    --------
    >>> within(350, 370, 324, 396), within(350, 400, 324, 396), within(None, None, 324, 396)
    ('holds', 'not shown', 'does not hold')
    """
    low, high = (math.inf if end is None else end for end in (low, high))
    if math.isnan(low) or math.isnan(high):
        return "not shown"
    if least <= low and high <= most:
        return "holds"
    return "does not hold" if high < least or low > most else "not shown"
