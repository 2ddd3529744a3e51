"""``cutlayer profile``: measure a network with torch; look at a profile; estimate times elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cutlayer.simulator.errors import InputError

HELP = "measure a network with torch; show a profile"
DESCRIPTION = """\
Measure what every row of a network computes, leaves, holds and takes here. Needs torch: pip install
'cutlayer[profile]'.

  cutlayer profile MODEL...             measure networks: a registered name, FILE.py:NAME (a torch module, or a
                                        function that gives one), an exported program (.pt2), an ONNX file, or 'all'
  cutlayer profile show PROFILE...      print a profile as a table; with --out, draw it too
  cutlayer profile fit PROFILE...       fit the roofline of the device --from to the times measured there
  cutlayer profile estimate PROFILE...  estimate times for the device file --to from those measured on --from

A PROFILE is a file, or the name of one that comes with cutlayer."""
EXAMPLE = "cutlayer profile squeezenet-1-1 --input 3x360x540 --out my_profiles"
_ONLY = {
    "show": {"out"},
    "fit": {"out", "source"},
    "estimate": {"out", "source", "to"},
    "measure": {"out", "device", "name", "threads", "input", "wire", "codec", "frames", "repeats"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "what", nargs="+", metavar="MODEL", help="networks to measure; or show, fit or estimate, and profiles"
    )
    add = parser.add_argument
    add("--input", metavar="SHAPE", help="what one frame is: 3x224x224, or image=3x224x224,tokens=77:int64")
    add("--device", metavar="D", help="where to measure: cpu (default) or cuda")
    add("--as", dest="name", metavar="NAME", help="name of this device in the profile (default: after its processor)")
    add("--threads", type=int, metavar="N", help="threads a frame may use (default: 1)")
    add("--wire", metavar="W", help="a floating-point value sent is uint8 (default), float16 or float32")
    add("--codec", metavar="C", help="count bytes after compression on --frames: zlib or png-like")
    add("--frames", metavar="DIR", help="folder of images or .npy arrays for --codec")
    add("--repeats", type=int, metavar="N", help="timed repeats (default: 20)")
    add("--from", dest="source", metavar="NAME", help="fit, estimate: the device whose measured times are used")
    add("--to", metavar="DEVICE.toml", help="estimate: the device file, as fit writes it")
    add("--out", metavar="PATH", help="folder to write to (default: profiles); fit: the device file; show: the figure")


def call(arguments: argparse.Namespace) -> int:
    """Do what was asked, and print the files written."""
    action, given = arguments.what[0], arguments.what[1:]
    if action not in ("show", "fit", "estimate"):
        action, given = "measure", arguments.what
    every = set().union(*_ONLY.values())
    options = {key: value for key, value in vars(arguments).items() if key in every and value is not None}
    for key in options:
        if key not in _ONLY[action]:
            said = {"name": "--as", "source": "--from"}.get(key, f"--{key}")
            which = ", ".join(name for name, known in _ONLY.items() if key in known)
            raise InputError(f"{said} does not go with {action}; allowed: with {which}")
    if not given:
        raise InputError(f"{action} of what? allowed: cutlayer profile {action} PROFILE...")
    return {"show": _show, "fit": _fit, "estimate": _estimate, "measure": _measure}[action](given, options)


def _measure(names: list[str], options: dict[str, object]) -> int:
    from tqdm import tqdm

    from cutlayer.experiments.console import bars_hidden
    from cutlayer.profiles.measure import measure_all, network_names

    count = len(network_names()) if names == ["all"] else len(names)
    out, text = str(options.pop("out", "profiles")), options.pop("input", None)
    with tqdm(total=count, desc="measured", disable=bars_hidden(), file=sys.stderr) as bar:
        paths = measure_all(names, out, input_text=text, progress=lambda name: bar.update(1), **options)
    for path in paths:
        print(path)
    return 0


def _show(names: list[str], options: dict[str, object]) -> int:
    from cutlayer.experiments.records.profile_text import as_text
    from cutlayer.profiles.store import find

    profiles = [find(name) for name in names]
    out = options.get("out")
    if out is not None and len(profiles) > 1:
        raise InputError("--out is one figure; allowed: with one profile")
    print("\n\n".join(as_text(profile) for profile in profiles))
    if out is not None:
        from cutlayer.experiments.figures.profile_figure import draw_profile
        from cutlayer.experiments.figures.style import FORMATS, draw

        path = Path(str(out))
        if path.suffix[1:] not in FORMATS:
            raise InputError(f"{path} is not a figure; allowed endings: {', '.join(FORMATS)}")
        print(*draw(path.with_suffix(""), draw_profile, profiles[0], formats=[path.suffix[1:]]), sep="\n")
    return 0


def _fit(names: list[str], options: dict[str, object]) -> int:
    from cutlayer.profiles.roofline import fit, save_device
    from cutlayer.profiles.store import find
    from cutlayer.simulator.units import render

    device, errors = fit(_needed(options, "source", "--from NAME"), [find(name) for name in names])
    for name, error in errors.items():
        print(f"{name}: {error:+.0%} of its time, fitted without it")
    print(f"{device.name}: {render(device.flop_per_s, 'FLOP/s')}, {render(device.memory_bytes_per_s, 'B')}/s, ", end="")
    print(f"{device.row_s * 1e6:.3g} us a row; mean error {device.error:.0%}")
    if "out" in options:
        save_device(device, str(options["out"]))
        print(options["out"])
    return 0


def _estimate(names: list[str], options: dict[str, object]) -> int:
    from cutlayer.profiles.roofline import estimate, load_device
    from cutlayer.profiles.store import find, save, shipped

    source, to = _needed(options, "source", "--from NAME"), load_device(_needed(options, "to", "--to DEVICE.toml"))
    folder = Path(str(options.get("out", "profiles")))
    known = list(shipped().values())
    found = {folder / f"{p.name}.json": estimate(p, to, source, known) for p in map(find, names)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", folder) from None
    for path, profile in found.items():
        save(profile, path)
        print(path)
    return 0


def _needed(options: dict[str, object], key: str, said: str) -> str:
    if key not in options:
        raise InputError(f"{said} is missing")
    return str(options[key])
