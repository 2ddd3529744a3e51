"""Arrivals drawn from processes."""
