"""The reference: every frame as one SimPy process, written to be read, for tests."""
