"""Processes fitted to a trace: Poisson, MMPP-2 by maximum likelihood, rates by the hour; and how well each fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, stats

from cutlayer.simulator.compiled import compiled
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import FloatArray
from cutlayer.workloads.arrivals.generated import DAY_S, MMPP2, Hourly, Poisson, Process

FEWEST = 20
"""Arrivals that a fit needs."""

_TAILS = (0.025, 0.975)
LONGEST = 50_000
"""Arrivals that the likelihood of an MMPP-2 is taken of: the first ones."""


@dataclass(frozen=True)
class Fit:
    """A process with the parameters that fit a trace best.

    Attributes
    ----------
    process : Process
    distance : float
        Kolmogorov-Smirnov: the largest difference between the distributions of the gaps, seen and fitted; 0 to 1.
        For rates by the hour, gaps are measured on the clock that the rates drive.
    survival : callable
        P(gap > x), for an array of x [s].
    dispersion : callable
        Variance / mean of the arrivals in a window of so many seconds.
    intervals : mapping of str to list of pairs
        For each parameter (each of its values) the ends of a 95 % confidence interval, where one is known.
    note : str
        What else to know of the fit.
    """

    process: Process
    distance: float
    survival: Callable[[FloatArray], FloatArray]
    dispersion: Callable[[float], float]
    intervals: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    note: str = ""


def dispersion(arrivals_s: FloatArray, window_s: float) -> float:
    """Return variance / mean of the arrivals counted in windows of that length, from the first arrival on."""
    windows = int((arrivals_s[-1] - arrivals_s[0]) / window_s)
    if windows < 2:
        return math.nan
    edges = arrivals_s[0] + np.arange(windows + 1) * window_s
    counts = np.diff(np.searchsorted(arrivals_s, edges))
    return float(counts.var(ddof=1) / counts.mean()) if counts.any() else math.nan


def fit_all(arrivals_s: FloatArray, period_s: float | None = None, parts: int = 24) -> dict[str, Fit]:
    """Return the three fits by the names of their processes; see `fit_hourly` for the parameters."""
    return {
        "poisson": fit_poisson(arrivals_s),
        "mmpp2": fit_mmpp2(arrivals_s),
        "hourly": fit_hourly(arrivals_s, period_s, parts),
    }


def fit_poisson(arrivals_s: FloatArray) -> Fit:
    """Return the Poisson process with the rate of the trace, (count - 1) / (last - first): maximum likelihood."""
    gaps_s = _gaps(arrivals_s)
    rate_hz = len(gaps_s) / float(arrivals_s[-1] - arrivals_s[0])

    def survival(gap_s: FloatArray) -> FloatArray:
        return np.exp(-rate_hz * gap_s)

    count, span_s = len(gaps_s), float(arrivals_s[-1] - arrivals_s[0])
    ends = [float(stats.chi2.ppf(tail, 2 * count)) / (2 * span_s) for tail in _TAILS]  # the gaps sum up to a gamma time
    intervals = {"rate_hz": [(ends[0], ends[1])]}
    return Fit(Poisson(rate_hz), _distance(gaps_s, survival), survival, lambda window_s: 1.0, intervals)


def fit_hourly(arrivals_s: FloatArray, period_s: float | None = None, parts: int = 24) -> Fit:
    """Return the rates in each part of a period: arrivals / time that the trace spends in it.

    Parameters
    ----------
    arrivals_s : array, shape (n,)
    period_s : float, optional
        What repeats [s]. A day by default; the whole of a trace that is shorter, counted from its first arrival.
    parts : int
        Equal parts of the period.
    """
    _gaps(arrivals_s)
    span_s = float(arrivals_s[-1] - arrivals_s[0])
    if period_s is None:
        period_s = DAY_S if span_s >= DAY_S else span_s
    if not 0 < period_s <= span_s:
        raise InputError(f"the period is {period_s!r} s; allowed: above 0, up to {span_s!r}, what the trace lasts")
    if not 1 <= parts <= 10_000:
        raise InputError(f"{parts} parts of a period; allowed: 1 to 10000")
    origin_s = 0.0 if period_s < span_s else float(arrivals_s[0])
    part_s = period_s / parts
    times_s = arrivals_s - origin_s
    places = np.minimum((np.mod(times_s, period_s) / part_s).astype(np.intp), parts - 1)
    if period_s == span_s:
        places[-1] = parts - 1  # the last arrival ends the period; it is not the first of another
    counts = np.bincount(places, minlength=parts)
    counts[places[0]] -= 1  # time is counted from the first arrival, so that arrival is not
    counts = np.maximum(counts, 0)
    exposed_s = _exposed_s(times_s, part_s, parts)
    process = Hourly(tuple((counts / exposed_s).tolist()), period_s)
    # Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936
    low = np.where(counts > 0, stats.chi2.ppf(_TAILS[0], np.maximum(2 * counts, 1)), 0.0) / (2 * exposed_s)
    high = stats.chi2.ppf(_TAILS[1], 2 * counts + 2) / (2 * exposed_s)
    intervals = {"rates_hz": list(zip(low.tolist(), high.tolist(), strict=True))}
    ends = np.concatenate([[0.0], np.cumsum(process.rates_hz)]) * part_s

    def expected(at_s: FloatArray) -> FloatArray:
        periods = np.floor(at_s / period_s)
        inside = np.interp(at_s - periods * period_s, np.arange(parts + 1) * part_s, ends)
        clock: FloatArray = periods * ends[-1] + inside
        return clock

    def survival(gap_s: FloatArray) -> FloatArray:
        """Return P(gap > x) where the rate stays what it is at the arrival the gap begins with."""
        rates = np.array(process.rates_hz)
        found: FloatArray = np.exp(-np.multiply.outer(gap_s, rates)) @ (rates / rates.sum())
        return found

    def spread(window_s: float) -> float:
        windows = int((times_s[-1] - times_s[0]) / window_s)
        if windows < 2:
            return math.nan
        means = np.diff(expected(times_s[0] + np.arange(windows + 1) * window_s))
        return float(1 + means.var(ddof=1) / means.mean())

    distance = _distance(np.diff(expected(times_s)), lambda gap: np.exp(-gap))
    return Fit(process, distance, survival, spread, intervals)


def _exposed_s(times_s: FloatArray, part_s: float, parts: int) -> FloatArray:
    """Return how long the trace is in each part, from its first arrival to its last [s]."""

    def until(end_s: float) -> FloatArray:
        whole, rest_s = divmod(end_s, part_s * parts)
        exposed: FloatArray = whole * part_s + np.clip(rest_s - np.arange(parts) * part_s, 0, part_s)
        return exposed

    return np.maximum(until(float(times_s[-1])) - until(float(times_s[0])), part_s * 1e-9)


def fit_mmpp2(arrivals_s: FloatArray) -> Fit:
    """Return the MMPP-2 of largest likelihood.

    The likelihood of the gaps x_1, ..., x_n after the first arrival is phi e^((Q-L) x_1) L ... e^((Q-L) x_n) L 1, with
    Q the rates of changing state, L those of arrivals and phi the state at an arrival in the long run (Meier-Hellstern,
    "A fitting algorithm for Markov-modulated Poisson processes having two arrival rates", EJOR 29(3), 1987). It is
    climbed from several starts, each from calling windows of one length calm or busy. Gaps of 0 are what the log's
    clock cannot tell: half its smallest gap.

    The intervals are those of the observed information, of the logarithms. A note says where one state fits as well as
    two: where the likelihood is not larger by what Schwarz ("Estimating the dimension of a model", Ann. Stat. 6(2),
    1978) asks for three more parameters.
    """
    gaps_s = _gaps(arrivals_s)
    scale_s = float(gaps_s.mean())
    used = gaps_s[:LONGEST] / scale_s  # in gaps: whatever the unit, the parameters are near 1
    used = np.maximum(used, used[used > 0].min() / 2)
    starts = sorted((_start(used, length) for length in (3, 10, 30, 100, 300)), key=lambda x: _unlikely(x, used))
    best = min(
        (
            optimize.minimize(
                _unlikely, start, (used,), "Nelder-Mead", options={"maxiter": 800, "xatol": 1e-5, "fatol": 1e-4}
            )
            for start in starts[:3]
        ),
        key=lambda found: float(found.fun),
    )
    order = [0, 1, 2, 3] if best.x[0] <= best.x[1] else [1, 0, 3, 2]
    errors = _errors(best.x, used)[order]
    signs, scales = np.array([1, 1, -1, -1]), np.array([1 / scale_s, 1 / scale_s, scale_s, scale_s])
    logarithms = best.x[order] * signs
    names = ("calm_hz", "busy_hz", "mean_calm_s", "mean_busy_s")
    process = MMPP2(*(np.exp(logarithms) * scales).tolist())
    with np.errstate(over="ignore"):
        low, high = (np.exp(logarithms + sign * 1.96 * errors) * scales for sign in (-1, 1))
    intervals = {name: [ends] for name, ends in zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True)}
    survival = _mmpp2_survival(process)
    gain = -float(best.fun) - len(used) * (-math.log(used.mean()) - 1)
    needed = 1.5 * math.log(len(used))
    note = ""
    if gain < needed:
        note = f"one state fits as well as two: log-likelihood {gain:+.3g} above Poisson, {needed:.3g} needed"
    return Fit(process, _distance(gaps_s, survival), survival, process.dispersion, intervals, note)


def _errors(logarithms: FloatArray, gaps: FloatArray, step: float = 1e-3) -> FloatArray:
    """Return the standard errors of the logarithms of the parameters; infinite where the gaps do not determine them."""
    steps = np.eye(4) * step

    def at(move: FloatArray) -> float:
        return _unlikely(logarithms + move, gaps)

    information = np.array(
        [[at(a + b) - at(a - b) - at(b - a) + at(-a - b) for a in steps] for b in steps]
    ) / (4 * step**2)  # fmt: skip
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] <= 0:
        return np.full(4, math.inf)
    return np.sqrt(np.diag(np.linalg.inv(information)))


def _start(gaps: FloatArray, length: float) -> FloatArray:
    """Return the logarithms of calm and busy rate and of the rates of leaving, with windows of `length` mean gaps."""
    times = np.cumsum(gaps)
    counts = np.bincount((times / length).astype(np.intp))
    busy = counts > length
    changes = max(int(np.count_nonzero(np.diff(busy.astype(np.int8)))), 1)
    lengths = np.array([np.count_nonzero(~busy), np.count_nonzero(busy)]) * length
    rates = [counts[~busy].sum() / lengths[0] if lengths[0] else 0.5, counts[busy].sum() / max(lengths[1], length)]
    leaving = changes / 2 / np.maximum(lengths, length)
    return np.log([max(rates[0], 0.01), max(rates[1], 1.1), *leaving])


def _unlikely(logarithms: FloatArray, gaps: FloatArray) -> float:
    if np.abs(logarithms).max() > 30:
        return math.inf
    return -float(_likelihood(gaps, *np.exp(logarithms)))


@compiled
def _likelihood(gaps: FloatArray, calm: float, busy: float, leave_calm: float, leave_busy: float) -> float:
    """Return the logarithm of the likelihood of the gaps.

    e^(D x) of the 2 x 2 matrix D = Q - L is e^((m + d) x) times (1 + s) / 2 + (1 - s) / (2 d) (D - m), with m half its
    trace, d half the distance of its eigenvalues (which are real) and s = e^(-2 d x).
    """
    there = calm * leave_busy + busy * leave_calm
    u, v = calm * leave_busy / there, busy * leave_calm / there
    half = ((leave_busy + busy) - (leave_calm + calm)) / 2
    m = -((leave_busy + busy) + (leave_calm + calm)) / 2
    d = math.sqrt(half * half + leave_calm * leave_busy)
    # m + d without cancellation: the determinant is (m + d)(m - d)
    slow = (calm * busy + calm * leave_busy + busy * leave_calm) / (m - d)
    total = 0.0
    for x in gaps:
        s = math.exp(-2 * d * x)
        same, other = (1 + s) / 2, (1 - s) / (2 * d)
        to_u = u * (same + other * half) + v * other * leave_busy
        to_v = u * other * leave_calm + v * (same - other * half)
        u, v = to_u * calm, to_v * busy
        weight = u + v
        total += slow * x + math.log(weight)
        u, v = u / weight, v / weight
    return total


def _mmpp2_survival(process: MMPP2) -> Callable[[FloatArray], FloatArray]:
    """Return P(gap > x) = phi e^((Q-L) x) 1: a mixture of two exponentials."""
    p, q = 1 / process.mean_calm_s, 1 / process.mean_busy_s
    a, b = process.calm_hz, process.busy_hz
    phi = np.array([a * q, b * p]) / (a * q + b * p)
    rates, vectors = np.linalg.eig(np.array([[-(p + a), p], [q, -(q + b)]]))
    weights = (phi @ vectors) * np.linalg.solve(vectors, np.ones(2))

    def survival(gap_s: FloatArray) -> FloatArray:
        found: FloatArray = np.exp(np.multiply.outer(gap_s, rates)) @ weights
        return found

    return survival


def _gaps(arrivals_s: FloatArray) -> FloatArray:
    if len(arrivals_s) < FEWEST or not arrivals_s[-1] > arrivals_s[0]:
        span_s = float(np.ptp(arrivals_s))
        raise InputError(f"{len(arrivals_s)} arrivals in {span_s:g} s; a fit needs {FEWEST}, not all at once")
    return np.diff(arrivals_s)


def _distance(gaps: FloatArray, survival: Callable[[FloatArray], FloatArray]) -> float:
    ordered = np.sort(gaps)
    fitted = 1 - survival(ordered)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((steps[1:] - fitted).max(), (fitted - steps[:-1]).max()))
