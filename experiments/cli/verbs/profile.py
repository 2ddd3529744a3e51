"""``cutlayer profile``: measure a network with torch."""

from __future__ import annotations

import argparse
import sys

HELP = "measure a network with torch"
DESCRIPTION = (
    "Measure FLOP, output bytes and time of every layer of a network; needs torch: pip install 'cutlayer[profile]'."
)
EXAMPLE = "cutlayer profile squeezenet-1-1 --input 3x360x540 --out my_profiles"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("network", nargs="+", metavar="NAME", help="networks to measure, such as alexnet, or 'all'")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu (default) or cuda")
    parser.add_argument("--input", metavar="CxHxW", help="shape of a frame (default: the network's own)")
    parser.add_argument(
        "--wire", default="uint8", metavar="W", help="a value sent is uint8 (default), float16 or float32"
    )
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="timed repeats (default: 20)")
    parser.add_argument("--out", default="profiles", metavar="DIR", help="folder to write to (default: profiles)")


def call(arguments: argparse.Namespace) -> int:
    """Measure and print the files written."""
    from tqdm import tqdm

    from cutlayer.experiments.console import bars_hidden
    from cutlayer.profiles.measure import measure_all, network_names

    every = arguments.network == ["all"]
    with tqdm(
        total=len(network_names()) if every else len(arguments.network),
        desc="measured",
        disable=bars_hidden(),
        file=sys.stderr,
    ) as bar:
        paths = measure_all(
            arguments.network,
            arguments.out,
            device=arguments.device,
            input_text=arguments.input,
            wire=arguments.wire,
            repeats=arguments.repeats,
            progress=lambda name: bar.update(1),
        )
    for path in paths:
        print(path)
    return 0
