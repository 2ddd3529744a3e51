"""Fixtures of the tests of installation."""

import pytest
from environments import checkout, pip


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of the checkout."""
    source, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", out, checkout(source))
    (made,) = out.iterdir()
    return made
