"""The paper's worked example: three cameras, AlexNet's first convolution, and what crosses the uplink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cutlayer.experiments.console import progress
from cutlayer.experiments.paper.study import Claim, Study, experiment
from cutlayer.experiments.verdicts import certain
from cutlayer.simulator.units import bits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAMERAS = 3
VIDEO_BPS = 3000e3
FRAME = (540, 360)
FRAME_RATE_HZ = 24.0
KEY_FRAME_RATE_HZ = 1.0
KERNEL, STRIDE, PADDING, CHANNELS = 11, 4, 2, 64


@dataclass(frozen=True)
class Case:
    """A way to send what the camera sees."""

    name: str
    bps: float


def convolved(size: int) -> int:
    """Return how many outputs AlexNet's first convolution leaves of `size` inputs along one axis.

    Examples
    --------
    >>> convolved(540), convolved(360)
    (134, 89)
    """
    return (size + 2 * PADDING - KERNEL) // STRIDE + 1


def cases() -> list[Case]:
    """Return the ways to send one camera's stream, with the bandwidth each takes."""
    width, height = map(convolved, FRAME)
    channel = width * height  # one byte a value
    return [
        Case("video as it is", VIDEO_BPS),
        Case("layer 1, one channel, every frame", bits(channel) * FRAME_RATE_HZ),
        Case("layer 1, one channel, key frames", bits(channel) * KEY_FRAME_RATE_HZ),
        Case(f"layer 1, all {CHANNELS} channels, every frame", bits(channel * CHANNELS) * FRAME_RATE_HZ),
        Case(f"layer 1, all {CHANNELS} channels, key frames", bits(channel * CHANNELS) * KEY_FRAME_RATE_HZ),
    ]


@experiment("camera", paper="Section III")
def run(study: Study) -> list[Claim]:
    """What three cameras send: video, or what AlexNet's first convolution makes of it."""
    ways = cases()
    with progress("camera example", len(ways)) as done:
        measures = []
        for way in ways:
            for cameras in (1, CAMERAS):
                measures.append(
                    ("bandwidth [kbit/s]", way.name, "cameras", cameras, cameras * way.bps / 1e3, None, None, 1)
                )
            done(1)
        study.record("camera", measures)
        study.draw("camera", _draw, ways)
    return _claims(ways)


def _draw(ways: Sequence[Case]) -> Figure:

    from cutlayer.experiments.figures.style import COLOURS, subplots

    drawn, axes = subplots(figsize=(6.6, 2.6))
    kbps = [CAMERAS * way.bps / 1e3 for way in ways]
    colours = [COLOURS[6], COLOURS[0], COLOURS[0], COLOURS[1], COLOURS[1]]
    axes.barh(range(len(ways)), kbps, color=colours, height=0.6)
    for at, value in enumerate(kbps):
        axes.text(value * 1.1, at, f"{value:,.0f}", va="center")
    axes.set_yticks(range(len(ways)), [way.name for way in ways])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(100, max(kbps) * 8)
    axes.set_xlabel(f"uplink of {CAMERAS} cameras [kbit/s]")
    axes.grid(axis="y", visible=False)
    return drawn


def _claims(ways: list[Case]) -> list[Claim]:
    video, every, key, all_channels, all_key = (way.bps / 1e3 for way in ways)
    width, height = map(convolved, FRAME)
    reading = (
        f"kernel {KERNEL}, stride {STRIDE}, padding {PADDING} on {FRAME[0]} x {FRAME[1]}, before pooling, one byte a "
        f"value, one of {CHANNELS} channels; frames at {FRAME_RATE_HZ:g} a second, key frames at {KEY_FRAME_RATE_HZ:g}"
    )
    return [
        Claim(
            "Section III",
            "the first layer leaves 134 x 89 x 1 bytes of a frame: 2,300 kbit/s for every frame",
            f"{width} x {height} = {width * height:,} bytes, {every:,.0f} kbit/s",
            certain((width, height) == (134, 89) and abs(every - 2300) <= 0.01 * 2300),
            reading,
            {"bytes": width * height, "kbps": every},
        ),
        Claim(
            "Section III",
            "key frames alone take 95 kbit/s",
            f"{key:.1f} kbit/s",
            certain(abs(key - 95) <= 0.01 * 95),
            reading,
            {"kbps": key},
        ),
        Claim(
            "Section III",
            "three cameras at 3 Mbit/s need 9 Mbit/s to the gateway; the first layer saves uplink",
            f"video {CAMERAS * video / 1e3:g} Mbit/s, one channel of layer 1 {CAMERAS * every / 1e3:.2f} Mbit/s, its "
            f"key frames {CAMERAS * key / 1e3:.2f} Mbit/s",
            certain(CAMERAS * video == 9000 and every < video),
            reading,
            {"video_kbps": CAMERAS * video, "every_frame_kbps": CAMERAS * every, "key_frames_kbps": CAMERAS * key},
        ),
        Claim(
            "Section III",
            "the second layer needs the output of the first",
            f"it needs all {CHANNELS} channels, not one: {all_channels:,.0f} kbit/s a camera for every frame, "
            f"{all_channels / video:.0f} times the video, and {all_key:,.0f} kbit/s for key frames",
            "for information",
            "what a network cut after its first convolution, before pooling, would really send",
            {"all_channels_kbps": all_channels, "all_channels_key_frames_kbps": all_key},
        ),
    ]
