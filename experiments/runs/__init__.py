"""One run: its inputs through the simulator into a results file."""
