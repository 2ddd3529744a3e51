"""Text with units means what it says, and nothing else is a quantity."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.units import PREFIXES, UNITS, bits, parse, render


@pytest.mark.parametrize(
    "text, unit, value",
    [
        ("290 GFLOP/s", "FLOP/s", 290e9),
        ("290 GFLOPS", "FLOP/s", 290e9),
        ("1.4 TFLOP", "FLOP", 1.4e12),
        ("10 Mbit/s", "bit/s", 10e6),
        ("10 Mbps", "bit/s", 10e6),
        ("100 kB", "B", 100e3),
        ("100kB", "B", 100e3),
        ("  7 B ", "B", 7.0),
        ("1e3 kB", "B", 1e6),
        (".5 PB", "B", 5e14),
        ("-3 B", "B", -3.0),
        ("200 ms", "s", 0.2),
        ("7 us", "s", 7e-6),
        ("1.5 min", "s", 90.0),
        ("2 h", "s", 7200.0),
        ("1 d", "s", 86400.0),
        ("5 Hz", "Hz", 5.0),
        ("5 1/s", "Hz", 5.0),
    ],
)
def test_a_quantity_is_read(text, unit, value):
    assert parse(text, unit) == value


def test_quantities_are_read_to_the_last_bit():
    assert parse("0.067 GB", "B") == 67_000_000
    assert parse("137.3 GB", "B") == 137_300_000_000
    assert parse("1998 us", "s") == 0.001998


@pytest.mark.parametrize(
    "text, unit",
    [
        ("", "B"),
        ("100", "B"),  # bytes or bits?
        ("kB", "B"),
        ("100 KB", "B"),
        ("100 kb", "B"),
        ("100 kB/s", "B"),
        ("100 MiB", "B"),
        ("10 MB/s", "bit/s"),
        ("1,5 kB", "B"),
        ("1 000 kB", "B"),
        ("nan B", "B"),
        ("inf B", "B"),
        ("1e400 B", "B"),
        ("1e308 kB", "B"),
        ("1e999999999999 B", "B"),
        ("0x10 B", "B"),
        ("5 ks", "s"),
        ("5 kms", "s"),
        ("5 m", "s"),
        ("5 mHz", "Hz"),
    ],
)
def test_anything_else_is_refused_with_an_example(text, unit):
    with pytest.raises(InputError) as caught:
        parse(text, unit)
    assert str(caught.value).startswith(f"{text!r} is not a quantity in {unit}, such as '")


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (2.9e11, "FLOP/s", "290 GFLOP/s"),
        (999.0, "B", "999 B"),
        (1000.0, "B", "1 kB"),
        (999_999.0, "B", "1 MB"),
        (-4.4e6, "bit/s", "-4.4 Mbit/s"),
        (0.0, "B", "0 B"),
        (0.2, "s", "0.2 s"),
        (7200.0, "s", "7200 s"),
        (1e18, "B", "1000 PB"),
        (math.inf, "bit/s", "inf bit/s"),
    ],
)
def test_a_quantity_is_written_with_the_prefix_that_reads_best(value, unit, text):
    assert render(value, unit) == text


@given(st.floats(-1e20, 1e20), st.sampled_from(sorted(UNITS)))
def test_what_is_written_is_read_back(value, unit):
    assert math.isclose(parse(render(value, unit), unit), value, rel_tol=5.1e-4)


@given(st.integers(-999, 999), st.sampled_from(sorted(PREFIXES)))
def test_whole_numbers_come_back_exactly(number, prefix):
    value = parse(f"{number} {prefix}B", "B")
    assert parse(render(value, "B"), "B") == value


def test_a_byte_is_eight_bits():
    assert bits(1.5) == 12.0
    assert bits(np.array([1.0, 2.0])).tolist() == [8.0, 16.0]
