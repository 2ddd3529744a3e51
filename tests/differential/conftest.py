"""Lets the tests of this directory import the plain implementation and its cases by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
