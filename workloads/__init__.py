"""Task streams and networks: generated, or read from files."""
