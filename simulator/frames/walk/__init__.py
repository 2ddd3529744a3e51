"""The compiled walk of frames through compute and uplink."""
