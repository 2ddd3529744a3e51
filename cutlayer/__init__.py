"""Simulate where to cut deep networks between edge servers and the cloud."""

import os.path

__version__ = "0.1.0"

if not os.path.isdir(os.path.join(__path__[0], "simulator")):  # a checkout: its other folders lie beside this one
    __path__.append(os.path.dirname(__path__[0]))
