"""What is in a results file: read back, grouped, compared, explained, exported."""
