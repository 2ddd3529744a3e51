"""Fig. 3: what each layer leaves of the data, and what it computes, in the ten measured networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cutlayer.experiments.console import progress
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.verdicts import certain
from cutlayer.profiles.store import shipped
from cutlayer.simulator.types import Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@experiment("layer_profiles", paper="Fig. 3")
def run(study: Study) -> list[Claim]:
    """Data ratio and computational overhead after each layer of the ten measured networks."""
    profiles = shipped()
    with progress("layer profiles", len(profiles)) as done:
        measures = []
        for name, profile in profiles.items():
            for k in range(1, len(profile) + 1):
                at = ("cut", k)
                ratio, overhead = float(profile.ratio[k - 1]), float(profile.flop_per_byte[k - 1])
                measures.append(("data ratio r_k [byte/byte]", name, *at, ratio, None, None, 1))
                measures.append(("overhead l_k [FLOP/byte]", name, *at, overhead, None, None, 1))
            done(1)
        study.record("layer_profiles", measures)
        study.draw("fig3_layer_profiles", _draw, profiles)
    return _claims(profiles)


def _draw(profiles: Mapping[str, Profile]) -> Figure:

    from cutlayer.experiments.figures.style import COLOURS, subplots

    drawn, panels = subplots(2, 5, sharey=True, figsize=(10, 4.6))
    flop_low = min(p.flop_per_byte.min() for p in profiles.values()) / 1.5
    flop_high = max(p.flop_per_byte.max() for p in profiles.values()) * 1.5
    for at, (axes, (name, profile)) in enumerate(zip(panels.flat, profiles.items(), strict=True)):
        cuts = np.arange(1, len(profile) + 1)
        axes.semilogy(cuts, profile.ratio, "o-", color=COLOURS[0], label="data after the layer / input")
        axes.axhline(1, color="#666666", linewidth=0.8, linestyle=":")
        axes.set_title(name, fontsize=9)
        axes.set_xticks(cuts)
        right = axes.twinx()
        right.semilogy(cuts, profile.flop_per_byte, "s--", color=COLOURS[1], label="overhead up to the layer")
        right.set_ylim(flop_low, flop_high)
        right.grid(False)
        right.spines["right"].set_visible(True)
        right.tick_params(axis="y", colors=COLOURS[1], labelright=at % 5 == 4)
        axes.tick_params(axis="y", colors=COLOURS[0])
        if at % 5 == 0:
            axes.set_ylabel("data ratio $r_k$ [byte/byte]", color=COLOURS[0], parse_math=True)
        if at % 5 == 4:
            right.set_ylabel("overhead $l_k$ [FLOP/byte]", color=COLOURS[1], parse_math=True)
        if at >= 5:
            axes.set_xlabel("layer $k$", parse_math=True)
    handles = [*panels.flat[0].get_lines()[:1], *right.get_lines()[:1]]
    drawn.legend(handles=handles, loc="outside upper center", ncols=2)
    return drawn


def _claims(profiles: Mapping[str, Profile]) -> list[Claim]:
    layers, grows, enlarged = 0, {}, []
    for name, profile in profiles.items():
        before = np.concatenate([[1.0], profile.ratio[:-1]])
        layers += len(profile)
        for k in np.flatnonzero(profile.ratio >= before):
            grows[f"{name} {profile.layers[k].name}"] = float(profile.ratio[k] / before[k])
        enlarged += [f"{name} {profile.layers[k].name}" for k in np.flatnonzero(profile.ratio > 1)]
    steps = np.concatenate([[layer.flop for layer in p.layers] for p in profiles.values()])
    rising = all((np.diff(profile.flop_per_byte) > 0).all() for profile in profiles.values())
    ends = [float(profile.ratio[-1]) for profile in profiles.values()]
    return [
        Claim(
            "Fig. 3",
            "each layer shrinks the data",
            f"{len(grows)} of {layers} layers put out as much as they take in or more, up to {max(grows.values()):.2f} "
            f"times ({max(grows, key=lambda layer: grows[layer])}); after {len(enlarged)} of them there is more than "
            f"the input; after the last layer {min(ends):.2%} to {max(ends):.2%} of the input are left",
            certain(not grows),
            "a layer with its activation and pooling, output bytes against the bytes it took in, uint8 on the wire",
            {"layers": layers, "not_shrinking": grows, "larger_than_input": enlarged},
        ),
        Claim(
            "Fig. 3",
            "overhead grows with depth",
            f"the FLOP of layers 1..k rise with every layer of all {len(profiles)} networks, by "
            f"{steps.min():.3g} to {steps.max():.3g} FLOP a layer",
            certain(rising),
            "cumulated over layers, per input byte, as the paper's l_k is",
            {"networks": len(profiles), "least_flop": float(steps.min()), "most_flop": float(steps.max())},
        ),
    ]
