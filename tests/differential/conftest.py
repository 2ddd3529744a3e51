"""Lets the tests of this directory import the plain implementation and its cases by name."""

import sys
from pathlib import Path

import pytest
from frame_laws import laws_asserted

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def frame_laws():
    """Little's law and the utilisation law hold on every run of frames of every test here."""
    with laws_asserted() as runs:
        yield runs
