"""The contract that every scheduler satisfies, as code."""
