"""Measure a model: its chain, what every row computes and holds, and how long it takes here. Needs torch."""

from __future__ import annotations

import itertools
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutlayer import models
from cutlayer.profiles import store
from cutlayer.simulator.errors import InputError, UnknownNameError
from cutlayer.simulator.types import Layer, Profile

if TYPE_CHECKING:
    from cutlayer.profiles.source import Source

DEVICES = ("cpu", "cuda")
REPEATS, WARMUP = 20, 3
SHARE, OVERHEAD_S = 0.3, 100e-6
"""Rows add up to the whole within this share of it, and so much a row."""

Seconds = list[float]


def network_names() -> list[str]:
    """Return the names of all registered networks, sorted.

    Raises
    ------
    InputError
        If torch is not installed.
    """
    _torch()
    return sorted(models.networks())


def open_source(model: str, input_text: str | None, wire: str, device: str) -> Source:
    """Return a model with its chain, once torch is known to be there and the options are sound.

    Raises
    ------
    InputError
        If it is not; or as `cutlayer.profiles.source.open_model`.
    """
    torch = _torch()
    from cutlayer.profiles.program import WIRES
    from cutlayer.profiles.source import open_model

    if device not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda' is not available here; allowed: cpu")
    if wire not in WIRES:
        raise UnknownNameError("wire", wire, WIRES)
    return open_model(model, input_text, wire=wire, device=device)


def measure(
    model: str,
    *,
    input_text: str | None = None,
    device: str = "cpu",
    name: str | None = None,
    threads: int = 1,
    wire: str = "uint8",
    repeats: int = REPEATS,
    warmup: int = WARMUP,
    codec: str | None = None,
    frames: str | os.PathLike[str] | None = None,
) -> Profile:
    """Measure one model.

    Operations are counted and shapes found without computing anything; then single frames run through the rows, as
    the halves of a cut network would, and every row is timed.

    Parameters
    ----------
    model : str
        A registered name, ``file.py:name``, a ``.pt2`` file or an ONNX file.
    input_text : str, optional
        What one frame is, such as ``"3x224x224"``; by default what the model says.
    device : {"cpu", "cuda"}
    name : str, optional
        What the device is called in the profile; by default after the processor and `threads`.
    threads : int
        Threads of the processor that a frame may use.
    wire : {"uint8", "float16", "float32"}
        Type of a floating-point value on the wire; other types travel at their own width.
    repeats, warmup : int
        How many frames are timed, and how many go before them.
    codec : str, optional
        What compresses the tensors that cross: ``zlib`` or ``png-like``, measured on `frames`.
    frames : path, optional
        A folder of images or ``.npy`` arrays.

    Returns
    -------
    Profile
        FLOP of every row (2 x multiply-accumulate), the tensors that cross after it, its weights and working set
        [byte], median time and interquartile range [s].

    Raises
    ------
    InputError
        If torch or the device is not there, the model cannot be read, a number is out of range, the input does not
        fit, or the rows do not add up to the whole.
    """
    for what, value, least in (("repeats", repeats, 1), ("warmup", warmup, 0), ("threads", threads, 1)):
        if type(value) is not int or value < least:
            raise InputError(f"{what} is {value!r}; allowed: whole numbers from {least}")
    if codec is not None and frames is None:
        raise InputError(f"codec {codec!r} is measured on frames; give a folder of images or arrays with --frames")
    if frames is not None and codec is None:
        raise InputError("frames are for a codec; give one with --codec")
    if model.endswith(".onnx"):
        from cutlayer.profiles import onnx_model

        source: Any = onnx_model.open_model(model, input_text, wire=wire, threads=threads)
    else:
        source = open_source(model, input_text, wire, device)
    name = name or device_name(device, threads)
    weights, working = source.memory()
    rows, whole = _time(source, device, threads, repeats, warmup)
    graph, chain = source.chain.graph, source.chain
    layers = []
    for k in range(1, len(chain) + 1):
        crossing = [graph.values[index] for index in chain.crossing(k)]
        shapes = tuple(value.shape[1:] for value in crossing)
        flop = sum(graph.operators[index].work for index in chain.row(k))
        size = sum(value.wire_bytes for value in crossing)
        layers.append(
            Layer(chain.names[k - 1], flop, shapes, size, {name: rows[k - 1]}, weights[k - 1], working[k - 1])
        )
    taken = {
        "kind": "measured",
        "processor": source.processor(device),
        "threads": threads,
        "repeats": repeats,
        "warmup": warmup,
        "clock": "events" if device == "cuda" else "of the thread" if threads == 1 else "wall",
        "rows_over_whole": round(sum(row[0] for row in rows) / whole, 3),
        **source.versions(),
    }
    provenance: dict[str, Any] = {
        "kind": "measured",
        **source.notes,
        "input": ",".join(map(str, source.inputs)),
        "operators": len(graph.operators),
        "flop": "2 x multiply-accumulate, of convolutions, products and attention",
        "wire": wire,
        "time": "median over the repeats; spread: interquartile range",
        "devices": {name: taken},
    }
    size = sum(value.wire_bytes for value in graph.values if value.maker == -1)
    profile = Profile(source.name, source.inputs[0].shape, size, tuple(layers), provenance, size)
    if codec is not None and frames is not None:
        from cutlayer.profiles.codec import encoded

        profile = encoded(profile, source, codec, Path(frames), wire, name)
    return profile


def measure_all(
    names: str | Iterable[str],
    out_dir: str | os.PathLike[str],
    *,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Path]:
    """Measure models and write ``<name>.json`` for each; nothing is written before all are measured.

    Times of other devices in such a file, or in the profile that comes with cutlayer, are kept if its rows are the
    same.

    Parameters
    ----------
    names : str or iterable of str
        One model, several, or ``"all"``: every registered network.
    out_dir : path
        The folder to write to; made if it is not there.
    progress : callable, optional
        Called with the name of every model once it is measured.
    **options
        As for `measure`.

    Returns
    -------
    list of Path
        The files, in the order of the names.

    Raises
    ------
    InputError
        As `measure`; or if the folder or a file cannot be written, or holds a profile of that name with other rows
        and a device name was given.
    """
    _torch()
    asked = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    wanted = network_names() if asked == ["all"] else asked
    known = network_names()
    for name in wanted:
        if name not in known and not any(mark in name for mark in (".", os.sep)):
            raise UnknownNameError("network", name, known)
    folder = Path(out_dir)
    if folder.exists() and not folder.is_dir():
        raise InputError("is not a folder; allowed: a folder, there or not", folder)
    found: dict[Path, Profile] = {}
    for name in wanted:
        profile = measure(name, **options)
        path = folder / f"{profile.name}.json"
        if path in found:
            raise InputError(f"two of these models are called {profile.name!r}; measure them into different folders")
        found[path] = _added(profile, path, strict=options.get("name") is not None)
        if progress is not None:
            progress(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", folder) from None
    for path, profile in found.items():
        store.save(profile, path)
    return list(found)


def _added(profile: Profile, path: Path, *, strict: bool) -> Profile:
    """Return the profile with the times that other devices have in a file of its rows, or among the shipped ones."""
    for known in [store.load(path)] if path.exists() else [*filter(None, [store.shipped().get(profile.name)])]:
        if _counted(known) == _counted(profile):
            kept = {device for device in known.layers[0].time_s if device not in profile.layers[0].time_s}
            pairs = zip(known.layers, profile.layers, strict=True)
            layers = tuple(
                replace(new, time_s={d: t for d, t in old.time_s.items() if d in kept} | dict(new.time_s))
                for old, new in pairs
            )
            devices = {d: note for d, note in known.provenance.get("devices", {}).items() if d in kept}
            provenance = {**profile.provenance, "devices": devices | profile.provenance["devices"]}
            return replace(profile, layers=layers, provenance=provenance)
        if strict and path.exists():
            raise InputError(
                "has other rows than this model; allowed: the same model, input and wire, or another folder", path
            )
    return profile


def _counted(profile: Profile) -> Any:
    rows = [(layer.name, layer.flop, layer.output_shapes, layer.output_bytes) for layer in profile.layers]
    return profile.input_shape, profile.input_bytes, rows


def _time(source: Any, device: str, threads: int, repeats: int, warmup: int) -> tuple[list[tuple[float, float]], float]:
    """Return median and interquartile range of every row, and the median of the whole [s], to the nanosecond.

    Whole and rows take turns, frame by frame, so that a busy moment meets both.
    """
    for _ in range(3):
        times = np.array(list(source.times(device, threads, repeats, warmup)))
        low, median, high = np.percentile(times, [25, 50, 75], axis=0).round(9)
        rows, whole = median[:-1], float(median[-1])
        quick = np.percentile([times[:, :-1].sum(axis=1), times[:, -1]], 25, axis=1)
        if abs(quick[0] - quick[1]) <= SHARE * quick[1] + OVERHEAD_S * len(rows):
            return list(zip(rows.tolist(), (high - low).round(9)[:-1].tolist(), strict=True)), whole
    raise InputError(
        f"model {source.name!r}: its rows take {rows.sum():.3g} s together and the whole {whole:.3g} s, three times; "
        f"allowed: within {SHARE:.0%}; is the machine busy with something else?"
    )


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let torch use so many threads meanwhile."""
    torch = _torch()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device_name(device: str, threads: int) -> str:
    """Return what this machine is called in a profile by default, such as ``amd-epyc-1t``."""
    words = re.sub(r"\(.*?\)|@.*|\bcpu\b|\bprocessor\b|\d+-core", " ", processor(device).lower())
    name = "-".join(re.findall(r"[a-z0-9.]+", words)) or "device"
    return name if device == "cuda" else f"{name}-{threads}t"


def processor(device: str) -> str:
    """Return what the processor calls itself."""
    if device == "cuda":
        return str(_torch().cuda.get_device_name())
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    return next(filter(None, [*named, platform.processor(), platform.machine()]), "unknown")


def clocks(device: str, threads: int) -> tuple[Callable[[], Any], Callable[[Sequence[Any]], Seconds]]:
    """Return how to mark a moment on a device, and how to tell the time between marks [s].

    One thread on a processor is timed by its own clock: what else the machine does then does not count.
    """
    torch = _torch()
    if device != "cuda":
        return time.thread_time if threads == 1 else time.perf_counter, lambda marks: np.diff(marks).tolist()

    def mark() -> Any:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(marks: Sequence[Any]) -> Seconds:
        torch.cuda.synchronize()
        return [one.elapsed_time(other) / 1e3 for one, other in itertools.pairwise(marks)]

    return mark, between


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise InputError("profiling needs torch: pip install cutlayer[profile]") from None
    return torch
