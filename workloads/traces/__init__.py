"""Arrival traces: read, reshaped and written."""
