"""Per-layer profiles of networks: measured with torch, stored as JSON, read without torch."""
