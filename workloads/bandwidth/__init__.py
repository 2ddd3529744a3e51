"""Measured capacity of links over time."""
