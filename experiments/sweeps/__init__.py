"""Many runs: which of them, in which process, and until when."""
