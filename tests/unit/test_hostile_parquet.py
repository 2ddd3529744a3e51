"""Parquet files that were damaged or made to harm: read, or one line, in bounded memory and time."""

from __future__ import annotations

import io
import random
import resource
import time

import numpy as np
import pytest

from cutlayer.simulator.errors import InputError
from cutlayer.workloads.traces.formats import read_trace
from cutlayer.workloads.traces.summary import summary

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
EDITS = 1000


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def originals():
    count = 150
    inputs = [
        [{"server": "yard", "input_bytes": j + 1.0}, {"server": "gate", "input_bytes": 2.0}] for j in range(count)
    ]
    table = pyarrow.table(
        {
            "task": [f"camera {j}" for j in range(count)], "arrival_s": np.arange(count) / 7,
            "profile": ["lenet-5", "alexnet", "resnet-18"] * (count // 3), "deadline_s": np.full(count, 0.3),
            "inputs": pyarrow.array(inputs),
        }
    )  # fmt: skip
    for compression in ("snappy", "none", "zstd"):
        for version in ("1.0", "2.0"):
            file = io.BytesIO()
            parquet.write_table(table, file, compression=compression, data_page_version=version, row_group_size=40)
            yield file.getvalue()


def edited(data, draw):
    edit = bytearray(data)
    footer = int.from_bytes(edit[-8:-4], "little")
    kind = draw.randrange(4)
    if kind == 0:
        for _ in range(draw.choice((1, 2, 9))):
            edit[draw.randrange(len(edit))] = draw.randrange(256)
    elif kind == 1:  # in the footer, where lengths and types are
        for _ in range(draw.choice((1, 2, 5))):
            edit[len(edit) - 9 - draw.randrange(footer)] = draw.randrange(256)
    elif kind == 2:
        at = draw.randrange(len(edit))
        edit[at : at + draw.randrange(40)] = draw.randbytes(draw.randrange(20))
    else:
        at, length = draw.randrange(4, len(edit) - 8), draw.choice((2, 4, 8))
        edit[at : at + length] = b"\xff" * length
    return bytes(edit)


def test_a_thousand_edits_are_read_or_refused_in_one_line(tmp_path):
    draw, files, before_mb = random.Random(5), list(originals()), peak_mb()
    refused, began = 0, time.monotonic()
    for _ in range(EDITS):
        (tmp_path / "x.parquet").write_bytes(edited(draw.choice(files), draw))
        try:
            summary(read_trace(tmp_path / "x.parquet"))
        except InputError as fault:
            assert "\n" not in str(fault) and "x.parquet" in str(fault)
            refused += 1
    assert refused > EDITS / 2 and peak_mb() - before_mb < 500
    assert time.monotonic() - began < 10 * EDITS


def bomb(path, **columns):
    parquet.write_table(pyarrow.table(columns), path, compression="zstd")
    assert path.stat().st_size < 200_000


def test_files_that_grow_when_they_are_read_are_refused(tmp_path):
    path, count = tmp_path / "bomb.parquet", 65_536
    before_mb = peak_mb()
    once = pyarrow.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), ["x" * 200_000])
    bomb(path, arrival_s=np.zeros(count), profile=once)  # 13 GB as text
    with pytest.raises(InputError, match="profile has 200,000 bytes; allowed: up to 200 letters"):
        read_trace(path)
    pairs = 3_000_000
    names = pyarrow.DictionaryArray.from_arrays(np.zeros(pairs, dtype=np.int32), ["yard"])
    structs = pyarrow.StructArray.from_arrays([names, pyarrow.array(np.ones(pairs))], names=["server", "input_bytes"])
    bomb(
        path, arrival_s=[0.0], inputs=pyarrow.ListArray.from_arrays(pyarrow.array([0, pairs], pyarrow.int32()), structs)
    )
    with pytest.raises(InputError, match="3,000,000 inputs; allowed: 2,000,000"):
        read_trace(path)
    assert peak_mb() - before_mb < 500


def test_millions_of_arrivals_at_one_instant_take_memory_for_some(tmp_path):
    count = 3_000_000
    bomb(tmp_path / "x.parquet", arrival_s=np.full(count, 2.5))
    before_mb = peak_mb()
    found = summary(read_trace(tmp_path / "x.parquet"))
    assert (found["arrivals"], found["first_s"], found["last_s"], "gaps" in found) == (count, 2.5, 2.5, False)
    assert peak_mb() - before_mb < 100
