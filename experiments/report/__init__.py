"""A results file as a page."""
