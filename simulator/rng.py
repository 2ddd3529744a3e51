"""Named random streams: the only place that makes a generator.

Every random quantity draws from a stream of its own, keyed by the seed of the run and by words that name
its purpose. Adding a quantity, or drawing more of one, leaves all others as they were.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream of that name.

    Parameters
    ----------
    seed : int
        Seed of the run, not negative.
    *names : str or int
        What the stream is for, e.g. ``"uplink"`` or ``"weight", 7``.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded from SHA-256 of the names: the same on every machine and Python hash seed.

    Examples
    --------
    >>> stream(1, "uplink").random() == stream(1, "uplink").random()
    True
    >>> stream(1, "uplink").random() == stream(1, "deadline").random()
    False
    """
    plain = tuple(name if isinstance(name, str) else int(name) for name in names)  # NumPy's integers, too
    digest = hashlib.sha256(repr(plain).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
