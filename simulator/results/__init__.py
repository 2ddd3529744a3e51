"""The tables of a run: what is recorded, and the results file."""
