"""A figure of one profile: by cut, what crosses, what is computed, time by device, and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cutlayer.experiments.figures.style import look
from cutlayer.experiments.records.profile_text import pays
from cutlayer.simulator.types import Profile
from cutlayer.simulator.units import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_profile(profile: Profile) -> Figure:
    """Return a figure of the chain, a panel a quantity, cuts along the axis."""
    import matplotlib.pyplot as plt

    cuts = np.arange(1, len(profile) + 1)
    memory = all(layer.weight_bytes is not None and layer.working_bytes is not None for layer in profile.layers)
    figure, panels = plt.subplots(
        2 + bool(profile.devices) + memory, 1, sharex=True, squeeze=False, figsize=(max(6.0, 0.16 * len(cuts) + 2), 7.5)
    )
    axes: list[Axes] = list(panels[:, 0])
    crossing = np.array([layer.output_bytes for layer in profile.layers], dtype=float)
    marks = pays(profile)
    _panel(axes[0], cuts, crossing, "crosses after the row", "B", 0)
    factor = scale_of(crossing.max(), "B")[0]
    best = np.array([mark == "yes" for mark in marks])
    axes[0].plot(
        cuts[best], crossing[best] / factor, "o", color="#000000", markersize=6, fillstyle="none", label="can pay"
    )
    axes[0].axhline(profile.input_bytes / factor, color="#666666", linewidth=0.8, linestyle=":", label="input")
    axes[0].set_yscale("log")
    axes[0].legend()
    _panel(
        axes[1], cuts, np.cumsum([float(layer.flop) for layer in profile.layers]), "computed up to the row", "FLOP", 1
    )
    rest = axes[2:]
    if profile.devices:
        for index, device in enumerate(profile.devices):
            label = f"{device} (estimated)" if profile.is_estimated(device) else device
            times = np.cumsum([layer.time_s[device][0] for layer in profile.layers]) * 1e3
            rest[0].plot(cuts, times, label=label, **look(index + 2))
        rest[0].set_ylabel("time up to the row [ms]")
        rest[0].legend()
    if memory:
        held = profile.weight_bytes + profile.working_bytes
        _panel(rest[-1], cuts, held, "weights + working set", "B", 5)
    axes[-1].set_xticks(cuts, [layer.name for layer in profile.layers], rotation=90, fontsize=7, parse_math=False)
    axes[0].set_title(profile.name, parse_math=False)
    figure.align_ylabels(axes)
    return figure


def _panel(axes: Axes, cuts: np.ndarray, values: np.ndarray, what: str, unit: str, index: int) -> None:
    factor, scaled = scale_of(float(values.max()), unit)
    axes.plot(cuts, values / factor, **look(index))
    axes.set_ylabel(f"{what} [{scaled}]")
