"""``cutlayer cut``: write the two halves of a network."""

from __future__ import annotations

import argparse

HELP = "write the two halves of a network"
DESCRIPTION = (
    "Cut a network after a row of its chain: edge.pt2 gives what cloud.pt2 takes, and both together give exactly what "
    "the network gives; cut.json says what crosses. Needs torch: pip install 'cutlayer[profile]'."
)
EXAMPLE = "cutlayer cut resnet-18 --after layer2.0.downsample.0 --out halves"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="a registered name, FILE.py:NAME, a .pt2 or an .onnx file")
    parser.add_argument("--after", required=True, metavar="K", help="the last row on the edge: its number or its name")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to; made if it does not exist")
    parser.add_argument("--input", metavar="SHAPE", help="what one frame is (default: what the model says)")
    parser.add_argument(
        "--wire", default="uint8", metavar="W", help="type in which cut.json counts bytes: uint8, float16 or float32"
    )


def call(arguments: argparse.Namespace) -> int:
    """Write the halves and print their files."""
    from cutlayer.profiles.cut import cut

    for path in cut(arguments.model, arguments.after, arguments.out, input_text=arguments.input, wire=arguments.wire):
        print(path)
    return 0
