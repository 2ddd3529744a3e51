"""Every frame of a run, from its arrival to the cloud."""
