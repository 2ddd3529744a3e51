"""Arrival times and sizes of frames, from named streams."""
