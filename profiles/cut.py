"""Write the two halves of a model as files."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cutlayer.profiles import measure
from cutlayer.profiles.chain import Chain, Value
from cutlayer.simulator.errors import InputError, UnknownNameError


def cut(
    model: str,
    after: int | str,
    out_dir: str | os.PathLike[str],
    *,
    input_text: str | None = None,
    wire: str = "uint8",
) -> list[Path]:
    """Cut a model after a row and write ``edge.pt2``, ``cloud.pt2`` (or two ONNX files) and ``cut.json``.

    Parameters
    ----------
    model, input_text, wire
        As for `cutlayer.profiles.measure.measure`.
    after : int or str
        The last row on the edge: its number, from 1, or its name.
    out_dir : path
        Made if it does not exist; files of these names are replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If the model cannot be read, there is no such row, or the files cannot be written.
    """
    if model.endswith(".onnx"):
        from cutlayer.profiles import onnx_model

        source: Any = onnx_model.open_model(model, input_text, wire=wire, threads=1)
    else:
        source = measure.open_source(model, input_text, wire, "cpu")
    chain: Chain = source.chain
    k = _row(chain, str(after))
    values = chain.graph.values
    described = {
        "model": model,
        "after": k,
        "row": chain.names[k - 1],
        "input": [_said(value) for value in values if value.maker == -1],
        "crosses": [_said(values[index]) for index in chain.crossing(k)],
        "output": [_said(values[index]) for index in chain.graph.outputs],
        "wire": wire,
        **source.versions(),
    }
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".cut") as draft:
            names = source.write_halves(k, Path(draft))
            (Path(draft) / "cut.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
            for name in [*names, "cut.json"]:
                shutil.move(Path(draft) / name, folder / name)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", folder) from None
    return [folder / name for name in [*names, "cut.json"]]


def _row(chain: Chain, after: str) -> int:
    if after in chain.names:
        return chain.names.index(after) + 1
    if after.lstrip("+-").isdecimal():
        if 1 <= int(after) <= len(chain):
            return int(after)
        raise InputError(f"row {after}; allowed: 1 to {len(chain)}, or the name of a row")
    raise UnknownNameError("row", after, chain.names)


def _said(value: Value) -> dict[str, Any]:
    return {"name": value.name, "shape": list(value.shape), "type": value.dtype, "wire_bytes": value.wire_bytes}
