"""Networks from graphs, in which servers share links."""
