"""A profile as a table for a terminal."""

from __future__ import annotations

import numpy as np

from cutlayer.simulator.types import Profile
from cutlayer.simulator.units import render


def as_text(profile: Profile) -> str:
    """Return the chain, one line a row.

    Columns: number and name of the row; FLOP of the row; bytes and number of tensors that cross after it; whether a cut
    there can pay (``yes``: for some price ratio of bandwidth and compute; ``bound``: only where a resource is
    bounded); memory of all rows up to it (weights + largest working set); time of the row by device.
    """
    memory = all(layer.weight_bytes is not None and layer.working_bytes is not None for layer in profile.layers)
    devices = [f"{name}*" if profile.is_estimated(name) else name for name in profile.devices]
    lines = [["", "row", "FLOP", "crosses", "tensors", "pays", *(["memory"] if memory else []), *devices]]
    held = (profile.weight_bytes + profile.working_bytes).tolist() if memory else []
    for k, (layer, mark) in enumerate(zip(profile.layers, pays(profile), strict=True), start=1):
        line = [str(k), layer.name, render(layer.flop, "FLOP"), render(layer.output_bytes, "B")]
        line += [str(len(layer.output_shapes)), mark or "-"] + ([render(held[k - 1], "B")] if memory else [])
        lines.append(line + [f"{layer.time_s[name][0] * 1e3:.4g} ms" for name in profile.devices])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    table = []
    for line in lines:
        words = zip(line, widths, strict=True)
        table.append("  ".join(w.ljust(n) if at in (1, 5) else w.rjust(n) for at, (w, n) in enumerate(words)))
    total = sum(layer.flop for layer in profile.layers)
    shape = "x".join(map(str, profile.input_shape))
    size = render(profile.input_bytes, "B")
    head = f"{profile.name}: input {shape}, {size}; {render(total, 'FLOP')}, {len(profile)} rows"
    whole = [f"{d}: {sum(x.time_s[d][0] for x in profile.layers) * 1e3:.4g} ms a frame" for d in profile.devices]
    notes = ["* estimated"] if any(name.endswith("*") for name in devices) else []
    return "\n".join([head, *(line.rstrip() for line in table), *whole, *notes])


def pays(profile: Profile) -> list[str]:
    """Return, by cut, whether it can ever be the best.

    ``"yes"`` for some price ratio of bandwidth and compute, ``"bound"`` only where a resource is bounded, else ``""``.
    """
    work = np.cumsum([float(layer.flop) for layer in profile.layers])
    size = np.array([float(layer.output_bytes) for layer in profile.layers])
    verdicts = ["" for _ in profile.layers]
    front: list[int] = []
    for k in range(len(profile)):
        same = front and work[front[-1]] == work[k]
        if not front or size[k] < size[front[-1]]:
            front = [*(front[:-1] if same else front), k]
    hull: list[int] = []
    for k in front:
        while len(hull) > 1 and not _below(work, size, hull[-2], hull[-1], k):
            hull.pop()
        hull.append(k)
    for k in front:
        verdicts[k] = "yes" if k in hull else "bound"
    return verdicts


def _below(work: np.ndarray, size: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether point b lies below the line from a to c."""
    return bool((size[a] - size[b]) * (work[c] - work[b]) > (size[b] - size[c]) * (work[b] - work[a]))
