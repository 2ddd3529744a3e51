"""Measure a network layer by layer with torch, which is imported when first used."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer import models
from cutlayer.profiles import store
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Layer, Profile

if TYPE_CHECKING:
    from torch import Tensor

    from cutlayer.models.layers import LayeredNetwork

WIRES = {"uint8": 1, "float16": 2, "float32": 4}
"""Bytes of one value on the wire, by its type there."""

DEVICES = ("cpu", "cuda")
REPEATS, WARMUP = 20, 3

_SHAPE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read an input shape.

    Raises
    ------
    InputError
        If the text is not CxHxW, each from 1 to 99999.

    Examples
    --------
    >>> parse_shape("3x224x224")
    (3, 224, 224)
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise InputError(f"input {text!r}; allowed: CxHxW, each from 1 to 99999, such as '3x224x224'")
    channels, height, width = map(int, match.groups())
    return channels, height, width


def network_names() -> list[str]:
    """Return the names of all networks, sorted.

    Raises
    ------
    InputError
        If torch is not installed.
    """
    _torch()
    return sorted(models.networks())


def measure(
    name: str,
    *,
    device: str = "cpu",
    input_shape: Sequence[int] | None = None,
    wire: str = "uint8",
    repeats: int = REPEATS,
    warmup: int = WARMUP,
) -> Profile:
    """Measure one network.

    Operations are counted and shapes found without computing anything; then single frames run through
    the layers, one thread, weights and input random with a fixed seed, and every layer is timed.

    Parameters
    ----------
    name : str
        A registered network, e.g. ``"alexnet"``.
    device : {"cpu", "cuda"}
    input_shape : sequence of int, shape (3,), optional
        Channels, height, width; the network's published input by default.
    wire : {"uint8", "float16", "float32"}
        Type of a value on the wire: the input and the outputs of layers take 1, 2 or 4 bytes a value.
    repeats, warmup : int
        How many frames are timed, and how many go before them.

    Returns
    -------
    Profile
        FLOP of every layer (2 x multiply-accumulate, of convolutions and fully connected layers), shape
        [without batch] and bytes of its output, median time and interquartile range [s].

    Raises
    ------
    InputError
        If torch or the device is not there, a name is not known, a number is out of range, or the input
        does not fit the network.
    """
    torch = _torch()
    _check_choices(device, wire, repeats, warmup)
    with torch.device("meta"):
        outline = models.build(name)
    shape = outline.input_shape if input_shape is None else parse_shape("x".join(map(str, input_shape)))
    flop, shapes = _count(name, outline, shape)
    median, spread = _time(name, shape, device, repeats, warmup)
    rows = zip(outline.layers.named_children(), flop, shapes, median, spread, strict=True)
    return Profile(
        name=name,
        input_shape=shape,
        input_bytes=_wire_bytes(shape, wire),
        layers=tuple(
            Layer(layer, operations, output, _wire_bytes(output, wire), middle, width)
            for (layer, _), operations, output, middle, width in rows
        ),
        provenance={
            "kind": "measured",
            "network": outline.source,
            "parameters": outline.n_parameters,
            "flop": "2 x multiply-accumulate, of convolutions and fully connected layers",
            "wire": wire,
            "time": "median over the repeats; spread: interquartile range",
            "device": device,
            "processor": _processor(device),
            "threads": 1,
            "repeats": repeats,
            "warmup": warmup,
            "torch": str(torch.__version__),
        },
    )


def measure_all(
    names: str | Iterable[str],
    out_dir: str | os.PathLike[str],
    *,
    device: str = "cpu",
    input_text: str | None = None,
    wire: str = "uint8",
    repeats: int = REPEATS,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Measure networks and write ``<name>.json`` for each; nothing is written before all are measured.

    Parameters
    ----------
    names : str or iterable of str
        One network, several, or ``"all"``.
    out_dir : path
        The folder to write to; made if it is not there. Files of that name are replaced.
    device, wire, repeats
        As for `measure`.
    input_text : str, optional
        Input shape of all of them, as CxHxW; their published inputs by default.
    progress : callable, optional
        Called with the name of every network once it is measured.

    Returns
    -------
    list of Path
        The files, in the order of the names.

    Raises
    ------
    InputError
        As `measure`; or if the folder or a file cannot be written.
    """
    known = network_names()
    asked = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    wanted = known if asked == ["all"] else asked
    for name in wanted:
        if name not in known:
            raise UnknownNameError("network", name, known)
    shape = None if input_text is None else parse_shape(input_text)
    folder = Path(out_dir)
    if folder.exists() and not folder.is_dir():
        raise InputError("is not a folder; allowed: a folder, there or not", folder)
    profiles = []
    for name in wanted:
        profiles.append(measure(name, device=device, input_shape=shape, wire=wire, repeats=repeats))
        if progress is not None:
            progress(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", folder) from None
    paths = [folder / f"{profile.name}.json" for profile in profiles]
    for profile, path in zip(profiles, paths, strict=True):
        store.save(profile, path)
    return paths


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise InputError("profiling needs torch: pip install cutlayer[profile]") from None
    return torch


def _check_choices(device: str, wire: str, repeats: int, warmup: int) -> None:
    if device not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    if device == "cuda" and not _torch().cuda.is_available():
        raise InputError("device 'cuda' is not available here; allowed: cpu")
    if wire not in WIRES:
        raise UnknownNameError("wire", wire, WIRES)
    for what, value, least in (("repeats", repeats, 1), ("warmup", warmup, 0)):
        if type(value) is not int or value < least:
            raise InputError(f"{what} is {value!r}; allowed: whole numbers from {least}")


def _wire_bytes(shape: Sequence[int], wire: str) -> int:
    values = 1
    for n in shape:
        values *= n
    return values * WIRES[wire]


def _count(name: str, outline: LayeredNetwork, input_shape: tuple[int, ...]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return FLOP and output shape of every layer; `outline` is without storage, so nothing is computed."""
    from torch.utils.flop_counter import FlopCounterMode

    torch = _torch()
    flop, shapes = [], []
    frame = torch.empty(1, *input_shape, device="meta")
    for layer, module in outline.layers.named_children():
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                frame = module(frame)
        except RuntimeError as error:
            raise InputError(
                f"network {name!r}, layer {layer!r}: an input of {_x(input_shape)} does not fit "
                f"({_first_line(error)}); the published input is {_x(outline.input_shape)}"
            ) from None
        flop.append(counter.get_total_flops())
        shapes.append(tuple(frame.shape[1:]))
    return flop, shapes


def _time(
    name: str, input_shape: tuple[int, ...], device: str, repeats: int, warmup: int
) -> tuple[list[float], list[float]]:
    """Return median and interquartile range of every layer's time [s], to the nanosecond."""
    torch = _torch()
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    try:
        layers = list(models.build(name).to(device).layers)
        generator = torch.Generator().manual_seed(0)
        frame = torch.rand(1, *input_shape, generator=generator).to(device)
        with _one_thread(), torch.no_grad():
            times = [_frame_times(layers, frame, synchronize) for _ in range(warmup + repeats)][warmup:]
    except (RuntimeError, MemoryError) as error:
        raise InputError(
            f"network {name!r}: an input of {_x(input_shape)} does not run on {device} ({_first_line(error)})"
        ) from None
    low, median, high = np.percentile(np.array(times), [25, 50, 75], axis=0)
    return median.round(9).tolist(), (high - low).round(9).tolist()


def _frame_times(layers: list[Any], frame: Tensor, synchronize: Callable[[], None]) -> list[float]:
    """Run one frame through all layers, as a device would, and return the time of each [s]."""
    times = []
    synchronize()
    for layer in layers:
        start = time.perf_counter()
        frame = layer(frame)
        synchronize()
        times.append(time.perf_counter() - start)
    return times


@contextmanager
def _one_thread() -> Iterator[None]:
    torch = _torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _processor(device: str) -> str:
    if device == "cuda":
        return str(_torch().cuda.get_device_name())
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    return next(filter(None, [*named, platform.processor(), platform.machine()]), "unknown")


def _x(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
